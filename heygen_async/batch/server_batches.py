"""``via="api-batch"``: items sent up to 100 in one request of HeyGen's own batches.

A run processes items one by one; only their submissions are combined. An item that is ready to be
sent joins the pending batch of its operation. The first item of a batch leads it: it sends the
batch when the batch is complete, and passes the results to the other items. A batch is complete
when it has its share of the items that the run may have in flight, so HeyGen works on one batch
while the next is filled. A batch is sent incomplete if HeyGen could otherwise run out of work, or
if no more items will come.

As when items are sent one by one, nothing is paid for twice: the members of a batch, and the key
derived from them, are durable before the batch is sent. A batch that may not have arrived is resent
unchanged under the same key. If HeyGen refuses a whole batch, it is resent in halves, so only the
bad item fails; the intents of the halves replace the old ones in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from heygen_async.batch.admission.refusals import is_refusal
from heygen_async.batch.operations import (
    OPERATIONS,
    Pending,
    ServerBatchType,
    has_unnamed_callback,
    key_expired,
)
from heygen_async.batch.submitter import (
    ItemHeld,
    ItemInProgress,
    SingleSubmitter,
    StoppableSubmission,
    SubmissionCancelled,
    not_begun,
)
from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import (
    BatchedJob,
    BatchWatch,
    batch_and_index,
    create_encoded,
    item_id,
)
from heygen_async.errors import (
    BadRequest,
    HeyGenError,
    JournalError,
    NotFound,
    PermissionDenied,
    SlotUnavailable,
)
from heygen_async.journal import Begin, Intent, ItemRecord, JournalStore
from heygen_async.journal.heartbeats import now
from heygen_async.journal.keys import ItemKeys
from heygen_async.session.cancellation import created_by
from heygen_async.session.limits.free_slots import FreeSlots
from heygen_async.session.slots import submitting_under

T = TypeVar("T")

MOST_MEMBERS = 100
"""Maximum number of items that HeyGen accepts in one request."""

# Seconds without a new member after which an incomplete batch may be sent.
_CLOSE_DELAY = 0.1


class BatchSizes(NamedTuple):
    """The sizes at which batches are sent.

    Attributes:
        in_flight_limit: Maximum number of items that the run has in flight.
        complete: Number of members of a complete batch.
        running_dry: Number of items in flight below which an incomplete batch is sent.
    """

    in_flight_limit: int
    complete: int
    running_dry: int


def batch_sizes(concurrency: int | None, ceiling: int) -> BatchSizes:
    """Return the sizes at which a run's batches are sent.

    Args:
        concurrency: The user's limit. None allows two full batches, or the ceiling and one full
            batch, whichever is more.
        ceiling: Known limit of jobs that run at HeyGen at once.
    """
    limit = concurrency or max(2 * MOST_MEMBERS, ceiling + MOST_MEMBERS)
    complete = min(MOST_MEMBERS, -(-limit // 2))
    return BatchSizes(limit, complete, max(1, min(ceiling, limit - complete)))


class PendingBatch:
    """Items that are sent together, and their results.

    Attributes:
        type: Type of the items.
        members: Their intents, as single items.
        complete: Set when no more items can join.
    """

    def __init__(self, batch_type: ServerBatchType) -> None:
        self.type = batch_type
        self.members: list[Intent] = []
        self.complete: asyncio.Event = asyncio.Event()
        self._jobs: dict[int, asyncio.Future[str | None]] = {}

    def job(self, position: int) -> asyncio.Future[str | None]:
        """Return the future of an item's job id, by its position.

        Its result is None if the batch belongs to an earlier run and cannot be sent again.
        """
        future = self._jobs.get(position)
        if future is None:
            future = self._jobs[position] = asyncio.get_running_loop().create_future()
        return future

    def accepted(self, members: Sequence[Intent], batch_id: str) -> None:
        """Note that HeyGen has accepted the given members as a batch."""
        for index, member in enumerate(members):
            _settle(self.job(member.position), item_id(batch_id, index))

    def failed(self, members: Sequence[Intent], error: HeyGenError) -> None:
        """Note that the given members were refused, or that their state is unknown."""
        for member in members:
            _settle(self.job(member.position), copy.copy(error))  # each has its own traceback

    def end_all(self, reason: Exception | None) -> None:
        """Give all waiters no job: raise the error, or return None for them to search elsewhere."""
        for job in self._jobs.values():
            _settle(job, copy.copy(reason))

    def cancel_all(self) -> None:
        """Cancel all waiters."""
        for job in self._jobs.values():
            job.cancel()


class ServerBatchSubmitter:
    """Send items in HeyGen's batches, and all other items one by one.

    Args:
        heygen: The client.
        store: Where intents and job ids are recorded.
        keys: How items are named.
        owner: The owner of the items.
        single: Sends single items.
        sizes: The sizes at which batches are sent; None for a run that sends its items one by one
            and only continues the batches of an earlier run.
        in_flight: Returns the number of the run's items that are at HeyGen.
        no_more: Returns whether no more items will come.
    """

    def __init__(
        self,
        heygen: HeyGen,
        store: JournalStore,
        keys: ItemKeys,
        owner: str,
        *,
        single: SingleSubmitter,
        sizes: BatchSizes | None,
        in_flight: Callable[[], int],
        no_more: Callable[[], bool],
    ) -> None:
        self._heygen = heygen
        self._store = store
        self._keys = keys
        self._owner = owner
        self._single = single
        self._sizes = sizes
        self._in_flight = in_flight
        self._no_more = no_more
        self._watch = BatchWatch()
        self._open: dict[tuple[str, str], PendingBatch] = {}  # by operation and folder
        self._resent: dict[str, PendingBatch | None] = {}  # None: cannot be sent again
        self._on_their_way: set[PendingBatch] = set()
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        # One batch is sent at a time. A 429 delays the next one; it says nothing about the
        # account's slots, which batches do not wait for.
        self._turn = asyncio.Lock()
        self._slots = FreeSlots(1)

    async def submit(self, item: ItemInProgress[T]) -> Pending[T]:
        """Send a new item in a batch, if HeyGen accepts its kind in batches."""
        submission = item.submission
        batch_type = OPERATIONS[submission.operation].server_batch
        if self._sizes is None:
            return await self._single.submit(item)
        # A request with a callback gets an id that cannot be guessed; such a request is only sent
        # singly.
        if batch_type is None or has_unnamed_callback(submission.request):
            await self._single.take_slot(item)
            return await self._single.submit(item)
        if self._stopped:
            raise SubmissionCancelled
        intent = item.intent(self._keys)
        place = (submission.operation, getattr(submission.request, "folder_id", None) or "")
        batch = self._open.get(place)
        leads = batch is None
        if batch is None:
            batch = self._open[place] = PendingBatch(batch_type)
        batch.members.append(intent)
        job = batch.job(intent.position)
        self._joined(self._sizes)
        job_id = await self._job_id(item, job, self._lead(batch) if leads else None)
        assert job_id is not None
        return self.attach(item, job_id)

    async def resend(self, item: ItemInProgress[T], idempotency_key: str) -> Pending[T]:
        """Resend a single item."""
        if self._sizes is not None:
            await self._single.take_slot(item)
        return await self._single.resend(item, idempotency_key)

    async def resend_batch(self, item: ItemInProgress[T], record: ItemRecord) -> Pending[T] | None:
        """Resend the batch that an item was part of, once for all its items."""
        key = record.idempotency_key
        batch_type = OPERATIONS[item.submission.operation].server_batch
        if batch_type is None:
            return None
        leads = key not in self._resent
        if leads:
            self._resent[key] = batch = PendingBatch(batch_type)
            batch.complete.set()
        known = self._resent[key]
        if known is None:
            return None
        item.sent_before = True
        leading = self._lead(known, record) if leads else None
        job_id = await self._job_id(item, known.job(record.position), leading)
        return None if job_id is None else self.attach(item, job_id)

    def attach(self, item: ItemInProgress[T], job_id: str) -> Pending[T]:
        """Return the pending object for an accepted item: a job, or a place in a batch."""
        submission = item.submission
        batch_type = OPERATIONS[submission.operation].server_batch
        located = batch_and_index(job_id)
        if located is None or batch_type is None:
            return self._single.attach(item, job_id)
        batch_id, index = located
        batch = batch_type.batches(self._heygen).attach(batch_id)

        def started(own_id: str) -> None:
            item.accept(own_id)
            with contextlib.suppress(JournalError):  # the outcome fails with it
                self._store.submitted(item.identity.record_key, own_id)

        return BatchedJob(self._watch, batch, index, started)

    def item_ended(self) -> None:
        """Note that an item has ended, so HeyGen may run out of work."""
        if self._timer is None:
            self._delay_close()

    def stop(self) -> None:
        """Stop sending."""
        self._stopped = True
        self._single.stop()
        for batch in self._take_open():
            batch.end_all(SubmissionCancelled())
            batch.complete.set()

    async def aclose(self) -> None:
        """Stop waiting for batches."""
        if self._timer is not None:
            self._timer.cancel()
        await self._watch.aclose()

    def _joined(self, sizes: BatchSizes) -> None:
        if sum(len(batch.members) for batch in self._open.values()) >= sizes.complete:
            self._release_open()
        else:
            self._delay_close()

    def _delay_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._open and self._sizes is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_CLOSE_DELAY, self._close_idle, self._sizes)

    def _close_idle(self, sizes: BatchSizes) -> None:
        self._timer = None
        sending = sum(len(batch.members) for batch in self._on_their_way)
        if self._no_more() or self._in_flight() + sending < sizes.running_dry:
            self._release_open()

    def _release_open(self) -> None:
        """Allow the open batches that items have joined to be sent."""
        for batch in self._take_open():
            batch.members.sort(key=lambda member: member.position)
            self._on_their_way.add(batch)
            batch.complete.set()

    def _take_open(self) -> list[PendingBatch]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batches, self._open = list(self._open.values()), {}
        return batches

    async def _job_id(
        self,
        item: ItemInProgress[Any],
        job: asyncio.Future[str | None],
        leading: Awaitable[None] | None,
    ) -> str | None:
        """Return the id of an item's job; the item leads its batch, or waits for the leader."""
        item.sending = True
        try:
            if leading is not None:
                await leading
            job_id = await asyncio.shield(job)
        except asyncio.CancelledError:
            if leading is None:
                # All are cancelled together; the leader learns which items were accepted.
                await asyncio.wait([job])
            if job.done() and not job.cancelled() and job.exception() is None and job.result():
                item.accept(job.result() or "")
            raise
        item.sending = False
        if job_id is not None:
            item.accept(job_id)
        return job_id

    async def _lead(self, batch: PendingBatch, record: ItemRecord | None = None) -> None:
        """Process a batch from its first item to its end, and notify its items.

        Args:
            batch: The batch.
            record: The record of a member if an earlier run sent the batch, or None.
        """
        lease, single = self._slots.try_acquire(), self._single
        try:
            await batch.complete.wait()
            async with self._turn:
                submission = StoppableSubmission(lease, single.stopped, submitter=single)
                if single.owner_lease is not None:
                    members = batch.members if record is None else [record]
                    submission.confirmed_by(single, [member.key for member in members])
                with single.counted(), submitting_under(submission):
                    if record is not None:
                        await self._send_again(batch, record.idempotency_key, submission)
                    elif self._stopped:
                        batch.end_all(SubmissionCancelled())
                    else:
                        submission.asked_at = now()
                        (members,) = await self._begin([batch.members])
                        submission.told_at = now()
                        await self._send(batch, members, submission)
        except (HeyGenError, ItemHeld, SubmissionCancelled) as error:
            if record is not None:
                self._resent.pop(record.idempotency_key)  # a later item loads it again
            batch.end_all(error)
        except BaseException:
            batch.cancel_all()
            raise
        finally:
            self._on_their_way.discard(batch)
            batch.members = []
            lease.release()

    async def _begin(self, batches: Sequence[Sequence[Intent]]) -> list[list[Intent]]:
        """Record batches with their keys in one transaction: all of it or nothing."""
        keyed = []
        for members in batches:
            key = self._keys.batch_key([member.callback_id for member in members])
            keyed.append([replace(member, idempotency_key=key) for member in members])
        intents = [member for members in keyed for member in members]
        results = await self._store.begin(intents, self._owner)
        for intent, begun in zip(intents, results, strict=True):
            if begun is not Begin.NEW:
                raise not_begun(self._store, intent.key, begun)
        return keyed

    async def _send_again(
        self, batch: PendingBatch, key: str, submission: StoppableSubmission
    ) -> None:
        """Resend the batch of an earlier run, if the API still replays the answer.

        This is safe only if all members are known and none of them has a known answer.
        """
        records = await self._store.members(key)
        oldest = submission.key_sent_at = min(record.intended_at for record in records)
        whole = self._keys.batch_key([record.callback_id for record in records]) == key
        unanswered = all(record.state == "intended" for record in records)
        if not (whole and unanswered) or key_expired(oldest):
            self._resent[key] = None
            batch.end_all(None)
            return
        members = [
            Intent(
                record.key,
                record.position,
                record.attempt,
                record.operation or "",
                record.path_arguments,
                key,
                record.callback_id,
                record.fingerprint,
                record.payload,
                record.reserved_usd,
            )
            for record in records
        ]
        await self._send(batch, members, submission, sent_before=True)

    async def _send(
        self,
        batch: PendingBatch,
        members: Sequence[Intent],
        submission: StoppableSubmission,
        *,
        sent_before: bool = False,
    ) -> None:
        """Send a batch, or a part of it, after its intents are recorded.

        Args:
            batch: The batch.
            members: All or some of its members.
            submission: Its submission.
            sent_before: Whether an earlier run may have sent it.
        """
        body = batch.type.body(
            [member.payload for member in members], [member.callback_id for member in members]
        )
        key = members[0].idempotency_key or None
        try:
            job = await create_encoded(batch.type.batches(self._heygen), body, idempotency_key=key)
        except asyncio.CancelledError as cancelled:
            for batch_id in await created_by(cancelled):
                self._accept(batch, members, batch_id)
            raise
        except HeyGenError as error:
            if submission.refusal is Begin.CANCELLED:
                self.stop()
            elif submission.refusal is not None:
                raise not_begun(self._store, members[0].key, submission.refusal) from None
            # A batch that may have been carried out can be resent, if its key outlives the run.
            if (
                self._stopped
                and isinstance(error, SlotUnavailable)
                and (members[0].callback_id or not error.in_doubt)
            ):
                if not (error.in_doubt or sent_before):
                    for member in members:
                        self._single.withdraw(member.key, submission)
                batch.end_all(self._single.cancelled(submission, in_doubt=error.in_doubt))
                return
            if len(members) == 1 or not _may_be_one_members_fault(error, sent_before):
                batch.failed(members, error)
                return
        else:
            self._watch.add(job)
            self._accept(batch, members, job.id)
            return
        # Record them singly again, since the keys of the halves follow from the single keys.
        renewed = [self._renewed(member) for member in members]
        middle = len(renewed) // 2
        for half in await self._begin([renewed[:middle], renewed[middle:]]):
            await self._send(batch, half, submission)

    def _renewed(self, member: Intent) -> Intent:
        attempt = member.attempt + 1
        key = self._keys.single_key(member.key, member.fingerprint, attempt)
        return replace(member, attempt=attempt, callback_id=key)

    def _accept(self, batch: PendingBatch, members: Sequence[Intent], batch_id: str) -> None:
        # Do not await in between, so that one transaction holds all of them.
        with contextlib.suppress(JournalError):  # the outcomes fail with it
            for index, member in enumerate(members):
                self._store.submitted(member.key, item_id(batch_id, index))
        batch.accepted(members, batch_id)


def _may_be_one_members_fault(error: HeyGenError, sent_before: bool) -> bool:
    """Return whether a batch was definitely refused, perhaps because of a single member."""
    return isinstance(error, BadRequest | NotFound | PermissionDenied) and is_refusal(
        error, sent_before=sent_before
    )


def _settle(job: asyncio.Future[str | None], result: str | Exception | None) -> None:
    if job.done():
        return
    if isinstance(result, Exception):
        job.set_exception(result)
        job.exception()  # there may be no waiter: its item may not belong to this run
    else:
        job.set_result(result)
