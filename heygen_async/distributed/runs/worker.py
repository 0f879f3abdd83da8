"""``ClusterWorker``: process shards of runs in this process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

from heygen_async.batch.admission.refusals import pauses_run
from heygen_async.batch.downloads import OutputFiles
from heygen_async.batch.outcome import ItemResult
from heygen_async.client import HeyGen
from heygen_async.distributed.runs.database import DOWNLOADED, Database
from heygen_async.distributed.runs.engine import Engine, HeartbeatTimes, ShardHeld
from heygen_async.distributed.runs.intake import SHARD
from heygen_async.distributed.runs.item_traces import item_trace
from heygen_async.distributed.runs.run_work import RunWork, ShardWork
from heygen_async.distributed.runs.stored_submissions import StoredItem
from heygen_async.errors import (
    AuthenticationError,
    HeyGenError,
    InvalidRequest,
    JournalError,
    NotFound,
    PaymentRequired,
    QuotaExceeded,
)
from heygen_async.journal import Delivery
from heygen_async.journal.heartbeats import OwnerLease
from heygen_async.pricing.prices import PRICES, PriceTable

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

# Failures that would affect all other items too.
_FATAL = (AuthenticationError, PaymentRequired, QuotaExceeded)
# Reasons of journal errors for an item that another worker holds or has finished.
_OTHERS = frozenset({"held", "wrong_state"})
_SAMPLE_EVERY = 1.0
_LOOK_EVERY = 10.0

# Seconds in which the engine stops after it was cancelled.
_ENGINE_STOPS = 2.0


class ClusterWorker:
    """Process the items of shards until stopped.

    At most ``concurrency`` items are open, over all shards. An item that HeyGen refuses or fails
    gets an outcome and does not affect other items. If this process ends for any reason, its
    unfinished items continue in other workers.

    Args:
        database: The database, open.
        engine: The engine, open.
        heygen: The client.
        heartbeats: Times for the detection of dead workers.
        concurrency: Maximum number of open items.
        grace: Seconds to wait for jobs in flight after ``stop``.
        files: Where to download results to, before their shard is finished; None for nowhere.
        prices: Prices of jobs.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        heygen: HeyGen,
        *,
        heartbeats: HeartbeatTimes,
        concurrency: int,
        grace: float,
        files: OutputFiles | None = None,
        prices: PriceTable = PRICES,
    ) -> None:
        self._database = database
        self._engine = engine
        self._heygen = heygen
        self._heartbeats = heartbeats
        self._concurrency = concurrency
        self._grace = grace
        self._files = files
        self._prices = prices
        self._label = f"{socket.gethostname()}:{os.getpid()}"
        self._name = f"{self._label}.{secrets.token_hex(8)}"
        self._numbers = itertools.count(1)
        self._lease = OwnerLease(self._heartbeat, heartbeats.timeout)
        self._owners: set[str] = set()  # one per attempt at a shard; the report knows their form
        self._works: dict[int, RunWork] = {}
        self._opening = asyncio.Lock()
        self._shards: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(concurrency)
        self._items = 0  # unfinished items of its shards
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failure: HeyGenError | None = None

    def stop(self) -> None:
        """Stop starting items; ``run`` returns when jobs in flight have ended, or after the grace.

        Unfinished items are left to other workers.
        """
        self._stopping.set()
        self._room.clear()
        for work in self._works.values():
            work.stop()

    async def run(self) -> None:
        """Work until ``stop`` is called.

        Raises:
            AuthenticationError: HeyGen refuses the key.
            QuotaExceeded: A quota of the account is exhausted.
        """
        await self._lease.renew()
        if self._files is not None:
            await self._files.open()
        self._count(0)
        beside: list[Coroutine[Any, Any, None]] = [
            self._beat_for_ever(),
            self._look_for_ever(),
            self._sample_for_ever(),
            self._database.listen(self._changed),
        ]
        tasks = [asyncio.create_task(one) for one in beside]
        engine = asyncio.create_task(self._engine.work(self._shard, self._room, self._concurrency))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            every = [stopping, engine, *tasks]
            await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            if self._shards:
                await asyncio.wait(self._shards.values(), timeout=self._grace)
        finally:
            # Other workers take over the shards when these are closed and their items are released.
            await _cancel(*self._shards.values())
            for work in [*self._works.values()]:
                with contextlib.suppress(JournalError):
                    await work.aclose()
            await _cancel(stopping, *tasks)
            if self._files is not None:
                await self._files.aclose()
            with contextlib.suppress(JournalError):
                await self._database.forget_owners([self._name])
            while not engine.done():  # procrastinate can lose a cancellation while it starts
                engine.cancel()
                await asyncio.wait([engine], timeout=_ENGINE_STOPS)
        for task in (engine, *tasks):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        if self._failure is not None:
            raise self._failure

    # Shards.

    async def _shard(self, run: int, shard: int) -> None:
        """Work on a shard, or join work on it that is already in progress here."""
        task = self._shards.get((run, shard))
        if task is None:
            task = asyncio.create_task(self._work_on(run, shard))
            self._shards[run, shard] = task
            task.add_done_callback(lambda _: self._shard_ended(run, shard))
        await asyncio.shield(task)

    def _shard_ended(self, run: int, shard: int) -> None:
        task = self._shards.pop((run, shard))
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log it

    async def _work_on(self, run: int, shard: int) -> None:
        self._count(SHARD)  # until the number of items is known
        try:
            work = await self._open(run)
        except BaseException:
            self._count(-SHARD)
            raise
        work.users += 1
        try:
            try:
                downloads = self._files is not None
                items = await self._database.open_items(run, shard, downloads=downloads)
            finally:
                self._count(-SHARD)
            owner = f"{self._name}.{next(self._numbers)}"
            self._owners.add(owner)
            try:
                await self._lease.renew()
                with ShardWork(work, owner, self._lease) as shard_work:
                    await self._process(work, shard_work, items)
            finally:
                self._owners.discard(owner)
                with contextlib.suppress(JournalError):
                    await self._database.forget_owners([owner])
            await self._leave(work, shard, lacks_files=shard_work.lacks_files)
        finally:
            work.users -= 1

    async def _process(self, work: RunWork, shard: ShardWork, items: Sequence[StoredItem]) -> None:
        """Process items.

        Raises:
            JournalError: The journal has failed; the run is reopened for the next shard.
        """
        self._count(len(items))
        left = len(items)

        def ended(task: asyncio.Task[None]) -> None:  # also called for a task that never ran
            self._places.release()
            self._count(-1)

        try:
            async with asyncio.TaskGroup() as group:
                for item in items:
                    await self._places.acquire()
                    left -= 1
                    group.create_task(self._item(work, shard, item)).add_done_callback(ended)
        except* JournalError:
            if self._works.get(work.row.run) is work:
                del self._works[work.row.run]
            with contextlib.suppress(JournalError):
                await work.aclose()
            raise
        finally:
            self._count(-left)

    async def _item(self, work: RunWork, shard: ShardWork, item: StoredItem) -> None:
        try:
            with item_trace(work.row.run_id, item.key, item.trace):
                result = await shard.process(item)
                if result is not None and not await self._ended(work, item, result):
                    shard.lacks_files = True
        except JournalError as error:
            if error.reason not in _OTHERS:
                raise

    async def _ended(self, work: RunWork, item: StoredItem, result: ItemResult[Any]) -> bool:
        """Act on the end of an item; return False if its files are still to be downloaded."""
        error = result.error
        if isinstance(error, _FATAL) and not pauses_run(error):
            self._failure = self._failure or error
            self.stop()
        elif error is not None:
            logger.info("run %r, item %s: %s", work.row.name, item.key, error)
        if self._files is not None and result.result is not None:
            return await self._download(self._files, work, item, result)
        return True

    async def _download(
        self, files: OutputFiles, work: RunWork, item: StoredItem, result: ItemResult[Any]
    ) -> bool:
        """Download the files of an item, and record that.

        If this process ends before, another one downloads them, since the shard is not finished.

        Returns:
            False if this failed and can be tried again.
        """
        saved = await files.saved(result.outcome(item.position, None, 0.0))
        error = saved.download_error
        if error is not None:
            logger.warning("run %r, item %s: not downloaded: %s", work.row.name, item.key, error)
        delivery = Delivery(DOWNLOADED, saved.file, error=None if error is None else str(error))
        await work.store.delivered(item.key, [delivery])
        return error is None or isinstance(error, NotFound | InvalidRequest)

    async def _leave(self, work: RunWork, shard: int, *, lacks_files: bool) -> None:
        """Return if the shard is done, or if no more of its items are to be sent.

        Args:
            work: The run.
            shard: The number of the shard.
            lacks_files: Whether files are still to be downloaded, here or by another worker.

        Raises:
            ShardHeld: The shard has to be processed again.
        """
        left = await self._database.left_items(work.row.run, shard)
        sends = not work.row.cancelled
        queues = sends and work.over_budget is None
        if left.submitted or (left.intended and sends) or (left.queued and queues):
            raise ShardHeld(0.0 if self._stopping.is_set() else self._heartbeats.every)
        if lacks_files:
            raise ShardHeld(self._heartbeats.timeout)

    def _count(self, items: int) -> None:
        """Count added or finished items; the engine assigns shards while there is room."""
        self._items += items
        if self._items < self._concurrency and not self._stopping.is_set():
            self._room.set()
        else:
            self._room.clear()

    # Runs.

    async def _open(self, run: int) -> RunWork:
        async with self._opening:
            work = self._works.get(run)
            if work is None:
                row = await self._database.run(run)
                work = RunWork(row, self._heygen, self._database, self._prices)
                await work.open()
                if self._stopping.is_set():
                    work.stop()
                self._works[run] = work
            return work

    async def _changed(self, run: int) -> None:
        """Check a run that was changed: it was cancelled, or its cap was changed."""
        work = self._works.get(run)
        if work is None:
            return
        work.row = await self._database.run(run)
        work.over_budget = None
        if work.row.cancelled:
            work.stop()

    # Beside the shards.

    async def _heartbeat(self, seconds: float) -> None:
        """Renew the lease of all owners of this process, unless it may have ended.

        Raises:
            JournalError: The store cannot be reached.
        """
        if self._owners and self._lease.expired:
            logger.warning("the lease of this worker has ended: its items are left to others")
            self._owners = set()
            for shard in [shard for work in self._works.values() for shard in work.shards]:
                shard.submitter.stop()
            for task in self._shards.values():  # the engine assigns them again, here or elsewhere
                task.cancel()
        running = sum(len(work.running) for work in self._works.values())
        await self._database.beat(self._name, self._label, running, [*self._owners], seconds)

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeats.every)
            try:
                await self._lease.renew()
            except JournalError as error:
                logger.warning("the heartbeat of this worker failed: %s", error)

    async def _look_for_ever(self) -> None:
        """Check all runs periodically, since a notification may have been missed.

        Runs that no task has used since the last check are closed.
        """
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with contextlib.suppress(JournalError):
                for run, work in [*self._works.items()]:
                    if work.users:
                        work.idle = False
                        await self._changed(run)
                    elif work.idle:
                        del self._works[run]
                        await work.aclose()
                    else:
                        work.idle = True

    async def _sample_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SAMPLE_EVERY)
            for work in self._works.values():
                if work.shards:
                    with contextlib.suppress(JournalError):
                        work.sample()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
