"""Output of commands that another program reads: JSON lines, or CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console

from heygen_async.batch import Report
from heygen_async.cli.display.records import ChainReport, Item, Saved, ShowProgress, cents
from heygen_async.cli.display.reported_jobs import ReportedJobs, print_error
from heygen_async.cli.display.words import SHOWN, chain_in_words, still_running
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.results.table_files import harmless
from heygen_async.cli.standard_streams import state_of
from heygen_async.session.diagnostics.escaping import escaped

LINES_SCHEMA = 1
"""Version of the JSON lines. New members do not change it; changed or removed members increase it.
"""


class Lines:
    """JSON lines on standard output, one object for each item and one at the end."""

    def __init__(self) -> None:
        self._state = state_of(sys.stdout)
        self._reported = ReportedJobs(self._state)

    @property
    def output_failed(self) -> bool:
        """Whether standard output could not be written to."""
        return self._state.failure is not None

    def note(self, text: str) -> None:
        """Print nothing: notes are text."""

    def warn(self, text: str) -> None:
        """Print a line on standard error."""
        print_error(text)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[ShowProgress]:
        """Show no bar: only items are printed."""
        yield lambda progress, stage="": None

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

    def columns(self, names: Sequence[str]) -> None:
        """Do nothing: each line names its fields."""

    def record(self, record: Any) -> None:
        """Print the record as a line."""
        self.line(record)

    def people(self, show: Callable[[Console], None]) -> None:
        """Print nothing."""

    def interrupted(self, unfinished: Mapping[str, str], *, journaled: bool = False) -> None:
        """Print the last line instead of a report; print the ids also on standard error."""
        self.line({"interrupted": {"unfinished": unfinished}})
        most = None if self._state.lost else SHOWN
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


class Table(Lines):
    """CSV on standard output, with a header and one line per item; the report as text."""

    _COLUMNS = tuple(name for name in Item.__struct_fields__ if name not in ("also", "issues"))

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._fields: Sequence[str] = ()

    def item(self, item: Item) -> None:
        """Print a line for the item."""
        cells = [getattr(item, name) for name in self._COLUMNS]
        if item.error is not None:
            cells[self._COLUMNS.index("error")] = harmless(item.error)
        size = 0 if self._begun else self._row(self._COLUMNS)
        self._begun = True
        self._reported.wrote(item, size + self._row(cells))

    def columns(self, names: Sequence[str]) -> None:
        """Print the header of the records that follow."""
        self._fields = names
        self._row(names)

    def record(self, record: Any) -> None:
        """Print a line for a record."""
        values = (record.get(name) for name in self._fields)
        several = (list, tuple)
        self._row([", ".join(map(str, v)) if isinstance(v, several) else v for v in values])

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
