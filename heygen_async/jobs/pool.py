"""Watched jobs, and the pools in which they are polled together."""

from __future__ import annotations

import asyncio
import contextvars
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
    """One job with at least one waiter.

    Attributes:
        kind: Its kind.
        job_id: Its id.
        started: Time of its submission on the loop's clock; for a job of unknown age, the time of
            the first wait.
        callback_id: The ``callback_id`` of its request, or None; an unsigned notification must have
            the same one.
        informs_schedule: Whether its duration is used to predict others of its kind.
        state: Its state.
        final: Future of its terminal detail, or of the exception that ended the wait.
        last: The last detail that was seen.
        exists: Whether the job certainly exists: it was submitted here, or the API has returned it.
        listed_failure: Its entry in the list of statuses, if that reports a failure.
        listeners: Functions that are called with each detail, with their interval in seconds.
        waiters: The number of waiters.
        waiting: Futures of those who wait for the end only.
        running_at: Time when it was last seen running, on the loop's clock.
        failures: Failed requests for the detail in a row.
        unreadable: Details in a row that could not be decoded.
        logged_id: Whether it was logged that the details have another id.
        context: The context of the first wait, in which hooks are called.
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
        self.waiting: set[asyncio.Future[T]] = set()
        self.last: T | None = None
        self.exists: bool = exists
        self.listed_failure: StatusEntry | None = None
        self.listeners: dict[Callable[[T], None], float] = {}
        self.waiters = 0
        self.running_at: float = -math.inf
        self.failures: int = 0
        self.unreadable: int = 0
        self.logged_id: bool = False
        self.context: contextvars.Context = contextvars.copy_context()

    def wait(self) -> asyncio.Future[T]:
        """Return a future of one waiter, which its cancellation cancels."""
        waiter: asyncio.Future[T] = self.final.get_loop().create_future()
        self.waiting.add(waiter)
        return waiter

    def end(self, detail: T) -> None:
        """End the wait with the terminal detail."""
        for future in (self.final, *self.waiting):
            if not future.done():
                future.set_result(detail)

    def fail(self, error: Exception) -> None:
        """End the wait with an exception."""
        for future in (self.final, *self.waiting):
            if not future.done():
                future.set_exception(error)
        # Retrieve it, or asyncio would log it as never retrieved: listeners may have left.
        self.final.exception()

    def observed(self, detail: T) -> None:
        """Record a detail of the job.

        Args:
            detail: The detail.
        """
        found = getattr(detail, self.kind.id_field)
        if found != self.job_id and not self.logged_id:
            self.logged_id = True
            id_differs(self.kind, self.job_id, found)
        self.last = detail
        self.exists = True
        self.failures = self.unreadable = 0
        if status_of(detail) in self.kind.paused:
            self.informs_schedule = False
        for listener in list(self.listeners):
            listener(detail)

    def listed(self, entry: StatusEntry) -> None:
        """Record the job's entry in the list of statuses.

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
        polled_at: Time of the last poll, on the loop's clock.
        due: Time of the next poll.
        polling: Whether a poll is in progress.
        failures: Failed polls in a row.
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
        """Plan the first poll of a job that has joined the pool.

        Args:
            age: Age of the job in seconds.
            now: The time.

        Returns:
            Seconds until that poll.
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
            soonest: The fewest seconds until then.
        """
        if not self.jobs:
            return
        wait = self.durations.until_poll([now - job.started for job in self.jobs.values()])
        if self.notified():
            wait = max(wait, SAFETY_POLL)
        # Listeners need details more often than the end alone would require.
        wait = min([wait, *(e for job in self.jobs.values() for e in job.listeners.values())])
        earliest = max(now + soonest, self.polled_at + SHORTEST_TICK)
        self.due = max(min(self.due, now + wait), earliest)
