"""A cap on what bulk runs spend.

HeyGen answers no prices, so what jobs cost is always an estimate. Nothing in this module does
I/O.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable

import msgspec

from heygen_async.errors import BudgetExceeded, ConfigurationError
from heygen_async.pricing.estimates import Estimate, dollars

# Money is counted in whole units of 1e-9 USD: sums are exact, in whatever order jobs end.
_UNITS = 1_000_000_000
_WARN_AT = (0.5, 0.8)


class Reservation(msgspec.Struct, frozen=True, eq=False):
    """A place in a :class:`Budget` for one job; each is a thing of its own.

    Attributes:
        estimate: What the job will probably cost.
        known: Units of it that are known.
    """

    estimate: Estimate
    known: int


class Budget:
    """Keeps what is spent, and what jobs in flight will cost, under a cap.

    Reserve before each submission, then settle when the job has ended, or release where it was
    never submitted. An incomplete estimate reserves the mean of the jobs that have ended so far
    and cost something, at least what is known of it; before the first has ended there is no
    mean, so jobs of unknown length that start together can pass the cap, as can a job that
    costs more than its estimate. Nothing is reserved once that has happened.

    All figures are estimates, as HeyGen answers no prices. For one event loop, not for threads.

    Args:
        max_cost: USD that may be spent, over all runs; None for no cap.
        max_jobs: Jobs that may be submitted, over all runs; None for no cap.
        spent: USD that earlier runs have spent.
        jobs: Jobs of earlier runs that have ended.
        warn: Called with a sentence when 50 % and when 80 % of ``max_cost`` are spent or
            reserved, once each, for example ``logger.warning``. Not called again for what
            earlier runs have spent.

    Raises:
        ConfigurationError: A figure is negative or not finite.
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
        self._cap = None if max_cost is None else _units(max_cost)
        self._warn = warn
        self._as_of: datetime.date | None = None
        self._open: set[Reservation] = set()
        self._complete = 0  # units reserved by complete estimates
        self._incomplete: Counter[int] = Counter()  # reservations by the units known of them
        self._spent = self._ended = self._paid = self._paid_jobs = 0
        self._in_flight = 0  # jobs of earlier runs that are not reserved anew yet
        self._journals: set[str] = set()
        self.carry_over(spent, jobs)

    def meets(self, journal: str) -> bool:
        """Whether this journal is new to the budget, so that its sums do not count twice."""
        new = journal not in self._journals
        self._journals.add(journal)
        return new

    def carry_over(self, spent: float, jobs: int, in_flight: int = 0) -> None:
        """Count what earlier runs have spent; before the first reservation.

        Args:
            spent: USD.
            jobs: How many jobs have ended.
            in_flight: How many may still run. Each counts until it is reserved anew, at the mean
                of those that have ended, or as what is reserved next.
        """
        self._spent += _units(spent)
        self._ended += jobs
        self._in_flight += in_flight
        # For the mean. Failed jobs of earlier runs are among theirs: a little low, not wrong.
        if self._spent and self._ended:
            self._paid, self._paid_jobs = self._spent, self._ended
        self._to_warn_at = [share for share in _WARN_AT if not self._reaches(share)]

    @property
    def spent(self) -> float:
        """USD that ended jobs have cost, those of earlier runs too."""
        return self._spent / _UNITS

    @property
    def reserved(self) -> float:
        """USD that jobs in flight will probably cost."""
        return self._reserved() / _UNITS

    @property
    def jobs(self) -> int:
        """Jobs that have ended or are in flight, those of earlier runs too."""
        return self._ended + len(self._open) + self._in_flight

    def reserve(self, estimate: Estimate, *, submitted: bool = False) -> Reservation:
        """Make room for a job that is about to be submitted.

        Args:
            estimate: What it will probably cost.
            submitted: It was submitted by an earlier run: counted, but never refused.

        Raises:
            BudgetExceeded: There is no room; nothing was reserved.
        """
        self._as_of = estimate.as_of
        reservation = Reservation(estimate, _units(estimate.usd or 0.0))
        if submitted:
            self._in_flight = max(0, self._in_flight - 1)
        else:
            self._refuse_excess(estimate, self._amount(reservation))
        self._open.add(reservation)
        self._count(reservation, 1)
        self._warn_once()
        return reservation

    def settle(self, reservation: Reservation, actual: float | None) -> None:
        """A job has ended.

        Args:
            reservation: Its reservation.
            actual: What it has cost in USD, 0 where it failed; None where that is not known:
                what was reserved then counts as spent.

        Raises:
            ValueError: The cost is negative or not finite, or the reservation is not open.
        """
        amount = self._amount(reservation) if actual is None else _units(actual)
        self.release(reservation)
        self._ended += 1
        self._spent += amount
        if actual is not None and amount:
            self._paid += amount
            self._paid_jobs += 1
        self._warn_once()

    def release(self, reservation: Reservation) -> None:
        """A job was not submitted after all.

        Raises:
            ValueError: The reservation was settled or released before, or is of another budget.
        """
        if reservation not in self._open:
            raise ValueError("this reservation is not open in this budget")
        self._open.remove(reservation)
        self._count(reservation, -1)

    def set_aside(self, reservation: Reservation) -> None:
        """A job may still run, and a later run takes it up: it counts as those of earlier runs.

        Raises:
            ValueError: The reservation was settled or released before, or is of another budget.
        """
        self.release(reservation)
        self._in_flight += 1

    def __str__(self) -> str:
        prices = f" at prices of {self._as_of}" if self._as_of is not None else ""
        cap = f" of at most {dollars(self.max_cost)}" if self.max_cost is not None else ""
        jobs = f" of at most {self.max_jobs:,}" if self.max_jobs is not None else ""
        return (
            f"estimate{prices}: {dollars(self.spent)} spent and {dollars(self.reserved)} reserved"
            f"{cap}; jobs: {self.jobs:,}{jobs}"
        )

    def _amount(self, reservation: Reservation) -> int:
        known = reservation.known
        return known if reservation.estimate.complete else max(known, self._mean())

    def _mean(self) -> int:
        return -(-self._paid // self._paid_jobs) if self._paid_jobs else 0  # rounded up

    def _reserved(self) -> int:
        mean = self._mean()
        incomplete = sum(count * max(known, mean) for known, count in self._incomplete.items())
        return self._complete + incomplete + self._in_flight * mean

    def _count(self, reservation: Reservation, change: int) -> None:
        known = reservation.known
        if reservation.estimate.complete:
            self._complete += change * known
            return
        self._incomplete[known] += change
        if not self._incomplete[known]:
            del self._incomplete[known]

    def _refuse_excess(self, estimate: Estimate, amount: int) -> None:
        reason = None
        if self.max_jobs is not None and self.jobs >= self.max_jobs:
            reason = "max_jobs is reached"
        elif self._cap is not None:
            room = self._cap - self._spent - self._reserved()
            if not self._paid_jobs:  # then those of earlier runs are not in it
                room -= self._in_flight * amount
            # A job of unknown cost needs some room, even where no mean says how much.
            if amount > room or (not estimate.complete and room <= 0):
                reason = f"no room for a job of about {dollars(amount / _UNITS)}"
        if reason is not None:
            raise BudgetExceeded(
                f"{reason}; {self}",
                max_cost=self.max_cost,
                max_jobs=self.max_jobs,
                spent=self.spent,
                reserved=self.reserved,
            )

    def _reaches(self, share: float) -> bool:
        # Without a cap there is nothing to warn of.
        return self._cap is None or self._spent + self._reserved() >= share * self._cap

    def _warn_once(self) -> None:
        if not self._to_warn_at:
            return
        reached = [share for share in self._to_warn_at if self._reaches(share)]
        if reached:
            self._to_warn_at = [share for share in self._to_warn_at if share not in reached]
            if self._warn is not None:
                self._warn(f"{max(reached):.0%} of max_cost is spent or reserved; {self}")


def _units(usd: float) -> int:
    if not 0 <= usd < math.inf:
        raise ValueError(f"expected an amount of 0 USD or more, got {usd!r}")
    return round(usd * _UNITS)
