"""Read the rows of a journal page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row")
Cursor = TypeVar("Cursor")

PAGE = 1000
"""Number of rows in a page."""


def paged(
    read: Callable[[Cursor], Sequence[Row]], after: Cursor, cursor: Callable[[Row], Cursor]
) -> Iterator[Row]:
    """Iterate over all rows after a cursor.

    Args:
        read: Returns up to ``PAGE`` rows after a cursor, in order.
        after: The cursor before the first row.
        cursor: Returns the cursor of a row.
    """
    while True:
        page = read(after)
        yield from page
        if len(page) < PAGE:
            return
        after = cursor(page[-1])
