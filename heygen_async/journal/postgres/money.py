"""``Money``: the spent and reserved amounts of a family of runs, during one transaction."""

from __future__ import annotations

from collections.abc import Callable

from heygen_async.errors import BudgetExceeded
from heygen_async.journal.records import FINISHED, Finish, Intent, ItemRecord
from heygen_async.pricing.budget import UNITS, Figures, check_room, to_units


class Money:
    """Sums of a budget's row, locked by this transaction. Amounts are in 1e-9 USD.

    Args:
        spent: Amount spent on items that have ended.
        reserved: Amount reserved for open items with a recorded amount.
        unrecorded: Number of open items without a recorded amount.
        open_items: Number of all open items.
        ended: Number of items that had a job and have ended.
        max_cost: Cap in USD, or None.
        max_jobs: Maximum number of jobs, or None.
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
        """Return the sums in the form of the budget's row."""
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
        """Return the reason why an item may not begin, or None if there is room for it.

        Args:
            intent: The item. An item without an estimate is never refused.
            living: Returns, for jobs that a living owner waits for, the reserved amount, the
                minimum cost, and the number of jobs of unknown cost.
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
        """Stop counting an item that is begun again, unless it has ended."""
        if present.state not in FINISHED:
            self._count(present.reserved_usd, -1)

    def take_back(self, present: ItemRecord) -> None:
        """Undo ``release``."""
        if present.state not in FINISHED:
            self._count(present.reserved_usd, 1)

    def settle(self, present: ItemRecord, outcome: Finish) -> None:
        """Replace the reservation for an item with its actual cost.

        If the cost is unknown, the reserved amount counts. Each attempt that was resent in doubt
        may have been paid for.
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
