"""The engine: procrastinate assigns shards to workers, and reassigns those of dead workers.

A task is one shard; its arguments are the run and the number of the shard. If the worker of a task
died, was shut down, or could not reach the store, the engine runs the task again, without limit.
Outcomes of items are in the journal and are never errors of a task.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.distributed.runs.database import Database
from heygen_async.distributed.runs.statements import sql
from heygen_async.errors import JournalError
from heygen_async.journal.rules import journal_error
from heygen_async.session.tasks import Stop, in_thread

try:
    import procrastinate
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import Job
    from procrastinate.manager import JobManager
    from procrastinate.retry import BaseRetryStrategy, RetryDecision
    from procrastinate.schema import SchemaManager
    from psycopg import AsyncConnection
    from psycopg_pool import PoolTimeout
except ImportError as _error:
    raise ImportError(
        "runs on many machines need procrastinate: pip install procrastinate psycopg-pool (the "
        "extra cluster)"
    ) from _error

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

TASK = "heygen_async.shard"
ENGINE_ERRORS: tuple[type[Exception], ...] = (
    ConnectorException,
    JournalError,
    PoolTimeout,
    OSError,
)
"""Errors of an unreachable server."""

# Seconds for which the engine waits for room before it checks whether to end.
_LOOK = 1.0
_LONGEST_DELAY = 30.0
# Number of heartbeat timeouts without a check for dead workers, after which an alarm is raised.
_SWEEPS_LATE = 3.0


class ShardHeld(Exception):
    """The shard has to be processed again.

    Items are claimed by another worker, or files could not be downloaded.

    Args:
        seconds: Seconds until then.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the shard is processed again in {seconds:.1f} s")
        self.seconds = seconds


class HeartbeatTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Times for the detection of dead workers.

    Attributes:
        every: Seconds between two heartbeats of a worker.
        timeout: Seconds without a heartbeat after which a worker counts as dead and its shards go
            to others.
    """

    every: float = 10.0
    timeout: float = 30.0


class Engine:
    """Insert tasks, and run those of one account in this process.

    Args:
        database: The database, open.
        queue: The queue of the account.
        heartbeats: Times for the detection of dead workers.
    """

    def __init__(self, database: Database, queue: str, heartbeats: HeartbeatTimes) -> None:
        self._database = database
        self._queue = queue
        self._heartbeats = heartbeats
        self._connector = procrastinate.PsycopgConnector()
        self._app = procrastinate.App(connector=self._connector)
        self._app.job_manager = self._manager = _ShardManager(self._connector)

    async def open(self) -> None:
        """Use the pool of the database."""
        await self._app.open_async(self._database.pool)

    async def defer(self, connection: AsyncConnection[Any], run: int, shard: int) -> None:
        """Insert a task of a shard, in the transaction of a connection.

        The tasks of a shard run one after the other.
        """
        task = self._app.configure_task(
            TASK, queue=self._queue, lock=f"{run}.{shard}", connection=connection
        )
        await task.defer_async(run=run, shard=shard)

    async def work(
        self,
        shard: Callable[[int, int], Awaitable[None]],
        room: asyncio.Event,
        concurrency: int,
    ) -> None:
        """Run the tasks of the account until the coroutine is cancelled.

        If its heartbeat or its listener fails, or it cannot store the state of a shard, the engine
        stops and is started again.

        Args:
            shard: Processes a shard, given run and number. It is cancelled when the engine stops,
                and called again later, possibly in another process.
            room: Set while this process has room for another shard.
            concurrency: Maximum number of shards at a time.
        """
        self._manager.room = room
        self._app.task(name=TASK, queue=self._queue, retry=_Always(self._heartbeats.every))(shard)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_for_ever())
            delay = 1.0
            while True:
                began = asyncio.get_running_loop().time()
                self._manager.unstored = Stop()
                worker = self._app.run_worker_async(
                    queues=[self._queue],
                    concurrency=concurrency,
                    fetch_job_polling_interval=min(5.0, self._heartbeats.every),
                    shutdown_graceful_timeout=0.0,  # work in progress continues by itself
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._heartbeats.every,
                    stalled_worker_timeout=self._heartbeats.timeout,
                )
                try:
                    await self._manager.unstored.unless_set(worker)
                    logger.warning("the engine has stopped, and is started again")
                except Exception as error:
                    logger.warning("the engine has stopped, and is started again: %s", error)
                if asyncio.get_running_loop().time() - began > _LONGEST_DELAY:
                    delay = 1.0
                await asyncio.sleep(delay)
                delay = min(_LONGEST_DELAY, delay * 2)

    async def sweep(self) -> int:
        """Reassign the shards of dead workers, unless another worker is doing this.

        Returns:
            Number of reassigned shards.
        """
        count = 0
        timeout = self._heartbeats.timeout
        async with self._database.transaction() as connection:
            (row,) = await (await connection.execute(sql("lock_sweep"))).fetchall()
            locked, age = row
            if not locked:
                if age > _SWEEPS_LATE * timeout:
                    logger.error(
                        "no worker has checked for dead workers for %.0f s; their shards wait", age
                    )
                return 0
            manager = self._manager
            stalled = await manager.get_stalled_jobs(
                task_name=TASK, seconds_since_heartbeat=timeout
            )
            for job in stalled:
                await manager.retry_job(job)
                count += 1
            await connection.execute(sql("swept"))
        if count:
            logger.warning("%d shards of workers without a heartbeat go to others", count)
        return count

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeats.every)
            try:
                await self.sweep()
            except ENGINE_ERRORS as error:
                logger.warning("the check for dead workers failed: %s", error)


async def create_tables(database: Database) -> None:
    """Create the tables of the engine, or migrate those of an older version of procrastinate.

    Each step is a transaction under a lock, so any number of processes can start at once.

    Args:
        database: The database, open.

    Raises:
        JournalError: The server refuses this or cannot be reached, or a newer version of
            procrastinate made the tables; ``reason`` is then ``newer``.
    """
    schema, migrations = await in_thread(_schema)
    latest = max(migrations)
    present: str | None = None
    while present != latest:
        async with database.transaction() as connection:
            await connection.execute(sql("lock_engine"))
            found = await connection.execute(sql("has_engine"))
            if await found.fetchone() == (False,):
                step, present = schema, latest
                await connection.execute(sql("create_sweeps"))
            else:
                ((present,),) = await (await connection.execute(sql("engine_migration"))).fetchall()
                if present == latest:
                    return
                if present > latest:
                    raise journal_error(
                        database.name,
                        "newer",
                        f"a newer version of procrastinate made the tables of its engine "
                        f"({present}); upgrade procrastinate to use them",
                    )
                present = min(name for name in migrations if name > present)
                step = migrations[present]
            await connection.execute(step)
            await connection.execute(sql("migrated_engine"), {"migration": present})


def _schema() -> tuple[bytes, dict[str, bytes]]:
    """Return the statements that create the tables, and those of the migrations. Blocks."""
    folder = Path(SchemaManager.get_migrations_path())
    migrations = {path.name: path.read_bytes() for path in folder.glob("*.sql")}
    return SchemaManager.get_schema().encode(), migrations


class _ShardManager(JobManager):
    """Fetch shards while this process has room for one.

    Attributes:
        room: Set while there is room.
        unstored: Set if the state of a shard could not be stored. Its task then belongs to this
            worker of procrastinate, and is swept only after that worker has ended.
    """

    def __init__(self, connector: Any) -> None:
        super().__init__(connector)
        self.room: asyncio.Event = asyncio.Event()
        self.unstored: Stop = Stop()

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:
        """End the task of a shard."""
        with self._noted():
            await super().finish_job(*args, **kwargs)

    async def retry_job(self, *args: Any, **kwargs: Any) -> None:
        """Have a shard processed again."""
        with self._noted():
            await super().retry_job(*args, **kwargs)

    async def fetch_job(self, *args: Any, **kwargs: Any) -> Job | None:
        """Return a shard, if there is room for one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await self.room.wait()
        return await super().fetch_job(*args, **kwargs) if self.room.is_set() else None

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except ENGINE_ERRORS as error:
            logger.debug("the state of a shard was not stored: %s", error.__cause__ or error)
            self.unstored.set()


class _Always(BaseRetryStrategy):
    """Retry every task that did not end by itself, without limit.

    Args:
        after: Seconds until a failed task is run again.
    """

    def __init__(self, after: float) -> None:
        self._after = after

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Return when to run a task again."""
        seconds = self._after
        if isinstance(exception, ShardHeld):
            seconds = exception.seconds
        elif isinstance(exception, asyncio.CancelledError):
            seconds = 0.0
        return RetryDecision(retry_in={"milliseconds": int(1000 * seconds)})
