"""Requests made from rows, with a key for each; checked before any paid call."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec

from heygen_async.batch import Outcome
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.field_rows import FieldRows
from heygen_async.cli.inputs.row_files import Row
from heygen_async.cli.output_folder import file_stem
from heygen_async.cli.results.item_rows import ItemRows
from heygen_async.cli.rows.texts import RowProblem
from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import Request
from heygen_async.session.diagnostics.escaping import escaped

_SHOWN = 10
_LABEL = 40


@dataclass(frozen=True, slots=True)
class RowRequest:
    """A row as a request.

    Attributes:
        key: Its name in the output and in the journal.
        label: Readable label, or empty if the key is readable.
        request: The request.
    """

    key: str
    label: str
    request: Request


class RowRequests(Collection[RowRequest]):
    """The requests of all rows, created during iteration.

    Rows are named by their own column. Without one they are named by their content, so that the
    names stay when rows come and go; equal rows get a number.

    Args:
        rows: The rows.
        make: Makes the request of a row from its key; it may raise ``RowProblem`` and
            ``InvalidRequest``.
        keyed: Whether each row must have a key of its own.
    """

    def __init__(
        self, rows: FieldRows, make: Callable[[str, Row], Request], *, keyed: bool
    ) -> None:
        self.rows = rows
        self._make = make
        self._keyed = keyed or "key" in rows.counts

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RowRequest]:
        for key, row in self.named_rows():
            label = "" if self.rows.key(row) else _label(row)
            yield RowRequest(key, label, self._make(key, row))

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)

    def named_rows(self) -> Iterator[tuple[str, Row]]:
        """Yield key and row of each row."""
        repeated: Counter[str] = Counter()
        for row in self.rows:
            key = self.rows.key(row)
            if not key:
                content = msgspec.json.encode(row.cells, order="sorted")
                key = hashlib.sha256(content).hexdigest()[:16]
                repeated[key] += 1
                key = key if repeated[key] == 1 else f"{key}-{repeated[key]}"
            yield key, row

    def items(self) -> ItemRows:
        """Return the rows with their keys, for the results."""
        return self.rows.items(lambda: (key for key, _ in self.named_rows()))

    def check(self) -> None:
        """Make all requests. Blocks.

        Raises:
            CommandError: Rows are invalid; the message names line, row and column.
        """
        problems: list[str] = []
        count = 0
        names: dict[str, int] = {}
        for key, row in self.named_rows():
            problem = self._problem(key, row)
            name = file_stem(key).casefold()
            first = names.setdefault(name, row.number)
            if problem is None and first != row.number:
                problem = f"{key!r} gives the same file name as that of row {first}"
            if problem is not None:
                count += 1
                if count <= _SHOWN:
                    problems.append(f"  line {row.line} (row {row.number}): {escaped(problem)}")
        if count:
            found = "one problem" if count == 1 else f"{count} problems"
            more = [f"  and {count - _SHOWN} more"] if count > _SHOWN else []
            head = f"{self.rows.path}: {found}; nothing was submitted."
            raise CommandError("\n".join([head, *problems, *more]))

    def _problem(self, key: str, row: Row) -> str | None:
        if self._keyed and not self.rows.key(row):
            return "it has no key, which each row needs here"
        try:
            self._make(key, row)
        except (RowProblem, InvalidRequest) as error:
            return str(error)
        return None


def file_name(outcome: Outcome[RowRequest]) -> str:
    """Return the name of an outcome's files."""
    item: RowRequest = outcome.item
    return f"{item.label}-{item.key}" if item.label else item.key


def _label(row: Row) -> str:
    texts = (value for value in row.cells.values() if isinstance(value, str) and value.strip())
    return next(texts, "row")[:_LABEL]
