"""Jobs that move by themselves: their state is a function of the clock, no timer is kept.

When a job starts, its duration and its fate are drawn from seeded streams. Everything else
follows from `now`: whether it runs, how far it is, whether it completed or failed.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DURATIONS", "Failure", "Job", "JobFactory", "Slots"]

#: (median, sigma) in seconds of the lognormal distribution each kind of job is drawn from.
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
}

#: Kinds that fail only when told to: they are phases of another job.
_SAFE = {"agent_thinking"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job fails: `code` where the resource has one, `message` may be None."""

    code: str | None
    message: str | None


@dataclass(slots=True, eq=False)
class Job:
    """The course of one job, in sandbox seconds.

    Attributes:
        kind: Key of `DURATIONS`.
        created_at: When it was accepted.
        seconds: How long it runs.
        failure: What it will fail with at its end, None if it will complete.
    """

    kind: str
    created_at: float
    seconds: float
    failure: Failure | None = None

    @property
    def ends_at(self) -> float:
        """When it becomes terminal."""
        return self.created_at + self.seconds

    def done(self, now: float) -> bool:
        """Whether it is terminal at `now`."""
        return now >= self.ends_at

    def completed(self, now: float) -> bool:
        """Whether it has ended well at `now`."""
        return now >= self.ends_at and self.failure is None

    def progress(self, now: float) -> float:
        """How far it is, 0.0 to 1.0."""
        if self.seconds <= 0:
            return 1.0
        return min(1.0, max(0.0, (now - self.created_at) / self.seconds))

    def stop(self, now: float, failure: Failure) -> None:
        """End it at once, in failure."""
        self.seconds = now - self.created_at
        self.failure = failure

    def status(self, now: float, *, first: str, running: str, completed: str = "completed") -> str:
        """The state at `now` in the words of its resource; the first tenth is `first`."""
        if now >= self.ends_at:
            return completed if self.failure is None else "failed"
        return first if self.progress(now) < 0.1 else running


class JobFactory:
    """Draws durations and fates.

    Args:
        seed: The same seed and the same order of jobs give the same draws.
        durations: Overrides of `DURATIONS`: fixed seconds, or (median, sigma).
        failure_rate: Share of jobs that fail, for all kinds or by kind.
    """

    def __init__(
        self,
        seed: int,
        durations: Mapping[str, float | tuple[float, float]] | None = None,
        failure_rate: float | Mapping[str, float] = 0.0,
    ) -> None:
        unknown = set(durations or {}) - set(DURATIONS)
        if unknown:
            raise ValueError(f"no such kind of job: {', '.join(sorted(unknown))}")
        self.durations: dict[str, float | tuple[float, float]] = {**DURATIONS, **(durations or {})}
        self.failure_rate = failure_rate
        self._chances = {kind: random.Random(f"{seed}/{kind}") for kind in DURATIONS}  # noqa: S311
        self._doomed: dict[str, list[Failure]] = {}

    def doom(self, kind: str, failure: Failure, times: int) -> None:
        """Let the next `times` jobs of a kind fail."""
        if kind not in DURATIONS:
            raise ValueError(f"no such kind of job: {kind}")
        self._doomed.setdefault(kind, []).extend([failure] * times)

    def start(self, kind: str, now: float) -> Job:
        """A job that is accepted now."""
        chance = self._chances[kind]
        # Both numbers are drawn every time, so that one setting never shifts the other's draws.
        spread, fate = chance.gauss(0.0, 1.0), chance.random()
        drawn = self.durations[kind]
        seconds = drawn[0] * math.exp(drawn[1] * spread) if isinstance(drawn, tuple) else drawn
        rate = self.failure_rate
        if not isinstance(rate, float | int):
            rate = rate.get(kind, 0.0)
        failure = None
        if self._doomed.get(kind):
            failure = self._doomed[kind].pop(0)
        elif fate < rate and kind not in _SAFE:
            failure = Failure("internal_error", "Rendering failed. Please try again.")
        return Job(kind, now, float(seconds), failure)


class Slots:
    """The jobs that run now, of those that count against the account's limit."""

    def __init__(self) -> None:
        self._ends: list[tuple[float, int, Job]] = []
        self._order = itertools.count()

    def hold(self, job: Job) -> None:
        """Count a job until it ends or is released."""
        heapq.heappush(self._ends, (job.ends_at, next(self._order), job))

    def release(self, job: Job) -> None:
        """Stop counting a job."""
        self._ends = [entry for entry in self._ends if entry[2] is not job]
        heapq.heapify(self._ends)

    def running(self, now: float) -> int:
        """How many jobs run at `now`."""
        ends = self._ends
        while ends and ends[0][0] <= now:
            heapq.heappop(ends)
        return len(ends)

    def next_end(self, now: float) -> float | None:
        """When the next running job ends, None if none runs."""
        return self._ends[0][0] if self.running(now) else None
