"""``Room``: reserve room in the budget for an item, and take a slot after a wait."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from heygen_async.batch.admission.pauses import CreditPause
from heygen_async.batch.operations import Submission
from heygen_async.batch.resume import ResumePolicy
from heygen_async.batch.submitter import ItemInProgress, SubmissionCancelled
from heygen_async.errors import BudgetExceeded
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.budget import UNCOUNTED, MustWait, Reservation
from heygen_async.pricing.estimates import Estimate
from heygen_async.session.slots import SlotPool

# Seconds between two checks of the progress of other processes.
_ASK_AGAIN = 1.0


class Room:
    """Reserve room in the budget for items, and make them wait for it.

    Args:
        budget: The budget of the run.
        estimate: Returns the estimated cost of a submission.
        slots: The pool from which an item takes a slot after a wait.
        may_submit: Returns whether items may be submitted.
        credit: Pauses submissions while the account has no credit.
        policy: How records of earlier runs are treated.
        shared: Whether the journal decides whether there is room, as a journal shared by many
            processes does. It decides when an item begins.
    """

    def __init__(
        self,
        *,
        budget: AsyncBudget,
        estimate: Callable[[Submission[Any]], Estimate],
        slots: SlotPool,
        may_submit: Callable[[], bool],
        credit: CreditPause,
        policy: ResumePolicy,
        shared: bool,
    ) -> None:
        self._budget = budget
        self._estimate = estimate
        self._slots = slots
        self._may_submit = may_submit
        self._credit = credit
        self._policy = policy
        self._shared = shared
        self._no_room: BudgetExceeded | None = None

    def reserve(self, item: ItemInProgress[Any]) -> Reservation | None:
        """Reserve room for an item, or return None if there may be room later.

        Raises:
            BudgetExceeded: There is no room, and none will become free.
        """
        expected, record = self._estimate(item.submission), item.record
        submitted = record is not None and (
            record.state in ("intended", "submitted")
            or (record.state == "uncertain" and not self._policy.resubmit_uncertain)
        )
        amount = None if record is None or not submitted else record.reserved_usd
        if not (self._budget.capped or self._shared):
            # Recorded, since a later run of the journal may have a cap.
            item.reserved_usd = expected.usd_most if amount is None else amount
            return UNCOUNTED
        # All later items get the first refusal, including cheaper ones.
        if self._no_room is not None and not submitted:
            raise self.refusal(item, self._no_room)
        try:
            reservation = self._budget.reserve(
                expected, submitted=submitted, amount=amount, judged=self._shared
            )
        except MustWait:
            return None
        except BudgetExceeded as exceeded:
            raise self.refusal(item, exceeded) from None
        item.estimate, item.reserved_usd = expected, reservation.amount
        return reservation

    async def wait(self, item: ItemInProgress[Any]) -> Reservation:
        """Wait until jobs in flight have ended, then reserve room for an item.

        Raises:
            BudgetExceeded: There is still no room.
            SubmissionCancelled: Submissions stopped during the wait.
        """
        # Release the slot: a job in flight that was refused and queues again needs it.
        item.lease.release()
        try:
            reservation = await self._budget.room(self._estimate(item.submission))
        except BudgetExceeded as exceeded:
            raise self.refusal(item, exceeded) from None
        try:
            await self.take_slot(item)
        except BaseException:
            self._budget.release(reservation)
            raise
        item.reserved_usd = reservation.amount
        return reservation

    async def wait_for_shared(self, item: ItemInProgress[Any]) -> None:
        """Wait until a journal shared by many processes may have room.

        Raises:
            SubmissionCancelled: Submissions stopped during the wait.
        """
        item.lease.release()
        await self._budget.freed(_ASK_AGAIN)
        await self.take_slot(item)

    async def take_slot(self, item: ItemInProgress[Any]) -> None:
        """Take a slot for an item that waited without one.

        Raises:
            SubmissionCancelled: Submissions stopped during the wait.
        """
        item.lease = await self._slots.acquire()
        if not self._may_submit():
            raise SubmissionCancelled

    async def wait_for_credit(self, item: ItemInProgress[Any]) -> None:
        """Wait until the account may have credit again.

        Raises:
            SubmissionCancelled: Submissions stopped during the wait.
        """
        item.lease.release()
        await self._credit.wait(item.submission.index)
        await self.take_slot(item)

    async def wait_for_other(self, item: ItemInProgress[Any]) -> None:
        """Wait until another process may have finished the item. The item then has no slot.

        Raises:
            SubmissionCancelled: Submissions have stopped.
        """
        if not self._may_submit():
            raise SubmissionCancelled
        item.lease.release()
        await asyncio.sleep(_ASK_AGAIN)

    def refusal(self, item: ItemInProgress[Any], exceeded: BudgetExceeded) -> BudgetExceeded:
        """Return the error for an item without room; all items get the first such error."""
        self._no_room = self._no_room or exceeded
        refusal = copy.copy(self._no_room)
        refusal.not_submitted = (item.identity.key,)
        return refusal
