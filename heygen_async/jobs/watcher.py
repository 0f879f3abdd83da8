"""The one watcher of a client, which waits for all its jobs.

Jobs that share a ``statuses`` call form one pool: they are looked at together, 100 ids a
request, and the detail of a job is fetched once, when it has ended. (Where there is just one, its
detail is all that is asked for.) All other jobs are pools of their own. One task sleeps until the
next pool is due; when nothing is watched there is no task. When to look is for ``jobs.schedule``
to say.

Where webhooks notify the ends (``notify``), a job is fetched as soon as its delivery has come.
While they can be relied on, polls are a safety net only, a minute apart (``jobs.webhook_trust``).
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from heygen_async.errors import (
    BadRequest,
    InvalidResponse,
    JobError,
    JobNeedsInput,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ServerError,
    TransportError,
)
from heygen_async.jobs.kind import JobKind, status_of
from heygen_async.jobs.notification import JobNotification, PendingNotifications
from heygen_async.jobs.observation import look_failed, settled
from heygen_async.jobs.schedule import Durations
from heygen_async.jobs.webhook_trust import SAFETY_POLL, WebhookTrust
from heygen_async.session.endpoint import query_string
from heygen_async.session.session import Session
from heygen_async.session.tasks import CancellableGroup

T = TypeVar("T")

_IDS_PER_REQUEST = 100
_AFTER_FAILURE = 5.0
# One id that the API refuses spoils a look at many jobs; each is then asked about by itself.
_SPOILT = (BadRequest, NotFound, InvalidResponse)
_AFTER_SPOILT = 20.0
# Answers of another shape that a job may get in a row before its waiters learn of it.
_UNREADABLE = 10
# A media URL can be null for a moment after completion: ask again, 1, 2, 4, 8 s later.
_READY_TRIES = 5
# A delivery may come before the API's reading side shows the end: look again as often.
_HINT_TRIES = 5
# A new job may be unknown to the API's reading side for a moment.
_UNKNOWN_FOR = 30.0


class Watched(Generic[T]):
    """One job that somebody waits for.

    Attributes:
        kind: Its kind.
        job_id: Its id.
        started: When it was submitted, on the loop's clock.
        teaches: Whether its duration says something about others of its kind.
        callback_id: What its request had, or None; an unsigned delivery must have the same.
        announced: Whether its end is known of, from a delivery or from a look at many.
        following: Whether a delivery about it is being followed up.
        final: Becomes its terminal state, or the exception that ended the watching.
        last: The last state seen.
    """

    def __init__(
        self, kind: JobKind[T], job_id: str, started: float, callback_id: str | None = None
    ) -> None:
        self.kind = kind
        self.job_id = job_id
        self.started = started
        self.callback_id = callback_id
        self.announced = False
        self.following = False
        self.teaches: bool = False
        self.final: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.last: T | None = None
        self.listeners: dict[Callable[[T], None], float] = {}
        self.waiters = 0
        self.fetching = False
        self.unreadable: int = 0

    def saw(self, state: T) -> None:
        """Take in a state of the job."""
        self.last = state
        self.unreadable = 0
        if status_of(state) in self.kind.paused:
            self.teaches = False
        for listener in list(self.listeners):
            listener(state)


class _Pool:
    """Jobs that share their looks.

    Args:
        durations: How long such jobs take.
        announced: Tells whether deliveries can be relied on to tell of their ends.
    """

    def __init__(self, durations: Durations, announced: Callable[[], bool]) -> None:
        self.durations = durations
        self.announced = announced
        self.jobs: dict[str, Watched[Any]] = {}
        self.looked_at = -math.inf
        self.due = math.inf
        self.looking = False

    def expect(self, age: float, now: float) -> float:
        """A job of this age has joined; seconds until it is worth a look."""
        if self.announced():
            until = self.durations.until_sweep(age)
            if until > 0:
                until = max(until, SAFETY_POLL)
        else:
            until = self.durations.until_first_look(age, len(self.jobs))
        self.due = min(self.due, now + until)
        return until

    def plan(self, now: float, *, soonest: float = 0.0) -> None:
        """Set when to look next; who joined during the last look may want it sooner."""
        if not self.jobs:
            return
        wait = self.durations.until_look([now - job.started for job in self.jobs.values()])
        if self.announced():
            wait = max(wait, SAFETY_POLL)
        # Who listens to a job wants news more often than its end alone would need.
        wait = min([wait, *(e for job in self.jobs.values() for e in job.listeners.values())])
        self.due = max(min(self.due, now + wait), now + soonest)


class Watcher:
    """Looks at jobs on behalf of all that wait for them.

    Args:
        session: Where to ask.
        expected: Median durations in seconds by kind, such as ``{"video": 900}``, where a user
            knows better than the built-in guesses.
    """

    def __init__(self, session: Session, expected: Mapping[str, float]) -> None:
        self.session = session
        self.expected: dict[str, float] = dict(expected)
        self.webhook_trust: WebhookTrust = WebhookTrust()
        self._pending = PendingNotifications()
        self._to_follow: list[Watched[Any]] = []
        self._durations: dict[str, Durations] = {}
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sleeps_until = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Watcher, (self.session, self.expected)

    def watch(
        self,
        kind: JobKind[T],
        job_id: str,
        started: float | None,
        callback_id: str | None = None,
    ) -> Watched[T]:
        """Begin to wait for a job, or join those who do; ``leave`` ends it.

        Args:
            kind: Its kind.
            job_id: Its id.
            started: When it was submitted, on the loop's clock, if that is known.
            callback_id: What its request had, if that is known.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.session.bind()
            self._loop, self._pools, self._to_follow, self._task = loop, {}, [], None
            self._wake = asyncio.Event()
        now = loop.time()
        key = (kind.name, "" if kind.statuses else job_id)
        pool = self._pools.get(key)
        if pool is None:
            relied_on = partial(self.webhook_trust.relies_on, kind.name)
            pool = self._pools[key] = _Pool(self._learned(kind), relied_on)
        watched: Watched[T] | None = pool.jobs.get(job_id)
        if watched is None:
            # A time of another event loop may lie ahead.
            known = started is not None and started <= now
            began = now if started is None else min(started, now)
            watched = Watched(kind, job_id, began, callback_id)
            pool.jobs[job_id] = watched
            # A job of unknown age may have ended long ago. So may one that nobody has waited for
            # until now, which says nothing about how long it took.
            until = pool.expect(now - watched.started if known else math.inf, now)
            watched.teaches = until > 0
            notification = self._pending.pop(kind.name, job_id)
            if notification is not None and notification.matches(callback_id):
                watched.teaches = False  # it may have ended long ago
                self._follow_up(watched, notification)
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

    def notify(self, notification: JobNotification) -> bool:
        """Poll a job that may have ended now, if somebody waits for it.

        Otherwise nothing is fetched, and the next wait for the job begins with a poll.

        Args:
            notification: The notification; one that does not match the job is ignored.

        Returns:
            Whether somebody waits.
        """
        kind, job_id = notification.kind, notification.job_id
        watched = None
        if self._loop is asyncio.get_running_loop():
            pool = self._pools.get((kind, "")) or self._pools.get((kind, job_id))
            watched = pool.jobs.get(job_id) if pool is not None else None
        if watched is None:
            self._pending.add(notification)
            return False
        if notification.matches(watched.callback_id):
            self._follow_up(watched, notification)
        return True

    def _follow_up(self, watched: Watched[Any], notification: JobNotification) -> None:
        if not watched.announced:
            watched.announced = True
            # Anybody may send the others, and could slow the polls down with them.
            if notification.verified or watched.callback_id is not None:
                self.webhook_trust.notified(watched.kind.name)
        if not watched.following:
            watched.following = True
            self._to_follow.append(watched)
            self._wake.set()

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
            async with CancellableGroup() as tasks:
                while self._pools:
                    self._wake.clear()
                    now = loop.time()
                    self._sleeps_until = math.inf
                    while self._to_follow:
                        tasks.start(self._follow(self._to_follow.pop()))
                    for pool in list(self._pools.values()):
                        if pool.looking:
                            continue
                        if pool.due <= now:
                            pool.looking = True
                            tasks.start(self._look(pool, tasks))
                        else:
                            self._sleeps_until = min(self._sleeps_until, pool.due)
                    await self._sleep(loop)
                # Nobody waits any more. A look that is still under way would only hold up those
                # who begin to wait meanwhile.
                tasks.cancel()

    async def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._sleeps_until == math.inf:
            await self._wake.wait()
            return
        timer = loop.call_at(self._sleeps_until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _look(self, pool: _Pool, tasks: CancellableGroup) -> None:
        """Look at all jobs of a pool, and plan the next look."""
        loop = asyncio.get_running_loop()
        jobs = list(pool.jobs.values())
        began, since, pool.due = loop.time(), pool.looked_at, math.inf
        soonest = 0.0
        try:
            if not jobs:
                return
            if jobs[0].kind.statuses is None:
                await self._look_alone(jobs[0], since)
            else:
                soonest = await self._ask_for_statuses(pool, jobs, tasks)
            pool.looked_at = began
        except Exception as error:  # whoever waits must learn of it, whatever it is
            soonest = max(getattr(error, "retry_after", None) or 0.0, _AFTER_FAILURE)
            for watched in jobs:
                self._put_up_with(watched, error)
            look_failed(f"looking at {len(jobs)} jobs", jobs[0].kind, error, jobs=len(jobs))
        finally:
            pool.looking = False
            pool.plan(loop.time(), soonest=soonest)
            self._wake.set()

    async def _look_alone(self, watched: Watched[Any], since: float) -> None:
        """Look at the one job of a pool, unless a delivery has it fetched already."""
        if watched.fetching:
            return
        watched.fetching = True
        try:
            await self._look_at(watched, since)
        finally:
            watched.fetching = False

    async def _ask_for_statuses(
        self, pool: _Pool, jobs: list[Watched[Any]], tasks: CancellableGroup
    ) -> float:
        """Ask for all jobs of a pool, and fetch those that have ended.

        Returns:
            Seconds that must pass before the next look.
        """
        kind = jobs[0].kind
        assert kind.statuses is not None
        now, since = asyncio.get_running_loop().time(), pool.looked_at
        for watched in jobs:
            # Of one job alone the detail costs as much as the status, and is the last request.
            if watched.listeners or len(jobs) == 1:
                self._start_fetch(watched, since, tasks)
        asked = [watched for watched in jobs if not watched.fetching]
        requests, found, soonest = 0, 0, 0.0
        for first in range(0, len(asked), _IDS_PER_REQUEST):
            running = {job.job_id for job in asked[first : first + _IDS_PER_REQUEST]}
            missing = running.copy()
            query = query_string({kind.ids_parameter: sorted(running)})
            try:
                page = await self.session.call(kind.statuses, kind.statuses.at() + query)
            except _SPOILT as error:
                asking = f"asking for {len(running)} jobs at once"
                look_failed(asking, kind, error, jobs=len(running))
                soonest = _AFTER_SPOILT
            else:
                requests += 1
                for entry in page.items:
                    missing.discard(entry.video_id or "")
                    if entry.status not in kind.completed | kind.failed | {"not_found"}:
                        continue
                    ended = pool.jobs.get(entry.video_id or "")
                    if ended is not None:
                        found += ended.teaches
                        if entry.status != "not_found":
                            self._found(ended)
                        self._start_fetch(ended, since, tasks)
            for job_id in missing:
                if job_id in pool.jobs:
                    self._start_fetch(pool.jobs[job_id], since, tasks)
        if requests:
            pool.durations.looked(now - since, found, requests)
        return soonest

    def _start_fetch(self, watched: Watched[Any], since: float, tasks: CancellableGroup) -> None:
        if not watched.fetching:
            watched.fetching = True
            tasks.start(self._fetch(watched, since))

    async def _fetch(self, watched: Watched[Any], since: float) -> None:
        """Look at one job of a pool that has ended, or whose waiters want its detail."""
        try:
            await self._look_at(watched, since)
        except Exception as error:  # whoever waits must learn of it, whatever it is
            self._put_up_with(watched, error)
            job_id = watched.job_id
            look_failed(f"fetching job {job_id}", watched.kind, error, job_id=job_id)
        finally:
            watched.fetching = False

    async def _follow(self, watched: Watched[Any]) -> None:
        """Fetch a job whose end was announced, until the API shows it too."""
        loop = asyncio.get_running_loop()
        try:
            for attempt in range(_HINT_TRIES):
                if attempt:
                    await asyncio.sleep(2 ** (attempt - 1))
                if watched.final.done() or not watched.waiters:
                    return
                if not watched.fetching:
                    watched.fetching = True
                    await self._fetch(watched, loop.time())
        finally:
            watched.following = False

    def _found(self, watched: Watched[Any]) -> None:
        """A look has found the end of a job; a delivery should have told of it."""
        if not watched.announced:
            watched.announced = True
            self.webhook_trust.missed(watched.kind.name)

    async def _look_at(self, watched: Watched[Any], since: float) -> None:
        """Look at one job.

        Args:
            watched: The job.
            since: When it was last looked at, on the loop's clock.
        """
        kind = watched.kind
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        path = kind.get.at(watched.job_id)
        for attempt in range(_READY_TRIES):
            if attempt:
                await asyncio.sleep(2 ** (attempt - 1))
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
                        f"{kind.name} {watched.job_id} waits for {kind.asks}",
                        job_id=watched.job_id,
                        last=state,
                    ),
                )
            if not kind.ended(state):
                return
            self._found(watched)
            if status_of(state) in kind.failed or kind.ready(state):
                break
        if watched.teaches and status_of(state) in kind.completed:
            self._learned(kind).learn(
                max(0.0, since - watched.started), looked_at - watched.started
            )
        if not watched.final.done():
            watched.final.set_result(state)
            age = max(0.0, loop.time() - watched.started)
            settled(self.session, kind, watched.job_id, state, age)
        self._drop(watched)

    def _put_up_with(self, watched: Watched[Any], error: Exception) -> None:
        """Go on looking after a failure that says nothing about the job, else end the wait."""
        if isinstance(error, InvalidResponse):
            watched.unreadable += not error.garbled
            passing = watched.unreadable < _UNREADABLE
        else:
            passing = isinstance(error, TransportError | ServerError | RateLimited)
            passing = passing and not isinstance(error, QuotaExceeded)
        if not passing:
            self._fail(watched, error)

    def _learned(self, kind: JobKind[Any]) -> Durations:
        durations = self._durations.get(kind.name)
        if durations is None:
            known = self.expected.get(kind.name)
            durations = Durations(known or kind.expected, guessed=known is None)
            self._durations[kind.name] = durations
        return durations

    def _fail(self, watched: Watched[Any], error: Exception) -> None:
        if not watched.final.done():
            watched.final.set_exception(error)
            # The last waiter may have left during the look: then nobody asks for it, and the
            # event loop would complain.
            watched.final.exception()
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
