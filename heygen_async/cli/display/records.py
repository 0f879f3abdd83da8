"""The outcomes and totals that commands show, and the protocol of a display."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
from rich.console import Console

from heygen_async.batch import Outcome, Progress, Report
from heygen_async.cli.exit_codes import Exit
from heygen_async.models.outputs import find_output_url


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one item, as a line of JSON.

    Attributes:
        key: The item's key: the key of its row, or its language.
        ok: Whether the job completed.
        job_id: Its job, or None if it was not accepted.
        video_url: URL of the video; it is signed and expires.
        file: Path or URL of the downloaded file, or None.
        public_url: Public URL of the file, or None.
        also: Paths of additional files, by kind.
        error: Error of the job or the download, or None.
        seconds: Seconds from the time it got a slot to its end.
        usd: Estimated cost in US dollars, or None if unknown.
        usd_cents: The same in whole cents, rounded.
        resumed: Whether it ended in an earlier run and comes from the journal.
        stage: The stage of a chain that it ended in; None outside of chains.
        issues: What a person should look at first, of a dub.
    """

    key: str
    ok: bool
    job_id: str | None = None
    video_url: str | None = None
    file: str | None = None
    also: Mapping[str, str] = {}
    public_url: str | None = None
    error: str | None = None
    seconds: float = 0.0
    usd: float | None = None
    usd_cents: int | None = None
    resumed: bool = False
    stage: str | None = None
    issues: tuple[str, ...] = ()


def cents(usd: float | None) -> int | None:
    """Return an amount in whole cents."""
    return None if usd is None else round(usd * 100)


def item_of(outcome: Outcome[Any], key: str) -> Item:
    """Return the item for an outcome.

    Args:
        outcome: The outcome.
        key: Displayed key of the item.
    """
    return Item(
        key=key,
        ok=outcome.ok,
        job_id=outcome.job_id,
        video_url=None if outcome.result is None else find_output_url(outcome.result, None),
        file=outcome.file,
        public_url=outcome.public_url,
        also=outcome.also,
        error=None if outcome.error is None else str(outcome.error),
        seconds=round(outcome.seconds, 3),
        usd=outcome.usd,
        usd_cents=cents(outcome.usd),
        resumed=outcome.resumed,
        stage=outcome.stage,
        issues=tuple(map(str, outcome.issues)),
    )


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of the downloads.

    Attributes:
        folder: Folder of the files, or None if nothing was to be downloaded.
        files: Number of files.
        failed: Number of files that could not be downloaded.
        size: Total size of the files in bytes.
    """

    folder: str | None
    files: int
    failed: int
    size: int


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of a chain of runs.

    Attributes:
        completed: Number of items that completed.
        failed: Number of items that failed.
        files: Number of files downloaded.
        files_failed: Number of files that could not be downloaded.
        usd: Estimated cost in US dollars.
        stages: Numbers of completed and failed items in each stage before the last.
        resent: Number of items that may have been paid for twice.
        resent_usd: Their additional cost in US dollars, if they were.
        elapsed: Duration in seconds.
        exit_code: Exit code of the command.
    """

    completed: int
    failed: int
    files: int
    files_failed: int
    usd: float
    resent: int
    resent_usd: float
    elapsed: float
    exit_code: int
    stages: Mapping[str, Mapping[str, int]] = {}


class ShowProgress(Protocol):
    """Show the progress of a run on a bar."""

    def __call__(self, progress: Progress, stage: str = "") -> None:
        """Show a progress.

        Args:
            progress: The progress.
            stage: The stage of a chain that it is of, if that is not the last one.
        """


class Display(Protocol):
    """The display of a command."""

    @property
    def output_failed(self) -> bool:
        """Whether the output could not be written to."""

    def result(self, record: Any, show: Callable[[Console], None]) -> None:
        """Show the result of a command.

        Args:
            record: The result as JSON.
            show: Prints it as text.
        """

    def columns(self, names: Sequence[str]) -> None:
        """Name the fields of the records that follow, the columns of a table."""

    def record(self, record: Any) -> None:
        """Print one object of a list as JSON; as text, print nothing, since the list is shown."""

    def people(self, show: Callable[[Console], None]) -> None:
        """Show text; print nothing as JSON."""

    def note(self, text: str) -> None:
        """Show the next step as text."""

    def warn(self, text: str) -> None:
        """Show a message that must be visible even if standard output is piped."""

    def bar(self, what: str, total: int) -> AbstractContextManager[ShowProgress]:
        """Show the progress of a number of items in a block; the yielded function takes updates."""

    def item(self, item: Item) -> None:
        """Show the outcome of one item."""

    def report(self, report: Report, saved: Saved, code: Exit) -> None:
        """Show the report of a finished run."""

    def chain_report(self, report: ChainReport, folder: str | None) -> None:
        """Show the totals of a chain, and the folder of its files or None."""

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Show which jobs still run after Ctrl-C: their ids by key."""
