"""Open resources of a worker for one run: its journal, and the processor of its items."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Collection
from typing import Any

from msgspec.structs import replace

from heygen_async.batch.account_search import AccountSearch
from heygen_async.batch.admission.pauses import CreditPause
from heygen_async.batch.item import ItemProcessor
from heygen_async.batch.operations import Submission
from heygen_async.batch.outcome import ItemResult
from heygen_async.batch.resume import ResumePolicy
from heygen_async.batch.submitter import ItemInProgress, SingleSubmitter, SubmissionCancelled
from heygen_async.client import HeyGen
from heygen_async.distributed.runs.database import Database, RunRow
from heygen_async.distributed.runs.stored_submissions import StoredItem
from heygen_async.errors import BudgetExceeded, JournalError
from heygen_async.journal import Opened, RunSpec
from heygen_async.journal.heartbeats import OwnerLease
from heygen_async.journal.keys import StableKeys
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.charges import length_told
from heygen_async.pricing.estimates import Estimate, RunEstimate
from heygen_async.pricing.estimates import estimate as estimate_cost
from heygen_async.pricing.prices import PriceTable
from heygen_async.pricing.scouts import JobSource, job_source
from heygen_async.session.limits.free_slots import FreeSlots
from heygen_async.session.slots import Priority, SlotLease

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

_BEGUN = ("intended", "submitted")  # states of items that may have a job
_ASK_AGAIN = 1.0  # seconds between two questions for the length that another worker determines


class RunWork:
    """One open run.

    Args:
        row: The run.
        heygen: The client.
        database: The database.
        prices: Prices of jobs.

    Attributes:
        row: The same.
        stopped: Whether sending has stopped.
        over_budget: The error if the budget has no room for another item, or None.
        running: Keys of its items whose jobs run.
        shards: Its shards in progress.
        scouting: Held, by source of unknown length, by an item of this process whose job goes
            first, or that waits for the first job of another process.
        users: Number of tasks that use it.
        idle: Whether no task used it at the last check.
    """

    def __init__(self, row: RunRow, heygen: HeyGen, database: Database, prices: PriceTable) -> None:
        self.row: RunRow = row
        self.stopped: bool = row.cancelled
        self.over_budget: BudgetExceeded | None = None
        self.running: set[str] = set()
        self.shards: set[ShardWork] = set()
        self.scouting: dict[str, asyncio.Lock] = {}
        self.users: int = 0
        self.idle: bool = False
        self.heygen: HeyGen = heygen
        self.keys: StableKeys = StableKeys(row.run_id)
        self.prices: PriceTable = prices
        self.store: PostgresJournal = PostgresJournal(database.dsn, run=row.name)
        # The journal decides on spending, over all workers.
        self.budget: AsyncBudget = AsyncBudget()
        self.credit: CreditPause = CreditPause(heygen, self.budget, _nobody_knows)
        self.search: AccountSearch = AccountSearch(heygen, self.store)
        self.opened: Opened

    async def open(self) -> None:
        """Open the journal.

        Raises:
            JournalError: The journal cannot be opened.
        """
        spec = RunSpec(kind=self.row.kind, subject=self.row.subject)
        self.opened = await self.store.open(spec)

    def stop(self) -> None:
        """Stop sending; running jobs are awaited."""
        self.stopped = True
        self.credit.stop()
        for shard in self.shards:
            shard.submitter.stop()

    def sample(self) -> None:
        """Store the number of running jobs and the limit."""
        self.store.sample_slots(len(self.running), self.heygen.slots.stats().limit)

    async def aclose(self) -> None:
        """Write the queue, and close the journal.

        Raises:
            JournalError: The queue could not be written.
        """
        self.stop()
        await self.store.aclose()


class ShardWork:
    """Process the items of a shard. Context manager.

    Args:
        work: The run.
        owner: The owner that claims the items; a separate owner for each attempt at a shard.
        lease: The lease of the owner.

    Attributes:
        submitter: Sends the items.
        lacks_files: Whether files could not be downloaded.
    """

    def __init__(self, work: RunWork, owner: str, lease: OwnerLease) -> None:
        heygen, store, keys = work.heygen, work.store, work.keys
        self.submitter: SingleSubmitter = SingleSubmitter(heygen, store, keys, owner, lease)
        self.lacks_files: bool = False
        self._work = work
        self._owner = owner
        self._estimates: dict[str, Estimate] = {}
        self._processor: ItemProcessor[Any] = ItemProcessor(
            store=store,
            opened=work.opened,
            keys=keys,
            owner=owner,
            submitter=self.submitter,
            find_job=work.search,
            heygen=heygen,
            slots=heygen.slots,
            may_submit=lambda: not self.submitter.stopped.is_set(),
            budget=work.budget,
            estimate=self._estimate,
            prices=work.prices,
            policy=ResumePolicy(),
            job_timeout=None,
            recorded=True,
            claims_first=True,
            accepted=self._accepted,
            resent=lambda item: None,  # the journal counts them
            credit=work.credit,
        )

    def __enter__(self) -> ShardWork:
        self._work.shards.add(self)
        if self._work.stopped:
            self.submitter.stop()
        return self

    def __exit__(self, *exception: object) -> None:
        self._work.shards.discard(self)

    def sends(self, item: StoredItem) -> bool:
        """Return whether to process an item: its job has ended or runs, or it may be sent."""
        if item.state in ("submitted", "completed"):
            return True
        if self.submitter.stopped.is_set():
            return False
        return item.state == "intended" or self._work.over_budget is None

    async def process(self, item: StoredItem) -> ItemResult[Any] | None:
        """Process an item.

        Returns:
            Its durable result; None if it was not sent because submissions have stopped or the
            budget has no room.

        Raises:
            JournalError: The journal has failed, or another worker holds the item; the reason is
                then ``held``.
        """
        if not self.sends(item):
            return None
        submission, estimate = item.restore()
        source: JobSource | None = None
        capped = self._work.row.max_cost is not None and item.state != "completed"
        if capped and submission.seconds is None:
            source = job_source(submission.operation, submission.payload)
        if source is None:
            return await self._process(item, submission, estimate)
        seconds: float | bool = False
        if item.state not in _BEGUN:
            scouting = self._work.scouting.setdefault(source.name, asyncio.Lock())
            async with scouting:
                seconds = await self._scout(item, source)
                if seconds is True:
                    return await self._learn(source, self._process(item, submission, estimate))
            self._work.scouting.pop(source.name, None)
            if seconds is False:
                return None
            submission = replace(submission, seconds=seconds, scouted=True)
            estimate = estimate_cost(
                submission.request, self._work.prices, seconds=seconds, scouted=True
            )
        return await self._learn(source, self._process(item, submission, estimate))

    async def _scout(self, item: StoredItem, source: JobSource) -> float | bool:
        """Return the length of a source, True if the item goes first, or False if it stays."""
        store = self._work.store
        while self.sends(item):
            claimed = await store.scout(source.name, self._owner)
            if claimed is not False:
                return claimed
            await self.submitter.stopped.unless_set(asyncio.sleep(_ASK_AGAIN))
        return False

    async def _learn(
        self, source: JobSource, job: Awaitable[ItemResult[Any] | None]
    ) -> ItemResult[Any] | None:
        """Await a job of a source, and store the length of its output for the other jobs."""
        seconds: float | None = None
        try:
            result = await job
            if result is not None and (told := length_told(result.result)):
                seconds = told + source.skipped
        finally:
            with contextlib.suppress(JournalError):  # those that write an outcome get it, too
                await self._work.store.end_scout(source.name, self._owner, seconds)
        return result

    async def _process(
        self, item: StoredItem, submission: Submission[Any], estimate: Estimate
    ) -> ItemResult[Any] | None:
        lease = await self._lease(item)
        if lease is None:
            return None
        self._estimates[item.key] = estimate
        try:
            result = await self._processor.process(submission, lease)
            if result.durable is not None:
                await result.durable
        except BudgetExceeded as exceeded:
            self._work.over_budget = exceeded
            return None
        except SubmissionCancelled:
            return None
        finally:
            self._work.running.discard(item.key)
            self._estimates.pop(item.key, None)
        return result

    async def _lease(self, item: StoredItem) -> SlotLease | None:
        """Take a slot for an item; return None if submissions have stopped before its turn."""
        if item.state == "completed":
            return FreeSlots(1).try_acquire()
        # Items that earlier workers have begun use the slots that those workers have left.
        priority: Priority = "interactive" if item.state in _BEGUN else "bulk"
        slot = self._work.heygen.slots.acquire(priority)
        if item.state == "submitted":
            return await slot
        return await self.submitter.stopped.unless_set(slot)

    def _estimate(self, submission: Submission[Any]) -> Estimate:
        return self._estimates[submission.key or ""]

    def _accepted(self, item: ItemInProgress[Any], job_id: str) -> None:
        self._work.running.add(item.identity.key)
        if self._work.credit.paused:
            self._work.credit.over()


async def _nobody_knows(positions: Collection[int]) -> RunEstimate | None:
    """Return None: the remaining cost is spread over many workers."""
    return None
