"""Decide when to poll jobs. Arithmetic only; the time is an argument.

The durations of one kind of job are learned from the jobs that have ended, as a lognormal
distribution; three jobs are enough. Until then a wide estimate is used.

The hazard follows from the distribution: of the jobs that still run at an age, the share that
ends in the next second. Polling every ``interval`` seconds costs ``1 / interval`` requests a second
and notices an end ``interval / 2`` late on average, so with the price of a poll in seconds of
delay, the best interval is ``sqrt(2 * price / hazard)``. A poll of many jobs divides its price
among them, and their hazards add up.

There are a few bounds. A handful of jobs is not polled before one in ten would be done (or for five
minutes, in case the learned durations no longer hold), and from then on at least once a minute. Ten
and more jobs share one request and delay costs job slots, so they are polled at each tick from the
age at which one in fifty would be done (from the start, while nothing is learned). A tick is
``TICK`` seconds, and a quarter longer for fewer than ``MANY`` jobs. If more than four jobs end
within one, it shrinks down to ``SHORTEST_TICK``, and it grows again if fewer do, so a job among
many costs less than three requests, with its submission and its final fetch. (The hazard cannot do
that: of jobs that started together, the first to end make all the others look overdue.)
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

TICK = 1.98
LONGEST = 60.0
LONGEST_FIRST = 300.0
BULK = 10
MANY = 15
SHORTEST_TICK = 0.2
# The age at the first early poll of a job of a kind that is not learned yet, as a share of the
# estimate; each next poll follows at twice the age.
EARLIEST = 1 / 60

# Seconds of delay that one request is worth, for a single job.
_PRICE = 1.4
# Jobs that a request of a burst should find done on average.
_FOUND_PER_REQUEST = 2.0
# Jobs found done per request that do not begin a burst: as many end within a tick now and then.
_USUALLY_FOUND = 4


_MEMORY = 200
_ENOUGH = 3
_GUESSED_SIGMA = 1.2
_USUAL_SIGMA = 0.5
_SHORTEST = 1e-3
_ROOT_OF_TWO_PI = math.sqrt(2 * math.pi)

_TENTH = -1.2816
_FIFTIETH = -2.0537


class Durations:
    """The learned durations of one kind of job.

    Args:
        expected: The median in seconds that is used until jobs have ended.
        guessed: Whether it is a built-in estimate; then a few early polls check it.
    """

    def __init__(self, expected: float, *, guessed: bool = True) -> None:
        self._logs: deque[float] = deque()
        self._sum = self._square_sum = 0.0
        self._learned = 0
        self._mu = math.log(max(expected, _SHORTEST))
        self._sigma = _GUESSED_SIGMA
        self._tick = TICK
        self._guessed = guessed

    @property
    def median(self) -> float:
        """Age in seconds at which half of the jobs are done."""
        return math.exp(self._mu)

    def learn(self, since: float, until: float) -> None:
        """Learn from one job that ended at an age between these two.

        Its duration counts as the median of the distribution between them. (The middle would be too
        early for a job found done at its first poll, and would widen the distribution.)

        Args:
            since: Seconds from its submission to the last poll that saw it run; 0 for none.
            until: Seconds from its submission to the poll that saw its end.
        """
        since, until = max(since, _SHORTEST), max(until, _SHORTEST)
        low, high = math.log(min(since, until)), math.log(until)
        share = (self._share_below(low) + self._share_below(high)) / 2
        middle = math.log((since + until) / 2)
        if 1e-9 < share < 1 - 1e-9:  # beyond that, floating point is too coarse
            middle = self._mu + self._sigma * normal_quantile(share)
        self._remember(min(max(middle, low), high))
        count = len(self._logs)
        if count < _ENOUGH:
            return
        self._mu = self._sum / count
        squares = max(0.0, self._square_sum - self._sum * self._mu)
        # A few durations can be close together by chance; the usual spread counts as three more.
        self._sigma = math.sqrt((squares + _ENOUGH * _USUAL_SIGMA**2) / (count - 1 + _ENOUGH))

    def _remember(self, log: float) -> None:
        self._logs.append(log)
        self._sum += log
        self._square_sum += log * log
        if len(self._logs) > _MEMORY:
            oldest = self._logs.popleft()
            self._sum -= oldest
            self._square_sum -= oldest * oldest
        self._learned += 1
        if self._learned % _MEMORY == 0:  # recompute, so rounding errors do not accumulate
            self._sum = math.fsum(self._logs)
            self._square_sum = math.fsum(value * value for value in self._logs)

    def _share_below(self, log: float) -> float:
        return normal_below((log - self._mu) / self._sigma)

    def quantile(self, z: float) -> float:
        """Return the age that is ``z`` standard deviations from the median."""
        return math.exp(self._mu + z * self._sigma)

    def hazard(self, age: float) -> float:
        """Return the share of the jobs running at this age that end per second."""
        age = max(age, _SHORTEST)
        z = (math.log(age) - self._mu) / self._sigma
        if z > 6:  # the survivors are too few for floating point; the ratio tends to z
            return z / (age * self._sigma)
        density = math.exp(-z * z / 2) / _ROOT_OF_TWO_PI
        return density / (age * self._sigma * 0.5 * math.erfc(z / math.sqrt(2)))

    def until_first_poll(self, age: float, company: int) -> float:
        """Return the seconds until the first poll of a job of this age; 0 if it is overdue.

        Args:
            age: Seconds since it was submitted.
            company: The number of jobs that are polled together, including this one.
        """
        first = self.quantile(_FIFTIETH if company >= BULK else _TENTH)
        until = max(0.0, first - age)
        if len(self._logs) < _ENOUGH:
            # Shared polls, and a few early ones, cost less than a wrong estimate.
            if company >= BULK:
                until = min(until, max(0.0, self._tick - age))
            elif self._guessed:
                until = min(until, max(self.median * EARLIEST - age, age))
        return min(until, LONGEST_FIRST)

    def until_safety_poll(self, age: float) -> float:
        """Return the seconds until one in ten jobs of this age would be done; 0 if that is past.

        Args:
            age: Seconds since it was submitted.
        """
        return min(max(0.0, self.quantile(_TENTH) - age), LONGEST_FIRST)

    def until_poll(self, ages: Sequence[float]) -> float:
        """Return the seconds until the next poll of jobs of these ages that are polled together.

        Args:
            ages: Seconds since each job was submitted; at least one.
        """
        count = len(ages)
        until_first = self.until_first_poll(max(ages), count)
        if until_first > _SHORTEST:
            return until_first
        if count >= BULK:
            return self._tick if count >= MANY else 1.25 * self._tick
        # Never zero: the oldest job is past its first poll.
        hazard = math.fsum(self.hazard(age) for age in ages)
        interval = math.sqrt(2 * _PRICE / (count * hazard))
        return min(max(interval, self._tick), LONGEST)

    def polled(self, interval: float, found: int, requests: int) -> None:
        """Adapt the tick to the outcome of a poll of many jobs.

        Args:
            interval: Seconds since the previous poll.
            found: Jobs found done.
            requests: Requests that the poll took.
        """
        if self._tick == TICK and found <= _USUALLY_FOUND * requests:
            return
        factor = _FOUND_PER_REQUEST * requests / max(found, 0.5)
        # An extra poll follows almost immediately, which must not shorten the tick.
        tick = max(interval, self._tick) * min(max(factor, 0.25), 2.0)
        self._tick = min(max(tick, SHORTEST_TICK), TICK)


def time_left(
    *,
    waiting: int,
    running: int,
    at_once: int,
    ended: int,
    elapsed: float,
    job_seconds: float | None,
    youngest: float,
) -> float | None:
    """Estimate the seconds until a number of jobs have ended.

    The estimate follows from the rate, once as many jobs have ended as run at once, and before that
    from the duration of a job.

    Args:
        waiting: Number of jobs that have not started.
        running: Number of running jobs.
        at_once: Number of jobs that run at once; at least 1.
        ended: Number of jobs that have ended within ``elapsed`` seconds.
        elapsed: Period over which the rate is measured, in seconds.
        job_seconds: Median duration of a job in seconds, or None if unknown.
        youngest: Age of the job that started last, in seconds.

    Returns:
        The seconds; None if neither a rate nor a duration is known.
    """
    if not waiting + running:
        return 0.0
    if ended and (ended >= at_once or not job_seconds):
        return (waiting + running) * elapsed / ended
    if not job_seconds:
        return None
    # The last job starts when all others have passed the slots. One that is overdue ends soon.
    return waiting * job_seconds / at_once + max(job_seconds - youngest, job_seconds / 10)


def normal_below(z: float) -> float:
    """Return the share of the standard normal distribution below ``z``."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(share: float) -> float:
    """Return the inverse of ``normal_below``, by Newton's method.

    It is not taken from ``statistics``, whose import takes 4 ms.

    Args:
        share: More than 1e-9 and less than 1 - 1e-9.
    """
    if share > 0.5:  # floating point is finer at the lower end
        return -normal_quantile(1.0 - share)
    # Starting in the middle, it approaches the lower tail from one side, and no step overshoots.
    z = 0.0
    while True:
        density = math.exp(-z * z / 2) / _ROOT_OF_TWO_PI
        step = (share - normal_below(z)) / density
        z += step
        if abs(step) < 1e-9:
            return z
