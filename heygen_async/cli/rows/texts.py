"""Texts with ``{name}`` placeholders, which the columns of a row fill."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from pathlib import Path

from heygen_async.batch.tables.columns import find_column, normalized
from heygen_async.batch.tables.values import text_of
from heygen_async.cli.exit_codes import CommandError, unreadable
from heygen_async.cli.inputs.row_files import Row

# Doubled braces stand for single ones.
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}\n]{1,100})\}")


class RowProblem(Exception):
    """A problem of a row; the message names its column."""


def placeholders(text: str) -> list[str]:
    """Return the names in a text, each once, in their order."""
    names = (found[1].strip() for found in _PLACEHOLDER.finditer(text) if found[1])
    return list(dict.fromkeys(names))


def new_fields(names: Collection[str], fields: Collection[str]) -> list[str]:
    """Return the names that are not fields yet in any form, each once."""
    new = {normalized(name): name for name in reversed([*names])}
    known = {normalized(field) for field in fields}
    return [name for form, name in reversed(new.items()) if form not in known]


def filled(text: str, row: Row) -> str:
    """Replace the placeholders of a text with the values of a row.

    Raises:
        RowProblem: The row has no value for one of them.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        name = found[1].strip()
        for values in (row.values, row.cells):
            known = find_column(name, values)
            if known is not None and str(text_of(values[known])).strip():
                return str(text_of(values[known]))
        raise RowProblem(f"column {name!r}: there is nothing in it, and the text has {{{name}}}")

    return _PLACEHOLDER.sub(value, text)


async def text_option(name: str, text: str | None, path: Path | None) -> str | None:
    """Return the text of an option, or that of the file of its twin ``--NAME-file``.

    Args:
        name: Name of the option, without dashes.
        text: The text, or None.
        path: The file, or None.

    Raises:
        CommandError: Both are given, or the file cannot be read.
    """
    if path is None:
        return text
    if text is not None:
        raise CommandError(f"--{name} and --{name}-file do not go together")
    return await asyncio.to_thread(read_text, path)


def read_text(path: Path) -> str:
    """Return the text of a file without blanks around it. Blocks.

    Raises:
        CommandError: The file cannot be read or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {unreadable(error)}") from None
    if not text:
        raise CommandError(f"{path}: there is no text in it")
    return text
