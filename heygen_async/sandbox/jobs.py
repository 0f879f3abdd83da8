"""Jobs whose state is a function of the clock, without timers.

When a job starts, its duration and its outcome are drawn from seeded streams. Its state and
progress then follow from `now`.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["DURATIONS", "Failure", "Job", "JobFactory", "ShareOfJobs", "Slots"]

#: One share of jobs for all kinds, or shares by kind.
ShareOfJobs: TypeAlias = float | Mapping[str, float]

#: (median, sigma) in seconds of the lognormal distribution of durations, by kind of job.
#: Short avatar clips take 0.5-2 minutes, agents 5-45, translations 5-15 and up to 60,
#: proofreads 3-5.
DURATIONS: dict[str, tuple[float, float]] = {
    "video": (60.0, 0.4),
    "agent": (480.0, 0.5),
    "agent_thinking": (20.0, 0.3),
    "translation": (360.0, 0.4),
    "proofread": (240.0, 0.2),
    "voice_clone": (60.0, 0.3),
    "lipsync": (180.0, 0.4),
    "ai_clipping": (300.0, 0.4),
    "avatar": (120.0, 0.3),
    "background_removal": (90.0, 0.3),
    "filler_word_removal": (90.0, 0.3),
    "hyperframes": (90.0, 0.3),
    "brand_kit": (45.0, 0.3),
}

#: Kinds that fail only on request, because they are phases of another job.
_SAFE = {"agent_thinking"}


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason of a failure.

    Attributes:
        code: The failure code, if the resource has one.
        message: The failure message, which can be None as in the API.
    """

    code: str | None
    message: str | None


@dataclass(slots=True, eq=False)
class Job:
    """The course of one job, in sandbox seconds.

    Attributes:
        kind: Key of `DURATIONS`.
        created_at: Time when it was accepted, or when its turn came if it had to wait.
        seconds: Its duration.
        failure: Its failure at the end, or None if it will succeed.
        stuck: Whether it never ends, whatever `seconds` is.
        waiting: Whether it waits for a slot or its user and does not run yet.
    """

    kind: str
    created_at: float
    seconds: float
    failure: Failure | None = None
    stuck: bool = False
    waiting: bool = False

    @property
    def ends_at(self) -> float:
        """Time when it becomes terminal; infinity if it is stuck or waits."""
        return math.inf if self.stuck or self.waiting else self.created_at + self.seconds

    def done(self, now: float) -> bool:
        """Return whether it is terminal at `now`."""
        return now >= self.ends_at

    def completed(self, now: float) -> bool:
        """Return whether it has succeeded at `now`."""
        return now >= self.ends_at and self.failure is None

    def progress(self, now: float) -> float:
        """Return its progress, 0.0 to 1.0."""
        if self.waiting:
            return 0.0
        most = 0.99 if self.stuck else 1.0
        if self.seconds <= 0:
            return most
        return min(most, max(0.0, (now - self.created_at) / self.seconds))

    def begin(self, now: float) -> None:
        """Start a job that has waited."""
        self.created_at, self.waiting = now, False

    def stop(self, now: float, failure: Failure) -> None:
        """End the job now with a failure."""
        self.seconds = now - self.created_at
        self.failure = failure
        self.stuck = False

    def status(self, now: float, *, first: str, running: str, completed: str = "completed") -> str:
        """Return the status at `now` in its resource's terms; `first` for its first tenth."""
        if now >= self.ends_at:
            return completed if self.failure is None else "failed"
        return first if self.progress(now) < 0.1 else running


class JobFactory:
    """Draws durations and outcomes of jobs.

    Args:
        seed: The same seed and order of jobs result in the same draws.
        durations: Replacements for `DURATIONS`: fixed seconds, or (median, sigma).

    Attributes:
        fail: Share of jobs that fail, for all kinds or by kind.
        stuck: Share of jobs that never end, as above.
    """

    def __init__(
        self,
        seed: int,
        durations: Mapping[str, float | tuple[float, float]] | None = None,
    ) -> None:
        unknown = set(durations or {}) - set(DURATIONS)
        if unknown:
            raise ValueError(f"durations: unknown kind of job: {', '.join(sorted(unknown))}")
        self.durations: dict[str, float | tuple[float, float]] = {**DURATIONS, **(durations or {})}
        self.fail: ShareOfJobs = 0.0
        self.stuck: ShareOfJobs = 0.0
        self._chances = {kind: random.Random(f"{seed}/{kind}") for kind in DURATIONS}  # noqa: S311
        self._doomed: dict[str, list[Failure]] = {}

    def doom(self, kind: str, failure: Failure, times: int) -> None:
        """Make the next `times` jobs of a kind fail."""
        if kind not in DURATIONS:
            raise ValueError(f"kind: unknown kind of job {kind}")
        self._doomed.setdefault(kind, []).extend([failure] * times)

    def start(self, kind: str, now: float) -> Job:
        """Return a job that is accepted now."""
        chance = self._chances[kind]
        # Both numbers are always drawn, so one setting never changes the draws of the other.
        spread, fate = chance.gauss(0.0, 1.0), chance.random()
        drawn = self.durations[kind]
        seconds = drawn[0] * math.exp(drawn[1] * spread) if isinstance(drawn, tuple) else drawn
        failure = None
        stuck = False
        if self._doomed.get(kind):
            failure = self._doomed[kind].pop(0)
        elif kind not in _SAFE:
            fail = _share_of(self.fail, kind)
            if fate < fail:
                failure = Failure("internal_error", "Rendering failed. Please try again.")
            stuck = fail <= fate < fail + _share_of(self.stuck, kind)
        return Job(kind, now, float(seconds), failure, stuck)


def _share_of(shares: ShareOfJobs, kind: str) -> float:
    return shares.get(kind, 0.0) if isinstance(shares, Mapping) else shares


class Slots:
    """The running jobs that count against the account's limit, and those that wait for a slot.

    A waiting job starts at the time when a slot became free, even if the state is read later: there
    are no timers.

    Args:
        limit: The number of jobs that may run at once.
    """

    def __init__(self, limit: float = math.inf) -> None:
        self.limit = limit
        self._ends: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._queue: deque[tuple[Job, Callable[[], object]]] = deque()
        self._seen = 0.0

    def hold(self, job: Job) -> None:
        """Count a job until it ends or is released."""
        heapq.heappush(self._ends, (job.ends_at, next(self._order), job))

    def queue(self, job: Job, started: Callable[[], object]) -> None:
        """Queue a job, first come, first served; call `started` when its turn comes."""
        job.waiting = True
        self._queue.append((job, started))

    def settle(self, now: float) -> None:
        """Apply all ends and starts of jobs up to `now`."""
        at = self._seen
        while True:
            while self._queue and len(self._ends) < self.limit:
                job, started = self._queue.popleft()
                job.begin(at)
                self.hold(job)
                started()
            if not self._ends or self._ends[0][0] > now:
                break
            at = heapq.heappop(self._ends)[0]
        self._seen = now

    def release(self, job: Job) -> None:
        """Stop counting a job."""
        self._ends = [entry for entry in self._ends if entry[2] is not job]
        heapq.heapify(self._ends)

    def running(self, now: float) -> int:
        """Return the number of jobs that run at `now`."""
        self.settle(now)
        return len(self._ends)

    @property
    def next_turn(self) -> float:
        """Return the time when the first waiting job can start; infinity if none waits."""
        if not self._queue:
            return math.inf
        if len(self._ends) < self.limit:
            return self._seen
        return self._ends[0][0] if self._ends else math.inf

    def next_end(self, now: float) -> float | None:
        """Return the time when the next running job ends, or None if none runs."""
        return self._ends[0][0] if self.running(now) else None
