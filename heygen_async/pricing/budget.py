"""Keep the spending of bulk runs under a cap. Pure arithmetic, without I/O and without waiting.

Before its submission, each job reserves its maximum cost:

- A job of known length reserves the upper end of its estimate. A length estimated from a script
  counts as known.
- A job whose output follows a source, such as a dub, also reserves the extra cost of an output that
  is longer than the source, but may start if it fits without this extra.
- A job of unknown length reserves the longest that HeyGen allows. If that does not fit into the
  room left, the job may start alone, that is while no other job of unknown length is in flight,
  as long as there is any room.

When a job starts, everything else in flight therefore fits under the cap even at its maximum cost,
so **the total spending is at most the cap plus the cost of one job**, whatever the lengths, the
order and the number of interruptions. Jobs without a published price start alone too, and count
nothing.

``AsyncBudget`` adds the waiting for room.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from heygen_async.errors import BudgetExceeded, ConfigurationError
from heygen_async.pricing.estimates import Estimate, dollars

UNITS = 1_000_000_000
"""Units of a USD. Money is counted in units, so that sums are exact in any order."""
_WARN_AT = (0.5, 0.8)


class MustWait(BudgetExceeded):
    """There is no room now, but there may be room when jobs in flight have settled."""


class Figures(NamedTuple):
    """The state of a budget, for decisions and messages. As text, it includes all values.

    Attributes:
        max_cost: Cap in USD, or None.
        max_jobs: Maximum number of jobs, or None.
        spent: Cost of finished jobs in USD.
        reserved: Maximum cost of jobs in flight in USD.
        jobs: Number of jobs that are finished or in flight.
        as_of: Date of the prices, or None if no job was estimated yet.
    """

    max_cost: float | None
    max_jobs: int | None
    spent: float
    reserved: float
    jobs: int
    as_of: datetime.date | None

    def __str__(self) -> str:
        prices = f" at prices of {self.as_of}" if self.as_of is not None else ""
        cap = f" of at most {dollars(self.max_cost)}" if self.max_cost is not None else ""
        jobs = f" of at most {self.max_jobs:,}" if self.max_jobs is not None else ""
        return (
            f"estimate{prices}: {dollars(self.spent)} spent and {dollars(self.reserved)} reserved"
            f"{cap}; jobs: {self.jobs:,}{jobs}"
        )

    def refusal(self, kind: type[BudgetExceeded], reason: str) -> BudgetExceeded:
        """Return the error for a job without room in the budget."""
        return kind(
            f"{reason}; {self}",
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
            spent=self.spent,
            reserved=self.reserved,
        )


def check_room(
    estimate: Estimate,
    units: int,
    room: int,
    later: Callable[[], tuple[int, int]],
    figures: Callable[[], Figures],
) -> None:
    """Refuse a job if a cap has no room for it.

    Args:
        estimate: Estimated cost of the job.
        units: Amount that it reserves, in 1e-9 USD like all amounts here.
        room: Amount of the cap that is neither spent nor reserved.
        later: Returns the room that may become available when awaited jobs in flight have settled,
            and how many of these jobs have an unknown length. Called only if the decision depends
            on it.
        figures: Returns the amounts for the message.

    Raises:
        MustWait: There is no room before a job in flight has settled.
        BudgetExceeded: There is no room.
    """
    if estimate.overrun:
        units -= to_units(estimate.overrun)  # it may start without this part
    if room > 0 and units <= room and (estimate.complete or estimate.usd_high is not None):
        return
    room_later, unknown = later()
    if estimate.complete:
        fits, may_fit = units <= max(room, 0), units <= room_later
    else:
        fits, may_fit = room > 0 and not unknown, room_later > 0
    if not fits:
        kind = MustWait if may_fit else BudgetExceeded
        about = estimate.amount if estimate.complete else f"unknown cost, {estimate.amount}"
        raise figures().refusal(kind, f"no room for a job of {about}")


class Reservation(msgspec.Struct, frozen=True, eq=False):
    """Room in a :class:`Budget` for one job. Each reservation is unique.

    Attributes:
        units: Reserved amount in 1e-9 USD.
        lowest: Lower bound of the cost in 1e-9 USD.
        unknown: Whether the cost is not fully known.
        amount: Reserved amount in USD. A journal stores it with the item.
    """

    units: int
    lowest: int
    unknown: bool
    amount: float


UNCOUNTED = Reservation(0, 0, False, 0.0)
"""The reservation of jobs whose room no cap limits; only ``settle`` counts them."""


class Budget:
    """Track the cost of finished jobs and the possible cost of jobs in flight, under a cap.

    Reserve before each submission. Settle when the job has ended, or release if it was not
    submitted. All amounts are estimates, since HeyGen reports no prices. Not thread-safe.

    Args:
        max_cost: Cap in USD, over all runs; None for no cap.
        max_jobs: Maximum number of jobs, over all runs; None for no limit.
        spent: Spending of earlier runs in USD.
        jobs: Number of finished jobs of earlier runs.
        warn: Called with a message once when 50 % and once when 80 % of ``max_cost`` are spent or
            reserved. Not called for thresholds that earlier runs reached.

    Raises:
        ConfigurationError: A value is negative or not finite.

    Attributes:
        max_cost: The same.
        max_jobs: The same.
        capped: Whether one of them is set.
    """

    def __init__(
        self,
        max_cost: float | None = None,
        max_jobs: int | None = None,
        *,
        spent: float = 0.0,
        jobs: int = 0,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        figures = {"max_cost": max_cost, "max_jobs": max_jobs, "spent": spent, "jobs": jobs}
        for name, figure in figures.items():
            if figure is not None and not (math.isfinite(figure) and figure >= 0):
                raise ConfigurationError(f"{name}: expected 0 or more, got {figure!r}")
        self.max_cost = max_cost
        self.max_jobs = max_jobs
        self.capped: bool = max_cost is not None or max_jobs is not None
        self._cap = None if max_cost is None else to_units(max_cost)
        self._warn = warn
        self._released: Callable[[], None] | None = None
        self._as_of: datetime.date | None = None
        self._open: set[Reservation] = set()
        self._reserved = self._lowest = 0  # units, of all open reservations
        self._unknown = 0  # open reservations of jobs of unknown length
        # Jobs in flight without a waiting run, by their units; None if these are not recorded.
        self._carried: Counter[int | None] = Counter()
        self._spent = self._ended = 0
        self._journals: set[str] = set()
        self.carry_over(spent, jobs)

    def meets(self, journal: str) -> bool:
        """Return whether this journal is new to the budget, so its totals count once."""
        new = journal not in self._journals
        self._journals.add(journal)
        return new

    def carry_over(self, spent: float, jobs: int, in_flight: Iterable[float | None] = ()) -> None:
        """Add the spending of earlier runs, and their jobs in flight.

        Args:
            spent: Amount in USD.
            jobs: Number of finished jobs.
            in_flight: Reserved amount in USD of each job that may still run, or None if it was not
                recorded. Each counts until its item is reserved again with ``submitted=True``. An
                unrecorded amount counts as much as the job that requests room.
        """
        self._spent += to_units(spent)
        self._ended += jobs
        self._carried.update(None if usd is None else to_units(usd) for usd in in_flight)
        self._to_warn_at = [share for share in _WARN_AT if not self._reaches(share)]

    @property
    def spent(self) -> float:
        """Cost of finished jobs in USD, including those of earlier runs."""
        return self._spent / UNITS

    @property
    def reserved(self) -> float:
        """Maximum cost of jobs in flight in USD, including those of earlier runs."""
        return (self._reserved + self._in_flight_before()) / UNITS

    @property
    def jobs(self) -> int:
        """Number of jobs that are finished or in flight, including those of earlier runs."""
        return self._ended + len(self._open) + self._carried.total()

    def reserve(
        self,
        estimate: Estimate,
        *,
        submitted: bool = False,
        amount: float | None = None,
        judged: bool = False,
    ) -> Reservation:
        """Reserve room for a job before it is submitted.

        Args:
            estimate: Estimated cost of the job.
            submitted: Whether an earlier run has submitted it. It then replaces one of the jobs
                carried over, and is never refused.
            amount: USD that the earlier run reserved for it; None if that was not recorded.
            judged: Whether a journal decides on room. The job is then never refused here.

        Raises:
            MustWait: There is no room before a job in flight has settled. Nothing was reserved.
            BudgetExceeded: There is no room. Nothing was reserved.
        """
        self._as_of = estimate.as_of
        if amount is None:
            amount = estimate.usd_most
        units = to_units(amount)
        if submitted:
            self._take_over(units)
        elif self.capped and not judged:
            self._check_room(estimate, units)
        low = max(0.0, estimate.usd_low - estimate.overrun)
        lowest = units if low >= amount else to_units(low)
        reservation = Reservation(units, lowest, estimate.unknown > 0, amount)
        self._open.add(reservation)
        self._reserved += units
        self._lowest += lowest
        self._unknown += reservation.unknown
        if self._to_warn_at:
            self._warn_once()
        return reservation

    def settle(self, reservation: Reservation, actual: float | None) -> None:
        """Replace a reservation by the actual cost of the finished job.

        Args:
            reservation: The reservation.
            actual: Cost in USD, 0 if the job failed. None if unknown: the reserved amount then
                counts as spent.

        Raises:
            ValueError: The cost is negative or not finite, or the reservation is not open.
        """
        units = reservation.units if actual is None else to_units(actual)
        if reservation is not UNCOUNTED:
            self.release(reservation)
        self._ended += 1
        self._spent += units
        if self._to_warn_at:
            self._warn_once()

    def release(self, reservation: Reservation) -> None:
        """Give up the reservation of a job that was not submitted.

        Raises:
            ValueError: The reservation was already settled or released, or belongs to another
                budget.
        """
        if reservation is UNCOUNTED:
            return
        if reservation not in self._open:
            raise ValueError("this reservation is not open in this budget")
        self._open.remove(reservation)
        self._reserved -= reservation.units
        self._lowest -= reservation.lowest
        self._unknown -= reservation.unknown
        if self._released is not None:
            self._released()

    def set_aside(self, reservation: Reservation) -> None:
        """Stop tracking a job that may still run; a later run will continue it.

        Its amount stays reserved, like that of a job carried over.

        Raises:
            ValueError: The reservation was already settled or released, or belongs to another
                budget.
        """
        self.release(reservation)
        if reservation is not UNCOUNTED:
            self._carried[reservation.units] += 1

    def __str__(self) -> str:
        return str(self._figures())

    def _figures(self) -> Figures:
        return Figures(
            self.max_cost, self.max_jobs, self.spent, self.reserved, self.jobs, self._as_of
        )

    def _check_room(self, estimate: Estimate, units: int) -> None:
        """Refuse a job if there is no room for it."""
        if self.max_jobs is not None and self.jobs >= self.max_jobs:
            raise self._figures().refusal(BudgetExceeded, "max_jobs is reached")
        if self._cap is not None:
            room = self._cap - self._spent - self._reserved - self._in_flight_before(units)
            # Jobs carried over are continued by other items in the meantime, if these items are in
            # the run.
            carried = self._in_flight_before() if self._open else 0
            later = room + self._reserved - self._lowest + carried, self._unknown
            check_room(estimate, units, room, lambda: later, self._figures)

    def _in_flight_before(self, unrecorded: int = 0) -> int:
        """Return the units of jobs carried over, with an amount for those not recorded."""
        return sum(
            count * (unrecorded if units is None else units)
            for units, count in self._carried.items()
        )

    def _take_over(self, units: int) -> None:
        """Remove the job from those carried over: the job with its amount, or the smallest one."""
        recorded = [amount for amount in self._carried if amount is not None]
        for amount in (units, None, min(recorded, default=None)):
            if self._carried[amount]:
                self._carried[amount] -= 1
                self._carried = +self._carried
                return

    def _reaches(self, share: float) -> bool:
        # Without a cap there are no warnings.
        return self._cap is None or self._spent + self._reserved + self._in_flight_before() >= (
            share * self._cap
        )

    def _warn_once(self) -> None:
        reached = [share for share in self._to_warn_at if self._reaches(share)]
        if reached:
            self._to_warn_at = [share for share in self._to_warn_at if share not in reached]
            if self._warn is not None:
                self._warn(f"{max(reached):.0%} of max_cost is spent or reserved; {self}")


def to_units(usd: float) -> int:
    """Return an amount in units of 1e-9 USD.

    Raises:
        ValueError: The amount is negative or not finite.
    """
    if not 0 <= usd < math.inf:
        raise ValueError(f"expected an amount of 0 USD or more, got {usd!r}")
    return round(usd * UNITS)
