"""Bulk runs: many jobs through the account's slots, in bounded memory."""

from heygen_async.batch.batch import Batch
from heygen_async.batch.outcome import Outcome, Progress, Report
from heygen_async.batch.run import Run
from heygen_async.batch.variants import InvalidVariants, VariantProblem
from heygen_async.models.proofreads import ProofreadRender

__all__ = [
    "Batch",
    "InvalidVariants",
    "Outcome",
    "Progress",
    "ProofreadRender",
    "Report",
    "Run",
    "VariantProblem",
]


def __dir__() -> list[str]:
    """Without the modules that the names are of."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
