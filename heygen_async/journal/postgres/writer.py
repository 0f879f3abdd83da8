"""``PostgresJournal``: a run in PostgreSQL that many processes and machines can process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from heygen_async.errors import ConfigurationError
from heygen_async.journal.group_commit import GroupCommit
from heygen_async.journal.keys import check_run_id
from heygen_async.journal.memory import Completed
from heygen_async.journal.postgres.connection import locate
from heygen_async.journal.postgres.database import (
    FINISHED_WIDTH,
    SUBMITTED_WIDTH,
    PostgresDatabase,
)
from heygen_async.journal.postgres.input_rows import read_rows, write_rows
from heygen_async.journal.postgres.reader import PostgresReader, exists
from heygen_async.journal.postgres.reviews import all_totals, write
from heygen_async.journal.postgres.rows import (
    deliveries,
    key_digest,
    members,
    page,
    storable,
)
from heygen_async.journal.records import (
    Delivery,
    Finish,
    Intent,
    ItemRecord,
    Review,
    State,
    Totals,
)
from heygen_async.journal.rules import journal_error
from heygen_async.journal.store import BeginResult, Opened, RunSpec
from heygen_async.journal.transaction import BeginCall, Written
from heygen_async.session.tasks import in_thread

_PAGE = 1000


class PostgresJournal:
    """Store a run in a database, in the schema ``heygen_async``, which is created if it is missing.

    Any number of processes can open the run at the same time. Each keeps its owner alive with
    heartbeats; if the process dies, others can claim its items after its lease has ended. Closing
    the journal ends the leases that were renewed through it.

    A journal holds one connection while it is open. If the connection is lost, all calls raise, as
    for a file on a full disk; opening the journal again opens a new connection.

    Args:
        dsn: ``postgresql://user:password@host:5432/database?run=launch``, with parameters of libpq
            such as ``sslmode=verify-full``; or libpq's ``key=value`` form. The password can be in
            ``PGPASSWORD`` or ``~/.pgpass`` instead.
        run: The name of the run. Default: the one in the URL.
        family: The run whose budget this run shares; used when the run is first opened. Default:
            its own budget.
        heartbeat_every: Seconds between two heartbeats of an owner, which counts as dead after
            three missed heartbeats.
        clock: Returns Unix seconds. Default: the clock of the server, so the clocks of the machines
            need not agree.

    Attributes:
        name: Server, database and run, without user and password.
        run: The name of the run.
        path: None.
        heartbeat_every: Seconds between two heartbeats of an owner.
        shared: True.

    Raises:
        ConfigurationError: libpq cannot read the DSN, or no run is named.
    """

    path: Path | None = None
    shared: bool = True

    def __init__(
        self,
        dsn: str,
        run: str | None = None,
        *,
        family: str | None = None,
        heartbeat_every: float = 10.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._location = locate(dsn)
        name = run or self._location.run
        if not name or "\0" in name:
            raise ConfigurationError(
                "journal: a run in PostgreSQL needs a name: add ?run=NAME to the URL"
            )
        self._dsn = dsn
        self.run: str = name
        self._family = family or name
        self.name: str = self._location.name(name)
        self.heartbeat_every: float | None = heartbeat_every
        self._clock = clock
        self._settings = self._family, heartbeat_every, clock
        self._writer: GroupCommit | None = None

    def __repr__(self) -> str:
        return f"PostgresJournal({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _closed_journal, (self._dsn, self.run, *self._settings)

    @property
    def commits(self) -> int:
        """Number of transactions since the journal was opened; each writes the whole queue."""
        return 0 if self._writer is None else self._writer.commits

    def beside(self, name: str) -> PostgresJournal:
        """Return the journal of another run, ``RUN.NAME``; both share one budget."""
        return _closed_journal(self._dsn, f"{self.run}.{name}", *self._settings)

    def write_rows(self, lines: Iterable[bytes]) -> None:
        """Store the rows that the run is made of, replacing those of an earlier start. Blocks.

        Args:
            lines: The rows, each as one line of JSON.

        Raises:
            JournalError: The server cannot be reached, or refuses the request.
        """
        write_rows(self._location, self.run, lines)

    def read_rows(self) -> Iterator[bytes]:
        """Iterate over the rows that ``write_rows`` has stored. Blocks.

        Raises:
            JournalError: The server cannot be reached, or refuses the request.
        """
        return read_rows(self._location, self.run)

    def exists(self) -> bool:
        """Return whether the run was ever opened. Blocks."""
        return exists(self._location, self.run)

    def reader(self) -> PostgresReader:
        """Return a reader. Blocks."""
        return PostgresReader(self._location, self.run)

    def review(self, reviews: Sequence[Review]) -> None:
        """Record decisions of people. Blocks."""
        write(self._location, self.run, reviews, self._clock)

    async def open(self, spec: RunSpec) -> Opened:
        """Connect and open the run; create it if it does not exist."""
        if spec.run_id is not None:
            check_run_id(spec.run_id)
        database = PostgresDatabase(self._location, self.run, self._family, spec, self._clock)
        try:
            await in_thread(database.open)
        except asyncio.CancelledError:
            await in_thread(database.close)
            raise
        # Only samples of the slots use the clock of this process.
        clock = self._clock or time.time
        self._writer = GroupCommit(database, clock, asyncio.get_running_loop())
        return database.opened

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        """Claim items, and record the intents of new items, in one transaction."""
        for intent in intents:
            key_digest(intent.key)  # raises for a key that cannot be stored
        writer = self._writer or self._not_open()
        waiter: asyncio.Future[list[BeginResult]] = writer.loop.create_future()
        writer.queue().begins.append(BeginCall(intents, owner, room, waiter))
        return waiter

    def confirm(self, keys: Sequence[str], owner: str) -> Awaitable[list[BeginResult]]:
        """Return whether an owner may still submit items that it has claimed."""
        return self._do(PostgresDatabase.confirm, keys, owner)

    def submitted(self, key: str, job_id: str) -> Awaitable[None]:
        """Record an item's job."""
        transaction = (self._writer or self._not_open()).queue()
        transaction.submitted += key_digest(key), key, storable(job_id)
        return Written(transaction, "submitted", len(transaction.submitted) // SUBMITTED_WIDTH)

    def finish(self, outcome: Finish) -> Awaitable[None]:
        """Record an item's outcome and settle its money."""
        result = outcome.result
        encoded = None if result is None else msgspec.json.encode(result).decode()
        transaction = (self._writer or self._not_open()).queue()
        transaction.finished += key_digest(outcome.key), outcome, encoded
        return Written(transaction, "finished", len(transaction.finished) // FINISHED_WIDTH)

    def mark_uncertain(self, key: str) -> Awaitable[None]:
        """Record that it is unknown whether an intended item was accepted."""
        return self._do(PostgresDatabase.mark_uncertain, key)

    def count_resend(self, key: str) -> Awaitable[None]:
        """Record that an item is sent again although an earlier attempt may have been paid."""
        return self._do(PostgresDatabase.count_resend, key)

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> Awaitable[None]:
        """Record deliveries of an item's outcome, and those that failed."""
        return self._do(PostgresDatabase.delivered, key, deliveries)

    def deliveries(self, key: str) -> Awaitable[list[Delivery]]:
        """Return the deliveries of an item's latest attempt, in the order of their targets."""
        return self._do(PostgresDatabase.read, deliveries, key)

    def members(self, idempotency_key: str) -> Awaitable[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions."""
        return self._do(PostgresDatabase.read, members, idempotency_key)

    def matching(self, fingerprint: str) -> Awaitable[list[ItemRecord]]:
        """Return nothing: PostgreSQL holds no records of schema 1."""
        return Completed([])

    async def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items after a position, in the order of positions."""
        while True:
            found: list[ItemRecord] = await self._do(
                PostgresDatabase.read, page, states, after, _PAGE
            )
            for record in found:
                yield record
            if len(found) < _PAGE:
                return
            after = found[-1].position

    def totals(self) -> Awaitable[Totals]:
        """Return sums over all items. Reads all of them."""
        return self._do(PostgresDatabase.read, all_totals)

    def scout(self, source: str, owner: str) -> Awaitable[float | bool]:
        """Claim the first job of a source whose length is unknown."""
        return self._do(PostgresDatabase.scout, source, owner)

    def end_scout(self, source: str, owner: str, seconds: float | None) -> Awaitable[None]:
        """Store the length of a source, and end the claim of its owner."""
        return self._do(PostgresDatabase.end_scout, source, owner, seconds)

    def sample_slots(self, running: int, limit: int | None) -> None:
        """Store the number of running jobs and the limit; one sample per second is kept."""
        (self._writer or self._not_open()).sample(running, limit)

    def heartbeat(self, owner: str, lease: float) -> Awaitable[None]:
        """Keep an owner alive."""
        return self._do(PostgresDatabase.heartbeat, owner, lease)

    def cancel(self, cancelled: bool = True) -> Awaitable[None]:
        """Stop all processes from beginning new items, or allow it again.

        Items in progress continue to their end. Listening processes are notified immediately.
        """
        return self._do(PostgresDatabase.cancel, cancelled)

    async def aclose(self) -> None:
        """Write the queue, end the leases, and disconnect."""
        if self._writer is not None:
            await self._writer.aclose()

    def _do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return (self._writer or self._not_open()).do(function, *arguments)

    def _not_open(self) -> NoReturn:
        raise journal_error(self.name, "closed", "it is not open")


def _closed_journal(
    dsn: str, run: str, family: str, every: float, clock: Callable[[], float] | None
) -> PostgresJournal:
    return PostgresJournal(dsn, run, family=family, heartbeat_every=every, clock=clock)
