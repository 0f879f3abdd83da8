"""Watched jobs, and the pools in which they are polled."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from heygen_async.jobs.kind import JobKind, status_of
from heygen_async.jobs.observation import id_differs
from heygen_async.jobs.schedule import SHORTEST_TICK, Durations
from heygen_async.jobs.watch_state import WatchState
from heygen_async.jobs.webhook_trust import SAFETY_POLL
from heygen_async.models.statuses import StatusEntry

T = TypeVar("T")


class Watched(Generic[T]):
    """One job that somebody waits for.

    Attributes:
        kind: Its kind.
        job_id: Its id.
        started: When it was submitted, on the loop's clock; for a job of unknown age, when
            somebody began to wait.
        callback_id: The ``callback_id`` of its request, or None; an unsigned notification must
            have the same.
        informs_schedule: Whether its duration says something about others of its kind.
        state: Its state.
        final: Becomes its terminal detail, or the exception that ended the watching.
        last: The last detail that was seen.
        exists: Whether the API knows the job for certain: it was submitted here, or seen.
        listed_failure: What the list of statuses says about it, if that says that it failed.
        listeners: Functions that are called with each detail, with their interval in seconds.
        waiters: How many wait.
        running_at: When it was last seen running, on the loop's clock.
        failures: Requests for the detail in a row that failed.
        unreadable: Details in a row that could not be decoded.
        told_of_id: Whether it was logged that the details have another id.
    """

    def __init__(
        self,
        kind: JobKind[T],
        job_id: str,
        started: float,
        exists: bool,
        callback_id: str | None,
    ) -> None:
        self.kind = kind
        self.job_id = job_id
        self.started = started
        self.callback_id = callback_id
        self.informs_schedule: bool = False
        self.state: WatchState = WatchState()
        self.final: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.last: T | None = None
        self.exists = exists
        self.listed_failure: StatusEntry | None = None
        self.listeners: dict[Callable[[T], None], float] = {}
        self.waiters = 0
        self.running_at: float = -math.inf
        self.failures: int = 0
        self.unreadable: int = 0
        self.told_of_id: bool = False

    def observed(self, detail: T) -> None:
        """Take in a detail of the job.

        Args:
            detail: The detail.
        """
        found = getattr(detail, self.kind.id_field)
        if found != self.job_id and not self.told_of_id:
            self.told_of_id = True
            id_differs(self.kind, self.job_id, found)
        self.last = detail
        self.exists = True
        self.failures = self.unreadable = 0
        if status_of(detail) in self.kind.paused:
            self.informs_schedule = False
        for listener in list(self.listeners):
            listener(detail)

    def listed(self, entry: StatusEntry) -> None:
        """Take in what the list of statuses says about the job.

        Args:
            entry: The entry of the job.
        """
        self.exists = True
        self.listed_failure = entry if entry.status in self.kind.failing else None


class Pool:
    """Jobs that are polled together.

    Args:
        durations: The durations of such jobs.
        notified: Returns whether their ends will be notified.

    Attributes:
        jobs: The jobs by their id.
        polled_at: When they were last polled, on the loop's clock.
        due: When to poll next.
        polling: Whether a poll is in progress.
        failures: Polls in a row that failed.
    """

    def __init__(self, durations: Durations, notified: Callable[[], bool]) -> None:
        self.durations = durations
        self.notified = notified
        self.jobs: dict[str, Watched[Any]] = {}
        self.polled_at: float = -math.inf
        self.due: float = math.inf
        self.polling = False
        self.failures = 0

    def expect(self, age: float, now: float) -> float:
        """Plan the first poll of a job that has joined.

        Args:
            age: Age of the job in seconds.
            now: The time.

        Returns:
            Seconds until then.
        """
        if self.notified():
            until = self.durations.until_safety_poll(age)
            if until > 0:
                until = max(until, SAFETY_POLL)
        else:
            until = self.durations.until_first_poll(age, len(self.jobs))
        self.due = min(self.due, max(now + until, self.polled_at + SHORTEST_TICK))
        return until

    def plan(self, now: float, *, soonest: float = 0.0) -> None:
        """Plan the next poll; a job that joined during the last poll may need it sooner.

        Args:
            now: The time.
            soonest: Seconds that have to pass at least.
        """
        if not self.jobs:
            return
        wait = self.durations.until_poll([now - job.started for job in self.jobs.values()])
        if self.notified():
            wait = max(wait, SAFETY_POLL)
        # Listeners want details more often than the end alone would need.
        wait = min([wait, *(e for job in self.jobs.values() for e in job.listeners.values())])
        earliest = max(now + soonest, self.polled_at + SHORTEST_TICK)
        self.due = max(min(self.due, now + wait), earliest)
