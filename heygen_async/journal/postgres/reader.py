"""Read a run in PostgreSQL, even while other processes write it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar
from uuid import UUID

import psycopg

from heygen_async.journal.paging import PAGE, paged
from heygen_async.journal.postgres.connection import (
    Location,
    connect,
    error_from_postgres,
    version_of,
)
from heygen_async.journal.postgres.reviews import all_totals, read
from heygen_async.journal.postgres.rows import (
    Connection,
    StoredRun,
    all_deliveries,
    find_run,
    is_alive,
    page,
    slot_samples,
    with_items,
)
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

T = TypeVar("T")


class PostgresReader:
    """Read one run without writing. Queued items are not included.

    Args:
        location: The server.
        run: The name of the run.

    Attributes:
        name: Name that identifies the run, without user and password.
        run: The record of the run. For a run of workers, its number of items includes queued items.

    Raises:
        JournalError: The server cannot be reached or has no such run.
    """

    def __init__(self, location: Location, run: str) -> None:
        self.name: str = location.name(run)
        self._connection = connect(location, self.name)
        try:
            found = self._query(lambda connection: _find(connection, self.name, run))
            if found is None:
                raise journal_error(self.name, "missing", "there is no such run")
            self.run: RunRecord = self._query(lambda connection: with_items(connection, found))
        except BaseException:
            self.close()
            raise
        self._run = found.run

    def __enter__(self) -> PostgresReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect. Can be called twice."""
        self._connection.close()

    def totals(self) -> Totals:
        """Return sums over all items."""
        return self._query(lambda connection: all_totals(connection, self._run))

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
            lambda after: self._query(lambda c: all_deliveries(c, self._run, after, PAGE)),
            (UUID(int=0), ""),
            lambda row: (row[0], row[2].target),
        )
        return ((key, delivery) for _, key, delivery in rows)

    def _records(
        self, states: Collection[State] | None, target: str | None = None
    ) -> Iterator[ItemRecord]:
        return paged(
            lambda after: self._query(lambda c: page(c, self._run, states, after, PAGE, target)),
            -1,
            lambda record: record.position,
        )

    def reviews(self) -> list[Review]:
        """Return the decisions of people, oldest first."""
        return self._query(lambda connection: read(connection, self._run))

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""
        return paged(
            lambda after: self._query(lambda c: slot_samples(c, self._run, after, PAGE)),
            float("-inf"),
            lambda sample: sample.at,
        )

    def alive(self) -> bool:
        """Return whether a living owner holds an item that has not ended."""
        return self._query(lambda connection: is_alive(connection, self._run))

    def _query(self, ask: Callable[..., T]) -> T:
        try:
            return ask(self._connection)
        except psycopg.Error as error:
            raise error_from_postgres(self.name, error) from None


def exists(location: Location, run: str) -> bool:
    """Return whether a run exists on a server. Blocks.

    Raises:
        JournalError: The server cannot be reached.
    """
    name = location.name(run)
    with connect(location, name) as connection:
        try:
            return _find(connection, name, run) is not None
        except psycopg.Error as error:
            raise error_from_postgres(name, error) from None


def _find(connection: Connection, name: str, run: str) -> StoredRun | None:
    return None if version_of(connection, name) is None else find_run(connection, run)
