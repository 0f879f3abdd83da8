"""The watcher of a client, which waits for all its jobs.

Jobs that share a ``statuses`` call form one pool: they are polled together, 100 ids a request, and
the detail of a job is requested when it has ended. (For a single job only the detail is
requested.) Each other job is a pool of its own. One task sleeps until the next request is due; if
nothing is watched, there is no task. ``jobs.schedule`` decides when to poll a pool, and
``jobs.watch_state`` when to request the detail of a job.

After a notification (``notify``), the detail of a job is requested at once. While notifications are
reliable, polls are only a safety net, a minute apart (``jobs.webhook_trust``).
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeAlias, TypeVar

from heygen_async.errors import (
    BadRequest,
    HeyGenError,
    InvalidResponse,
    JobError,
    JobFailed,
    JobNeedsInput,
    NotFound,
    RateLimited,
)
from heygen_async.jobs.kind import JobKind, status_of
from heygen_async.jobs.notification import JobNotification, PendingNotifications
from heygen_async.jobs.observation import poll_failed, settled, status_unknown
from heygen_async.jobs.pool import Pool, Watched
from heygen_async.jobs.reasons import (
    failure_about_job,
    is_about_content,
    is_transient,
    with_reason,
)
from heygen_async.jobs.schedule import SHORTEST_TICK, Durations
from heygen_async.jobs.webhook_trust import WebhookTrust
from heygen_async.models.statuses import StatusEntry
from heygen_async.session.endpoint import query_string
from heygen_async.session.limits.gate import LONGEST_PAUSE
from heygen_async.session.session import Session
from heygen_async.session.tasks import CancellableGroup

T = TypeVar("T")

_IDS_PER_REQUEST = 100
_AFTER_FAILURE = 5.0
# One id that the API refuses makes a poll of many jobs fail; each detail is then requested singly.
_SPOILT = (BadRequest, NotFound, InvalidResponse)
# Details are also requested singly after so many failed polls in a row.
_FAILURES_IN_A_ROW = 3
_WITHOUT_STATUSES = 20.0
# Undecodable details in a row after which the wait for a job ends with an error.
_UNREADABLE = 10


def _pause_after(error: Exception) -> float:
    """Return the seconds that a failure asks to wait, up to the longest pause."""
    retry_after: float | None = getattr(error, "retry_after", None)
    return min(retry_after or 0.0, LONGEST_PAUSE)


logger: logging.Logger = logging.getLogger("heygen_async.jobs")

Subscribe: TypeAlias = Callable[
    [Callable[[JobNotification], object]], AbstractAsyncContextManager[None]
]
"""Calls a listener with each notification while a block runs."""


class Watcher:
    """Polls jobs for all their waiters.

    Args:
        session: Sends the requests.
        expected: Median durations in seconds by kind, such as ``{"video": 900}``, which replace the
            built-in estimates.
        subscribe: Subscribes a listener to notifications of other processes, or None.
    """

    def __init__(
        self,
        session: Session,
        expected: Mapping[str, float],
        subscribe: Subscribe | None = None,
    ) -> None:
        self.session = session
        self.expected: dict[str, float] = dict(expected)
        self.webhook_trust: WebhookTrust = WebhookTrust()
        self._pending = PendingNotifications()
        self._durations: dict[str, Durations] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._details: list[tuple[float, int, Watched[Any]]] = []
        self._order = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._subscribe = subscribe
        self._listening: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sleeps_until = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Watcher, (self.session, self.expected, self._subscribe)

    def watch(
        self,
        kind: JobKind[T],
        job_id: str,
        started: float | None,
        callback_id: str | None = None,
    ) -> Watched[T]:
        """Begin to wait for a job, or join its other waiters; ``leave`` ends the wait.

        Args:
            kind: Its kind.
            job_id: Its id.
            started: Time of its submission on the loop's clock, or None if not known.
            callback_id: The ``callback_id`` of its request, if known.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.session.bind()
            self._loop, self._pools, self._details, self._task = loop, {}, [], None
            self._listening = None
            self._wake = asyncio.Event()
        now = loop.time()
        key = (kind.name, "" if kind.statuses else job_id)
        pool = self._pools.get(key)
        if pool is None:
            notified = partial(self.webhook_trust.relies_on, kind.name)
            pool = self._pools[key] = Pool(self._learned(kind), notified)
        watched: Watched[T] | None = pool.jobs.get(job_id)
        if watched is None:
            # A time from another event loop may be in the future.
            known = started is not None and started <= now
            began = now if started is None else min(started, now)
            watched = Watched(kind, job_id, began, started is not None, callback_id)
            pool.jobs[job_id] = watched
            # A job of unknown age may have ended long ago. So may a job without a waiter until now,
            # and its duration is then not known.
            until = pool.expect(now - watched.started if known else math.inf, now)
            watched.informs_schedule = until > 0
            notification = self._pending.pop(kind.name, job_id)
            if notification is not None and notification.matches(callback_id):
                watched.informs_schedule = False  # it may have ended long ago
                self._follow_up(watched, notification)
        watched.waiters += 1
        if pool.due < self._sleeps_until:
            self._wake.set()
        if self._task is None or self._task.done():
            # A context of its own: the watcher's requests are not part of any batch.
            self._task = loop.create_task(self._run(loop), context=contextvars.Context())
        if self._subscribe is not None and self._listening is None:
            self._listening = loop.create_task(self._receive_notifications(self._subscribe))
        return watched

    def listen(self, watched: Watched[T], listener: Callable[[T], None], every: float) -> None:
        """Call ``listener`` with each detail of a job.

        Args:
            watched: The job.
            listener: The function.
            every: The most seconds between two polls.
        """
        watched.listeners[listener] = every
        pool = self._pools[self._key(watched)]
        assert self._loop is not None
        pool.due = min(pool.due, max(self._loop.time(), pool.polled_at + SHORTEST_TICK))
        self._wake.set()

    def leave(self, watched: Watched[Any]) -> None:
        """Stop waiting. A job without a waiter is not polled.

        Args:
            watched: The job.
        """
        watched.waiters -= 1
        if watched.waiters == 0:
            self._drop(watched)

    def notify(self, notification: JobNotification) -> bool:
        """Request the detail of a job that may have ended, if it has a waiter.

        Otherwise nothing is requested, and the next wait for the job begins with a request.

        Args:
            notification: The notification. If it does not match the job, it is ignored.

        Returns:
            Whether the job has a waiter.
        """
        kind, job_id = notification.kind, notification.job_id
        watched = None
        if self._pools and self._loop is asyncio.get_running_loop():
            pool = self._pools.get((kind, "")) or self._pools.get((kind, job_id))
            watched = pool.jobs.get(job_id) if pool is not None else None
        if watched is None:
            self._pending.add(notification)
            return False
        if notification.matches(watched.callback_id):
            self._follow_up(watched, notification)
        return True

    def _follow_up(self, watched: Watched[Any], notification: JobNotification) -> None:
        # Other notifications can come from anybody, who could slow down the polls with them.
        credible = notification.verified or watched.callback_id is not None
        if watched.state.end_is_news() and credible:
            self.webhook_trust.notified(watched.kind.name)
        watched.state.notified(asyncio.get_running_loop().time())
        self._schedule(watched)

    async def close(self) -> None:
        """Stop watching; end all waits with a ``JobError``."""
        task, self._task = self._task, None
        listening, self._listening = self._listening, None
        if task is None or self._loop is not asyncio.get_running_loop():
            return
        for pool in list(self._pools.values()):
            for watched in list(pool.jobs.values()):
                self._fail(
                    watched,
                    JobError(
                        f"the client was closed during the wait for job {watched.job_id}; the job "
                        "continues at HeyGen",
                        job_id=watched.job_id,
                        last=watched.last,
                    ),
                )
        tasks = [task] if listening is None else [task, listening]
        for one in tasks:
            one.cancel()
        await asyncio.wait(tasks)

    async def _receive_notifications(self, subscribe: Subscribe) -> None:
        """Receive notifications from other processes until the client is closed."""
        try:
            async with subscribe(self.notify):
                await asyncio.get_running_loop().create_future()
        except Exception:
            logger.exception(
                "cannot receive notifications from other processes; polling continues without them"
            )

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._pools:
            async with CancellableGroup() as tasks:
                while self._pools:
                    self._wake.clear()
                    self._sleeps_until = math.inf
                    self._start_due(loop.time(), tasks)
                    await self._sleep(loop)
                # There is no waiter any more. A request that is still in flight would only delay
                # new waiters.
                tasks.cancel()

    def _start_due(self, now: float, tasks: CancellableGroup) -> None:
        """Start the requests that are due, and set the time of the next one."""
        for pool in list(self._pools.values()):
            if pool.polling:
                continue
            if pool.due <= now:
                pool.polling = True
                pool.due = math.inf
                tasks.start(self._poll(pool))
            else:
                self._sleeps_until = min(self._sleeps_until, pool.due)
        while self._details and self._details[0][0] <= now:
            due, _, watched = heapq.heappop(self._details)
            # Entries of jobs that have ended or are now due at another time are stale.
            if due == watched.state.detail_due and watched.waiters and not watched.final.done():
                watched.state.requested(now)
                # More requests at once would only wait.
                tasks.enqueue(self._request_detail, watched, self.session.requests.in_flight)
        if self._details:
            self._sleeps_until = min(self._sleeps_until, self._details[0][0])

    async def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._sleeps_until == math.inf:
            await self._wake.wait()
            return
        timer = loop.call_at(self._sleeps_until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _poll(self, pool: Pool) -> None:
        """Poll all jobs of a pool, and plan the next poll."""
        loop = asyncio.get_running_loop()
        jobs = list(pool.jobs.values())
        soonest = 0.0
        try:
            if not jobs:
                return
            if jobs[0].kind.statuses is None:
                soonest = await self._poll_single(pool, jobs[0])
            else:
                soonest = await self._poll_statuses(pool, jobs)
        except Exception as error:  # any exception must reach all waiters
            for watched in jobs:
                self._fail(watched, error)
            poll_failed(f"polling {len(jobs)} jobs", jobs[0].kind, error, jobs=len(jobs))
        finally:
            pool.polling = False
            pool.plan(loop.time(), soonest=soonest)
            self._wake.set()

    async def _poll_single(self, pool: Pool, watched: Watched[Any]) -> float:
        """Request the detail of the only job of a pool, unless it is being requested.

        Returns:
            The fewest seconds until the next poll.
        """
        now = asyncio.get_running_loop().time()
        wait = watched.state.until_request(now)
        if wait > 0.0:
            return wait
        watched.state.requested(now)
        soonest = await self._request_detail(watched)
        pool.polled_at = now
        return soonest

    async def _poll_statuses(self, pool: Pool, jobs: list[Watched[Any]]) -> float:
        """Request the statuses of a pool's jobs, and the details of those that have ended.

        Returns:
            The fewest seconds until the next poll.
        """
        loop = asyncio.get_running_loop()
        now, since = loop.time(), pool.polled_at
        pool.polled_at = now
        for watched in jobs:
            # For a single job, the detail costs as much as the status and saves the last request.
            if watched.listeners or len(jobs) == 1:
                watched.state.request_detail(now)
                self._schedule(watched)
        asked = [watched for watched in jobs if not watched.state.awaits_detail]
        # A pause counts from its answer: a later request of this poll may have waited it out.
        requests, ended, earliest, failed = 0, 0, now, False
        for first in range(0, len(asked), _IDS_PER_REQUEST):
            chunk = {job.job_id: job for job in asked[first : first + _IDS_PER_REQUEST]}
            try:
                entries = await self._statuses(jobs[0].kind, sorted(chunk))
            except HeyGenError as error:
                spoilt = isinstance(error, _SPOILT) or is_about_content(error)
                if not (spoilt or is_transient(error)):
                    raise
                kind, failed = jobs[0].kind, True
                what, first_failure = f"asking for {len(chunk)} jobs at once", not pool.failures
                poll_failed(what, kind, error, first=first_failure, jobs=len(chunk))
                earliest = max(earliest, loop.time() + max(_pause_after(error), _AFTER_FAILURE))
                if isinstance(error, RateLimited):
                    break
                if spoilt or pool.failures + 1 >= _FAILURES_IN_A_ROW:
                    earliest = max(earliest, loop.time() + _WITHOUT_STATUSES)
                    self._request_unlisted(chunk)
                continue
            requests += 1
            ended += self._take_in(chunk, entries)
            self._request_unlisted(chunk)
        pool.failures = pool.failures + 1 if failed else 0
        if requests:
            pool.durations.polled(now - since, ended, requests)
        return max(0.0, earliest - loop.time())

    async def _statuses(self, kind: JobKind[Any], job_ids: list[str]) -> Sequence[StatusEntry]:
        """Return the entries in the answer for these jobs."""
        assert kind.statuses is not None
        query = query_string({kind.ids_parameter: job_ids})
        page = await self.session.call(kind.statuses, kind.statuses.at() + query, repeat=False)
        return page.items

    def _take_in(self, chunk: dict[str, Watched[Any]], entries: Sequence[StatusEntry]) -> int:
        """Record the listed jobs, and remove them from ``chunk``.

        Returns:
            The number of jobs that have ended and inform the schedule.
        """
        now = asyncio.get_running_loop().time()
        ended = 0
        for entry in entries:
            status = entry.status
            # Ids that were not requested, or that come twice, are ignored.
            watched = chunk.get(entry.video_id or "")
            if watched is None or status == "not_found":
                continue
            del chunk[watched.job_id]
            watched.listed(entry)
            if status in watched.kind.ends:
                ended += watched.state.reported(now) and watched.informs_schedule
                self._end_found(watched)
                self._schedule(watched)
            else:
                watched.state.listed()
                watched.running_at = now
                self._warn_of_unknown(watched, status, now)
        return ended

    def _request_unlisted(self, chunk: Mapping[str, Watched[Any]]) -> None:
        """Request the details of jobs that a list does not contain."""
        now = asyncio.get_running_loop().time()
        for watched in chunk.values():
            watched.state.unlisted(now)
            self._schedule(watched)

    def _schedule(self, watched: Watched[Any]) -> None:
        """Wake the watcher when the detail of a job is due."""
        due = watched.state.detail_due
        if due < math.inf:
            heapq.heappush(self._details, (due, next(self._order), watched))
            if due < self._sleeps_until:
                self._wake.set()

    async def _request_detail(self, watched: Watched[Any]) -> float:
        """Request the detail of a job, and act on it.

        Returns:
            The fewest seconds until the job is polled again.
        """
        kind, job_id = watched.kind, watched.job_id
        loop = asyncio.get_running_loop()
        soonest = 0.0
        try:
            if not watched.waiters:
                return soonest
            detail = await self.session.call(kind.get, kind.get.at(job_id), repeat=False)
            watched.observed(detail)
            if status_of(detail) in kind.failing:
                detail = await with_reason(self.session, watched, detail)
            self._act_on(watched, detail)
        except NotFound as error:
            patience = kind.missing_for if watched.exists else kind.unseen_for
            if watched.state.missing(loop.time(), patience):
                self._fail(watched, failure_about_job(error, watched) or error)
        except Exception as error:  # any exception must reach all waiters
            first = not watched.failures
            watched.failures += 1
            poll_failed(f"fetching job {job_id}", kind, error, first=first, job_id=job_id)
            soonest = max(_pause_after(error), _AFTER_FAILURE)
            if self._tolerates(watched, error):
                watched.state.request_failed(loop.time(), _pause_after(error))
            else:
                self._fail(watched, failure_about_job(error, watched) or error)
        finally:
            watched.state.requesting = False
            if not watched.final.done():
                self._schedule(watched)
        return soonest

    def _act_on(self, watched: Watched[Any], detail: Any) -> None:
        """End the wait for a job that has ended; otherwise continue."""
        kind, state, status = watched.kind, watched.state, status_of(detail)
        now = asyncio.get_running_loop().time()
        if status in kind.paused and not watched.listeners:
            self._fail(
                watched,
                JobNeedsInput(
                    f"{kind.name} {watched.job_id} waits for {kind.asks}",
                    job_id=watched.job_id,
                    last=detail,
                ),
            )
        if status not in kind.ends:
            state.running(now)
            watched.running_at = state.requested_at
            self._warn_of_unknown(watched, status, now)
            return
        self._end_found(watched)
        if status in kind.completed and not kind.ready(detail) and not state.incomplete(now):
            return
        if watched.informs_schedule and status in kind.completed:
            since = max(0.0, watched.running_at - watched.started)
            self._learned(kind).learn(since, state.requested_at - watched.started)
        if not watched.final.done():
            watched.end(detail)
            age = max(0.0, now - watched.started)
            watched.context.run(settled, self.session, kind, watched.job_id, detail, age)
        self._drop(watched)

    def _end_found(self, watched: Watched[Any]) -> None:
        """Record that a poll found the end of a job before any delivery notified it."""
        if watched.state.end_is_news():
            self.webhook_trust.missed(watched.kind.name)

    def _warn_of_unknown(self, watched: Watched[Any], status: str, now: float) -> None:
        age = now - watched.started
        if status not in watched.kind.known and watched.state.worth_a_warning(age):
            status_unknown(watched.kind, watched.job_id, status, age)

    def _tolerates(self, watched: Watched[Any], error: Exception) -> bool:
        """Return whether to continue after a failure, because it is not about the job."""
        if isinstance(error, InvalidResponse):
            watched.unreadable += not error.garbled
            return watched.unreadable < _UNREADABLE
        return is_transient(error)

    def expected_seconds(self, kind: JobKind[Any]) -> float:
        """Return the median duration of a kind of job in seconds, learned or estimated."""
        return self._learned(kind).median

    def _learned(self, kind: JobKind[Any]) -> Durations:
        durations = self._durations.get(kind.name)
        if durations is None:
            known = self.expected.get(kind.name)
            durations = Durations(known or kind.expected, guessed=known is None)
            self._durations[kind.name] = durations
        return durations

    def _fail(self, watched: Watched[Any], error: Exception) -> None:
        if isinstance(error, JobFailed | NotFound):
            self.session.leases.ended(watched.job_id)
        if not watched.final.done():
            watched.fail(error)
        self._drop(watched)

    def _drop(self, watched: Watched[Any]) -> None:
        key = self._key(watched)
        pool = self._pools.get(key)
        if pool is not None and pool.jobs.get(watched.job_id) is watched:
            del pool.jobs[watched.job_id]
            if not pool.jobs:
                del self._pools[key]
                self._wake.set()

    @staticmethod
    def _key(watched: Watched[Any]) -> tuple[str, str]:
        return watched.kind.name, "" if watched.kind.statuses else watched.job_id
