"""Tables written to files: CSV, JSON Lines and Excel workbooks, whole or not at all.

Values are written as they are, so that a file joins by its columns. In a workbook each text is a
text, and never a formula. In CSV a spreadsheet program takes a cell that begins with ``=``, ``+``,
``-`` or ``@`` for a formula: those of your own columns stay as they came; the texts of errors,
which come from outside, get an apostrophe in front.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from heygen_async.cli.exit_codes import CommandError

TABLE_FILES = (".csv", ".jsonl", ".xlsx")
"""Endings of the files that can be written."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Limits of an Excel cell: no control characters, and a maximum length.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST = 32_767
_MOST_ROWS = 1_048_575


def check_table_file(path: Path, rows: int | None = None) -> None:
    """Refuse a file that cannot be written, before any paid call.

    Args:
        path: The file.
        rows: Number of rows, if known.

    Raises:
        CommandError: Its ending is unknown, openpyxl is not installed, or the rows do not fit into
            it.
    """
    ending = path.suffix.lower()
    if ending not in TABLE_FILES:
        raise CommandError(f"{path}: expected a file that ends in {', '.join(TABLE_FILES)}")
    if ending == ".xlsx":
        try:
            import openpyxl  # noqa: F401
        except ModuleNotFoundError:
            raise CommandError(
                f"{path}: Excel files need openpyxl; install the extra xlsx, or write a .csv"
            ) from None
        if rows is not None and rows > _MOST_ROWS:
            raise CommandError(f"{path}: a sheet takes {_MOST_ROWS:,} rows; write a .csv")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a file, replacing an existing file when complete. Blocks.

    Args:
        path: The file; its ending determines its kind.
        columns: Names of the columns, in their order.
        rows: Values by column; None or omitted for missing values.

    Raises:
        OSError: The file cannot be written; an existing file is unchanged.
    """
    writers: dict[str, Callable[[IO[Any], Sequence[str], Iterable[Mapping[str, Any]]], None]] = {
        ".csv": write_csv,
        ".jsonl": _write_lines,
        ".xlsx": _write_workbook,
    }
    binary = path.suffix.lower() == ".xlsx"
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(
            unfinished,
            "xb" if binary else "x",
            encoding=None if binary else "utf-8",
            errors=None if binary else "replace",
            newline=None if binary else "",
        ) as file:
            writers[path.suffix.lower()](file, columns, rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_csv(file: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV below a header; arguments as for ``write_table``."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    error = columns[-1]
    for row in rows:
        cells = {column: _text(row.get(column)) for column in columns}
        cells[error] = harmless(cells[error])
        writer.writerow(cells.values())


def harmless(text: str) -> str:
    """Return an external text in a form that spreadsheet programs do not treat as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write_lines(file: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        values = {column: row.get(column) for column in columns}
        file.write(f"{json.dumps(msgspec.to_builtins(values), ensure_ascii=False)}\n")


def _write_workbook(
    file: IO[bytes], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Results")

    def cell(value: Any) -> Any:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        text = WriteOnlyCell(sheet, _CONTROLS.sub("", _text(value))[:_LONGEST])
        text.data_type = "s"
        return text

    sheet.append([cell(column) for column in columns])
    for row in rows:
        sheet.append([cell(row.get(column)) for column in columns])
    book.save(file)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(msgspec.to_builtins(value))
