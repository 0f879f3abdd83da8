"""Counts, durations and jobs as text."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from heygen_async.cli.display.records import ChainReport
from heygen_async.reports.figures import duration
from heygen_async.session.diagnostics.escaping import escaped

SHOWN = 20
"""Number of jobs that are named where there are too many."""


def chain_in_words(report: ChainReport) -> str:
    """Return the totals of a chain as a sentence."""
    return (
        f"{report.completed:,} done, {report.failed:,} failed in "
        f"{duration(report.elapsed)}, about {report.usd:.2f} USD"
    )


RESUME = "The same command goes on with the run, and pays for nothing twice."
RESUME_CAPPED = "With a higher cap the same command goes on with it, and pays for nothing twice."


def still_running(
    unfinished: Mapping[str, str], *, journaled: bool = False, most: int | None = SHOWN
) -> str:
    """Return the jobs that continue after a run was stopped, as text.

    Args:
        unfinished: Ids of jobs by key.
        journaled: Whether the run can be resumed.
        most: Maximum number of jobs to name; None names all.
    """
    if not unfinished:
        left = "No job is left running at HeyGen."
        return f"{left}\n{RESUME}" if journaled else left
    shown = [f"  {escaped(key)}  {job_id}" for key, job_id in islice(unfinished.items(), most)]
    more = [f"  and {rest} more"] if (rest := len(unfinished) - len(shown)) else []
    head = "1 job goes on at HeyGen, or has just ended, and will be charged:"
    if len(unfinished) > 1:
        head = f"{len(unfinished)} jobs go on at HeyGen, or have just ended, and will be charged:"
    lines = [head, *shown, *more]
    return "\n".join([*lines, RESUME] if journaled else lines)


def files_in_words(count: int) -> str:
    """Return a number of files as text."""
    return "1 file" if count == 1 else f"{count:,} files"


def bytes_in_words(size: int) -> str:
    """Return a number of bytes as text, in kB or MB."""
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
