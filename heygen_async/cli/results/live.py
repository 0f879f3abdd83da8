"""``--results FILE``: write the rows of a run with their outcomes, during the run."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Outcome
from heygen_async.batch.outcome import RESULT_COLUMNS, result_columns
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.results.item_rows import ItemRows
from heygen_async.cli.results.table_files import check_table_file, write_table

# Seconds between two writes, and how many times the last write took they are at least.
_EVERY = 2.0
_SHARE = 20.0
_PENDING = ("pending", *[None] * (len(RESULT_COLUMNS) - 1))


class LiveResults:
    """Write the rows of a run with their results, each once, at intervals and at the end.

    The file always has all rows, in their order: those without an outcome are ``pending``. It is
    replaced as a whole, first after 2 s, and then at intervals of 20 times the duration of the last
    write, so writing takes at most 5 % of the time.

    Args:
        path: The file.
        items: The rows of the items.
    """

    def __init__(self, path: Path, items: ItemRows) -> None:
        self._path = path
        self._items = items
        self._columns = list(items.columns)
        if items.key_column is not None:
            self._columns.append(items.key_column)
        self._names = result_columns(self._columns)
        # Outcomes that were not written yet, by position: keys and result values.
        self._new: list[tuple[int, bytes]] = []
        self._places = array("q", [-1]) * items.total
        self._spool = RowSpool()
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    async def open(self) -> None:
        """Write the file for the first time.

        Raises:
            CommandError: The file cannot be written.
        """
        check_table_file(self._path, self._items.total)
        source = self._items.source
        if source is not None and await asyncio.to_thread(_same_file, source, self._path):
            raise CommandError(f"{self._path}: those are the rows themselves; name another file")
        await self._write()

    def add(self, outcome: Outcome[Any]) -> None:
        """Note an outcome."""
        values = list(outcome.result_values())
        if outcome.download_error is not None:
            values[-1] = f"not downloaded: {outcome.download_error}"
        self._new.append((outcome.index, msgspec.json.encode([outcome.key, *values])))
        loop = asyncio.get_running_loop()
        if self._timer is None and (self._writing is None or self._writing.done()):
            self._timer = loop.call_at(max(self._next, loop.time()), self._start)

    async def aclose(self) -> None:
        """Write all outcomes that were not written yet.

        Raises:
            CommandError: It cannot be written.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._write()

    def _start(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write_now())

    async def _write_now(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            took = await self._write()
        except CommandError:  # the last write reports it
            took = 0.0
        self._next = loop.time() + max(_EVERY, _SHARE * took)
        if self._new and self._timer is None:
            self._timer = loop.call_at(self._next, self._start)

    async def _write(self) -> float:
        """Write the file, and return the seconds that this took."""
        new, self._new = self._new, []
        return await asyncio.to_thread(self._write_file, new)

    def _write_file(self, new: list[tuple[int, bytes]]) -> float:
        started = time.monotonic()
        for index, values in new:
            if 0 <= index < len(self._places):
                self._places[index] = self._spool.append(index, values)
        try:
            write_table(self._path, [*self._columns, *self._names], self._rows())
        except OSError as error:
            raise CommandError(f"{self._path}: {error.strerror or error}") from None
        return time.monotonic() - started

    def _rows(self) -> Iterator[dict[str, Any]]:
        for place, item in zip(self._places, self._items, strict=True):
            row, key, values = dict(item.values), item.key, _PENDING
            if place >= 0:
                key, *values = msgspec.json.decode(self._spool.at(place))
            if self._items.key_column is not None:
                row[self._items.key_column] = key
            yield row | dict(zip(self._names, values, strict=True))


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
