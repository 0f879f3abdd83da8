"""``Submitter``: send items to HeyGen, singly or in server batches."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from heygen_async.batch.operations import (
    OPERATIONS,
    Pending,
    Submission,
    attach,
    key_expired,
)
from heygen_async.client import HeyGen
from heygen_async.errors import (
    BudgetExceeded,
    JournalError,
    SlotsUnavailable,
    SlotUnavailable,
)
from heygen_async.journal import Begin, Finish, Intent, ItemRecord, JournalStore
from heygen_async.journal.heartbeats import OwnerLease, now
from heygen_async.journal.keys import ItemIdentity, ItemKeys
from heygen_async.journal.rules import duplicate_key, journal_error
from heygen_async.journal.store import BeginResult
from heygen_async.pricing.estimates import Estimate
from heygen_async.session.cancellation import created_by
from heygen_async.session.limits.gate import LONGEST_PAUSE
from heygen_async.session.slots import Submitting, submitting
from heygen_async.session.tasks import Stop

T = TypeVar("T")

# Seconds after which the journal is asked again, before a POST, whether its run was cancelled.
_TOLD_FOR = 1.0


class SubmissionCancelled(Exception):
    """The item was not sent because submissions have stopped.

    Args:
        in_doubt: Whether the submission may have been carried out; the next run resends it under
            the same key.

    Attributes:
        in_doubt: The same.
        key: The item's key, once it is known.
    """

    def __init__(self, in_doubt: bool = False) -> None:
        self.in_doubt = in_doubt
        self.key: str | None = None


class RunCancelled(SubmissionCancelled):
    """The item was not sent because its run was cancelled in the journal.

    Args:
        store: The journal.
        in_doubt: As for ``SubmissionCancelled``.

    Attributes:
        error: The error that the run raises at its end.
    """

    def __init__(self, store: JournalStore, in_doubt: bool = False) -> None:
        super().__init__(in_doubt)
        self.error: JournalError = journal_error(store.name, "cancelled", "the run was cancelled")


class ItemHeld(Exception):
    """The item was not sent because another process works on it."""


class StoppableSubmission(Submitting, eq=False):
    """A submission that is lost when its run stops submitting or an earlier run's key is too old.

    Attributes:
        submitter: Stops submissions, and is notified of refusals. None before it is sent.
        key_sent_at: Time at which the idempotency key was first sent, in Unix seconds, or None for
            a new key. The submission is lost when the API may have forgotten the key.
        claims: Keys of the items in a journal shared by many processes.
        asked_at: Time of the latest request to this journal for the items, by the clock of
            ``OwnerLease``.
        told_at: Time of its answer.
        refusal: The answer, if the items may not be sent.
    """

    submitter: SingleSubmitter | None = None
    key_sent_at: float | None = None
    claims: Sequence[str] = ()
    asked_at: float = -math.inf
    told_at: float = -math.inf
    refusal: BeginResult | None = None

    def confirmed_by(self, submitter: SingleSubmitter, claims: Sequence[str]) -> None:
        """Ask the journal, which many processes share, before each POST for these items."""
        self.claims, self.refusal = claims, None
        self.confirm: Callable[[], Awaitable[bool]] | None = partial(submitter.confirm, self)

    @property
    def lost(self) -> bool:
        """Whether nothing may be submitted under the lease."""
        if self.key_sent_at is not None and key_expired(self.key_sent_at):
            return True
        return (self.stopped is not None and self.stopped.is_set()) or self.lease.lost

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after a refusal, until submissions stop."""
        submitter = self.submitter
        assert submitter is not None
        until = asyncio.get_running_loop().time() + min(retry_after, LONGEST_PAUSE)
        submitter.held_until = max(submitter.held_until, until)
        await submitter.stopped.unless_set(self.lease.refused(retry_after, patience))


class ItemInProgress(StoppableSubmission, Generic[T], eq=False, kw_only=True):
    """State of one item that is being processed.

    Attributes:
        submission: The submission of the item.
        identity: Its keys and fingerprint.
        store: The journal.
        accepted: Called with the item and its job id when HeyGen has accepted it.
        resent: Called with the item if it has no outcome and may be paid for twice.
        record: Its record from earlier runs, or None.
        recorded: Whether its intent was recorded, so its job and outcome are recorded too.
        reserved_usd: US dollars that the budget reserves for it, or None.
        estimate: Its estimated cost, or None before room was reserved.
        refusals: Number of attempts that this run has recorded as refused.
        sending: Whether its request is being sent.
        sent_at: Time from which its job may exist, in Unix seconds; infinite if it was not sent.
        sent_before: Whether an earlier run may have sent it under the same key.
        resends: Number of times it was resent without a key although it may have been paid for.
        job_id: Its job, or None.
    """

    submission: Submission[T]
    identity: ItemIdentity
    store: JournalStore
    accepted: Callable[[ItemInProgress[Any], str], None]
    resent: Callable[[ItemInProgress[Any]], None]
    record: ItemRecord | None = None
    recorded: bool = True
    reserved_usd: float | None = None
    estimate: Estimate | None = None
    refusals: int = 0
    sending: bool = False
    sent_at: float = math.inf
    sent_before: bool = False
    resends: int = 0
    job_id: str | None = None

    @property
    def owner(self) -> tuple[str, str]:
        """Identifies the item: the name of its journal, and its key there."""
        return self.store.name, self.identity.record_key

    def accept(self, job_id: str) -> None:
        """Note that HeyGen has accepted the item, or that its own job has started."""
        if self.job_id is None:
            self.lease.accepted()
        self.job_id = job_id
        self.accepted(self, job_id)

    async def count_resend(self) -> None:
        """Record that the item is resent although it may have been paid for."""
        self.resends += 1
        self.resent(self)
        if self.recorded:
            await self.store.count_resend(self.identity.record_key)

    def continue_from(self, record: ItemRecord) -> None:
        """Continue from the item's record of earlier runs."""
        self.record, self.resends = record, record.resends
        if record.resends and not record.finished:
            self.resent(self)

    def intent(self, keys: ItemKeys) -> Intent:
        """Return the item's intent, as a single item and as the next attempt."""
        submission, record = self.submission, self.record
        record_key, fingerprint = self.identity.record_key, self.identity.fingerprint
        attempt = (1 if record is None else record.attempt + 1) + self.refusals
        single_key = keys.single_key(record_key, fingerprint, attempt)
        return Intent(
            record_key,
            submission.index,
            attempt,
            submission.operation,
            submission.path_arguments,
            single_key,
            single_key,
            fingerprint,
            submission.payload,
            self.reserved_usd,
            self.estimate,
        )


class Submitter(Protocol):
    """Record the intents of items, send the items, and record their job ids."""

    async def submit(self, item: ItemInProgress[T]) -> Pending[T]:
        """Submit a new item, or a new attempt.

        Raises:
            DuplicateKey: Another item of the run has its key.
            SubmissionCancelled: Submissions have stopped.
            ItemHeld: Another process works on it.
            BudgetExceeded: A journal shared by many processes has no room for it, now or at all.
            JournalError: The intent is not durable, so the item was not sent.
            HeyGenError: It was refused, or its state is unknown.
            asyncio.CancelledError: If it was accepted nevertheless, the item has its job.
        """

    async def resend(self, item: ItemInProgress[T], idempotency_key: str) -> Pending[T]:
        """Resend a single item under the key in its record.

        Raises:
            HeyGenError: As for ``submit``.
        """

    async def resend_batch(self, item: ItemInProgress[T], record: ItemRecord) -> Pending[T] | None:
        """Resend the server batch that an item was part of, once for all its items.

        Returns:
            The pending object of the item, or None if the batch cannot be resent safely.
        """

    def attach(self, item: ItemInProgress[T], job_id: str) -> Pending[T]:
        """Return the pending object for an accepted id, to wait for it."""

    def item_ended(self) -> None:
        """Note that an item has ended, so HeyGen may run out of work."""

    def stop(self) -> None:
        """Stop submitting items that have not been sent."""

    async def aclose(self) -> None:
        """Stop waiting for batches."""


class SingleSubmitter:
    """Send each item by itself.

    Args:
        heygen: The client.
        store: Where intents and job ids are recorded.
        keys: How items are named.
        owner: The owner of the items.
        owner_lease: The lease of the owner in a journal shared by many processes. Otherwise None.
        recorded: Whether a later run may read the journal. If not, only items are recorded whose
            jobs this run may have to search for.

    Attributes:
        owner_lease: The same.
        stopped: Set when submissions have stopped.
        sending: Number of submissions that are unanswered or paused.
        held_until: End of the latest pause that HeyGen requested, on the loop's clock.
    """

    def __init__(
        self,
        heygen: HeyGen,
        store: JournalStore,
        keys: ItemKeys,
        owner: str,
        owner_lease: OwnerLease | None = None,
        *,
        recorded: bool = True,
    ) -> None:
        self.owner_lease: OwnerLease | None = owner_lease
        self._heygen = heygen
        self._store = store
        self._keys = keys
        self._owner = owner
        self._recorded = recorded
        self.stopped: Stop = Stop()
        self.sending: int = 0
        self.held_until: float = 0.0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count a submission sent by another submitter as in progress. Context manager."""
        self.sending += 1
        try:
            yield
        finally:
            self.sending -= 1

    def submit(self, item: ItemInProgress[T]) -> Coroutine[Any, Any, Pending[T]]:
        """Record the intent and send the item."""
        if self.stopped.is_set():
            raise SubmissionCancelled
        if self._recorded or item.submission.may_be_searched():
            return self._record_and_send(item)
        item.recorded = False
        return self._send(item, None)

    async def _record_and_send(self, item: ItemInProgress[T]) -> Pending[T]:
        intent = item.intent(self._keys)
        item.asked_at = now()
        (begun,) = await self._store.begin((intent,), self._owner)
        item.told_at = now()
        if begun is not Begin.NEW:
            raise not_begun(self._store, intent.key, begun)
        return await self._send(item, intent.idempotency_key or None)

    async def resend(self, item: ItemInProgress[T], idempotency_key: str) -> Pending[T]:
        """Resend the item under the key in its record."""
        item.sent_before = True
        item.asked_at = item.told_at = -math.inf
        sent_at = None if item.record is None else item.record.intended_at
        if OPERATIONS[item.submission.operation].in_doubt == "resend":
            await item.count_resend()
            sent_at = None
        return await self._send(item, idempotency_key or None, sent_at)

    async def resend_batch(self, item: ItemInProgress[T], record: ItemRecord) -> None:
        """Return None: a single item belongs to no batch."""

    def attach(self, item: ItemInProgress[T], job_id: str) -> Pending[T]:
        """Return the item's job."""
        return attach(self._heygen, item.submission, job_id)

    def item_ended(self) -> None:
        """Do nothing: no submission waits for other items."""

    def stop(self) -> None:
        """Stop sending, including items that wait for a slot or for their request."""
        self.stopped.set()

    async def aclose(self) -> None:
        """Do nothing."""

    async def confirm(self, submission: StoppableSubmission) -> bool:
        """Return whether items may be sent; ask the journal if its latest answer is too old.

        While this process was suspended, others may have claimed them. While they waited, the run
        may have been cancelled.

        Args:
            submission: Their submission.
        """
        owner_lease = self.owner_lease
        assert owner_lease is not None
        while (
            not owner_lease.unbroken(submission.asked_at) or now() - submission.told_at > _TOLD_FOR
        ):
            if owner_lease.expired:
                await owner_lease.renew()
            submission.asked_at = now()
            answers = await self._store.confirm(submission.claims, self._owner)
            submission.told_at = now()
            submission.refusal = next((one for one in answers if one is not Begin.NEW), None)
            if submission.refusal is not None:
                return False
        return not submission.lost

    def withdraw(self, record_key: str, submission: StoppableSubmission) -> None:
        """Record that an item was begun but not sent, unless others may have claimed it."""
        if self.owner_lease is None or self.owner_lease.unbroken(submission.asked_at):
            self._store.finish(not_sent(record_key))

    def cancelled(self, submission: StoppableSubmission, *, in_doubt: bool) -> SubmissionCancelled:
        """Return the exception for items that were not sent since submissions have stopped."""
        if submission.refusal is Begin.CANCELLED:
            return RunCancelled(self._store, in_doubt)
        return SubmissionCancelled(in_doubt)

    async def take_slot(self, item: ItemInProgress[Any]) -> None:
        """Take a slot of the account for an item whose lease is lost or holds no slot.

        Raises:
            SubmissionCancelled: Submissions have stopped.
        """
        item.lease.release()
        lease = None
        if not self.stopped.is_set():
            lease = await self.stopped.unless_set(self._heygen.slots.acquire())
        if lease is None:
            raise SubmissionCancelled
        item.lease = lease

    async def _send(
        self, item: ItemInProgress[T], key: str | None, key_sent_at: float | None = None
    ) -> Pending[T]:
        submission, record_key = item.submission, item.identity.record_key
        operation = OPERATIONS[submission.operation]
        item.submitter, item.stopped = self, self.stopped
        if self.owner_lease is not None:
            item.confirmed_by(self, (record_key,))
        item.sending, item.key_sent_at = True, key_sent_at
        item.sent_at = key_sent_at or time.time()
        # Same steps as submitting_under, whose overhead would exceed that of everything else here.
        outer = submitting.set(item)
        self.sending += 1
        pending: Pending[T] | None = None
        try:
            pending = await operation.send(self._heygen, submission, key)
        except SlotUnavailable as lost:
            if item.refusal is Begin.CANCELLED:
                self.stop()
            elif item.refusal is not None:
                item.sending = False
                raise not_begun(self._store, record_key, item.refusal) from None
            # A submission that may have been carried out can be resent, if its key outlives the
            # run.
            repeats = key is not None and operation.in_doubt == "repeat"
            away, stopped = isinstance(lost, SlotsUnavailable), self.stopped.is_set()
            if item.recorded and (away or stopped) and not (item.sent_before or lost.in_doubt):
                self.withdraw(record_key, item)
            resends = key is not None and operation.in_doubt == "resend"
            if stopped and (repeats or resends or not lost.in_doubt):
                raise self.cancelled(item, in_doubt=lost.in_doubt) from None
            if away or not item.lease.lost or (lost.in_doubt and not repeats):
                raise
            if lost.in_doubt:
                key_sent_at = item.sent_at
        except asyncio.CancelledError as cancelled:
            with contextlib.suppress(JournalError):  # the id is reported anyway
                for job_id in await created_by(cancelled):
                    item.accept(job_id)
                    if item.recorded:
                        self._store.submitted(record_key, job_id)
            raise
        finally:
            submitting.reset(outer)
            self.sending -= 1
        if pending is None:
            await self.take_slot(item)
            return await self._send(item, key, key_sent_at)
        item.sending = False
        item.accept(pending.id)
        if item.recorded:
            # The id is being written while the job runs; the outcome is always written after it.
            self._store.submitted(record_key, pending.id)
        return pending


def not_sent(record_key: str) -> Finish:
    """Return the outcome of an item that was refused temporarily until the run stopped.

    A later run can resubmit it at any time, without searching for its job.
    """
    message = "HeyGen had not accepted it when the run stopped"
    code = "rate_limit_exceeded"
    return Finish(
        record_key, "failed", error_type="RateLimited", error_code=code, error_message=message
    )


def not_begun(store: JournalStore, key: str, begun: BeginResult) -> Exception:
    """Return the error for an item that could not be begun."""
    if isinstance(begun, BudgetExceeded):
        return begun
    if begun is Begin.CANCELLED:
        return RunCancelled(store)
    if begun is Begin.HELD_BY_OTHER:
        return ItemHeld(f"journal {store.name}: another process works on item {key!r}")
    if begun is Begin.DUPLICATE:
        return duplicate_key(store.name, key)
    return journal_error(store.name, "held", f"another run works on item {key!r}")
