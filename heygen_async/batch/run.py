"""``Run``: one bulk run, iterated for its outcomes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from heygen_async.batch.account_search import AccountSearch
from heygen_async.batch.admission.pauses import CreditPause, PauseWatch
from heygen_async.batch.admission.remaining import RemainingItems
from heygen_async.batch.admission.scouting import ItemDeferred, Scouting
from heygen_async.batch.admission.settings import RunSettings
from heygen_async.batch.admission.stops import Stops
from heygen_async.batch.item import ItemProcessor
from heygen_async.batch.operations import OPERATIONS, Submission
from heygen_async.batch.outcome import Durable, Ended, ItemResult, Report, RunStats
from heygen_async.batch.resume import remaining_work
from heygen_async.batch.server_batches import ServerBatchSubmitter
from heygen_async.batch.submissions import (
    Manifest,
    SubmissionBuilder,
    check_and_probe,
    estimate_items,
    estimate_run,
)
from heygen_async.batch.submitter import (
    ItemInProgress,
    SingleSubmitter,
    SubmissionCancelled,
    Submitter,
)
from heygen_async.batch.worker_pool import Source, WorkerPool
from heygen_async.client import HeyGen
from heygen_async.errors import (
    APIError,
    BudgetExceeded,
    HeyGenError,
    InsufficientBalance,
    JobFailed,
    JournalError,
    SlotsUnavailable,
)
from heygen_async.journal import JournalStore, Opened, RunSpec
from heygen_async.journal.heartbeats import Heartbeats
from heygen_async.journal.keys import FreshKeys, ItemKeys, StableKeys
from heygen_async.journal.store import SAMPLE_EVERY
from heygen_async.media.source_lengths import SourceLengths
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.pricing.wallet import Wallet
from heygen_async.session.limits.free_slots import FreeSlots
from heygen_async.session.slots import SlotLease, SlotPool
from heygen_async.session.tasks import clock_of

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.batch")


class Run(Generic[T]):
    """One bulk run: ``async for outcome in run``, then ``run.report``.

    Nothing happens before the iteration begins, and a run can be iterated only once. Leaving the
    loop early ends the run: it submits nothing more and stops waiting. Running jobs continue at
    HeyGen; ``unfinished`` lists them. ``await run.aclose()`` returns when everything is closed.
    With a journal, the same run started again waits for these jobs.

    Attributes:
        heygen: The client.
        manifest: Its items and the builder of its submissions.
        settings: Its settings.
        store: Its journal.
        run_id: Part of its idempotency keys; empty before it has begun.
        targets: Targets that its outcomes are delivered to, and their kinds, for its journal.
    """

    def __init__(
        self,
        heygen: HeyGen,
        items: Any,
        builder: SubmissionBuilder[T],
        store: JournalStore,
        budget: AsyncBudget,
        settings: RunSettings,
        key: Callable[[Any], str] | None,
        lengths: SourceLengths,
        registry: set[Run[Any]],
        positions: Sequence[int] | None = None,
    ) -> None:
        self.manifest: Manifest = Manifest(items, builder, key, lengths)
        self.run_id: str = ""
        self.targets: dict[str, str] = {}
        self._registry = registry
        self.heygen: HeyGen = heygen
        self._items = items
        self._builder = builder
        self.store: JournalStore = store
        self._budget = budget
        self.settings: RunSettings = settings
        self._key = key
        self._lengths = lengths
        self._slots: SlotPool = FreeSlots(settings.workers) if settings.sizes else heygen.slots
        self._positions = positions
        self._has_sources = builder.has_sources
        self._scouting: Scouting | None = None
        if budget.max_cost is not None and builder.has_sources and positions is None:
            self._scouting = Scouting(items, builder.pull, self._slots, ordered=settings.ordered)
        source = None if self._scouting is None else self._scouting.source
        self._source: Source[Any] = source or Source(items, builder.pull)
        self._stats = RunStats(self._slots, heygen, settings.workers, settings.progress)
        self._pool: WorkerPool[Any, tuple[Ended[T], Durable] | None] = WorkerPool(
            self._source,
            self._work,
            slots=self._slots,
            workers=settings.workers,
            ordered=settings.ordered,
        )
        self._started = False
        self._yields_resumed = settings.finished == "yield"
        self._until_taken = self._keeps_open = self._closed = False
        self._delivers = settings.deliver is not None
        self._opened: Opened
        self._now: Callable[[], float]
        self._heartbeats = Heartbeats(store)
        self._submitter: Submitter
        self._processor: ItemProcessor[T]
        self._keys: ItemKeys
        # Keys and ids of accepted jobs by position, until their outcomes are taken.
        self._jobs: dict[int, tuple[str, str]] = {}
        kind, subject, policy = builder.kind, builder.subject, settings.policy
        journal = store if settings.journaled else None
        self._remaining_work = partial(remaining_work, journal, kind, subject, policy)
        self._stops = Stops(settings.on_error)
        self._left = RemainingItems(*self.manifest, self._remaining_work, self._scouting)
        self._credit = CreditPause(heygen, budget, self._left.estimate)
        self._wallet = Wallet(heygen.users.me)
        self._watch: PauseWatch
        self._stopping = self._has_opened = False
        self._next_sample = float("-inf")

    def __repr__(self) -> str:
        return f"<Run {self._builder.kind} {self._builder.subject}: {self._stats}>"

    async def rows(self) -> list[dict[str, Any]]:
        """Run to the end, and return the outcomes as rows; see ``Outcome.to_row``.

        ``pandas.DataFrame(await run.rows())`` makes a frame of them. If the run cannot continue,
        its exception is raised instead of returning rows, and ``unfinished`` lists the jobs.
        """
        self._until_taken = True
        every = [outcome async for outcome in self]
        for outcome in every:
            self.taken(outcome)
        return [outcome.to_row() for outcome in every]

    @property
    def unfinished(self) -> dict[str, str]:
        """Jobs that HeyGen accepted and whose outcome was not yielded: ids by item key.

        After an interrupted run these are the jobs that still run, and the jobs that ended but
        whose outcomes were not consumed, from the run or from ``batch.download``. If a key occurs
        more than once, the later ones have ``key#position``. An item that HeyGen accepted in a
        server batch but has not started has the id ``batch_id#index``.
        """
        found: dict[str, str] = {}
        for index, (key, job_id) in self._jobs.items():
            found[f"{key}#{index}" if key in found else key] = job_id
        return found

    @property
    def report(self) -> Report:
        """Statistics of the run up to its last outcome."""
        return self._stats.report()

    def __aiter__(self) -> AsyncGenerator[Ended[T]]:
        if self._started:
            raise RuntimeError("a run can be iterated once; start another one")
        if self.settings.deliver is not None and self._delivers:
            return self.settings.deliver(self)
        self._started = True
        self._registry.add(self)
        # Keep no reference here: when a loop that was left early drops the generator, the run ends.
        return self._iterate()

    def with_finished(
        self, *, until_taken: bool = False, keep_open: bool = False
    ) -> AsyncGenerator[Ended[T]]:
        """Iterate over all items, including finished ones even if ``finished`` is ``skip``.

        The report does not count finished items in either case. Receivers are not called.

        Args:
            until_taken: Keep the job of each outcome in ``unfinished`` until ``taken`` is called.
                For callers that process outcomes before the user gets them.
            keep_open: Keep the journal open until ``aclose`` is called.

        Returns:
            The outcomes of all items. This is the run's only iteration.
        """
        self._yields_resumed, self._until_taken = True, until_taken
        self._keeps_open, self._delivers = keep_open, False
        return aiter(self)

    def taken(self, outcome: Ended[Any]) -> None:
        """Note that the user gets an outcome, and remove its job from ``unfinished``.

        Args:
            outcome: The outcome, with or without its files.
        """
        if outcome.error is None or isinstance(outcome.error, JobFailed):
            self._jobs.pop(outcome.index, None)
        if self._closed and not self._jobs:
            self._registry.discard(self)

    def stop_submitting(self) -> None:
        """Submit nothing more; the iteration ends when all running jobs have ended."""
        self._source.close()
        self._stopping = True
        self._credit.stop()
        if self._has_opened:
            self._submitter.stop()

    async def aclose(self) -> None:
        """End the run: submit nothing more and stop waiting. Jobs at HeyGen continue.

        An iteration in progress yields no more outcomes.
        """
        self._keeps_open = False
        try:
            await self._pool.stop()
        finally:
            await self._close()

    async def estimate(self) -> RunEstimate:
        """Return the estimated cost of the run, with or without iterating it; makes no paid call.

        All items are checked as the run would check them. Items that an earlier run has paid for
        are included.

        Raises:
            InvalidRequest: An item cannot be sent, or the items are not a collection: estimating
                would consume an iterator.
            JournalError: The journal cannot be read, or belongs to another run.
        """
        return await estimate_run(
            self._builder, self._items, self._key, self._lengths, self._remaining_work
        )

    def over(
        self,
        items: Any,
        notes: Mapping[str, Any],
        positions: Sequence[int] | None = None,
        builder: SubmissionBuilder[T] | None = None,
    ) -> Run[T]:
        """Return another run with the same settings; this one must not have started.

        Args:
            items: Its items.
            notes: More data about the run that the journal stores.
            positions: The positions of its items; default: from 0.
            builder: Builds their submissions, with keys of their own; default: as in this run.
        """
        settings = msgspec.structs.replace(self.settings, notes={**self.settings.notes, **notes})
        _, default, key, lengths = self.manifest
        shared = (settings, key if builder is None else None, lengths, self._registry, positions)
        return Run(self.heygen, items, builder or default, self.store, self._budget, *shared)

    async def _iterate(self) -> AsyncGenerator[Ended[T]]:
        await self._prepare()
        pool, self._now = self._pool, clock_of(asyncio.get_running_loop())
        try:
            await self._open()
            await self._check_wallet()
            new = self.settings.journaled and not self._opened.resumed
            self._stats.start(self._now(), new_journal=new)
            self._watch.start()
            pool.start()
            while pool.finished or await pool.more():
                if (ended := pool.take()) is None:
                    continue
                outcome, durable = ended
                if durable is not None:
                    await durable
                if outcome.error is not None:
                    self._stops.failed(outcome)
                if not self._until_taken:
                    self.taken(outcome)
                yield outcome
            self._stats.report_now()
            if self._stops.names_the_rest:
                self._stops.not_submitted += await self._left.keys(self._processor)
            if self._stats.most_running:
                self._stats.balance_change = await self._wallet.change()
        finally:
            try:
                await pool.stop()
            finally:
                self._stats.stop()
                await self._close()
        if self._source.exhausted:
            self._left.log_changes(self._opened, self._processor)
        if (error := self._stops.error()) is not None:
            raise error

    async def _prepare(self) -> None:
        await self._builder.prepare()
        if isinstance(self._items, Collection):
            with contextlib.suppress(JournalError):  # the run will open it and report the error
                self._has_sources = await check_and_probe(
                    self._builder, self._items, self._key, self._lengths, self._remaining_work
                )

    async def _open(self) -> None:
        """Open the journal, count the spending of earlier runs, and build the processor."""
        settings, builder = self.settings, self._builder
        self._stats.total = total = await self._source.length()
        notes = {"items": total, "title": builder.title, **settings.notes}
        notes |= {"deliveries": self.targets} if self.targets else {}
        kind, subject = builder.kind, builder.subject
        spec = RunSpec(kind=kind, subject=subject, run_id=settings.run_id, settings=notes)
        self._opened = opened = await self.store.open(spec)
        self.run_id = opened.run.run_id
        if settings.journaled and self._budget.meets(self.store.name) and opened.resumed:
            totals = opened.totals
            in_flight = totals.in_flight(resubmit_uncertain=settings.policy.resubmit_uncertain)
            self._budget.carry_over(totals.usd_most, totals.ended_jobs, in_flight)
        keys: ItemKeys = StableKeys(opened.run.run_id) if settings.journaled else FreshKeys()
        self._keys = keys
        owner = await self._heartbeats.start()
        if self._scouting is not None:
            await self._scouting.open(self.store, owner)
        sends = self.heygen, self.store, keys, owner
        lease, recorded = self._heartbeats.lease, settings.journaled
        single = SingleSubmitter(*sends, lease, recorded=recorded)
        submitter: Submitter = single
        if settings.sizes is not None or opened.resumed:
            submitter = ServerBatchSubmitter(
                *sends,
                single=single,
                sizes=settings.sizes,
                in_flight=lambda: self._stats.running,
                no_more=lambda: self._source.exhausted or self._source.closed,
            )
        self._submitter, self._has_opened = submitter, True
        if self._stopping:
            submitter.stop()
        self._processor = ItemProcessor(
            store=self.store,
            opened=opened,
            keys=keys,
            owner=owner,
            submitter=submitter,
            find_job=AccountSearch(self.heygen, self.store),
            heygen=self.heygen,
            slots=self._slots,
            may_submit=lambda: not self._source.closed,
            budget=self._budget,
            estimate=builder.estimate,
            prices=builder.prices,
            policy=settings.policy,
            job_timeout=settings.job_timeout,
            recorded=recorded,
            claims_first=settings.sizes is not None,
            accepted=self._accepted,
            resent=self._resent,
            credit=self._credit,
        )
        self._watch = PauseWatch(
            self.heygen,
            self._stats,
            single,
            self._credit,
            settings.give_up_after,
            changed=self._paused,
            give_up=self._give_up,
        )

    async def _check_wallet(self) -> None:
        """Refuse a collection that the account cannot pay for, before the first paid call."""
        items = self._items
        if not isinstance(items, Collection) or not self._stats.total:
            return

        estimate = partial(
            estimate_items, self._builder, items, self._key, self._lengths, self._remaining_work
        )
        try:
            await self._wallet.check(self._budget, estimate, until_empty=self.settings.until_empty)
        except InsufficientBalance as refusal:
            refusal.not_submitted = tuple(await self._left.keys(self._processor))
            raise

    async def _close(self) -> None:
        try:
            await self._source.aclose()
            if self._has_opened:
                self._watch.stop()
                self.store.sample_slots(self._stats.running, self._slots.stats().limit)
                await self._submitter.aclose()
                await self._heartbeats.stop()
        finally:
            if not self._keeps_open:
                await self.store.aclose()
                self._closed = True
            if self._closed and not self._jobs:
                self._registry.discard(self)

    async def _work(
        self, index: int, item: Any, slot: SlotLease
    ) -> tuple[Ended[T], Durable] | None:
        started = self._now()
        if started >= self._next_sample:
            self._sample_slots(started)
        if index >= self._left.next:
            self._left.next = index + 1
        if self._positions is not None:
            index = self._positions[index]
        key: str | None = None
        try:
            key = self._key(item) if self._key else None
            submission, scouting = self._builder.submission(index, item, key), None
            if (self._has_sources or self._scouting) and submission.seconds is None:
                submission = await self._measured(submission)
                scouting = self._scouting if submission.seconds is None else None
            if scouting is None:
                result = await self._processor.process(submission, slot)
            else:
                result = await scouting.process(self._processor, self._keys, submission, item, slot)
        except BudgetExceeded as exceeded:
            self._exceeded(exceeded)
            return None
        except (SubmissionCancelled, ItemDeferred) as left:
            if self._stops.left(left):
                self.stop_submitting()
            return None
        except (JournalError, SlotsUnavailable):
            raise  # nothing more may be submitted
        except HeyGenError as error:
            result = ItemResult(str(index) if key is None else key, None, error=error)
        finally:
            if index in self._jobs:
                self._stats.running -= 1
            self._submitter.item_ended()
        if (failure := result.error) is not None:
            if isinstance(failure, SlotsUnavailable):
                raise failure
            if not result.resumed and self._stops.is_fatal(failure):
                self.stop_submitting()
        now = self._now()
        outcome = result.outcome(index, item, now - started)
        if result.resumed and self.settings.finished == "skip":
            return (outcome, result.durable) if self._yields_resumed else None
        self._stats.item_ended(outcome, now)
        early = self._stops.early
        if not (early.over or self._source.closed) and early.add(outcome):
            self.stop_submitting()
        if now >= self._next_sample:
            self._sample_slots(now)
        return outcome, result.durable

    async def _measured(self, submission: Submission[T]) -> Submission[T]:
        """Return a submission with its length, if its sources state it."""
        if not isinstance(self._items, Collection):
            # The source of an item submitted by an earlier run may have been removed.
            refuse = not self._opened.resumed
            await self._lengths.probe_item(submission.request, refuse=refuse)
        return submission.measured(self._lengths)

    def _accepted(self, item: ItemInProgress[Any], job_id: str) -> None:
        index = item.submission.index
        if index not in self._jobs:
            self._stats.job_started(OPERATIONS[item.submission.operation].result)
            if self._credit.paused:
                self._credit.over()
        self._jobs[index] = item.identity.key, job_id

    def _resent(self, item: ItemInProgress[Any]) -> None:
        likely = self._builder.estimate(item.submission).usd or 0.0
        self._stats.item_resent(item.submission.index, item.resends * likely)

    def _exceeded(self, exceeded: BudgetExceeded) -> None:
        """Stop submitting; the run raises when the running jobs have ended."""
        # Items that earlier runs have submitted may follow. In a stream, they are not looked for.
        if not (self._opened.resumed and isinstance(self._items, Collection)):
            self._source.close()
        self._stops.exceeded(exceeded)

    def _give_up(self, reason: str, error: APIError) -> None:
        """Stop submitting, because HeyGen accepts nothing."""
        self._stops.give_up(reason, error)
        self.stop_submitting()

    def _paused(self) -> None:
        """Store and report that submissions are paused or have resumed."""
        paused = self._stats.paused_since is not None
        self.store.sample_slots(self._stats.running, 0 if paused else self._slots.stats().limit)
        self._stats.changed()

    def _sample_slots(self, now: float) -> None:
        """Store once a second how many jobs run and how many may run."""
        self._next_sample = now + SAMPLE_EVERY
        self.store.sample_slots(self._stats.running, self._slots.stats().limit)
