"""The items of a run as rows of input columns, in the order of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class ItemRow(NamedTuple):
    """The row of one item.

    Attributes:
        key: The key of the item in its journal.
        values: Values by column; missing values are None or omitted.
    """

    key: str
    values: dict[str, Any]


class ItemRows:
    """The rows of all items of a run; they can be iterated over many times.

    Args:
        columns: Names of the columns.
        total: Number of items.
        rows: Returns the row of each item, in the order of the items.
        names: Whether a column names the rows. Otherwise their key is a column of its own.
        source: The file that they come from, or None.
    """

    def __init__(
        self,
        columns: Sequence[str],
        total: int,
        rows: Callable[[], Iterator[ItemRow]],
        *,
        names: bool,
        source: Path | None = None,
    ) -> None:
        self.columns: list[str] = list(columns)
        self.total = total
        self.source = source
        self._rows = rows
        if not names:
            self.key_column: str | None = free_name("key", columns)
        else:
            self.key_column = None

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[ItemRow]:
        return self._rows()


def free_name(name: str, columns: Sequence[str]) -> str:
    """Return a name that no column has, derived from the given name."""
    while name in columns:
        name = f"heygen_{name}"
    return name
