"""Rows of CSV and JSON Lines files, and the variants of a template that are made of them.

Each column, or each member of a JSON object, is a variable of the template. Two names mean
something else, unless the template has a variable of that name:

- ``key`` names the row in the output, in the journal, and its file in the output folder. Without
  it rows are numbered from 1, with leading zeros; in a journal their content names them.
  Another column can be made the key, also one that is a variable at the same time.
- ``title`` is the video's title in the account.

An empty cell of a CSV file, one of blanks alone, and ``null`` in JSON, mean that the variable is
not given. A value is what the variable's type takes: a text, the URL or asset id of a file, the id
of a character or a voice. In JSON it may also be an object in the shape of the API, such as
``{"type": "image", "asset": {"type": "url", "url": "https://…"}, "fit": "cover"}``.

A file is read once, to its end, and its rows are kept in a temporary file: memory stays bounded,
pipes work, and the rows that are sent are those that were checked, whatever happens to the file.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import itertools
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from heygen_async.batch.variants import InvalidVariants, VariantChecker, VariantProblem
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.output_folder import file_stem
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo
from heygen_async.session.diagnostics.escaping import escaped

T = TypeVar("T")

_SHOWN = 10
_STDIN = Path("-")
# White space, no-break spaces included, and characters of no width.
_BLANK = re.compile(r"[\s\u200b\u2060\ufeff]*")
# A first line by which Excel is told what separates the columns.
_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?[,;|\s]*', re.IGNORECASE)

# The line on which a row ends, and its values as a JSON object.
_Encoded: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read.

    Attributes:
        line: The line of the file on which it ends, from 1.
        values: Values by column; those not given are left out.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NamedVariant:
    """One row as it is rendered.

    Attributes:
        key: Its name in the output.
        variables: Values of the template's variables.
        title: Title of the video, or None.
        index: Position of the row, from 0.
        checker: Makes the request.
    """

    key: str
    variables: Mapping[str, Any]
    title: str | None
    index: int
    checker: VariantChecker

    @property
    def request(self) -> TemplateRenderRequest:
        """The request, made when it is asked for: most passes over the rows do without it."""
        request = self.checker.request(self.index, self.variables)
        return msgspec.structs.replace(request, title=self.title)


class Rows(Collection[Row]):
    """The rows of a file, in its order; they can be iterated over many times.

    Attributes:
        path: The file, for messages.
        first_lines: Columns that have a value, with the line of their first.
        counts: Number of rows that have a value, by column.
    """

    def __init__(self, path: Path, encoded: Iterator[_Encoded]) -> None:
        self.path = path
        self.first_lines: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self._spool = RowSpool()
        for line, values in encoded:
            self._spool.append(line, values)
            for name in _values(values):
                self.first_lines.setdefault(name, line)
                self.counts[name] += 1

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Row]:
        return (Row(line, _values(encoded)) for line, encoded in self._spool)

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


class MappedRows(Collection[T]):
    """What is made of each row, while it is iterated over.

    Args:
        rows: The rows.
        make: Called with position and row.
    """

    def __init__(self, rows: Rows, make: Callable[[int, Row], T]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return itertools.starmap(self._make, enumerate(self._rows))

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)


def read_rows(path: Path, *, most: int | None = None) -> Rows:
    """Read all rows of a file. Blocks.

    Args:
        path: A ``.csv`` file with a header, or a ``.jsonl`` file with an object on each line;
            UTF-8, with or without a byte order mark. ``-`` is standard input; it, and a pipe whose
            name has no ending, is of the kind that its first line looks like.
        most: Read no more rows than that.

    Raises:
        CommandError: The file cannot be read, or a row is malformed; names the line.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None and not reads_once(path):
        raise CommandError(f"{path}: expected a file that ends in .csv or .jsonl")
    source: Path | int = path
    if path == _STDIN:
        source, path = sys.stdin.fileno(), Path("standard input")
    try:
        with open(
            source,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="",
            closefd=source is path,
        ) as file:
            lines = _checked_lines(path, file)
            if reader is None:
                first = next(lines, "")
                reader = _jsonl_rows if first.lstrip().startswith("{") else _csv_rows
                lines = itertools.chain([first], lines)
            rows = Rows(path, itertools.islice(reader(path, lines), most))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    if not rows:
        raise CommandError(f"{path}: there are no rows in it")
    return rows


def _is_blank(text: str) -> bool:
    return not text[:1].isalnum() and _BLANK.fullmatch(text) is not None


def _values(encoded: bytes) -> dict[str, Any]:
    """Return the values of a row that are given; texts of blanks alone are empty."""
    values = msgspec.json.decode(encoded, type=dict[str, Any])
    return {
        name: "" if isinstance(value, str) and _is_blank(value) else value
        for name, value in values.items()
        if value is not None
    }


def reads_once(path: Path) -> bool:
    """Return whether rows come from standard input, or from a pipe whose name has no ending."""
    return path == _STDIN or (path.exists() and not path.is_file() and not path.is_dir())


def _checked_lines(path: Path, lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a file; refuse one that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        if not line.isascii() and any("\ud800" <= character <= "\udfff" for character in line):
            raise CommandError(f"{path}, line {number}: not UTF-8; save the file as UTF-8")
        if "\0" in line:
            raise CommandError(f"{path}, line {number}: not text; save the file as UTF-8")
        yield line


def _csv_rows(path: Path, lines: Iterator[str]) -> Iterator[_Encoded]:
    first = next(lines, "")
    declared = _SEPARATOR.fullmatch(first)
    if declared is None:
        lines = _with_checked_header(path, itertools.chain([first], lines))
    else:  # as Excel reads and writes it; the empty line keeps the numbers right
        lines = itertools.chain(["\n"], lines)
    reader = csv.reader(lines, strict=True, delimiter=declared[1] if declared else ",")
    try:
        header = next((cells for cells in reader if not all(map(_is_blank, cells))), [])
        columns = [name.strip() for name in header]
        _check_header(path, columns)
        for cells in reader:
            filled = [at for at, cell in enumerate(cells) if not _is_blank(cell)]
            if not filled:
                continue
            if filled[-1] >= len(columns):
                raise CommandError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells under "
                    f"{len(columns)} columns; put quotes around cells with commas"
                )
            for at in filled:
                if _is_blank(columns[at]):
                    raise CommandError(
                        f"{path}, line {reader.line_num}: column {at + 1} has no name"
                    )
            values = {columns[at]: cells[at] for at in filled}
            yield reader.line_num, msgspec.json.encode(values)
    except csv.Error as error:
        raise CommandError(f"{path}, line {reader.line_num}: {error}") from None


def _with_checked_header(path: Path, lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a file; refuse one whose header uses another separator than commas."""
    checked = False
    for line in lines:
        if not checked and not _is_blank(line):
            checked = True
            for name, separator in (("semicolons", ";"), ("tabs", "\t")):
                if _columns_by(separator, line) > 1 and _columns_by(",", line) <= 1:
                    raise CommandError(f"{path}: {name} separate its columns; save it with commas")
        yield line


def _columns_by(separator: str, line: str) -> int:
    """Return the number of columns that a separator makes of a line; 0 if it is malformed."""
    try:
        return len(next(csv.reader([line], delimiter=separator, strict=True), []))
    except csv.Error:
        return 0


def _check_header(path: Path, columns: Sequence[str]) -> None:
    for position, name in enumerate(columns):
        if name in columns[:position] and not _is_blank(name):
            raise CommandError(f"{path}: two columns are named {name!r}")


def _jsonl_rows(path: Path, lines: Iterator[str]) -> Iterator[_Encoded]:
    for number, line in enumerate(lines, 1):
        if _is_blank(line):
            continue
        try:
            msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.ValidationError:
            raise CommandError(f"{path}, line {number}: expected a JSON object") from None
        except msgspec.DecodeError as error:
            raise CommandError(f"{path}, line {number}: not JSON ({error})") from None
        yield number, line.encode()


class Variants(Collection[NamedVariant]):
    """The variants of a template that the rows of a file are, made while they are iterated over.

    Args:
        rows: The rows.
        variables: The template's variables by name.
        key_column: The column of the keys, which each row must have. Default: ``key``, if the
            template has no such variable.
        all_or_none: Refuse rows of which only some have a key, since numbers change when rows
            come or go.

    Attributes:
        own_keys: Whether all rows have a key.

    Raises:
        CommandError: Rows do not fit the template; names line, row and column.
    """

    def __init__(
        self,
        rows: Rows,
        variables: Mapping[str, TemplateVariableInfo],
        *,
        key_column: str | None = None,
        all_or_none: bool = False,
    ) -> None:
        self._rows = rows
        self._column = key_column or "key"
        self._key_is_variable = self._column in variables
        # A variable is the key only if the user says so.
        self._has_key = key_column is not None or not self._key_is_variable
        self._keyed = key_column is not None or (
            all_or_none and self._has_key and self._column in rows.counts
        )
        self._has_title = "title" not in variables
        self._checker = VariantChecker(variables)
        self._digits = len(str(len(rows)))
        _check_columns(rows, variables, self._column)
        self.own_keys: bool = self._check()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[NamedVariant]:
        return (self._variant(index, row) for index, row in enumerate(self._rows))

    def __contains__(self, variant: object) -> bool:
        return any(variant == other for other in self)

    def _check(self) -> bool:
        """Check all rows; return whether all have keys of their own."""
        problems: list[tuple[Row, VariantProblem]] = []
        count = 0
        own = True
        taken: set[int] = set()
        for index, row in enumerate(self._rows):
            found = self._problems(index, row)
            key = self._key(index, row)
            own = own and self._own_key(row) != ""
            digest = _digest(_file_name(key))
            if digest in taken:
                found += self._clashes(index, key)
            taken.add(digest)
            count += len(found)
            problems += [(row, problem) for problem in found[: _SHOWN - len(problems)]]
        if count:
            raise CommandError(_report(self._rows.path, problems, count))
        return own

    def _problems(self, index: int, row: Row) -> list[VariantProblem]:
        problems = []
        if self._keyed and self._own_key(row) == "":
            reason = "has no key, which each row needs here"
            problems.append(VariantProblem(index, self._column, reason))
        title = self._title(row)
        if title is not None and not isinstance(title, str):
            problems.append(VariantProblem(index, "title", f"expected a text, got {title!r}"))
        try:
            self._checker.request(index, self._variables(row))
        except InvalidVariants as error:
            problems += error.problems
        return problems

    def _clashes(self, index: int, key: str) -> list[VariantProblem]:
        """Name the row before that has the same file name. Some file systems ignore capitals."""
        name = _file_name(key)
        for earlier, row in enumerate(itertools.islice(self._rows, index)):
            if _file_name(self._key(earlier, row)) == name:
                reason = f"{key!r} gives the same file name as that of row {earlier + 1}"
                return [VariantProblem(index, self._column, reason)]
        return []

    def _variant(self, index: int, row: Row) -> NamedVariant:
        return NamedVariant(
            self._key(index, row), self._variables(row), self._title(row), index, self._checker
        )

    def _number(self, index: int) -> str:
        return f"{index + 1:0{self._digits}}"

    def _own_key(self, row: Row) -> str:
        return str(row.values.get(self._column, "")) if self._has_key else ""

    def _key(self, index: int, row: Row) -> str:
        return self._own_key(row) or self._number(index)

    def _title(self, row: Row) -> Any:
        return row.values.get("title") if self._has_title else None

    def _variables(self, row: Row) -> dict[str, Any]:
        beside = set()
        if not self._key_is_variable:
            beside.add(self._column)
        if self._has_title:
            beside.add("title")
        return {name: value for name, value in row.values.items() if name not in beside}


def _file_name(key: str) -> str:
    return file_stem(key).casefold()


def _digest(name: str) -> int:
    """Return 64 bits that stand for a name: a set of them is small for many rows."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _check_columns(
    rows: Rows, variables: Mapping[str, TemplateVariableInfo], key_column: str
) -> None:
    """Report a misspelt column once, not once for each row."""
    known = {*variables, key_column, "title"}
    if key_column not in rows.counts and key_column not in ("key", *variables):
        raise CommandError(f"{rows.path}: there is no column {key_column!r} for the keys")
    for name, line in rows.first_lines.items():
        if name not in known:
            close = difflib.get_close_matches(name, variables, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            has = ", ".join(map(escaped, variables)) or "none"
            raise CommandError(
                f"{rows.path}, line {line}: the template has no variable {name!r}{hint}\n"
                f"  It has: {has}"
            )


def _report(path: Path, problems: Sequence[tuple[Row, VariantProblem]], count: int) -> str:
    found = "one problem" if count == 1 else f"{count} problems"
    lines = [f"{path}: {found}; nothing was submitted."]
    for row, problem in problems:
        column = f", column {problem.variable!r}" if problem.variable is not None else ""
        reason = escaped(problem.reason)
        lines.append(f"  line {row.line} (row {problem.index + 1}){column}: {reason}")
    if count > len(problems):
        lines.append(f"  and {count - len(problems)} more")
    return "\n".join(lines)
