"""Bulk runs: many jobs through the account's slots, in bounded memory."""

from heygen_async.batch.batch import Batch
from heygen_async.batch.outcome import Failed, Outcome, Progress, Report, Succeeded
from heygen_async.batch.run import Run
from heygen_async.batch.variants import InvalidVariants, VariantProblem
from heygen_async.models.proofreads import ProofreadRender

__all__ = [
    "Batch",
    "Failed",
    "InvalidVariants",
    "Outcome",
    "Progress",
    "ProofreadRender",
    "Report",
    "Run",
    "Succeeded",
    "VariantProblem",
]


def __dir__() -> list[str]:
    """Return the public names, without the modules that define them."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
