"""``ItemProcessor``: process one item: begin, submit, wait, finish.

The order lets a run survive a crash: an item's intent and its idempotency key are durable before
its request is sent, the id of its job before the item counts as submitted, and its outcome before
it is handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from heygen_async.batch.account_search import AccountSearch, CannotTell
from heygen_async.batch.admission.pauses import CreditPause
from heygen_async.batch.admission.refusals import failure, is_refusal, pauses_run
from heygen_async.batch.admission.room import Room
from heygen_async.batch.operations import OPERATIONS, Pending, Submission, key_expired
from heygen_async.batch.outcome import Durable, ItemResult
from heygen_async.batch.resume import (
    Action,
    ResumePolicy,
    identified,
    recorded_outcome,
    resume_action,
)
from heygen_async.batch.submitter import ItemHeld, ItemInProgress, SubmissionCancelled, Submitter
from heygen_async.client import HeyGen
from heygen_async.endpoints.lost_creates import LOOKS
from heygen_async.errors import (
    BudgetExceeded,
    CallError,
    DuplicateKey,
    HeyGenError,
    IdempotencyMismatch,
    JobFailed,
    JournalError,
    PaymentRequired,
    SlotUnavailable,
    UncertainSubmission,
)
from heygen_async.journal import Begin, Finish, ItemRecord, JournalStore, Opened, Review
from heygen_async.journal.keys import ItemIdentity, ItemKeys
from heygen_async.journal.rules import duplicate_key, latest
from heygen_async.journal.store import BeginResult
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.budget import UNCOUNTED, MustWait, Reservation
from heygen_async.pricing.charges import length_told
from heygen_async.pricing.estimates import Estimate, cost
from heygen_async.pricing.prices import PriceTable
from heygen_async.session.limits.free_slots import FreeSlots
from heygen_async.session.slots import SlotLease, SlotPool

T = TypeVar("T")

_SUBMIT = Action.SUBMIT  # read for each item
# Seconds after which a submission whose answer was lost has either failed or appears in the list.
_LISTED_AFTER = 300.0
_NOT_FOUND = "no job in the account certainly belongs to it"
_CANNOT_TELL = "the account does not show whether there is a job"


class EndedByAny:
    """Wait for an outcome in a journal shared by many processes; any of them may write it.

    If a process was suspended for longer than its lease, another process may have been faster.

    Args:
        durable: The outcome that this process writes.
    """

    def __init__(self, durable: Awaitable[None]) -> None:
        self._durable = durable

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield from self._durable.__await__()
        except JournalError as error:
            if error.reason != "wrong_state":
                raise


class ItemProcessor(Generic[T]):
    """Process items to their end, from the state in which earlier runs left them.

    Args:
        store: The journal, open.
        opened: The contents of the journal when it was opened.
        keys: How items are named.
        owner: The owner of the items.
        submitter: Sends the items to HeyGen.
        find_job: Searches the account.
        heygen: The client; used to find the length of outputs whose result does not state it.
        slots: The pool from which an item takes a slot after a wait.
        may_submit: Returns whether items may be submitted.
        budget: The budget of the run.
        estimate: Returns the estimated cost of a submission.
        prices: Prices of jobs.
        policy: How records of earlier runs are treated.
        job_timeout: Seconds after which a job is given up, or None.
        recorded: Whether a later run may read the journal.
        claims_first: Whether items are claimed before they are begun. True for server batches,
            whose items begin together.
        accepted: Called with an item and its job id when HeyGen has accepted it.
        resent: Called with an item that has no outcome and may be paid for twice.
        credit: Pauses submissions while the account has no credit.

    Attributes:
        added: Number of items that were not in the journal.
        found: Number of items that were in the journal.
    """

    def __init__(
        self,
        *,
        store: JournalStore,
        opened: Opened,
        keys: ItemKeys,
        owner: str,
        submitter: Submitter,
        find_job: AccountSearch,
        heygen: HeyGen,
        slots: SlotPool,
        may_submit: Callable[[], bool],
        budget: AsyncBudget,
        estimate: Callable[[Submission[T]], Estimate],
        prices: PriceTable,
        policy: ResumePolicy,
        job_timeout: float | None,
        recorded: bool,
        claims_first: bool,
        accepted: Callable[[ItemInProgress[Any], str], None],
        resent: Callable[[ItemInProgress[Any]], None],
        credit: CreditPause,
    ) -> None:
        self.added: int = 0
        self.found: int = 0
        self._store = store
        self._finish: Callable[[Finish], Awaitable[None]] = store.finish
        if store.shared:
            self._finish = lambda outcome: EndedByAny(store.finish(outcome))
        self._opened = opened
        self._reviews = latest(opened.reviews)
        self._keys = keys
        self._owner = owner
        self._submitter = submitter
        self._find_job = find_job
        self._heygen = heygen
        self._budget = budget
        self._room = Room(
            budget=budget,
            estimate=estimate,
            slots=slots,
            may_submit=may_submit,
            credit=credit,
            policy=policy,
            shared=store.shared,
        )
        self._prices = prices
        self._policy = policy
        self._job_timeout = job_timeout
        self._claims_first = claims_first or opened.resumed or store.shared
        self._reserves = recorded or store.shared or budget.capped
        self._accepted = accepted
        self._resent = resent
        self._credit = credit

    async def process(self, submission: Submission[T], lease: SlotLease) -> ItemResult[T]:
        """Process one item to its end.

        Args:
            submission: The item.
            lease: The slot of its job; it is released at the end.

        Raises:
            BudgetExceeded: The budget has no room for the item; ``not_submitted`` names it.
            SubmissionCancelled: The item was not sent because submissions have stopped.
            JournalError: The journal has failed: nothing more may be submitted.
        """
        item = ItemInProgress(
            lease,
            submission=submission,
            identity=submission.identity(self._keys),
            store=self._store,
            accepted=self._accepted,
            resent=self._resent,
        )
        action, reservation, waits = _SUBMIT, None, False
        try:
            while True:
                if reservation is None:
                    if self._claims_first:
                        action = await self._begin(item)
                        if action is Action.RETURN and item.record is not None:
                            return self._recorded(item, item.record)
                    reservation = UNCOUNTED
                    if self._reserves:
                        reservation = self._room.reserve(item) or await self._room.wait(item)
                try:
                    if waits:
                        await self._room.wait_for_shared(item)
                        waits = False
                    if self._credit.paused and action is not Action.WAIT:
                        await self._room.wait_for_credit(item)
                    if item.record is None or item.refusals:
                        try:
                            pending = await self._submitter.submit(item)
                        except (DuplicateKey, CallError) as error:
                            pending = await self._not_submitted(item, error)
                    else:
                        pending = await self._resume(item, item.record, action)
                    result = await pending.wait(self._job_timeout)
                    ask = OPERATIONS[submission.operation].measure
                    seconds = await ask(self._heygen, result) if ask else length_told(result)
                except asyncio.CancelledError:
                    # Its job may continue; a later run waits for it.
                    self._budget.set_aside(reservation)
                    raise
                except SubmissionCancelled as stopped:
                    budget = self._budget
                    (budget.set_aside if stopped.in_doubt else budget.release)(reservation)
                    stopped.key = item.identity.key
                    raise
                except ItemHeld:  # another process was faster; wait for it
                    self._budget.release(reservation)
                    reservation, item.refusals = None, 0
                    continue
                except (DuplicateKey, JournalError):
                    self._budget.release(reservation)
                    raise
                except MustWait:  # raised by a journal shared by many processes
                    waits = True
                    continue
                except BudgetExceeded as exceeded:
                    self._budget.release(reservation)
                    raise self._room.refusal(item, exceeded) from None
                except HeyGenError as error:
                    if isinstance(error, PaymentRequired) and await self._refused(item, error):
                        continue
                    return self._failed(item, error, reservation)
                return self._completed(item, result, seconds, reservation)
        except (DuplicateKey, IdempotencyMismatch) as error:
            return ItemResult(item.identity.key, item.job_id, error=error)
        finally:
            item.lease.release()

    async def _begin(self, item: ItemInProgress[T]) -> Action:
        """Claim an item, and return what to do with it. It has a slot, unless its end is known."""
        held, action = await self._claim(item), Action.SUBMIT
        if item.record is not None:
            action = self._action_for(item, item.record)
        if held and action is not Action.RETURN:
            await self._room.take_slot(item)
        return action

    async def claim(self, submission: Submission[T]) -> tuple[str, bool]:
        """Return the key of an item, and whether it still has to be submitted.

        Raises:
            DuplicateKey: Another item of this run has the key.
        """
        item = ItemInProgress(
            FreeSlots(1).try_acquire(),
            submission=submission,
            identity=submission.identity(self._keys),
            store=self._store,
            accepted=self._accepted,
            resent=self._resent,
        )
        await self._claim(item)
        record = item.record
        is_new = record is None or record.resubmits(retry_failed=self._policy.retry_failed)
        return item.identity.key, is_new

    async def _claim(self, item: ItemInProgress[T]) -> bool:
        """Claim an item and look up its record; without a key it gets the first free default key.

        Returns:
            Whether another process worked on it in the meantime. The item then has no slot.
        """
        submission, held = item.submission, False
        claimed = await self._look_up(item)
        while claimed is Begin.HELD_BY_OTHER or (
            claimed is Begin.DUPLICATE and submission.key is None
        ):
            if claimed is Begin.HELD_BY_OTHER:
                held = True
                await self._room.wait_for_other(item)
            else:
                self._next_key(item)
            claimed = await self._look_up(item)
        if claimed is Begin.NO_ROOM and submission.key is None and self._opened.legacy:
            claimed = await self._claim_legacy(item)
        if isinstance(claimed, ItemRecord):
            self.found += 1
            item.continue_from(identified(claimed, submission))
        elif claimed is Begin.NO_ROOM:
            self.added += 1
        else:
            raise duplicate_key(self._store.name, item.identity.key)
        return held

    def _next_key(self, item: ItemInProgress[T]) -> None:
        """Give an item another default key, because an equal item has its own."""
        self._keys.skip(item.identity)
        item.identity = item.submission.identity(self._keys)

    async def _look_up(self, item: ItemInProgress[T]) -> BeginResult:
        intent = item.intent(self._keys)
        (claimed,) = await self._store.begin((intent,), self._owner, room=False)
        return claimed

    async def _claim_legacy(self, item: ItemInProgress[T]) -> BeginResult:
        """Claim the record of an equal item to which version 0.1.0 gave another default key."""
        identity = item.identity
        for record in await self._store.matching(identity.fingerprint):
            item.identity = ItemIdentity(record.key, record.key, identity.fingerprint)
            claimed = await self._look_up(item)
            if isinstance(claimed, ItemRecord):
                return claimed
        item.identity = identity
        return Begin.NO_ROOM

    def _action_for(self, item: ItemInProgress[T], record: ItemRecord) -> Action:
        fingerprint, review = item.identity.fingerprint, self._review(record)
        action = resume_action(record, fingerprint, self._policy, time.time(), review)
        if action is Action.REFUSE:
            key = item.identity.key
            raise IdempotencyMismatch(
                f"item {key} has another payload than when it was submitted; give it "
                "another key to make a new one",
                key=key,
            )
        return action

    def _review(self, record: ItemRecord) -> Review | None:
        return self._reviews.get((record.key, record.attempt))

    def _recorded(self, item: ItemInProgress[T], record: ItemRecord) -> ItemResult[T]:
        result, error = recorded_outcome(record, item.submission, self._review(record))
        return ItemResult(
            item.identity.key,
            record.job_id,
            result,
            error,
            record.usd,
            resumed=True,
            resends=record.resends,
        )

    async def _refused(self, item: ItemInProgress[T], error: PaymentRequired) -> bool:
        """Pause the run after a 402; return whether to send the item again.

        During the pause its record says that it was refused, so a later run can resubmit it at any
        time. If an earlier attempt may have been carried out, the record stays unchanged, and only
        an attempt of an earlier run can be sent again, under the key in its record.
        """
        if not (item.sending and pauses_run(error)):
            return False
        if is_refusal(error, sent_before=item.sent_before):
            if item.recorded:
                await self._store.finish(failure(item.identity.record_key, error))
            item.refusals += 1
        elif not item.sent_before:
            return False
        item.sending = False
        self._credit.refused(error)
        return True

    async def _submit(self, item: ItemInProgress[T]) -> Pending[T]:
        """Submit an item as a new attempt."""
        try:
            return await self._submitter.submit(item)
        except CallError as error:
            return await self._not_submitted(item, error)

    async def _not_submitted(
        self, item: ItemInProgress[T], error: DuplicateKey | CallError
    ) -> Pending[T]:
        """Handle an item that could not be submitted: search for its job if it may have one."""
        if isinstance(error, DuplicateKey):
            try:
                return await self._submit_under_next_key(item)
            except CallError as call_error:
                error = call_error
        if not (error.maybe_carried_out and item.submission.may_be_searched()):
            raise error
        callback_id = item.intent(self._keys).callback_id
        pending, reason = await self._search(item, callback_id, item.sent_at, LOOKS)
        if pending is None:
            raise await self._mark_uncertain(item, f"although {error}", reason) from error
        return pending

    async def _submit_under_next_key(self, item: ItemInProgress[T]) -> Pending[T]:
        """Submit an item whose key is taken; without a key it gets the first free default key."""
        while item.submission.key is None:
            self._next_key(item)
            with contextlib.suppress(DuplicateKey):
                return await self._submitter.submit(item)
        raise duplicate_key(self._store.name, item.identity.key)

    async def _resume(
        self, item: ItemInProgress[T], record: ItemRecord, action: Action
    ) -> Pending[T]:
        """Return the job of an item that has a record: the recorded job, or a new one."""
        submission = item.submission
        if action is Action.RESEND_BATCH:
            pending = await self._submitter.resend_batch(item, record)
            if pending is not None:
                return pending
            action = Action.SEARCH
        if action is Action.SEARCH or (action is Action.RESEND and submission.version == "v2"):
            young = 0 <= time.time() - record.intended_at < _LISTED_AFTER
            looks = (0.0, *LOOKS) if young else (0.0,)
            pending, reason = await self._search(
                item, record.callback_id, record.intended_at, looks
            )
            if pending is not None:
                return pending
            if action is Action.SEARCH or reason == _CANNOT_TELL:
                uncertain = await self._mark_uncertain(item, "in an earlier run", reason)
                if not self._policy.resubmits(submission.operation):
                    raise uncertain
                await item.count_resend()
                return await self._submit(item)
        if action is Action.RESEND:
            try:
                # Only speech, which is sent without a key, has an id already.
                key = record.job_id or record.idempotency_key
                return await self._submitter.resend(item, key)
            except SlotUnavailable:
                if not key_expired(record.intended_at):
                    raise
            return await self._resume(item, record, Action.SEARCH)
        if action is Action.WAIT and record.job_id is not None:
            item.accept(record.job_id)
            return self._submitter.attach(item, record.job_id)
        return await self._submit(item)

    async def _search(
        self, item: ItemInProgress[T], callback_id: str, since: float, looks: Sequence[float]
    ) -> tuple[Pending[T] | None, str]:
        """Return the job of an item whose state is unknown, or None and the reason.

        Args:
            item: The item.
            callback_id: The ``callback_id`` it was sent with, unless the request sets its own.
            since: Time of sending in Unix seconds.
            looks: Seconds from now at which the account is searched.
        """
        key, asked_at, reason = item.identity.record_key, 0.0, _NOT_FOUND
        for look in looks:
            await asyncio.sleep(look - asked_at)
            asked_at, anew = look, len(looks) > 1
            try:
                job_id = await self._find_job(item.submission, key, callback_id, since, anew=anew)
            except CannotTell:
                reason = _CANNOT_TELL
                continue
            if job_id is not None:
                item.accept(job_id)
                await self._store.submitted(key, job_id)
                return self._submitter.attach(item, job_id), ""
            reason = _NOT_FOUND
        return None, reason

    async def _mark_uncertain(
        self, item: ItemInProgress[T], when: object, reason: str
    ) -> UncertainSubmission:
        """Record that it is unknown whether an item was accepted, and return the error."""
        await self._store.mark_uncertain(item.identity.record_key)
        key = item.identity.key
        return UncertainSubmission(
            f"item {key} may have been submitted {when}; {reason}, and sending it again could pay "
            "for it twice",
            key=key,
        )

    def _completed(
        self,
        item: ItemInProgress[T],
        result: T,
        seconds: float | None,
        reservation: Reservation,
    ) -> ItemResult[T]:
        submission = item.submission
        usd = cost(result, submission.request, self._prices, test=submission.test, seconds=seconds)
        # Each of the attempts in doubt may have been paid for.
        self._budget.settle(reservation, None if usd is None else usd * (1 + item.resends))
        durable: Durable = None
        if item.recorded:
            record_key = item.identity.record_key
            durable = self._finish(
                Finish(record_key, "completed", result=result, output_seconds=seconds, usd=usd)
            )
        key, resends = item.identity.key, item.resends
        return ItemResult(key, item.job_id, result, usd=usd, resends=resends, durable=durable)

    def _failed(
        self, item: ItemInProgress[T], error: HeyGenError, reservation: Reservation
    ) -> ItemResult[T]:
        refusal = item.sending and is_refusal(error, sent_before=item.sent_before)
        durable: Durable = None
        if isinstance(error, JobFailed):
            self._budget.settle(reservation, 0.0)
        elif refusal:
            self._budget.release(reservation)
        else:
            self._budget.set_aside(reservation)  # its job may continue
        if item.recorded and (isinstance(error, JobFailed) or refusal):
            durable = self._finish(failure(item.identity.record_key, error))
        key, resends = item.identity.key, item.resends
        return ItemResult(key, item.job_id, error=error, resends=resends, durable=durable)
