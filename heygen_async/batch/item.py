"""What a run writes down about each item, and what it lets it spend.

The order is what makes a run survive a crash: an item's intent and its idempotency key are in the
journal before its request leaves, the job's id before the item counts as submitted, the outcome
before it is handed on. Without a journal the same steps are taken, and nothing is written.
"""

from __future__ import annotations

import asyncio
import copy
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from heygen_async.batch.parcels import Enclosure
from heygen_async.batch.submissions import REPLAYED_FOR, Plan, Submission
from heygen_async.errors import (
    APIError,
    BadRequest,
    BudgetExceeded,
    Conflict,
    DuplicateKey,
    HeyGenError,
    IdempotencyMismatch,
    InvalidRequest,
    JobFailed,
    RecordedFailure,
    ServerError,
    UncertainSubmission,
)
from heygen_async.journal import (
    ENDED,
    Entry,
    Journal,
    batch_key,
    fingerprint,
    idempotency_key,
    is_batch_key,
    own_key,
)
from heygen_async.pricing.budget import Budget, Reservation
from heygen_async.pricing.estimates import Estimate, cost
from heygen_async.pricing.prices import PriceTable

T = TypeVar("T")
R = TypeVar("R")

# What to wait for until something is on the disk; None where nothing was to be written.
Written: TypeAlias = Awaitable[None] | None


class BookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a run keeps its books.

    Attributes:
        journal: The journal's file, or None.
        run_id: Part of all idempotency keys; None derives it from the file's name.
        retry_failed: Try items again that failed in an earlier run.
        resubmit_uncertain: Send items again of which nobody can tell whether they were sent.
        together: Items go in parcels, whose keys are not known before they are complete.
        prices: What jobs cost.
    """

    journal: str | os.PathLike[str] | None
    run_id: str | None
    retry_failed: bool
    resubmit_uncertain: bool
    prices: PriceTable
    together: bool = False


class Taken(NamedTuple):
    """An item that a run has taken up.

    Attributes:
        key: Its key.
        entry: What an earlier run wrote about it; None for a new one.
        reservation: Its room in the budget; None where it has ended in an earlier run.
        sent_under: The idempotency key that its intent was written down with just now, or None.
    """

    key: str
    entry: Entry | None
    reservation: Reservation | None
    sent_under: str | None


class Books(Generic[T]):
    """The books of one run.

    Args:
        plan: What the run does.
        settings: How it keeps its books.
        budget: What it may spend.

    Attributes:
        added: Items that came up and that the journal did not hold.
    """

    def __init__(self, plan: Plan[T], settings: BookSettings, budget: Budget) -> None:
        self._plan = plan
        self._settings = settings
        self._budget = budget
        self._journal: Journal | None = None
        self._repeats: dict[str, int] = {}
        self._found_again = 0
        self._no_room: BudgetExceeded | None = None
        self.added: int = 0

    async def open(self, settings: Mapping[str, Any]) -> None:
        """Open the journal, if there is to be one, and count what earlier runs have spent.

        Args:
            settings: What the journal notes about the run.

        Raises:
            JournalError: The journal cannot be used.
        """
        if self._settings.journal is None:
            return
        self._journal = await Journal.open(
            self._settings.journal,
            kind=self._plan.kind,
            subject=self._plan.subject,
            run_id=self._settings.run_id,
            settings=settings,
        )
        journal = str(self._journal.path.absolute())
        if self._budget.meets(journal) and self._journal.resumed:
            totals = await self._journal.totals()
            in_flight = totals.in_flight(resubmit_uncertain=self._settings.resubmit_uncertain)
            self._budget.carry_over(totals.usd, totals.ended_jobs, [None] * in_flight)

    @property
    def resumed(self) -> bool:
        """Whether earlier runs have left items in the journal."""
        return self._journal is not None and self._journal.resumed

    @property
    def left_out(self) -> int:
        """Items that the journal held when it was opened and that have not come up."""
        if self._journal is None:
            return 0
        return sum(self._journal.counts.values()) - self._found_again

    async def close(self) -> None:
        """Close the journal; its file is complete then."""
        if self._journal is not None:
            await self._journal.aclose()

    async def take(self, key: str | None, index: int, submission: Submission[T]) -> Taken:
        """Take up an item: make room in the budget, and write down the intent to submit it.

        The intent of an item that goes in a parcel comes later, with all others of it.

        An item without a key gets one from its payload, so that rows that come or go leave the
        keys of the others alone; of equal items each next one gets a number.

        Raises:
            BudgetExceeded: There is no room; ``not_submitted`` names the item.
            DuplicateKey: Another item of this run has the key.
            IdempotencyMismatch: The earlier run had another payload under it.
            JournalError: The intent cannot be written, so the item must not be sent.
        """
        expected = self._plan.estimate(submission, self._settings.prices)
        if self._journal is None:
            key = str(index) if key is None else key
            return Taken(key, None, self._reserve(key, expected), None)
        if not self._journal.resumed and not self._settings.together:
            try:
                reservation = self._budget.reserve(expected)
            except BudgetExceeded as exceeded:
                key, _ = await self.claim(key, index, submission)
                exceeded.not_submitted += (key,)
                raise
            try:
                key, sent_under = await self._begin(key, index, submission)
            except BaseException:
                self._budget.release(reservation)
                raise
            return Taken(key, None, reservation, sent_under)
        key, entry = await self.claim(key, index, submission)
        if entry is not None and entry.state in ENDED and not self.again(entry):
            return Taken(key, entry, None, None)
        submitted = entry is not None and (
            entry.state in ("intended", "submitted")
            or (entry.state == "uncertain" and not self._settings.resubmit_uncertain)
        )
        return Taken(key, entry, self._reserve(key, expected, submitted=submitted), None)

    async def claim(
        self, key: str | None, index: int, submission: Submission[T]
    ) -> tuple[str, Entry | None]:
        """An item's key, and what an earlier run wrote about it, or None; for ``take`` to decide.

        Raises:
            DuplicateKey: Another item of this run has the key.
            IdempotencyMismatch: The earlier run had another payload under it.
        """
        if self._journal is None:
            return str(index) if key is None else key, None
        found = _fingerprint(submission)
        key, entry = await self._under_a_key(key, found, self._journal.claim)
        if entry is None:
            self.added += 1
        else:
            self._check(entry, found)
        return key, entry

    def again(self, entry: Entry) -> bool:
        """Whether an item that has failed in an earlier run is submitted anew."""
        return entry.tried_again(retry_failed=self._settings.retry_failed)

    async def settled(self, entry: Entry, submission: Submission[T]) -> Entry:
        """What is to be done with an item that an earlier run may have submitted.

        One that it sent in a parcel, and that could not be sent again so, is looked for.

        Returns:
            The entry: with a job, which is waited for; ``intended``, to be sent again under the
            same key; or ``uncertain``, to be sent under another one.

        Raises:
            UncertainSubmission: Its job can neither be found nor safely be submitted again.
        """
        if entry.state == "submitted" or self._journal is None:
            return entry
        if (
            entry.state == "intended"
            and not is_batch_key(entry.idempotency_key)
            and time.time() - entry.intended_at < REPLAYED_FOR
        ):
            return entry
        title = getattr(submission.request, "title", None)
        sent_with = self._key_by_itself(entry)
        job_id = await submission.search(sent_with, title, entry.intended_at)
        if job_id is not None:
            await self._journal.submitted(entry.key, job_id)
            return msgspec.structs.replace(entry, state="submitted", job_id=job_id)
        await self._journal.uncertain(entry.key)
        if self._settings.resubmit_uncertain:
            return msgspec.structs.replace(entry, state="uncertain")
        raise UncertainSubmission(
            f"item {entry.key} may have been submitted more than 24 h ago and no job of it is "
            "found in the account; sending it again could pay for it twice",
            key=entry.key,
        )

    async def intend(
        self, key: str, index: int, submission: Submission[T], entry: Entry | None
    ) -> str | None:
        """The idempotency key to send an item under, once the journal has it.

        Raises:
            JournalError: It cannot be written, so the item must not be sent.
        """
        if self._journal is None:
            return None
        if entry is not None and entry.state == "intended":
            return entry.idempotency_key  # in the journal already
        return await self._intend(self.enclosed(key, index, submission, entry))

    async def _intend(self, one: Enclosure) -> str:
        assert self._journal is not None
        sent_under = self._key_by_itself(one)
        await _write_down(self._journal, one, sent_under)
        return sent_under

    def enclosed(
        self, key: str, index: int, submission: Submission[T], entry: Entry | None
    ) -> Enclosure:
        """An item as it goes into a parcel.

        Args:
            key: Its key.
            index: Its position.
            submission: Its request.
            entry: What an earlier run wrote about it, where it is to be sent anew.
        """
        attempt = 1 if entry is None else entry.attempt + 1
        return Enclosure(key, index, attempt, _fingerprint(submission), submission.payload)

    def callback_id(self, one: Enclosure) -> str | None:
        """What an item of a parcel is sent with: the key that it would have by itself."""
        if self._journal is None:
            return None
        return self._key_by_itself(one)

    async def intend_together(self, parcels: Sequence[Sequence[Enclosure]]) -> Sequence[str | None]:
        """The keys to send parcels under, once the journal has them.

        One transaction has them all: either all of it is known of a parcel, or nothing.

        Raises:
            JournalError: They cannot be written, so nothing must be sent.
        """
        if self._journal is None:
            return [None] * len(parcels)
        keys = [self._key_of(parcel) for parcel in parcels]
        written = [
            _write_down(self._journal, one, key)
            for parcel, key in zip(parcels, keys, strict=True)
            for one in parcel
        ]
        await asyncio.gather(*written)
        return keys

    async def sent_together(self, key: str) -> list[Enclosure]:
        """The parcel that an earlier run sent under a key, if it can be sent again.

        It can while the API replays the answer, and where all of it is known to have had none.

        Raises:
            JournalError: The journal cannot be read.
        """
        if self._journal is None:
            return []
        entries = await self._journal.together(key)
        parcel = [
            Enclosure(one.key, one.position, one.attempt, one.fingerprint, one.payload)
            for one in entries
        ]
        whole = self._key_of(parcel) == key and all(one.state == "intended" for one in entries)
        young = time.time() - min(one.intended_at for one in entries) < REPLAYED_FOR
        return parcel if whole and young else []

    def _key_of(self, parcel: Sequence[Enclosure]) -> str:
        assert self._journal is not None
        return batch_key(self._journal.run_id, map(self._key_by_itself, parcel))

    def _key_by_itself(self, one: Enclosure | Entry) -> str:
        """The key that an item is sent under where it goes alone."""
        assert self._journal is not None
        return idempotency_key(self._journal.run_id, one.key, one.fingerprint, one.attempt)

    def withdraw(self, taken: Taken) -> None:
        """An item that was taken up, and has no intent yet, is not submitted after all."""
        assert taken.reservation is not None
        self._budget.release(taken.reservation)

    def submitted(self, key: str, job_id: str) -> None:
        """An item has its job."""
        if self._journal is not None:
            self._journal.submitted(key, job_id)

    def completed(
        self, key: str, submission: Submission[T], result: T, reservation: Reservation
    ) -> tuple[float | None, Written]:
        """An item has completed.

        Returns:
            What it has cost in USD, an estimate, or None if unknown; and what to wait for before
            the outcome is handed on.
        """
        usd = cost(result, submission.request, self._settings.prices, test=self._plan.test)
        self._budget.settle(reservation, usd)
        if self._journal is None:
            return usd, None
        return usd, self._journal.ended(
            key,
            state="completed",
            result=msgspec.json.encode(result),
            output_seconds=getattr(result, "duration", None),
            usd=usd,
        )

    def failed(
        self,
        key: str,
        error: HeyGenError,
        reservation: Reservation,
        *,
        sending: bool,
        sent_before: bool,
    ) -> Written:
        """An item has failed, or its end is not known.

        Args:
            key: Its key.
            error: Why.
            reservation: Its room in the budget.
            sending: Whether it failed while it was sent, and not before or later.
            sent_before: Whether an earlier run may have sent it under the same key.

        Returns:
            What to wait for before the outcome is handed on.
        """
        ended = isinstance(error, JobFailed) or (sending and refused(error, sent_before))
        if isinstance(error, JobFailed):
            self._budget.settle(reservation, 0.0)
        elif ended:
            self._budget.release(reservation)
        else:
            self.left(reservation)
        if self._journal is None or not ended:
            return None
        return self._journal.ended(
            key,
            state="failed",
            error_type=type(error).__name__,
            error_code=getattr(error, "code", None),
            error_message=str(getattr(error, "message", error)),
        )

    def left(self, reservation: Reservation) -> None:
        """Nobody waits for an item any more, whose job may run, and cost."""
        if self._journal is None:
            self._budget.settle(reservation, None)
        else:
            # The next run waits for it, or sends it again under its key.
            self._budget.set_aside(reservation)

    def note_slots(self, running: int, limit: int) -> None:
        """Remember how many jobs run and how many could, for the picture of the run."""
        if self._journal is not None:
            self._journal.note_limit(running, limit)

    def recorded(
        self, entry: Entry, submission: Submission[T]
    ) -> tuple[T | None, HeyGenError | None]:
        """Result or error of an item that has ended in an earlier run."""
        if entry.state == "completed":
            return msgspec.json.decode(entry.result or b"null", type=submission.result), None
        message = entry.error_message or "HeyGen gives no reason"
        if entry.error_type == "JobFailed" and entry.job_id is not None:
            return None, JobFailed(message, job_id=entry.job_id, code=entry.error_code)
        return None, RecordedFailure(
            message, error_type=entry.error_type or "HeyGenError", code=entry.error_code
        )

    async def _begin(
        self, key: str | None, index: int, submission: Submission[T]
    ) -> tuple[str, str]:
        """Write down the intent of a new item; its key and its idempotency key."""
        found = _fingerprint(submission)

        def begin(name: str) -> Awaitable[str]:
            return self._intend(Enclosure(name, index, 1, found, submission.payload))

        begun = await self._under_a_key(key, found, begin)
        self.added += 1
        return begun

    async def _under_a_key(
        self, key: str | None, found: str, ask: Callable[[str], Awaitable[R]]
    ) -> tuple[str, R]:
        """Ask for an item by its key; one without asks for the first of its own that is free."""
        while True:
            name = self._own_key(found) if key is None else key
            try:
                return name, await ask(name)
            except DuplicateKey:
                if key is not None:
                    raise
                self._repeated(found, name)

    def _own_key(self, found: str) -> str:
        """The key of an item with this fingerprint that was given none."""
        return own_key(found, self._repeats.get(found, 1))

    def _repeated(self, found: str, key: str) -> None:
        """Another item has this key already."""
        if self._own_key(found) == key:
            self._repeats[found] = self._repeats.get(found, 1) + 1

    def _check(self, entry: Entry, found: str) -> None:
        """Count an item of an earlier run, which must have had the same payload."""
        self._found_again += 1
        if entry.fingerprint != found and not self.again(entry):
            raise IdempotencyMismatch(
                f"item {entry.key} has another payload than when it was submitted; give it "
                "another key to render it anew",
                key=entry.key,
            )

    def _reserve(self, key: str, expected: Estimate, *, submitted: bool = False) -> Reservation:
        # The first refusal is that of all items after it, cheaper ones too.
        if self._no_room is None or submitted:
            try:
                return self._budget.reserve(expected, submitted=submitted)
            except BudgetExceeded as exceeded:
                self._no_room = exceeded
        refusal = copy.copy(self._no_room)
        refusal.not_submitted = (key,)
        raise refusal


def _write_down(journal: Journal, one: Enclosure, sent_under: str) -> Awaitable[None]:
    """Write down the intent of an item; it is on the disk once it was awaited."""
    return journal.intend(
        one.key,
        position=one.position,
        attempt=one.attempt,
        idempotency_key=sent_under,
        fingerprint=one.fingerprint,
        payload=one.payload,
    )


def _fingerprint(submission: Submission[Any]) -> str:
    return fingerprint(submission.place, submission.payload)


def refused(error: HeyGenError, sent_before: bool) -> bool:
    """Whether the API said for certain that it did not accept the submission.

    Where it was sent before without an answer, a refusal for the API key, the credit or a limit
    says nothing of that time; one for its content does, since an answer would be replayed first.
    """
    if isinstance(error, BadRequest):
        return True
    if sent_before or (isinstance(error, APIError) and error.attempts > 1):
        return False
    if isinstance(error, APIError):
        return not isinstance(error, ServerError | Conflict)
    return isinstance(error, InvalidRequest)
