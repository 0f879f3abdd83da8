"""Read the rows of an Excel workbook's first sheet, row by row."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heygen_async.batch.tables.values import text_of
from heygen_async.cli.exit_codes import CommandError

# Maximum unpacked size of a workbook in bytes: openpyxl keeps its texts in memory.
_MOST_BYTES = 1 << 29


def read_workbook(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Yield number and cells of each row of the first sheet. Blocks.

    Dates and numbers become the texts that a person would write, formulas their last result, and
    cells with an error of a formula are empty.

    Args:
        path: The ``.xlsx`` file.

    Raises:
        CommandError: openpyxl is not installed, or the file is not a workbook.
        OSError: The file cannot be read.
    """
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ModuleNotFoundError:
        raise CommandError(
            f"{path}: Excel files need openpyxl; install the extra xlsx, or save it as CSV (UTF-8)"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_BYTES:
                raise CommandError(f"{path}: it is too large; save it as CSV (UTF-8)")
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise CommandError(f"{path}: not an Excel workbook (.xlsx): {error}") from None
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is not None:
            sheet.reset_dimensions()  # the size stored in the file may be too small
            for number, row in enumerate(sheet.iter_rows(), 1):
                yield number, [_value(cell) for cell in row]
    finally:
        book.close()


def _value(cell: Any) -> Any:
    value = cell.value
    if value is None or getattr(cell, "data_type", None) == "e":
        return ""
    if isinstance(value, datetime.timedelta):
        return str(value)
    return text_of(value) if not isinstance(value, bool) else str(value).upper()
