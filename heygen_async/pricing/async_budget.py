"""Wait for room in a budget.

The processor of an item uses it like this::

    reservation = await budget.room(estimate)     # may wait; raises BudgetExceeded
    ...                                           # record reservation.amount with the intent
    ...                                           # submit, wait for the job
    budget.settle(reservation, usd)               # or release, or set_aside

Rules for the caller:

- Every reservation ends by ``settle``, ``release`` or ``set_aside``, also on cancellation. The
  waiting items depend on it.
- A job that holds a reservation must not depend on an item that waits for one. Wait for room before
  you take a slot, and send a batch that is not full rather than wait for further members.
- Take up the items that earlier runs have submitted before new ones where possible
  (``reserve(estimate, submitted=True, amount=…)``, which never waits). ``room`` waits for
  jobs carried over as long as others are in flight; with none, nobody may be waiting for them.
- After the wait, check whether the run is still to submit anything.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from heygen_async.pricing.budget import Budget, MustWait, Reservation
from heygen_async.pricing.estimates import Estimate


class AsyncBudget(Budget):
    """A :class:`Budget` with room that can be awaited, first come, first served.

    It can be used on different event loops in turn, but not on several at once. It takes the
    arguments of ``Budget``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: asyncio.Lock
        self._freed: asyncio.Event

    async def room(self, estimate: Estimate) -> Reservation:
        """Reserve room for a job before it is submitted. Wait while room may become available.

        Args:
            estimate: Estimated cost of the job.

        Raises:
            BudgetExceeded: There is no room, and waiting would not help.
        """
        self._bind()
        async with self._turn:
            while True:
                self._freed.clear()
                with contextlib.suppress(MustWait):
                    return self.reserve(estimate)
                await self._freed.wait()

    async def freed(self, within: float) -> None:
        """Wait until a reservation of this budget has ended, for at most ``within`` seconds.

        After this, the caller checks a journal shared by many processes again.
        """
        self._bind()
        self._freed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._freed.wait()

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._turn, self._freed = loop, asyncio.Lock(), asyncio.Event()
            self._released = self._freed.set  # waiters try again
