"""The one watcher of a client, which waits for all its jobs.

Jobs that share a ``statuses`` call form one pool: they are looked at together, 100 ids a
request, and the detail of a job is fetched once, when it has ended. All other jobs are pools of
their own. One task sleeps until the next pool is due; when nothing is watched there is no task.
When to look is for ``jobs.schedule`` to say.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from heygen_async.errors import (
    InvalidResponse,
    JobError,
    JobNeedsInput,
    NotFound,
    RateLimited,
    ServerError,
    TransportError,
)
from heygen_async.jobs.kind import JobKind, status_of
from heygen_async.jobs.schedule import Durations
from heygen_async.session.endpoint import query_string
from heygen_async.session.session import Session

T = TypeVar("T")

logger = logging.getLogger("heygen_async.jobs")

_IDS_PER_REQUEST = 100
# Failures that say nothing about the job: the watcher keeps looking.
_PASSING = (TransportError, ServerError, RateLimited, InvalidResponse)
_AFTER_FAILURE = 5.0
# A media URL can be null for a moment after completion: ask again, 1, 2, 4, 8 s later.
_READY_TRIES = 5
# A new job may be unknown to the API's reading side for a moment.
_UNKNOWN_FOR = 30.0


class Watched(Generic[T]):
    """One job that somebody waits for.

    Attributes:
        kind: Its kind.
        job_id: Its id.
        started: When it was submitted, on the loop's clock.
        teaches: Whether its duration says something about others of its kind.
        final: Becomes its terminal state, or the exception that ended the watching.
        last: The last state seen.
    """

    def __init__(self, kind: JobKind[T], job_id: str, started: float, *, teaches: bool) -> None:
        self.kind = kind
        self.job_id = job_id
        self.started = started
        self.teaches = teaches
        self.final: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.last: T | None = None
        self.listeners: dict[Callable[[T], None], float] = {}
        self.waiters = 0
        self.fetching = False

    def saw(self, state: T) -> None:
        """Take in a state of the job."""
        self.last = state
        if status_of(state) in self.kind.paused:
            self.teaches = False
        for listener in list(self.listeners):
            listener(state)


class _Pool:
    """Jobs that share their looks."""

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self.jobs: dict[str, Watched[Any]] = {}
        self.looked_at = 0.0
        self.due = math.inf
        self.looking = False

    def expect(self, age: float, now: float) -> None:
        """A job of this age has joined."""
        until = self.durations.until_first_look(age, len(self.jobs))
        self.due = min(self.due, now + until)

    def plan(self, now: float, *, soonest: float = 0.0) -> None:
        """Set when to look next."""
        if not self.jobs:
            return
        wait = self.durations.until_look([now - job.started for job in self.jobs.values()])
        # Who listens to a job wants news more often than its end alone would need.
        wait = min([wait, *(e for job in self.jobs.values() for e in job.listeners.values())])
        self.due = now + max(wait, soonest)


class Watcher:
    """Looks at jobs on behalf of all that wait for them.

    Args:
        session: Where to ask.
        expected: Median durations in seconds by kind, such as ``{"video": 900}``, where a user
            knows better than the built-in guesses.
    """

    def __init__(self, session: Session, expected: Mapping[str, float]) -> None:
        self.session = session
        self.expected = dict(expected)
        self._durations: dict[str, Durations] = {}
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sleeps_until = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Watcher, (self.session, self.expected)

    def watch(self, kind: JobKind[T], job_id: str, started: float | None) -> Watched[T]:
        """Begin to wait for a job, or join those who do; ``leave`` ends it.

        Args:
            kind: Its kind.
            job_id: Its id.
            started: When it was submitted, on the loop's clock, if that is known.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._pools, self._task = loop, {}, None
            self._wake = asyncio.Event()
        now = loop.time()
        key = (kind.name, "" if kind.statuses else job_id)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = _Pool(self._learned(kind))
            pool.looked_at = now
        watched: Watched[T] | None = pool.jobs.get(job_id)
        if watched is None:
            known = started is not None and started <= now
            watched = Watched(kind, job_id, started if known and started else now, teaches=known)
            pool.jobs[job_id] = watched
            # A job of unknown age may have ended long ago.
            pool.expect(now - watched.started if known else math.inf, now)
        watched.waiters += 1
        if pool.due < self._sleeps_until:
            self._wake.set()
        if self._task is None or self._task.done():
            # A context of its own: the watcher's requests belong to no batch.
            self._task = loop.create_task(self._run(loop), context=contextvars.Context())
        return watched

    def listen(self, watched: Watched[T], listener: Callable[[T], None], every: float) -> None:
        """Tell ``listener`` each state seen, looking every so many seconds at least."""
        watched.listeners[listener] = every
        pool = self._pools[self._key(watched)]
        assert self._loop is not None
        pool.due = min(pool.due, self._loop.time())
        self._wake.set()

    def leave(self, watched: Watched[Any]) -> None:
        """Stop waiting; a job that nobody waits for any more is not looked at."""
        watched.waiters -= 1
        if watched.waiters == 0:
            self._drop(watched)

    async def close(self) -> None:
        """End the watching; whoever waits gets a ``JobError``."""
        task, self._task = self._task, None
        if task is None or self._loop is not asyncio.get_running_loop():
            return
        for pool in list(self._pools.values()):
            for watched in list(pool.jobs.values()):
                self._fail(
                    watched,
                    JobError(
                        f"the client was closed while job {watched.job_id} was waited for",
                        job_id=watched.job_id,
                        last=watched.last,
                    ),
                )
        task.cancel()
        await asyncio.wait([task])

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._pools:
            async with anyio.create_task_group() as tasks:
                while self._pools:
                    self._wake.clear()
                    now = loop.time()
                    self._sleeps_until = math.inf
                    for pool in list(self._pools.values()):
                        if pool.looking:
                            continue
                        if pool.due <= now:
                            pool.looking = True
                            tasks.start_soon(self._look, pool, tasks)
                        else:
                            self._sleeps_until = min(self._sleeps_until, pool.due)
                    await self._sleep(loop)

    async def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._sleeps_until == math.inf:
            await self._wake.wait()
            return
        timer = loop.call_at(self._sleeps_until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _look(self, pool: _Pool, tasks: TaskGroup) -> None:
        """Look at all jobs of a pool, and plan the next look."""
        loop = asyncio.get_running_loop()
        previous, pool.looked_at = pool.looked_at, loop.time()
        interval = pool.looked_at - previous
        jobs = list(pool.jobs.values())
        soonest = 0.0
        try:
            if jobs[0].kind.statuses is None:
                await self._look_at(jobs[0], interval)
            else:
                await self._ask_for_statuses(pool, jobs, interval, tasks)
        except _PASSING as error:
            soonest = error.retry_after or 0.0 if isinstance(error, RateLimited) else 0.0
            soonest = max(soonest, _AFTER_FAILURE)
            logger.warning("looking at %d jobs failed, will look again: %s", len(jobs), error)
        except Exception as error:  # whoever waits must learn of it, whatever it is
            for watched in jobs:
                self._fail(watched, error)
        finally:
            pool.looking = False
            pool.plan(loop.time(), soonest=soonest)
            self._wake.set()

    async def _ask_for_statuses(
        self, pool: _Pool, jobs: list[Watched[Any]], interval: float, tasks: TaskGroup
    ) -> None:
        kind = jobs[0].kind
        assert kind.statuses is not None
        asked = [job for job in jobs if not job.fetching and not job.listeners]
        found = [job for job in jobs if not job.fetching and job.listeners]
        chunks = range(0, len(asked), _IDS_PER_REQUEST)
        for first in chunks:
            ids = [job.job_id for job in asked[first : first + _IDS_PER_REQUEST]]
            query = query_string({kind.ids_parameter: ids})
            page = await self.session.call(kind.statuses, kind.statuses.at() + query)
            for entry in page.items:
                watched = pool.jobs.get(entry.video_id or "")
                if watched is None:
                    continue
                if entry.status in kind.completed | kind.failed or entry.status == "not_found":
                    found.append(watched)
        if chunks:
            pool.durations.looked(interval, len(found), len(chunks))
        for watched in found:
            watched.fetching = True
            tasks.start_soon(self._fetch, watched, interval)

    async def _fetch(self, watched: Watched[Any], interval: float) -> None:
        """Look at one job of a pool that has ended, or whose waiters want its detail."""
        try:
            await self._look_at(watched, interval)
        except _PASSING as error:
            logger.warning("fetching job %s failed, will try again: %s", watched.job_id, error)
        except Exception as error:  # whoever waits must learn of it, whatever it is
            self._fail(watched, error)
        finally:
            watched.fetching = False

    async def _look_at(self, watched: Watched[Any], interval: float) -> None:
        kind = watched.kind
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        path = kind.get.at(watched.job_id)
        for attempt in range(_READY_TRIES):
            try:
                state = await self.session.call(kind.get, path)
            except NotFound as error:
                if loop.time() - watched.started > _UNKNOWN_FOR:
                    self._fail(watched, error)
                return
            watched.saw(state)
            if status_of(state) in kind.paused and not watched.listeners:
                self._fail(
                    watched,
                    JobNeedsInput(
                        f"session {watched.job_id} waits for an answer; use job.turns()",
                        job_id=watched.job_id,
                        last=state,
                    ),
                )
            if not kind.ended(state):
                return
            if status_of(state) in kind.failed or kind.ready(state):
                break
            await asyncio.sleep(2**attempt)
        if watched.teaches and status_of(state) in kind.completed:
            # It ended somewhere between the last two looks.
            self._learned(kind).learn(looked_at - watched.started - interval / 2)
        if not watched.final.done():
            watched.final.set_result(state)
        self._drop(watched)

    def _learned(self, kind: JobKind[Any]) -> Durations:
        durations = self._durations.get(kind.name)
        if durations is None:
            expected = self.expected.get(kind.name, kind.expected)
            durations = self._durations[kind.name] = Durations(expected)
        return durations

    def _fail(self, watched: Watched[Any], error: Exception) -> None:
        if not watched.final.done():
            watched.final.set_exception(error)
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
