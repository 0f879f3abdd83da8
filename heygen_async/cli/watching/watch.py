"""``heygen-async watch``: follow a run from its journal while it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Group
from rich.text import Text

from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.display.bar import RunBar, live
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.reviews.decisions import PageReviews
from heygen_async.errors import JournalError
from heygen_async.journal import JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.reports.figures import Figures, rate
from heygen_async.reports.live import LiveReport
from heygen_async.reports.standing import STATE_WORDS, Standing, StandingReader
from heygen_async.session.diagnostics.escaping import escaped

# Seconds between two looks at the journal; more if a look takes more than a tenth of them.
_EVERY = 1.0


class _Look(NamedTuple):
    """The state of a journal at one read.

    Attributes:
        runs: The status of each run by the name of its journal; empty before there is a journal.
        note: Why nothing was found, or an empty string.
    """

    runs: dict[str, Standing]
    note: str = ""

    @property
    def ended(self) -> bool:
        """Whether every run has ended."""
        return bool(self.runs) and all(run.state == "ended" for run in self.runs.values())


async def watch(
    journal: Path | JournalStore, *, display: Lines | Terminal, serve: bool = False
) -> Exit:
    """Show the status of a run, or of each stage of a chain, until it has ended or Ctrl-C.

    Args:
        journal: The run's file, or its store; it may not exist yet.
        display: The display.
        serve: Also serve a live page, until Ctrl-C.

    Raises:
        JournalError: The journal cannot be read at the first look.
    """
    try:
        async with AsyncExitStack() as stack:
            looks = await stack.enter_async_context(contextlib.aclosing(_looks(journal)))
            if serve:
                review = PageReviews(journal)
                report = LiveReport(journal, actions=review.actions, sections=[review.sections])
                page = await stack.enter_async_context(report)
                shown = Text.assemble("The live page: ", (page.url, "bold"))
                display.result(
                    {"url": page.url}, lambda console: console.print(shown, soft_wrap=True)
                )
            show = stack.enter_context(_view(display, journal_store(journal).name))
            async for look in looks:
                show(look)
                if (look.ended and not serve) or display.output_failed:
                    break
    except asyncio.CancelledError:  # Ctrl-C is the way to end it
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    return Exit.DONE


async def _looks(journal: Path | JournalStore) -> AsyncGenerator[_Look]:
    look: _Look | None = None
    readers: defaultdict[str, StandingReader] = defaultdict(StandingReader)
    while True:
        started = time.monotonic()
        try:
            look = await asyncio.to_thread(_look, journal, readers)
        except JournalError as error:
            if look is None:
                raise
            look = look._replace(note=f"not readable now: {error}")
        yield look
        await asyncio.sleep(max(_EVERY, 10 * (time.monotonic() - started)))


def _look(journal: Path | JournalStore, readers: Mapping[str, StandingReader]) -> _Look:
    runs = {}
    for store in stages_of(journal):
        with store.reader() as view:
            runs[view.name] = readers[view.name].read(view, time.time())
    if runs:
        return _Look(runs)
    return _Look({}, "there is no journal yet; waiting until the run creates it")


@contextmanager
def _view(display: Lines | Terminal, name: str) -> Iterator[Callable[[_Look], None]]:
    """Show the state of a journal again and again. Context manager."""
    if isinstance(display, Lines):
        yield _Printed(display).show
        return
    screen = _Screen(name, plain=not display.console.encoding.startswith("utf"))
    with live(display.console, screen.content) as shown:

        def show(look: _Look) -> None:
            screen.show(look)
            shown.update(screen.content)

        yield show


class _Printed:
    """A line of JSON for each run whose status has changed."""

    def __init__(self, display: Lines) -> None:
        self._display = display
        self._before: dict[str, object] = {}

    def show(self, look: _Look) -> None:
        if look.note and self._before.get("") != look.note:
            self._display.warn(f"{look.note[0].upper()}{look.note[1:]}.")
        self._before[""] = look.note
        for name, run in look.runs.items():
            status = (run.state, run.counts, run.total, run.limit)
            if self._before.get(name) != status:
                self._before[name] = status
                self._display.record({"journal": name, **msgspec.structs.asdict(run)})


class _Screen:
    """A bar for each run."""

    def __init__(self, name: str, *, plain: bool) -> None:
        self._name = name
        self._plain = plain
        self._bars: dict[str, RunBar] = {}
        self.content: Group = Group()

    def show(self, look: _Look) -> None:
        for name, run in look.runs.items():
            if name not in self._bars:
                title = f"{run.kind} {run.title}".strip()
                self._bars[name] = RunBar(title, _figures(run), plain=self._plain)
            self._bars[name].show(_figures(run))
        lines = list[RunBar | Text](self._bars.values())
        if look.note:
            lines.append(Text(escaped(f"{self._name}: {look.note}"), "yellow"))
        self.content = Group(*lines)


def _figures(run: Standing) -> Figures:
    name, words = STATE_WORDS[run.state]
    note = "" if run.state == "running" else f"{name.lower()}. {words}"
    if run.state == "ended" and not run.counts["failed"] and not run.counts["uncertain"]:
        note = ""  # the mark at the bar says so
    return Figures(
        done=run.ended,
        total=run.total if run.total_known else None,
        elapsed=run.elapsed,
        failed=run.counts["failed"],
        running=run.running,
        waiting=run.waiting if run.total_known else None,
        rate=rate(1, 60 / run.per_minute) if run.per_minute and not run.over else "",
        usd=run.usd,
        left=None if run.over else run.seconds_left,
        note=note,
        ticking=not run.over,
    )
