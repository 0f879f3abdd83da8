"""Output of commands: progress on a terminal, JSON lines if the output is piped."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any, Protocol

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from heygen_async.batch import Outcome, Progress, Report
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.results.table_files import harmless
from heygen_async.cli.standard_streams import UNREAD, StreamState, state_of
from heygen_async.models.outputs import find_output_url
from heygen_async.pricing.estimates import dollars, paid_twice
from heygen_async.session.diagnostics.escaping import escaped

LINES_SCHEMA = 1
"""Version of the JSON lines. New members do not change it; changed or removed members increase it.
"""

_SHOWN = 20


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one item, as a line of JSON.

    Attributes:
        key: The item's key: the key of its row, or its language.
        ok: Whether the job completed.
        job_id: Its job, or None if it was not accepted.
        video_url: URL of the video; it is signed and expires.
        file: Path of the downloaded file, or None.
        also: Paths of additional files, by kind.
        error: Error of the job or the download, or None.
        seconds: Seconds from the time it got a slot to its end.
        usd: Estimated cost in US dollars, or None if unknown.
        usd_cents: The same in whole cents, rounded.
        resumed: Whether it ended in an earlier run and comes from the journal.
        stage: The stage of a chain that it ended in; None outside of chains.
    """

    key: str
    ok: bool
    job_id: str | None = None
    video_url: str | None = None
    file: str | None = None
    also: Mapping[str, str] = {}
    error: str | None = None
    seconds: float = 0.0
    usd: float | None = None
    usd_cents: int | None = None
    resumed: bool = False
    stage: str | None = None


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
        also=outcome.also,
        error=None if outcome.error is None else str(outcome.error),
        seconds=round(outcome.seconds, 3),
        usd=outcome.usd,
        usd_cents=cents(outcome.usd),
        resumed=outcome.resumed,
        stage=outcome.stage,
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

    def record(self, record: Any) -> None:
        """Print one object of a list as JSON; as text, print nothing, since the list is shown."""

    def people(self, show: Callable[[Console], None]) -> None:
        """Show text; print nothing as JSON."""

    def note(self, text: str) -> None:
        """Show the next step as text."""

    def warn(self, text: str) -> None:
        """Show a message that must be visible even if standard output is piped."""

    def bar(self, what: str, total: int) -> AbstractContextManager[Callable[[Progress], None]]:
        """Show the progress of a number of items in a block; the yielded function takes updates."""

    def item(self, item: Item) -> None:
        """Show the outcome of one item."""

    def report(self, report: Report, saved: Saved, code: Exit) -> None:
        """Show the report of a finished run."""

    def chain_report(self, report: ChainReport, folder: str | None) -> None:
        """Show the totals of a chain, and the folder of its files or None."""

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Show which jobs still run after Ctrl-C: their ids by key."""


class _ReportedJobs:
    """Print jobs on standard error if standard output has lost them.

    Output is lost if its descriptor was closed at the start, or after a write has failed. Jobs
    written shortly before may not have been read, so they are printed too.

    Args:
        state: The state of standard output.
    """

    def __init__(self, state: StreamState) -> None:
        self._state = state
        # Items whose lines may be unread, with the number of bytes written up to each.
        self._unread: deque[tuple[int, Item]] = deque()
        self._written = 0
        self._explained = False

    def wrote(self, item: Item, size: int) -> None:
        """Note that the line of an item was written, or was to be written.

        Args:
            item: The item.
            size: Size of its line in bytes.
        """
        self._written += size
        self._unread.append((self._written, item))
        if not self._state.lost:
            while self._unread[0][0] <= self._written - UNREAD:
                self._unread.popleft()
            return
        if not self._explained:
            self._explained = True
            _complain(f"Standard output {self._state}; jobs that it may not have told of:")
        while self._unread:
            _, item = self._unread.popleft()
            if item.job_id is not None:
                _complain(f"  {escaped(item.key)}  {item.job_id}")


def _complain(text: str) -> None:
    # While a bar is shown, rich replaces it with a proxy that prints to standard output.
    stream = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
    print(escaped(text, lines=True), file=stream, flush=True)


class Lines:
    """JSON lines on standard output, one object for each item and one at the end."""

    def __init__(self) -> None:
        self._state = state_of(sys.stdout)
        self._reported = _ReportedJobs(self._state)

    @property
    def output_failed(self) -> bool:
        """Whether standard output could not be written to."""
        return self._state.failure is not None

    def note(self, text: str) -> None:
        """Print nothing: notes are text."""

    def warn(self, text: str) -> None:
        """Print a line on standard error."""
        _complain(text)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[Progress], None]]:
        """Show no bar: only items are printed."""
        yield lambda progress: None

    def item(self, item: Item) -> None:
        """Print a line for the item."""
        self._reported.wrote(item, self.line(item))

    def report(self, report: Report, saved: Saved, code: Exit) -> None:
        """Print the last line, with the single member ``report``."""
        members = {
            "schema": LINES_SCHEMA,
            **msgspec.structs.asdict(report),
            "usd_cents": cents(report.usd),
            "files": saved.files,
            "files_failed": saved.failed,
            "bytes": saved.size,
            "exit_code": int(code),
        }
        self.line({"report": members})

    def chain_report(self, report: ChainReport, folder: str | None) -> None:
        """Print the last line, with the single member ``report``."""
        members = {"schema": LINES_SCHEMA, **msgspec.structs.asdict(report)}
        self.line({"report": {**members, "usd_cents": cents(report.usd)}})

    def result(self, record: Any, show: Callable[[Console], None]) -> None:
        """Print the record as a line."""
        self.line(record)

    def record(self, record: Any) -> None:
        """Print the record as a line."""
        self.line(record)

    def people(self, show: Callable[[Console], None]) -> None:
        """Print nothing."""

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Print the last line instead of a report; print the ids also on standard error."""
        self.line({"interrupted": {"unfinished": unfinished}})
        most = None if self._state.lost else _SHOWN
        self.warn(still_running(unfinished, journaled=journaled, most=most))

    def line(self, value: Any) -> int:
        """Print a value as one line of JSON, and return its size in bytes."""
        text = _json_in(sys.stdout.encoding or "utf-8", value)
        print(text, flush=True)  # noqa: T201
        return len(text) + 1


def _json_in(encoding: str, value: Any) -> str:
    """Return a value as JSON in the given encoding, without control characters."""
    try:
        text = msgspec.json.encode(value).decode()
        text.encode(encoding)
        if text.isprintable():  # JSON does not escape C1 and direction marks
            return text
    except UnicodeEncodeError:
        pass
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


class _Bars(Bars):
    """Progress bars that are slightly narrower than the terminal.

    The terminal echoes ^C, which would wrap a full-width line and leave the bar twice.
    """

    def get_renderables(self) -> Iterable[RenderableType]:
        yield _Narrower(self.make_tasks_table(self.tasks))


class _Narrower:
    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._content, options.update_width(options.max_width - 4))


class Terminal:
    """A progress bar, failures above it, and a summary.

    Args:
        console: The console.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._state = state_of(console.file)
        self._reported = _ReportedJobs(self._state)
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
            _complain(text)
        else:
            self.console.print(Text(escaped(text, lines=True), "yellow"))

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[Progress], None]]:
        """Show a bar with counts, rate, estimated cost, running jobs and time left."""
        columns = (
            SpinnerColumn("line" if self._plain else "dots", finished_text=self._done.strip()),
            TextColumn("[bold]{task.description}[/]", markup=True),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", style="cyan"),
            TextColumn("{task.fields[cost]}", style="dim"),
            TextColumn("{task.fields[running]}", style="dim"),
            TextColumn("{task.fields[left]}"),
        )
        with _Bars(*columns, console=self.console, expand=True) as bars:
            task = bars.add_task(what, total=total, rate="", cost="", running="", left="")

            def show(progress: Progress) -> None:
                bars.update(
                    task,
                    completed=progress.done,
                    rate=rate(progress.done - progress.resumed, progress.elapsed),
                    cost=f"~{dollars(progress.usd)}" if progress.usd else "",
                    running=_running(progress),
                    left=_left(progress),
                )

            yield show

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
            f"  up to {report.most_running} jobs at once, slots {report.slot_use:.0%} used; "
            f"{report.requests:,} requests, {report.retries} retries, "
            f"{report.rate_limited} times 429",
            style="dim",
            highlight=False,
        )
        if saved.folder is not None:
            text = Text(f"  {saved.files:,} files, {bytes_in_words(saved.size)}, in {saved.folder}")
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
            self.note(f"  {report.files:,} files in {folder}{lost}")

    def result(self, record: Any, show: Callable[[Console], None]) -> None:
        """Let ``show`` print."""
        show(self.console)

    def record(self, record: Any) -> None:
        """Print nothing."""

    def people(self, show: Callable[[Console], None]) -> None:
        """Let ``show`` print."""
        show(self.console)

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Print which jobs still run."""
        text = still_running(unfinished, journaled=journaled, most=None)
        if self._state.lost:
            _complain(text)
        else:
            self.console.print(Text(text), soft_wrap=True)


class Table(Lines):
    """CSV on standard output, with a header and one line per item; the report as text."""

    _COLUMNS = tuple(name for name in Item.__struct_fields__ if name != "also")

    def __init__(self) -> None:
        super().__init__()
        self._begun = False

    def item(self, item: Item) -> None:
        """Print a line for the item."""
        cells = [getattr(item, name) for name in self._COLUMNS]
        if item.error is not None:
            cells[self._COLUMNS.index("error")] = harmless(item.error)
        size = 0 if self._begun else self._row(self._COLUMNS)
        self._begun = True
        self._reported.wrote(item, size + self._row(cells))

    def report(self, report: Report, saved: Saved, code: Exit) -> None:
        """Print the statistics on standard error."""
        self.warn(str(report))

    def chain_report(self, report: ChainReport, folder: str | None) -> None:
        """Print the statistics on standard error."""
        self.warn(chain_in_words(report))

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Print the ids on standard error."""
        self.warn(still_running(unfinished, journaled=journaled, most=None))

    def _row(self, cells: Sequence[object]) -> int:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(
            ["" if cell is None else escaped(str(cell)) for cell in cells]
        )
        print(text.getvalue(), flush=True)  # noqa: T201
        return len(text.getvalue()) + 1


def display_for(*, json: bool, format: str | None = None) -> Lines | Terminal:  # noqa: A002
    """Return a progress display for a terminal, or JSON lines if the output is piped.

    Args:
        json: Always use JSON lines.
        format: ``text``, ``json`` or ``csv``, for any output; None uses the default.
    """
    if format == "csv":
        return Table()
    text = format == "text" or (format is None and not json and sys.stdout.isatty())
    return Terminal(Console()) if text else Lines()


def chain_in_words(report: ChainReport) -> str:
    """Return the totals of a chain as a sentence."""
    return (
        f"{report.completed:,} done, {report.failed:,} failed in "
        f"{duration(report.elapsed)}, about {report.usd:.2f} USD"
    )


RESUME = "The same command goes on with the run, and pays for nothing twice."
RESUME_CAPPED = "With a higher cap the same command goes on with it, and pays for nothing twice."


def still_running(
    unfinished: Mapping[str, str], *, journaled: bool = False, most: int | None = _SHOWN
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


def rate(count: int, seconds: float) -> str:
    """Return items per second, or per minute if there are few."""
    if seconds <= 0:
        return ""
    per_second = count / seconds
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


def duration(seconds: float) -> str:
    """Return seconds, minutes or hours as text."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def bytes_in_words(size: int) -> str:
    """Return a number of bytes as text, in kB or MB."""
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"


def _running(progress: Progress) -> str:
    running = f"{progress.running} running" if progress.running else ""
    if progress.paused is None:
        return running
    return f"{running}{', ' if running else ''}paused for {duration(progress.paused)}"


def _left(progress: Progress) -> str:
    left = progress.seconds_left
    return "" if not left else f"{duration(left)} left"
