"""Tables and records as text."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heygen_async.session.diagnostics.escaping import escaped

_TIMES = ("created_at", "updated_at", "uploaded_at", "completed_at")
_NOT_SHOWN = ("messages", "scenes")


def plain(thing: Any) -> Any:
    """Return an answer of the API as plain values, without fields that are None."""
    built = msgspec.to_builtins(thing)
    if isinstance(built, dict):
        return {name: value for name, value in built.items() if value is not None}
    return built


def table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], most: int | None = None
) -> Callable[[Console], None]:
    """Return a printable table; its first column, the id, is never truncated.

    Args:
        rows: Values by column.
        columns: The columns, which are their own titles.
        most: The limit of the rows, after which there may be others; None means no limit.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        title = column.replace("_", " ")
        grid.add_column(title, no_wrap=number == 0, overflow="fold")
    count = 0
    for row in rows:
        grid.add_row(*(Text(in_words(column, row.get(column))) for column in columns))
        count += 1

    def show(console: Console) -> None:
        if count:
            console.print(grid)
        total = f"the first {count:,}, by --limit" if count == most else f"{count:,} in all"
        console.print(total if count else "There are none.", style="dim")

    return show


def details(record: Mapping[str, Any]) -> Callable[[Console], None]:
    """Return a printable record with one field per line."""

    def show(console: Console) -> None:
        width = max(map(len, record), default=0)
        for name, value in record.items():
            if value not in (None, [], {}) and name not in _NOT_SHOWN:
                title = f"{name.replace('_', ' '):{width}}  "
                line = Text.assemble((title, "bold"), in_words(name, value))
                # Do not wrap the URL, so that it can be copied at any width.
                console.print(line, soft_wrap=True)

    return show


def in_words(name: str, value: Any) -> str:
    """Return the value of a field as one line of text, safe for a terminal.

    Args:
        name: The field.
        value: Its value.
    """
    if value is None:
        return ""
    if name in _TIMES and isinstance(value, int | float):
        return datetime.datetime.fromtimestamp(value).astimezone().strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and not any(isinstance(item, dict | list) for item in value):
        return escaped(", ".join(map(str, value)))
    if isinstance(value, dict | list):
        return escaped(json.dumps(value, ensure_ascii=False))
    return escaped(str(value))
