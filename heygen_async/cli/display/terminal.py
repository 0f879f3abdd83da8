"""Output of commands on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from heygen_async.batch import Report
from heygen_async.cli.display.bar import RunBar, live
from heygen_async.cli.display.records import ChainReport, Item, Saved, ShowProgress
from heygen_async.cli.display.reported_jobs import ReportedJobs, print_error
from heygen_async.cli.display.words import (
    bytes_in_words,
    chain_in_words,
    files_in_words,
    still_running,
)
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.standard_streams import state_of
from heygen_async.pricing.estimates import dollars, paid_twice
from heygen_async.reports.figures import Figures, duration, figures_of, rate
from heygen_async.session.diagnostics.escaping import escaped


class Terminal:
    """A progress bar, failures above it, and a summary.

    Args:
        console: The console.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._state = state_of(console.file)
        self._reported = ReportedJobs(self._state)
        self._plain = not console.encoding.startswith("utf")
        self._done, self._failed = ("+ ", "x ") if self._plain else ("✓ ", "✗ ")

    @property
    def output_failed(self) -> bool:
        """Whether the terminal could not be written to."""
        return self._state.failure is not None

    def note(self, text: str) -> None:
        """Print a line of text."""
        self.console.print(Text(escaped(text, lines=True)))

    def warn(self, text: str) -> None:
        """Print a highlighted line above the bar, or on standard error without a terminal."""
        if self._state.lost:
            print_error(text)
        else:
            self.console.print(Text(escaped(text, lines=True), "yellow"))

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[ShowProgress]:
        """Show a bar with elapsed time, counts, jobs, rate, estimated cost and time left."""
        bar = RunBar(what, Figures(total=total), plain=self._plain)
        with live(self.console, bar):
            yield lambda progress, stage="": bar.show(
                figures_of(progress), f"{what}: {stage}" if stage else what
            )

    def item(self, item: Item) -> None:
        """Print a failure, or a result that was not downloaded, above the bar."""
        where = item.video_url or item.job_id or ""
        if item.error is not None:
            paid = f" ({item.job_id})" if item.ok and item.job_id else ""
            line = Text.assemble(
                (self._failed, "red"), (escaped(item.key), "bold"), "  ", escaped(item.error), paid
            )
            self.console.print(line)
        elif item.file is None:
            line = Text.assemble(
                (self._done, "green"), (escaped(item.key), "bold"), "  ", escaped(where)
            )
            # Do not wrap the URL, so that it can be copied at any width.
            self.console.print(line, soft_wrap=True)
        self._reported.wrote(item, len(item.key) + len(where))

    def report(self, report: Report, saved: Saved, code: Exit) -> None:
        """Print counts, the limit of the speed, and the folder of the files."""
        mark, style = (self._done, "green") if code == Exit.DONE else (self._failed, "red")
        text = Text.assemble((mark, style), (f"{report.completed:,} done", "bold"))
        if report.failed:
            failures = ", ".join(f"{count} {code}" for code, count in report.failures.items())
            text.append(f", {report.failed:,} failed ({failures})", "red")
        anew = report.items - report.resumed
        ended = rate(anew, report.elapsed) if anew else ""
        text.append(f" in {duration(report.elapsed)}{', ' if ended else ''}{ended}")
        if report.usd:
            text.append(f"; estimate: {dollars(report.usd)}{report.balance_moved}")
        if report.resent:
            text.append(f"; {paid_twice(report.resent, report.resent_usd)}", "yellow")
        self.console.print(text)
        self.console.print(
            f"  at most {report.most_running} at once, slots {report.slot_use:.0%} used; "
            f"{report.requests:,} requests, {report.retries} retries, "
            f"{report.rate_limited} times 429",
            style="dim",
            highlight=False,
        )
        if saved.folder is not None:
            text = Text(
                f"  {files_in_words(saved.files)}, {bytes_in_words(saved.size)}, in {saved.folder}"
            )
            if saved.failed:
                text.append(f"; {saved.failed:,} could not be downloaded", "red")
            self.console.print(text)

    def chain_report(self, report: ChainReport, folder: str | None) -> None:
        """Print counts, cost, and the folder of the files."""
        self.note(chain_in_words(report))
        if report.resent:
            self.note(f"  {paid_twice(report.resent, report.resent_usd)}")
        if folder is not None:
            lost = f"; {report.files_failed:,} not downloaded" if report.files_failed else ""
            self.note(f"  {files_in_words(report.files)} in {folder}{lost}")

    def result(self, record: Any, show: Callable[[Console], None]) -> None:
        """Let ``show`` print."""
        show(self.console)

    def columns(self, names: Sequence[str]) -> None:
        """Do nothing: people get the table when it is complete."""

    def record(self, record: Any) -> None:
        """Print nothing."""

    def people(self, show: Callable[[Console], None]) -> None:
        """Let ``show`` print."""
        show(self.console)

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Print which jobs still run."""
        text = still_running(unfinished, journaled=journaled, most=None)
        if self._state.lost:
            print_error(text)
        else:
            self.console.print(Text(text), soft_wrap=True)
