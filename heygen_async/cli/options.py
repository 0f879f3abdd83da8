"""The options that commands share, and what runs are told about journals and budgets."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from heygen_async.batch import Batch, Progress
from heygen_async.cli.exit_codes import CommandError
from heygen_async.client import HeyGen
from heygen_async.errors import JournalError
from heygen_async.journal import ENDED, read


class Via(StrEnum):
    """How the jobs of a run are sent."""

    SINGLE = "single"
    API_BATCH = "api-batch"


Out = Annotated[
    Path | None,
    typer.Option(
        "--download",
        "--out",
        metavar="DIR",
        help="Download the videos into this folder.",
        show_default=False,
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep the run in this file: started again, it goes on and pays for nothing twice.",
        show_default=False,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Refuse to begin a new run where the journal holds none; with --journal alone a run "
        "is begun or gone on with.",
    ),
]
KeyColumn = Annotated[
    str | None,
    typer.Option("--key", metavar="COLUMN", help="The column that names rows.", show_default="key"),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Submit items again that failed earlier.")
]
ResubmitUncertain = Annotated[
    bool,
    typer.Option(
        "--resubmit-uncertain",
        help="Send items again of which nobody can tell whether they were sent; they might be "
        "paid for twice.",
    ),
]
Sending = Annotated[
    Via,
    typer.Option(
        "--via",
        help="Send each job by itself, or up to 100 in one request; HeyGen then starts them as it "
        "has room.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="Submit no more at this cost, an estimate."),
]
MaxJobs = Annotated[int | None, typer.Option(min=0, help="Submit so many jobs at most.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything and estimate the cost; submit nothing."),
]
TemplateId = Annotated[
    str, typer.Argument(metavar="TEMPLATE_ID", help="The template.", show_default=False)
]
JournalFile = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="The run's file.", show_default=False)
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1, help="Jobs at once at most; what the account allows is learned.", show_default="50"
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address of the API or of a sandbox.", show_default="HEYGEN_API_BASE, or HeyGen"
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON lines also on a terminal; piped output always is.")
]
Speed = Annotated[float, typer.Option(min=0.1, help="Seconds of HeyGen's time per second.")]


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is kept and what it may cost; the same names as the options.

    Attributes:
        journal: The file that makes the run survive a crash, or None.
        resume: Refuse to begin a new run.
        retry_failed: Submit items again that failed in an earlier run.
        resubmit_uncertain: Send items again that might be paid for twice.
        max_cost: USD that the run may cost, by estimate, or None.
        max_jobs: Jobs that it may submit, or None.
        dry_run: Check and estimate only.
        concurrency: Jobs that may be under way at once, those in HeyGen's queue included, or
            None.
    """

    journal: Path | None = None
    resume: bool = False
    retry_failed: bool = False
    resubmit_uncertain: bool = False
    max_cost: float | None = None
    max_jobs: int | None = None
    dry_run: bool = False
    concurrency: int | None = None

    def existing_run(self) -> str | None:
        """What the journal holds before the start, in words; None where there is no run in it.

        It blocks.

        Raises:
            CommandError: The options do not go together, or there is nothing to resume.
        """
        if self.journal is None:
            for name in ("resume", "retry_failed", "resubmit_uncertain"):
                if getattr(self, name):
                    option = name.replace("_", "-")
                    raise CommandError(f"--{option} needs the journal of the run: --journal FILE")
            return None
        path = self.journal
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            if self.resume:
                raise CommandError(
                    f"{path}: there is no journal to resume; without --resume a new run begins"
                )
            return None
        try:
            with read(path) as view:
                totals, run = view.totals(), view.run
        except JournalError:
            return None  # the run will open it, and say better what is wrong
        ended = sum(totals.counts[state] for state in ENDED)
        return (
            f"{path} holds a run begun at {moment(run.created_at)}, {ended:,} of its "
            f"{run.total(totals.items):,} items ended: going on with it."
        )

    def batch(
        self,
        heygen: HeyGen,
        progress: Callable[[Progress], None] | None = None,
        *,
        journal: Path | None = None,
    ) -> Batch:
        """A batch that keeps to them.

        Args:
            heygen: The client.
            progress: Called after each outcome, or None.
            journal: The journal of a chain; that of a single run goes to the run.
        """
        return Batch(
            heygen,
            journal=journal,
            concurrency=self.concurrency,
            progress=progress,
            retry_failed=self.retry_failed,
            resubmit_uncertain=self.resubmit_uncertain,
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
        )


def moment(at: float) -> str:
    """A time in Unix seconds, in words, in this machine's time zone."""
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
