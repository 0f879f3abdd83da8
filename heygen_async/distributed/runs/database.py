"""Connections of this process to the PostgreSQL of its cluster, and queries over them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from heygen_async.distributed.runs.statements import sql
from heygen_async.distributed.runs.stored_submissions import StoredItem
from heygen_async.errors import JournalError
from heygen_async.journal.postgres.connection import OPTIONS, error_from_postgres, locate
from heygen_async.journal.records import ACCOUNT_ERRORS, REOPENED
from heygen_async.journal.rules import journal_error

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

CHANNEL = "heygen_async"
"""The channel for changes of runs; the message is the number of the run."""

_SCHEMA = "-c search_path=heygen_async"
_CONNECTIONS = 4
_TIMEOUT = 10.0  # seconds to wait for a connection
_LISTEN_AFTER = 1.0  # seconds between two listening connections
AGAIN: list[str] = sorted(ACCOUNT_ERRORS)
"""Errors of items that are resubmitted."""
DOWNLOADED = "worker"
"""The target of a delivery: a worker has downloaded the files of the item."""


class RunRow(NamedTuple):
    """A run as stored in the database.

    Attributes:
        run: Its number.
        name: Its name.
        budget: The number of its budget.
        kind: Kind of run.
        subject: Its subject.
        run_id: Part of its idempotency keys.
        account: The user whose account pays, or None before the first submit has set it.
        max_cost: The cap in US dollars, or None.
        max_jobs: Maximum number of jobs, or None.
        cancelled: Whether nothing more is submitted.
        entered: Whether all its items are known.
        created_at: Time of its creation in Unix seconds.
    """

    run: int
    name: str
    budget: int
    kind: str
    subject: str
    run_id: str
    account: str | None
    max_cost: float | None
    max_jobs: int | None
    cancelled: bool
    entered: bool
    created_at: float


class LeftItems(NamedTuple):
    """Number of a shard's items that have not ended.

    Attributes:
        submitted: Items whose jobs run.
        intended: Items that were begun and may have been sent.
        queued: Items that were not begun, or were refused because of the account.
    """

    submitted: int
    intended: int
    queued: int


class Database:
    """A few connections, opened on demand. All tables are in the schema ``heygen_async``.

    Args:
        dsn: The server, as for ``PostgresJournal``.

    Attributes:
        dsn: The same; it may contain a password.
        name: Host, port and database, for messages.
        pool: The connections.

    Raises:
        ConfigurationError: libpq cannot read the DSN.
    """

    def __init__(self, dsn: str) -> None:
        location = locate(dsn)
        given = conninfo_to_dict(location.dsn)
        options = {name: value for name, value in OPTIONS.items() if name not in given}
        options["options"] = f"{given.get('options') or ''} {_SCHEMA}".strip()
        self.dsn: str = location.dsn
        self.name: str = location.server
        self._conninfo = make_conninfo(location.dsn, **options)
        self.pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            self._conninfo,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_TIMEOUT,
            open=False,
            check=AsyncConnectionPool.check_connection,
        )
        self._beats: AsyncConnection[Any] | None = None
        self._beating = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Database({self.name!r})"

    async def open(self) -> None:
        """Open the connections.

        Raises:
            JournalError: The server cannot be reached.
        """
        with self._errors():
            await self.pool.open(wait=True, timeout=_TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        beats, self._beats = self._beats, None
        if beats is not None:
            await beats.close()
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a connection for one transaction, which is committed at the end of the block.

        Raises:
            JournalError: The server has failed or cannot be reached.
        """
        with self._errors():
            async with self.pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Open a connection for a block; each statement commits by itself.

        Raises:
            JournalError: The server has failed or cannot be reached.
        """
        with self._errors():
            async with await AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                yield connection

    async def all(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Return all rows of a statement of ``statements.sql``.

        Args:
            statement: Its name.
            values: Its parameters.
        """
        async with self.transaction() as connection:
            cursor = await connection.execute(sql(statement), values)
            return await cursor.fetchall() if cursor.description else []

    async def run(self, run: int) -> RunRow:
        """Return a run by its number."""
        (row,) = await self.all("cluster_run", {"run": run, "name": None})
        return RunRow(*row)

    async def run_named(self, name: str) -> RunRow:
        """Return a run by its name.

        Raises:
            JournalError: The run does not exist.
        """
        rows = await self.all("cluster_run", {"run": None, "name": name})
        if not rows:
            raise journal_error(self.name, "missing", f"it holds no run {name!r}")
        return RunRow(*rows[0])

    async def open_items(self, run: int, shard: int, *, downloads: bool) -> list[StoredItem]:
        """Return the items of a shard that have not ended; begun items come first.

        Args:
            run: The number of the run.
            shard: The number of the shard.
            downloads: Also return items that have completed in the last 24 hours and whose
                files were not downloaded.
        """
        target = DOWNLOADED if downloads else None
        values = {"run": run, "shard": shard, "again": AGAIN, "target": target}
        rows = await self.all("open_items", values)
        return [StoredItem(*row) for row in rows]

    async def left_items(self, run: int, shard: int) -> LeftItems:
        """Return the number of a shard's items that have not ended; uncertain items have ended."""
        values = {"run": run, "shard": shard, "again": AGAIN}
        (row,) = await self.all("left_items", values)
        return LeftItems(*row)

    async def reopen_failed(self, row: RunRow) -> None:
        """Let all failed items of a run be submitted again."""
        async with self.transaction() as connection:
            await connection.execute(sql("lock_budget"), {"budget": row.budget})
            values = {"run": row.run, "reopened": REOPENED, "again": AGAIN}
            await connection.execute(sql("reopen_failed"), values)

    async def beat(
        self, worker: str, label: str, running: int, owners: Sequence[str], lease: float
    ) -> None:
        """Keep a worker and all its owners alive, over a dedicated connection.

        Args:
            worker: The worker.
            label: Its host and process.
            running: Number of its jobs in flight.
            owners: The owners of its items.
            lease: Seconds from now after which others can claim their items.
        """
        values = {"worker": worker, "label": label, "running": running}
        with self._errors():
            async with self._beating:
                if self._beats is None or self._beats.broken:
                    self._beats = await AsyncConnection.connect(self._conninfo, autocommit=True)
                owned = {"owners": [worker, *owners], "lease": lease}
                await self._beats.execute(sql("beat"), values | owned)

    async def forget_owners(self, owners: Sequence[str]) -> None:
        """Allow others to claim the items of owners."""
        await self.all("forget_owners", {"owners": list(owners)})

    async def listen(self, changed: Callable[[int], Awaitable[None]]) -> None:
        """Call a coroutine function with the number of each changed run, until cancelled.

        A lost connection is reopened; notifications sent in the meantime are lost.
        """
        while True:
            try:
                async with self.session() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for notification in connection.notifies():
                        if notification.payload.isdecimal():
                            await changed(int(notification.payload))
            except JournalError as error:
                logger.debug("cannot listen for changes of runs: %s", error)
            await asyncio.sleep(_LISTEN_AFTER)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout:
            raise journal_error(self.name, "io_error", "the server cannot be reached") from None
        except psycopg.Error as error:
            raise error_from_postgres(self.name, error) from None
