"""``Money``: what a family of runs has spent and reserved, during one transaction."""

from __future__ import annotations

from collections.abc import Callable

from heygen_async.errors import BudgetExceeded
from heygen_async.journal.records import FINISHED, Finish, Intent, ItemRecord
from heygen_async.pricing.budget import UNITS, Figures, check_room, to_units


class Money:
    """The sums of a budget's row, which this transaction has locked. Amounts are in 1e-9 USD.

    Args:
        spent: Of items that have ended.
        reserved: Of open items whose amount is recorded.
        unrecorded: Open items whose amount is not.
        open_items: All open items.
        ended: Items that had a job and have ended.
        max_cost: Cap in USD, or None.
        max_jobs: Number of jobs that may be submitted, or None.
    """

    def __init__(
        self,
        spent: int,
        reserved: int,
        unrecorded: int,
        open_items: int,
        ended: int,
        *,
        max_cost: float | None,
        max_jobs: int | None,
    ) -> None:
        self._spent, self._reserved, self._unrecorded = spent, reserved, unrecorded
        self._open, self._ended = open_items, ended
        self._max_cost, self._max_jobs = max_cost, max_jobs

    def row(self) -> dict[str, int]:
        """Return the sums as the budget's row holds them."""
        return {
            "spent": self._spent,
            "reserved": self._reserved,
            "unrecorded": self._unrecorded,
            "open": self._open,
            "ended": self._ended,
        }

    def refusal(
        self, intent: Intent, living: Callable[[], tuple[int, int, int]]
    ) -> BudgetExceeded | None:
        """Return why an item may not begin, or None if there is room for it.

        Args:
            intent: The item. One without an estimate is never refused.
            living: Returns what is reserved for jobs that somebody waits for, what these cost at
                least, and how many of them are of unknown cost.
        """
        estimate = intent.estimate
        if estimate is None:
            return None
        jobs = self._ended + self._open

        def figures() -> Figures:
            spent, reserved = self._spent / UNITS, self._reserved / UNITS
            return Figures(self._max_cost, self._max_jobs, spent, reserved, jobs, estimate.as_of)

        if self._max_jobs is not None and jobs >= self._max_jobs:
            return figures().refusal(BudgetExceeded, "max_jobs is reached")
        if self._max_cost is None:
            return None
        units = to_units(intent.reserved_usd or 0.0)
        taken = self._spent + self._reserved + self._unrecorded * units
        room = to_units(self._max_cost) - taken

        def later() -> tuple[int, int]:
            reserved, lowest, unknown = living()
            return room + reserved - lowest, unknown

        try:
            check_room(estimate, units, room, later, figures)
        except BudgetExceeded as refusal:
            return refusal
        return None

    def reserve(self, usd: float | None) -> None:
        """Count an item that begins."""
        self._count(usd, 1)

    def release(self, present: ItemRecord) -> None:
        """Count an item no more that is begun anew, unless it has ended."""
        if present.state not in FINISHED:
            self._count(present.reserved_usd, -1)

    def take_back(self, present: ItemRecord) -> None:
        """Undo ``release``."""
        if present.state not in FINISHED:
            self._count(present.reserved_usd, 1)

    def settle(self, present: ItemRecord, outcome: Finish) -> None:
        """Replace what is reserved for an item by what it has cost.

        An unknown cost counts as what was reserved. What was sent again in doubt may have been paid
        for each time.
        """
        self._count(present.reserved_usd, -1)
        if outcome.usd is not None:
            self._spent += to_units(outcome.usd * (1 + present.resends))
        elif outcome.state == "completed":
            self._spent += to_units(present.reserved_usd or 0.0)
        self._ended += present.job_id is not None

    def _count(self, usd: float | None, number: int) -> None:
        self._open += number
        if usd is None:
            self._unrecorded += number
        else:
            self._reserved += number * to_units(usd)
