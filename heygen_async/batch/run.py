"""``Run``: one bulk run, iterated for its outcomes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from heygen_async.batch.item import Books, Taken, Written
from heygen_async.batch.outcome import Outcome
from heygen_async.batch.parcels import is_item_id
from heygen_async.batch.report import Progress, Report, Tally
from heygen_async.batch.server_batches import ApiBatches, Withdrawn
from heygen_async.batch.source import Source
from heygen_async.batch.submissions import (
    Pending,
    Plan,
    Submission,
    called_back_unnamed,
    check_keys,
    estimate_run,
)
from heygen_async.batch.worker_pool import FanOut
from heygen_async.errors import (
    AuthenticationError,
    BatchStopped,
    BudgetExceeded,
    DuplicateKey,
    HeyGenError,
    JobFailed,
    JournalError,
    PaymentRequired,
    QuotaExceeded,
)
from heygen_async.journal import Entry, is_batch_key
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.session.cancellation import created_by
from heygen_async.session.session import Traffic
from heygen_async.session.slots import SlotLease, SlotPool, submitting_under

T = TypeVar("T")
JobIdT = TypeVar("JobIdT", str, str | None)

# An outcome, and what to wait for before it is handed on.
_Ended: TypeAlias = tuple[Outcome[T], Written]

logger: logging.Logger = logging.getLogger("heygen_async.batch")

# What one item meets here, all others would meet too.
_HOPELESS = (AuthenticationError, PaymentRequired, QuotaExceeded)
# Items that a run which is over its budget looks up together.
_CLAIMED_AT_ONCE = 1000


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a run goes about its items.

    Attributes:
        workers: Items that are worked on at once at most.
        ordered: Whether outcomes come in the order of the items.
        on_error: Whether the first failure stops it.
        finished: Whether items that ended in an earlier run are yielded again.
        job_timeout: Seconds after which a job is given up, or None.
        progress: Called after each outcome.
        notes: What the journal notes about the run.
    """

    workers: int
    ordered: bool
    on_error: Literal["collect", "stop"]
    finished: Literal["yield", "skip"]
    job_timeout: float | None
    progress: Callable[[Progress], None] | None
    notes: Mapping[str, Any]


class Run(Generic[T]):
    """One bulk run: ``async for outcome in run``, then ``run.report``.

    Nothing happens before the iteration begins; it can be iterated once. Leaving the loop early
    ends the run: nothing more is submitted, and nothing is waited for. The jobs that run go on
    at HeyGen; ``await run.aclose()`` returns once all is put away, and ``unfinished`` tells
    which they are. With a journal, the same run started again waits for them.

    Attributes:
        unfinished: Jobs that HeyGen accepted and whose end is not known: ids by item key. After
            an interrupted run these are the jobs that still go on. Where a key repeats among
            them, the later one stands under ``key#position``. What HeyGen has accepted in one
            of its batches and not begun has ``batch_id#place`` for an id.
    """

    def __init__(
        self,
        items: Any,
        plan: Plan[T],
        books: Books[T],
        settings: RunSettings,
        *,
        key: Callable[[Any], str] | None,
        slots: SlotPool,
        traffic: Traffic,
        single_slots: SlotPool | None = None,
        batches: ApiBatches | None = None,
    ) -> None:
        self.unfinished: dict[str, str] = {}
        self._items = items
        self._plan = plan
        self._books = books
        self._settings = settings
        self._key = key
        self._slots = slots
        # For what is sent alone by a run that sends in parcels, whose items wait at HeyGen.
        self._single_slots = single_slots
        self._batches = batches
        self._source: Source[Any] = Source(items)
        self._progress = settings.progress
        self._tally = Tally(slots, traffic, self._source.total)
        self._begun = False
        self._finished_too = settings.finished == "yield"
        self._next = 0  # the position of the first item that no work has begun on
        self._over_budget: BudgetExceeded | None = None
        self._not_submitted: list[str] = []
        self._fan_out: FanOut[Any, _Ended[T] | None] = FanOut(
            self._source,
            self._work,
            slots=slots,
            workers=settings.workers,
            ordered=settings.ordered,
        )
        if batches is not None:
            batches.serve(
                lambda: self._tally.running, lambda: self._source.ended or self._source.stopped
            )

    @property
    def report(self) -> Report:
        """What the run has done up to its last outcome."""
        return self._tally.report()

    def __aiter__(self) -> AsyncGenerator[Outcome[T]]:
        if self._begun:
            raise RuntimeError("a run can be iterated once; start another one")
        self._begun = True
        # Not kept here: a loop that is left early drops it, which ends the run.
        return self._iterate()

    def with_finished(self) -> AsyncGenerator[Outcome[T]]:
        """Iterate also over items that ended in an earlier run, where ``finished`` is ``skip``.

        The report does not count them either way.

        Returns:
            The outcomes of all items; the iteration itself, as the run can be iterated once.
        """
        self._finished_too = True
        return aiter(self)

    def stop_submitting(self) -> None:
        """Submit nothing more; the iteration ends when the jobs under way have ended."""
        self._source.close()
        if self._batches is not None:
            self._batches.withdraw()

    async def aclose(self) -> None:
        """End the run: submit nothing more and stop waiting. Jobs at HeyGen go on.

        Whoever iterates over it gets no more outcomes.
        """
        try:
            await self._fan_out.stop()
        finally:
            await self._close()

    async def _close(self) -> None:
        try:
            if self._batches is not None:
                await self._batches.aclose()
        finally:
            await self._books.close()

    async def _iterate(self) -> AsyncGenerator[Outcome[T]]:
        await self._prepare()
        loop = asyncio.get_running_loop()
        first_failure: Outcome[T] | None = None
        outcomes = self._fan_out.results()
        try:
            await self._books.open(self._settings.notes)
            self._tally.began(loop.time())
            async for ended in outcomes:
                if ended is None:
                    continue
                outcome, written = ended
                if written is not None:
                    await written
                if not outcome.resumed and outcome.error and self._stops(outcome.error):
                    first_failure = first_failure or outcome
                yield outcome
            if self._over_budget is not None:
                self._not_submitted += await self._not_begun()
                self._over_budget.not_submitted = tuple(self._not_submitted)
        finally:
            try:
                await outcomes.aclose()
            finally:
                self._tally.stopped()
                await self._close()
        if self._source.ended:
            self._report_changes()
        if self._over_budget is not None:
            raise self._over_budget
        if first_failure is not None and first_failure.error is not None:
            raise BatchStopped(
                f"stopped after item {first_failure.key} failed: {first_failure.error}",
                key=first_failure.key,
                error=first_failure.error,
            ) from first_failure.error

    async def _prepare(self) -> None:
        await self._plan.prepare()
        if isinstance(self._items, Collection):
            self._plan.check(self._items)
            if self._key is not None:
                check_keys(self._items, self._key)

    async def _work(self, index: int, item: Any, slot: SlotLease) -> _Ended[T] | None:
        loop = asyncio.get_running_loop()
        self._next = index + 1
        key = self._key(item) if self._key else None
        one: _Item[T] = _Item(index, item, key, loop.time(), slot)
        try:
            await self._carry_out(one)
        except BudgetExceeded as exceeded:
            self._exceeded(exceeded)
            return None
        except Withdrawn:
            return None
        except (DuplicateKey, HeyGenError) as error:
            if isinstance(error, JournalError) and not isinstance(error, DuplicateKey):
                raise  # nothing more may be submitted
            one.error = error
            if isinstance(error, JobFailed):
                self._forget(one)
            if self._stops(error):
                self.stop_submitting()
        finally:
            one.slot.release()
            if one.running:
                self._tally.left()
            if self._batches is not None:
                self._batches.ended()
        now = loop.time()
        outcome = one.outcome(now)
        if one.resumed and self._settings.finished == "skip":
            return (outcome, one.written) if self._finished_too else None
        self._tally.ended(outcome, now)
        self._report_progress(now)
        return outcome, one.written

    async def _carry_out(self, one: _Item[T]) -> None:
        """Take an item from wherever an earlier run left it to its end."""
        submission = self._plan.submission(one.index, one.item)
        taken = await self._books.take(one.key, one.index, submission)
        one.key = taken.key
        if taken.reservation is None:
            assert taken.entry is not None
            one.resumed, one.job_id = True, taken.entry.job_id
            one.usd = taken.entry.usd
            one.result, one.error = self._books.recorded(taken.entry, submission)
            return
        try:
            pending = await self._submitted(one, submission, taken)
            one.result = await pending.wait(self._settings.job_timeout)
        except JournalError:
            raise
        except Withdrawn:
            self._books.withdraw(taken)
            raise
        except asyncio.CancelledError:
            self._books.left(taken.reservation)
            raise
        except HeyGenError as error:
            one.written = self._books.failed(
                one.name,
                error,
                taken.reservation,
                sending=one.sending,
                sent_before=one.sent_before,
            )
            raise
        self._forget(one)
        one.usd, one.written = self._books.completed(
            one.name, submission, one.result, taken.reservation
        )

    async def _submitted(
        self, one: _Item[T], submission: Submission[T], taken: Taken
    ) -> Pending[T]:
        """The job of an item: one that it has already, or a new one."""
        entry, batches, place = taken.entry, self._batches, submission.place
        if entry is not None and not self._books.again(entry):
            if batches is not None and self._sent_in_a_batch(entry):
                one.sent_before = True
                job_id = await self._noted(one, batches.send_again(place, entry))
                if job_id is not None:
                    return self._attach(one, submission, job_id)
            entry = await self._books.settled(entry, submission)
            if entry.job_id is not None:
                self._accepted(one, entry.job_id)
                return self._attach(one, submission, entry.job_id)
            one.sent_before = entry.state == "intended"
        # One that is called back gets an id that nobody can guess, which only goes singly.
        alone = one.sent_before or called_back_unnamed(submission.request)
        if batches is not None and batches.sends(place) and not alone:
            enclosed = self._books.enclosed(one.name, one.index, submission, entry)
            job_id = await self._noted(one, batches.send(place, enclosed))
            return self._attach(one, submission, job_id)
        key = taken.sent_under
        if key is None:
            key = await self._books.intend(one.name, one.index, submission, entry)
        if self._single_slots is not None:
            one.slot.release()
            one.slot = await self._single_slots.acquire()
        one.sending = True
        try:
            with submitting_under(one.slot):
                pending = await submission.send(key)
        except asyncio.CancelledError as cancelled:
            for job_id in await created_by(cancelled):
                self._accepted(one, job_id)
                # What was handed to the journal is written, whoever waits for it.
                with contextlib.suppress(JournalError):
                    self._books.submitted(one.name, job_id)
            raise
        one.sending = False
        self._accepted(one, pending.id)
        # Its id is on its way to the disk while the job runs; the outcome cannot overtake it.
        self._books.submitted(one.name, pending.id)
        return pending

    @staticmethod
    def _sent_in_a_batch(entry: Entry) -> bool:
        return entry.state == "intended" and is_batch_key(entry.idempotency_key)

    async def _noted(self, one: _Item[T], sending: Awaitable[JobIdT]) -> JobIdT:
        """The id of an item that is sent with others; the journal has it already."""
        one.sending = True
        try:
            job_id = await sending
        except asyncio.CancelledError as cancelled:
            for accepted in getattr(cancelled, "job_ids", ()):
                self._accepted(one, accepted)
            raise
        one.sending = False
        if job_id is not None:
            self._accepted(one, job_id)
        return job_id

    def _attach(self, one: _Item[T], submission: Submission[T], job_id: str) -> Pending[T]:
        if self._batches is None or not is_item_id(job_id):
            return submission.attach(job_id)
        return self._batches.attach(submission.place, job_id, partial(self._got_id, one))

    def _got_id(self, one: _Item[T], job_id: str) -> None:
        """HeyGen has begun an item of a batch, which has an id of its own now."""
        one.job_id = job_id
        if one.noted is not None:
            self.unfinished[one.noted] = job_id
        self._books.submitted(one.name, job_id)

    def _accepted(self, one: _Item[T], job_id: str) -> None:
        one.slot.accepted()
        self._tally.accepted()
        one.running, one.job_id = True, job_id
        one.noted = one.name if one.name not in self.unfinished else f"{one.name}#{one.index}"
        self.unfinished[one.noted] = job_id
        self._books.note_slots(self._tally.running, self._slots.limit)

    def _forget(self, one: _Item[T]) -> None:
        if one.noted is not None:
            del self.unfinished[one.noted]
            one.noted = None

    def _stops(self, error: HeyGenError) -> bool:
        """Whether nothing more is submitted after this failure."""
        return self._settings.on_error == "stop" or isinstance(error, _HOPELESS)

    def _exceeded(self, exceeded: BudgetExceeded) -> None:
        """Stop submitting; what is under way ends, and the run then raises."""
        # Items that earlier runs have submitted may follow. A stream is not asked for them.
        if not (self._books.resumed and isinstance(self._items, Collection)):
            self._source.close()
        self._over_budget = self._over_budget or exceeded
        self._not_submitted += exceeded.not_submitted

    async def _not_begun(self) -> list[str]:
        """Keys of the items of a collection that nothing was ever submitted for, nor begun."""
        if not isinstance(self._items, Collection):
            return []
        rest = enumerate(itertools.islice(self._items, self._next, None), self._next)
        keys: list[str] = []
        # Many at once share a commit of the journal.
        while some := list(itertools.islice(rest, _CLAIMED_AT_ONCE)):
            claims = await asyncio.gather(
                *(self._claim(index, item) for index, item in some), return_exceptions=True
            )
            for claim in claims:
                if isinstance(claim, JournalError) and not isinstance(claim, DuplicateKey):
                    raise claim
                # Items with faults of their own would not have been submitted either way.
                if not isinstance(claim, BaseException):
                    key, entry = claim
                    if entry is None or self._books.again(entry):
                        keys.append(key)
        return keys

    async def _claim(self, index: int, item: Any) -> tuple[str, Entry | None]:
        key = self._key(item) if self._key else None
        return await self._books.claim(key, index, self._plan.submission(index, item))

    def _report_changes(self) -> None:
        """Say how the items differ from those of the runs before."""
        if self._books.left_out:
            logger.warning(
                "items of the journal that are not among those of this run, and were left as "
                "they are: %d",
                self._books.left_out,
            )
        if self._books.resumed and self._books.added:
            logger.info("items of this run that were new to the journal: %d", self._books.added)

    def _report_progress(self, now: float) -> None:
        self._books.note_slots(self._tally.running, self._slots.limit)
        if self._progress is None:
            return
        try:
            self._progress(self._tally.progress(now))
        except Exception:  # it must not cost an outcome that is paid for
            self._progress = None
            logger.exception("the progress callback failed, and is not called any more")

    async def estimate(self) -> RunEstimate:
        """What the run will probably cost; before or without the iteration, no paid call.

        All items are checked as the run would check them. Those that an earlier run has paid
        for count too.

        Raises:
            InvalidRequest: An item cannot be sent, or the items are no collection: an iterator
                would be used up.
        """
        return await estimate_run(self._plan, self._items, self._plan.prices, self._key)


@dataclass(slots=True, eq=False)
class _Item(Generic[T]):
    """What a run knows of one item while it works on it."""

    index: int
    item: Any
    key: str | None
    started: float
    slot: SlotLease
    sending: bool = False
    sent_before: bool = False
    running: bool = False
    resumed: bool = False
    noted: str | None = None
    job_id: str | None = None
    result: T | None = None
    error: HeyGenError | None = None
    usd: float | None = None
    written: Written = None

    @property
    def name(self) -> str:
        """Its key; before one is known, its position."""
        return str(self.index) if self.key is None else self.key

    def outcome(self, now: float) -> Outcome[T]:
        """What became of it."""
        return Outcome(
            key=self.name,
            index=self.index,
            item=self.item,
            job_id=self.job_id,
            result=self.result,
            error=self.error,
            seconds=now - self.started,
            usd=self.usd,
            resumed=self.resumed,
        )
