"""Read pandas and polars frames and Arrow tables as rows, without importing these libraries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from heygen_async.batch.tables.values import cell, is_missing
from heygen_async.errors import InvalidRequest

_CHUNK = 1000


class FrameRows(Collection[dict[str, Any]]):
    """The rows of a frame as dicts of all columns, created during iteration.

    Empty cells are None; numbers and dates are Python types.

    Args:
        columns: Names of the columns.
        rows: Returns the values of each row.
        count: Number of rows.
    """

    def __init__(
        self, columns: list[str], rows: Callable[[], Iterator[tuple[Any, ...]]], count: int
    ) -> None:
        self.columns = columns
        self._rows = rows
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for values in self._rows():
            yield {
                column: None if is_missing(value) else cell(value)
                for column, value in zip(self.columns, values, strict=True)
            }

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


def rows_of(items: Any) -> Any:
    """Return the rows of a frame or an Arrow table; return any other object unchanged.

    Raises:
        InvalidRequest: The object is a lazy frame, or two columns have the same name.
    """
    library = type(items).__module__.partition(".")[0]
    kind = type(items).__name__
    if library == "polars" and kind == "LazyFrame":
        raise InvalidRequest("items: a lazy frame has no rows yet; pass frame.collect()")
    rows: Callable[[], Iterator[tuple[Any, ...]]]
    if library == "pandas" and kind == "DataFrame":
        names, rows = list(items.columns), lambda: items.itertuples(index=False, name=None)
    elif library == "polars" and kind == "DataFrame":
        names, rows = items.columns, items.iter_rows
    elif library == "pyarrow" and kind in ("Table", "RecordBatch"):
        names, rows = items.schema.names, lambda: _arrow_rows(items)
    else:
        return items
    columns = [str(name) for name in names]
    for name in columns:
        if columns.count(name) > 1:
            raise InvalidRequest(f"items: two columns are named {name!r}", param="items")
    count = items.num_rows if library == "pyarrow" else len(items)
    return FrameRows(columns, rows, count)


def _arrow_rows(table: Any) -> Iterator[tuple[Any, ...]]:
    for start in range(0, table.num_rows, _CHUNK):
        columns = table.slice(start, _CHUNK).to_pydict().values()
        yield from zip(*columns, strict=True)
