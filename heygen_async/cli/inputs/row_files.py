"""Read rows of CSV, JSON Lines and Excel files, of standard input, and of CSV from a URL.

An empty or blank cell of a CSV file or a workbook, and ``null`` in JSON, mean that there is no
value. In JSON a value may also be an object in the shape of the API, such as ``{"type": "image",
"asset": {"type": "url", "url": "https://…"}, "fit": "cover"}``.

A file is read once, to its end, and its rows are kept in a temporary file: memory stays bounded,
pipes work, and the rows that are sent are those that were checked, even if the file changes.
"""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import msgspec

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.inputs.workbooks import read_workbook
from heygen_async.client import HeyGen
from heygen_async.media.tables import fetch_table, name_of

ROW_FILES = (".csv", ".jsonl", ".ndjson", ".xlsx")
"""Endings of files of rows."""

_STDIN = Path("-")
# White space, including no-break spaces, and zero-width characters.
_BLANK = re.compile(r"[\s\u200b\u2060\ufeff]*")
# A first line that tells Excel which separator is used.
_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?[,;|\s]*', re.IGNORECASE)

# The line on which a row ends, and its values as a JSON object.
_Encoded: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        line: The line of the file on which it ends, from 1.
        number: Its position among the rows of the file, from 1.
        cells: Values by column; missing values are omitted.
        values: Values by field, set by ``FieldRows``; until then, the cells.
    """

    line: int
    number: int
    cells: Mapping[str, Any]
    values: Mapping[str, Any]


class Rows(Collection[Row]):
    """The rows of a file, in its order; they can be iterated over many times.

    Attributes:
        path: The file, for messages.
        columns: Names of all columns, in their order.
        remote: Whether they come from the network and therefore must not name local files.
    """

    def __init__(
        self,
        path: Path,
        columns: list[str],
        encoded: Iterator[_Encoded],
        *,
        remote: bool = False,
    ) -> None:
        self.path = path
        self.remote = remote
        self._spool = RowSpool()
        known: set[str] = set()
        for line, values in encoded:
            self._spool.append(line, values)
            # The columns of a header are known by now; JSON objects bring their own.
            known.update(columns)
            columns += [name for name in msgspec.json.decode(values) if name not in known]
        self.columns = columns

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Row]:
        for number, (line, encoded) in enumerate(self._spool, 1):
            cells = _values(encoded)
            yield Row(line, number, cells, cells)

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


async def load_rows(source: str | Path, base_url: str | None) -> Rows:
    """Return all rows of a file, of standard input, or of a file at a URL.

    Args:
        source: A path, ``-``, or an https URL of a CSV or JSON Lines file, or of a Google sheet.
        base_url: Base URL of the API; None reads it from the environment.

    Raises:
        CommandError: The rows cannot be read; the message names the line.
        InvalidRequest: The rows cannot be fetched.
    """
    if isinstance(source, Path) or "://" not in source:
        return await asyncio.to_thread(read_rows, Path(source))
    async with HeyGen(base_url=base_url) as heygen:
        content = await fetch_table(heygen, source)
    return await asyncio.to_thread(_read_content, Path(name_of(source)), content)


def read_rows(path: Path, *, most: int | None = None) -> Rows:
    """Read all rows of a file. Blocks.

    Args:
        path: A ``.csv`` file with a header, or a ``.jsonl`` file with an object on each line;
            UTF-8, with or without a byte order mark; or an ``.xlsx`` workbook. ``-`` is standard
            input; it, and a pipe whose name has no ending, is of the kind, CSV or JSON Lines, that
            its first line looks like.
        most: Maximum number of rows to read.

    Raises:
        CommandError: The file cannot be read, or a row is malformed; the message names the line.
    """
    if path.suffix.lower() not in ROW_FILES and not reads_once(path):
        raise CommandError(f"{path}: expected a file that ends in .csv, .jsonl or .xlsx")
    source: Path | int = path
    if path == _STDIN:
        source, path = sys.stdin.fileno(), Path("standard input")
    try:
        if path.suffix.lower() == ".xlsx":
            columns: list[str] = []
            encoded = _table_rows(path, columns, read_workbook(path))
            rows = Rows(path, columns, itertools.islice(encoded, most))
        else:
            with open(
                source,
                encoding="utf-8-sig",
                errors="surrogateescape",
                newline="",
                closefd=source is path,
            ) as file:
                rows = _read_text(path, file, most)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    return _with_rows(rows)


def _read_content(path: Path, content: bytes) -> Rows:
    file = io.TextIOWrapper(
        io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    return _with_rows(_read_text(path, file, remote=True))


def _with_rows(rows: Rows) -> Rows:
    if not rows:
        raise CommandError(f"{rows.path}: there are no rows in it")
    return rows


def _read_text(path: Path, file: TextIO, most: int | None = None, *, remote: bool = False) -> Rows:
    lines = _checked_lines(path, file)
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        first = next(lines, "")
        reader = _jsonl_rows if first.lstrip().startswith("{") else _csv_rows
        lines = itertools.chain([first], lines)
    columns: list[str] = []
    encoded = itertools.islice(reader(path, columns, lines), most)
    return Rows(path, columns, encoded, remote=remote)


def _is_blank(text: str) -> bool:
    return not text[:1].isalnum() and _BLANK.fullmatch(text) is not None


def _values(encoded: bytes) -> dict[str, Any]:
    """Return the values present in a row; blank texts count as empty."""
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
    """Yield the lines of a file; refuse a line that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        if not line.isascii() and any("\ud800" <= character <= "\udfff" for character in line):
            raise CommandError(f"{path}, line {number}: not UTF-8; save the file as UTF-8")
        if "\0" in line:
            raise CommandError(f"{path}, line {number}: not text; save the file as UTF-8")
        yield line


def _csv_rows(path: Path, columns: list[str], lines: Iterator[str]) -> Iterator[_Encoded]:
    first = next(lines, "")
    declared = _SEPARATOR.fullmatch(first)
    if declared is None:
        lines = _with_checked_header(path, itertools.chain([first], lines))
    else:  # as Excel reads and writes it; the empty line keeps the numbers right
        lines = itertools.chain(["\n"], lines)
    reader = csv.reader(lines, strict=True, delimiter=declared[1] if declared else ",")
    try:
        yield from _table_rows(path, columns, ((reader.line_num, cells) for cells in reader))
    except csv.Error as error:
        raise CommandError(f"{path}, line {reader.line_num}: {error}") from None


def _table_rows(
    path: Path, columns: list[str], rows: Iterator[tuple[int, Sequence[Any]]]
) -> Iterator[_Encoded]:
    """Yield the rows of a table below its header; add the header's names to ``columns``."""
    header: Sequence[Any] = next((r for _, r in rows if not all(map(_is_empty, r))), [])
    names = [str(name).strip() for name in header]
    _check_header(path, names)
    columns += [name for name in names if not _is_blank(name)]
    for line, cells in rows:
        filled = [at for at, cell in enumerate(cells) if not _is_empty(cell)]
        if not filled:
            continue
        if filled[-1] >= len(names):
            raise CommandError(
                f"{path}, line {line}: {len(cells)} cells under {len(names)} columns; put quotes "
                "around cells that contain the separator"
            )
        for at in filled:
            if _is_blank(names[at]):
                raise CommandError(f"{path}, line {line}: column {at + 1} has no name")
        yield line, msgspec.json.encode({names[at]: cells[at] for at in filled})


def _is_empty(cell: Any) -> bool:
    return isinstance(cell, str) and _is_blank(cell)


def _with_checked_header(path: Path, lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a file; refuse a header that is not separated by commas."""
    checked = False
    for line in lines:
        if not checked and not _is_blank(line):
            checked = True
            for name, separator in (("semicolons", ";"), ("tabs", "\t")):
                if _columns_by(separator, line) > 1 and _columns_by(",", line) <= 1:
                    raise CommandError(
                        f"{path}: {name} separate its columns; save it with commas, or name the "
                        "separator in the first line, as in sep=;"
                    )
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


def _jsonl_rows(path: Path, columns: list[str], lines: Iterator[str]) -> Iterator[_Encoded]:
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
