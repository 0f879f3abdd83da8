"""The sections of the live page: the status of a run, then its report."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from html import escape

from heygen_async.errors import JournalError
from heygen_async.journal import JournalLocation, JournalReader, open_reader
from heygen_async.journal.chains import stages_of
from heygen_async.pricing.estimates import dollars
from heygen_async.reports.aggregates import RunAggregates
from heygen_async.reports.page import report_sections
from heygen_async.reports.standing import STATE_WORDS, Standing, StandingReader

Sections = Mapping[str, str]
"""Sections of a page as HTML, by their names, in the order of the page."""


class LiveSections:
    """Read the sections of the live page from a journal.

    Args:
        journal: The journal of a run, or of a chain, whose stages have journals beside it.
        more: Returns more sections of a run, which stand between its status and its report.

    Attributes:
        over: Whether every run has ended.
    """

    def __init__(
        self, journal: JournalLocation, more: Iterable[Callable[[JournalReader], Sections]] = ()
    ) -> None:
        self.over: bool = False
        self._journal = journal
        self._more = tuple(more)
        self._standings: defaultdict[str, StandingReader] = defaultdict(StandingReader)
        self._reports: dict[str, tuple[object, Sections]] = {}
        self._report_due = 0.0

    def read(self) -> dict[str, str]:
        """Return the sections. Blocks.

        The report of a run is read again when the run has changed, at most a tenth of the time.
        """
        started = time.monotonic()
        found: dict[str, str] = {}
        reports: dict[str, str] = {}  # of all stages of a chain, after their status
        states = []
        try:
            stages = stages_of(self._journal)
        except JournalError as error:  # such as a server that cannot be reached now
            return {"status": _note("Cannot be read at the moment", str(error))}
        for number, location in enumerate(stages):
            try:
                with open_reader(location) as view:
                    now = self._standings[view.name].read(view, time.time())
                    prefix = f"run{number}-"
                    found |= self._of_run(prefix, view, now)
                    reports |= self._report(prefix, view, now, started)
            except JournalError as error:  # such as a file that has just been created
                found[f"run{number}-status"] = _note("Cannot be read at the moment", str(error))
                states.append("running")
            else:
                states.append(now.state)
        self.over = bool(states) and set(states) == {"ended"}
        if not found:
            found["status"] = _note(
                "Waiting", "There is no journal yet. The page begins when the run has created it."
            )
        if started >= self._report_due:
            ended = time.monotonic()
            self._report_due = ended + 10 * (ended - started)
        return found | reports

    def _of_run(self, prefix: str, view: JournalReader, now: Standing) -> dict[str, str]:
        found = {f"{prefix}status": _status(now)}
        for more in self._more:
            found |= {f"{prefix}{name}": html for name, html in more(view).items()}
        return found

    def _report(
        self, prefix: str, view: JournalReader, now: Standing, started: float
    ) -> dict[str, str]:
        changed = (now.counts, now.state, now.limit)
        known, report = self._reports.get(prefix, (None, {}))
        if not report or (known != changed and (started >= self._report_due or now.over)):
            report = report_sections(RunAggregates(view))
            self._reports[prefix] = changed, report
        return {f"{prefix}{name}": html for name, html in report.items()}


def _status(now: Standing) -> str:
    total = f"{now.total:,}" if now.total_known else f"{now.total:,} begun so far"
    figures = [("Ended", f"{now.ended:,} of {total}")]
    if not now.over:
        figures += [("Running", f"{now.running:,}"), ("Waiting", f"{now.waiting:,}")]
    figures.append(("Elapsed", _clock(now.elapsed)))
    if now.per_minute and not now.over:
        figures.append(("Rate", f"{now.per_minute:,.3g} a minute"))
    figures.append(("Cost", dollars(now.usd)))
    if now.seconds_left is not None and not now.over:
        figures.append(("Time left", f"about {_clock(now.seconds_left)}"))
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in figures)
    name, words = STATE_WORDS[now.state]
    if now.paused_for is not None and now.state == "paused":
        words = f"{words} Paused for {_clock(now.paused_for)}."
    title = f"{now.kind} {now.title}".strip()
    share = f"{now.done:.4f}"
    return (
        f'<section class="live {now.state}"><h2><b role="status">{name}</b> '
        f"<small>{escape(title)}</small></h2>"
        f'<progress value="{share}" aria-label="Share of items that have ended"></progress>'
        f"<dl>{cells}</dl><p>{escape(words)}</p></section>"
    )


def _note(name: str, words: str) -> str:
    return (
        f'<section class="live"><h2><b role="status">{name}</b></h2>'
        f"<p>{escape(words)}</p></section>"
    )


def _clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
