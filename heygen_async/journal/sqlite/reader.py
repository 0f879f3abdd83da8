"""Read a journal without changing it, even while a run writes it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

from heygen_async.journal.paging import PAGE, paged
from heygen_async.journal.records import (
    COMPLETED,
    Delivery,
    ItemRecord,
    Review,
    RunRecord,
    SlotSample,
    State,
    Totals,
)
from heygen_async.journal.rules import journal_error
from heygen_async.journal.sqlite import reviews, schema
from heygen_async.journal.sqlite.errors import error_from_os, error_from_sqlite
from heygen_async.journal.sqlite.lock import is_held
from heygen_async.journal.sqlite.migrations import upgrade

T = TypeVar("T")


class SqliteReader:
    """Read a file of schema 1 or 2 without changing it or creating files beside it.

    A copy of a journal can be read too, together with its ``-wal`` file if there is one.

    Args:
        path: The file.

    Attributes:
        name: The real path of the file.
        run: The record of the run.

    Raises:
        JournalError: The file does not exist, or this version cannot read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self.name: str = str(self._path)
        self._wal = Path(f"{self._path}-wal")
        self._connection: sqlite3.Connection | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._unwritten = False
        try:
            self.run: RunRecord = self._query(
                lambda connection: schema.verify(connection, self._path)
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SqliteReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Can be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.cleanup()

    def totals(self) -> Totals:
        """Return sums over all items."""
        return self._query(reviews.totals)

    def records(self, states: Collection[State] | None = None) -> Iterator[ItemRecord]:
        """Iterate over all items, or those in the given states, in the order of positions."""
        return self._records(states)

    def undelivered(
        self, target: str, states: Collection[State] = COMPLETED
    ) -> Iterator[ItemRecord]:
        """Iterate over items whose outcome was not delivered to a target."""
        return self._records(states, target)

    def deliveries(self) -> Iterator[tuple[str, Delivery]]:
        """Iterate over the keys of items and their deliveries."""
        rows = paged(
            lambda after: self._query(lambda c: schema.all_deliveries(c, after, PAGE)),
            (-(2**63), ""),
            lambda row: (row[0], row[2].target),
        )
        return ((key, delivery) for _, key, delivery in rows)

    def _records(
        self, states: Collection[State] | None, target: str | None = None
    ) -> Iterator[ItemRecord]:
        records = paged(
            lambda after: self._query(lambda c: schema.page(c, states, after, PAGE, target)),
            -1,
            lambda record: record.position,
        )
        for record in records:
            yield record if record.operation else upgrade(record, self.run)

    def reviews(self) -> list[Review]:
        """Return the decisions of people, oldest first."""
        return self._query(reviews.read)

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""
        return paged(
            lambda after: self._query(lambda c: schema.slot_samples(c, after, PAGE)),
            float("-inf"),
            lambda sample: sample.at,
        )

    def alive(self) -> bool:
        """Return whether a process has the file open for writing."""
        return is_held(Path(f"{self._path}.lock"))

    def _query(self, ask: Callable[..., T]) -> T:
        try:
            while True:
                if self._connection is None:
                    self._connection = self._open()
                try:
                    with self._connection as connection:
                        # Read everything in one transaction: a run may migrate the file in the
                        # meantime.
                        connection.execute("BEGIN")
                        answer = ask(connection)
                except sqlite3.DatabaseError:
                    if not self._overtaken():
                        raise
                else:
                    if not self._overtaken():
                        return answer
                self.close()  # a run has started to write: read again through its log
        except sqlite3.Error as error:
            raise error_from_sqlite(self._path, error) from error
        except OSError as error:
            raise error_from_os(self._path, error) from error

    def _overtaken(self) -> bool:
        return self._unwritten and self._wal.exists()

    def _open(self) -> sqlite3.Connection:
        path, options = self._path, "mode=ro"
        os.stat(path)
        # SQLite would create a missing log and index even when it only reads.
        self._unwritten = not self._wal.exists()
        if self._unwritten:
            options += "&immutable=1"
        elif not os.path.exists(f"{path}-shm"):
            # The file was copied, or salvaged after a power loss: no process writes it now.
            self._copy = tempfile.TemporaryDirectory(prefix="heygen-journal-")
            path = Path(shutil.copy(path, self._copy.name))
            shutil.copy(self._wal, self._copy.name)
        # One call runs at a time, but not always in the same thread.
        connection = sqlite3.connect(
            f"{path.as_uri()}?{options}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if schema.is_empty(connection):
                raise journal_error(str(self._path), "not_a_journal", "the file is empty")
        except BaseException:
            connection.close()
            raise
        return connection
