"""When to look at a job next: arithmetic only, the time is an argument.

How long jobs of one kind take is learned from those that have ended, as a lognormal
distribution; three of them already teach enough. Until then a wide guess stands in.

From the distribution follows the hazard: of the jobs that are still running at an age, the share
that ends in the next second. Looking every ``interval`` seconds costs ``1 / interval`` requests
a second and notices an end ``interval / 2`` late on average, so with the price of a look in
seconds of delay, the best interval is ``sqrt(2 * price / hazard)``. A look that serves many jobs
at once divides its price among them, and their hazards add up.

A few bounds keep that in order. A handful of jobs is not looked at before one in ten would be
done (or for five minutes, should what was learned no longer hold), and from then on at least once
a minute. From ten jobs on, which share one request, delay costs job slots, so there is a look at
each tick from the age at which one in fifty would be done (from the start, while nothing is
learned). A tick is ``TICK`` seconds; where more
than a few jobs end within one, it shrinks, and it grows again where fewer do, so that a job among
many costs less than three requests, with its submission and its final fetch. (The hazard is of no
use for that: of jobs that started together, the first to end make all the others look overdue.)
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

TICK = 1.8
LONGEST = 60.0
LONGEST_FIRST = 300.0
BULK = 10
SHORTEST_TICK = 0.2

# Seconds of delay that one request is worth, for a job that waits alone.
_PRICE = 1.4
# Jobs that a request should find done, on average, before the tick may shrink.
_FOUND_PER_REQUEST = 2.0


_MEMORY = 200
_ENOUGH = 3
_GUESSED_SIGMA = 1.2
_USUAL_SIGMA = 0.5
_SHORTEST = 1e-3
# The first of the early looks at a job of a kind that is not known yet, as a share of the guess;
# then at twice the age.
_EARLIEST = 1 / 60

_TENTH = -1.2816
_FIFTIETH = -2.0537


class Durations:
    """What has been learned about the durations of one kind of job.

    Args:
        expected: The median to go by, in seconds, until jobs have ended.
        guessed: Whether that is a guess of ours; then a few early looks check on it.
    """

    def __init__(self, expected: float, *, guessed: bool = True) -> None:
        self._logs: deque[float] = deque(maxlen=_MEMORY)
        self._mu = math.log(max(expected, _SHORTEST))
        self._sigma = _GUESSED_SIGMA
        self._tick = TICK
        self._guessed = guessed

    @property
    def median(self) -> float:
        """Half of the jobs are done at this age, in seconds."""
        return math.exp(self._mu)

    def learn(self, since: float, until: float) -> None:
        """Take in one job that has ended, at an age between these two.

        It counts as the median of what ends between them. (The middle would be too early for a
        job found done at its first look, and spread the durations out.)

        Args:
            since: Seconds from its submission to the last look that saw it run; 0 for none.
            until: Seconds from its submission to the look that saw its end.
        """
        since, until = max(since, _SHORTEST), max(until, _SHORTEST)
        low, high = math.log(min(since, until)), math.log(until)
        share = (self._share_below(low) + self._share_below(high)) / 2
        middle = math.log((since + until) / 2)
        if 1e-9 < share < 1 - 1e-9:  # beyond that, floating point tells nothing
            middle = self._mu + self._sigma * _normal_quantile(share)
        self._logs.append(min(max(middle, low), high))
        count = len(self._logs)
        if count < _ENOUGH:
            return
        self._mu = math.fsum(self._logs) / count
        squares = math.fsum((value - self._mu) ** 2 for value in self._logs)
        # Few durations happen to lie close together; the usual spread counts like three more.
        self._sigma = math.sqrt((squares + _ENOUGH * _USUAL_SIGMA**2) / (count - 1 + _ENOUGH))

    def _share_below(self, log: float) -> float:
        return _normal_below((log - self._mu) / self._sigma)

    def quantile(self, z: float) -> float:
        """The age that lies ``z`` standard deviations from the median."""
        return math.exp(self._mu + z * self._sigma)

    def hazard(self, age: float) -> float:
        """The share of the jobs running at this age that ends per second."""
        age = max(age, _SHORTEST)
        z = (math.log(age) - self._mu) / self._sigma
        if z > 6:  # the survivors are too few for floating point; the ratio tends to z
            return z / (age * self._sigma)
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return density / (age * self._sigma * 0.5 * math.erfc(z / math.sqrt(2)))

    def until_first_look(self, age: float, company: int) -> float:
        """Seconds until a job of this age is worth a first look; 0 where it is overdue.

        Args:
            age: Seconds since it was submitted.
            company: How many jobs share their looks with it, itself included.
        """
        first = self.quantile(_FIFTIETH if company >= BULK else _TENTH)
        until = max(0.0, first - age)
        if len(self._logs) < _ENOUGH:
            # Shared looks, and a few early ones, cost less than a wrong guess.
            if company >= BULK:
                until = min(until, max(0.0, self._tick - age))
            elif self._guessed:
                until = min(until, max(self.median * _EARLIEST - age, age))
        return min(until, LONGEST_FIRST)

    def until_sweep(self, age: float) -> float:
        """Seconds until one in ten jobs of this age would be done; 0 where that is past.

        Args:
            age: Seconds since it was submitted.
        """
        return min(max(0.0, self.quantile(_TENTH) - age), LONGEST_FIRST)

    def until_look(self, ages: Sequence[float]) -> float:
        """Seconds until the next look at jobs of these ages that share their looks.

        Args:
            ages: Seconds since each job was submitted; at least one.
        """
        count = len(ages)
        until_first = self.until_first_look(max(ages), count)
        if until_first > _SHORTEST:
            return until_first
        if count >= BULK:
            return self._tick
        # Never nothing: the oldest is past its first look.
        hazard = math.fsum(self.hazard(age) for age in ages)
        interval = math.sqrt(2 * _PRICE / (count * hazard))
        return min(max(interval, self._tick), LONGEST)

    def looked(self, interval: float, found: int, requests: int) -> None:
        """Take in what a look at many jobs has brought.

        Args:
            interval: Seconds since the look before.
            found: Jobs found done.
            requests: Requests that the look took.
        """
        factor = _FOUND_PER_REQUEST * requests / max(found, 0.5)
        # A look out of turn comes after next to no time, and is no reason to hurry.
        tick = max(interval, self._tick) * min(max(factor, 0.25), 2.0)
        self._tick = min(max(tick, SHORTEST_TICK), TICK)


def _normal_below(z: float) -> float:
    """The share of the standard normal distribution below ``z``."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _normal_quantile(share: float) -> float:
    """The reverse, by halving; ``statistics`` can do it too, but takes 4 ms to import."""
    low, high = -8.0, 8.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if _normal_below(middle) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
