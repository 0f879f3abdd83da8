"""The session: takes one call from its arguments to its answer.

Every operation goes through ``call``: limiter, attempt, answer. Nearly every call ends with its
first attempt, which does as little as possible; backoff and the retry policy are used only after a
failure, in ``_recover``. An ``Observation`` is made only if there are hooks or the log has level
DEBUG.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
from aiohttp import hdrs
from yarl import URL

from heygen_async.errors import (
    CallError,
    RateLimited,
    SlotsUnavailable,
    SlotUnavailable,
)
from heygen_async.session.answers.codec import DECODE_ERRORS, ErrorInside, error_facts
from heygen_async.session.answers.reading import MAX_ANSWER, AnswerTooLarge, read_answer
from heygen_async.session.calls import Body, Call, checked_key, fresh_key
from heygen_async.session.cancellation import OnAccepted, Submissions
from heygen_async.session.connection import Connection
from heygen_async.session.diagnostics.hooks import Hooks
from heygen_async.session.diagnostics.observation import Observation, log_retry
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import (
    TRANSPORT_ERRORS,
    answered,
    oversized,
    unanswered,
    undecodable,
)
from heygen_async.session.limits.job_leases import InteractiveLease, JobLeases
from heygen_async.session.limits.request_limiter import RequestLimiter
from heygen_async.session.recovery import Action, Recovery, maybe_carried_out
from heygen_async.session.retry import wait_before_next, waits
from heygen_async.session.settings import Retry, Settings, SlotsFor
from heygen_async.session.slots import SlotPool, Submitting, submitting
from heygen_async.session.tasks import running_loop, started

T = TypeVar("T")

DEPRECATED: str = "%s is deprecated by the API"
"""The warning about an operation that HeyGen has announced to end, once for each."""

logger: logging.Logger = logging.getLogger("heygen_async.session")

# More transfers would share the same bandwidth and delay the first file.
_TRANSFERS_AT_ONCE = 8

_NOT_REPEATED = Retry(attempts=1, patience=0.0)


class Traffic:
    """Counts the requests and refusals of a session since it was made.

    Attributes:
        requests: Requests sent, retries included.
        retries: Requests that repeated an earlier one.
        rate_limited: Answers with status 429.
        date: The ``Date`` of the latest answer; empty before the first.
    """

    __slots__ = ("date", "rate_limited", "requests", "retries")

    def __init__(self) -> None:
        self.date: str = ""
        self.requests: int = 0
        self.retries: int = 0
        self.rate_limited: int = 0


class Session:
    """Sends calls; one per client.

    Args:
        settings: Host, key, timeouts, retries.
        requests: The request limiter, perhaps shared with other clients.
        jobs: The slot pool, perhaps shared with other clients.
        slots_for: ``all`` if interactive submissions take a slot too, else ``bulk``.
        max_answer: The most bytes of an answer after decompression.
        clock: The wall clock, in unix seconds.
        on_accepted: As for ``Submissions``.

    Attributes:
        submissions: Calls that create jobs, including cancelled ones.
        leases: Leases of interactive submissions, which end with their jobs.
        hooks: Functions that are called with events of calls and jobs; not pickled.
        tracer: An OpenTelemetry ``Tracer`` for spans that no event tells of, or None; not pickled.
        transfers: Limits the downloads and direct uploads that run at the same time. They are not
            requests to the API and do not count as such.
        fresh_assets: When assets were uploaded, by their ids, on the loop's clock. HeyGen may not
            find them yet.
    """

    def __init__(
        self,
        settings: Settings,
        requests: RequestLimiter,
        jobs: SlotPool,
        *,
        slots_for: SlotsFor = "bulk",
        max_answer: int = MAX_ANSWER,
        clock: Callable[[], float] = time.time,
        on_accepted: OnAccepted | None = None,
    ) -> None:
        self.settings = settings
        self.requests = requests
        self.jobs = jobs
        self.leases: JobLeases = JobLeases()
        self.submissions: Submissions = Submissions(settings.timeout, on_accepted)
        self._slots_for: SlotsFor = slots_for
        self._max_answer = max_answer
        self._clock = clock
        self.transfers: RequestLimiter = RequestLimiter(_TRANSFERS_AT_ONCE, reserve=0)
        self.fresh_assets: dict[str, float] = {}
        self.traffic: Traffic = Traffic()
        self.hooks: tuple[Hooks, ...] = ()
        self.tracer: Any = None
        self.connection: Connection = Connection(settings)
        self._timeouts = {
            kind: aiohttp.ClientTimeout(
                total=getattr(settings.timeout, kind), sock_connect=settings.timeout.connect
            )
            for kind in ("read", "write", "upload")
        }
        self._base_url = settings.base_url
        self._secret = settings.secret
        self._warned: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self._slots_for, self._max_answer, self._clock)
        return _session, (self.settings, self.requests, self.jobs, *options)

    def call(
        self,
        endpoint: Endpoint[T],
        path: str,
        *,
        body: Body | None = None,
        content_type: str = "application/json",
        idempotency_key: str | None = None,
        resend: bool = False,
        repeat: bool = True,
    ) -> Coroutine[Any, Any, T]:
        """Send one call and return its answer.

        Args:
            endpoint: The operation.
            path: Its encoded path and query, from ``endpoint.at`` and ``query_string``.
            body: The encoded request body, or a function that returns it for each attempt.
            content_type: Media type of the body.
            idempotency_key: Key for operations that take one. Default: a new key, the same for all
                attempts of this call. Other operations do not send it, and warn.
            resend: Whether a call without a key is sent again after an attempt that may have been
                carried out. Its effect may then happen twice.
            repeat: Whether the call is repeated at all. A poll is not: its caller polls again
                anyway.

        Raises:
            HeyGenError: One of the exceptions in ``heygen_async.errors``.
        """
        if idempotency_key is not None and not endpoint.keyed:
            self._warn_unsent_key(endpoint)
        headers: dict[str, str] | None = None
        if body is not None:
            headers = {"Content-Type": content_type}
        if endpoint.keyed:
            headers = headers or {}
            headers["Idempotency-Key"] = (
                fresh_key() if idempotency_key is None else checked_key(idempotency_key)
            )
        call = Call(endpoint, path, body, headers, resend, repeat)
        lease = submitting.get()
        if lease is not None:
            call.bulk = True
            if endpoint.method == "POST":
                call.confirm = lease.confirm
        if self.hooks or logger.isEnabledFor(logging.DEBUG):
            return self._observed(call, lease)
        return self._send(call, None) if endpoint.creates is None else self._submit(call, lease)

    async def _observed(self, call: Call[T], lease: Submitting | None) -> T:
        observed = Observation(self.hooks, logger, call.endpoint, call.call_site, self._secret)
        call.observed = observed
        try:
            if call.endpoint.creates is None:
                answer = await self._send(call, None)
            else:
                answer = await self._submit(call, lease)
        except (Exception, asyncio.CancelledError) as error:
            observed.ended(error)
            raise
        observed.ended(None)
        return answer

    async def _submit(self, call: Call[T], lease: Submitting | None) -> T:
        """Send a call that creates jobs in a task of its own, which no cancellation interrupts."""
        # Not asyncio.shield, which costs each call another turn of the event loop.
        answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task: asyncio.Task[T | None] = started(
            self._fly(call, lease, answered), call.endpoint.operation
        )
        try:
            return await answered
        except asyncio.CancelledError as cancelled:
            if not answered.cancelled():
                answered.exception()  # retrieve it, or asyncio would log it as never retrieved
            await self.submissions.finish(task, call, cancelled)
            raise

    async def _fly(
        self, call: Call[T], lease: Submitting | None, answered: asyncio.Future[Any]
    ) -> Any:
        """Send a call in a task of its own, and pass its result to the caller if it still waits."""
        try:
            if lease is None and (self._slots_for == "all" or self.jobs.closed):
                answer = await self._send_interactive(call)
            else:
                answer = await self._send(call, lease)
        except BaseException as error:
            if answered.done():  # its caller was cancelled
                raise
            answered.set_exception(error)
            return None
        if not answered.done():
            answered.set_result(answer)
        return answer

    async def _send_interactive(self, call: Call[T], failure: CallError | None = None) -> T:
        """Send a call that creates jobs outside a bulk run under a lease of its own.

        Args:
            call: The call.
            failure: The failure of its first attempt, which needed no lease, or None.
        """
        own = InteractiveLease(self.jobs, self.leases, counted=self._slots_for == "all")
        job_ids: list[str] = []
        try:
            if failure is None:
                try:
                    await own.begin(self.settings.retry.patience)
                except CallError as held:
                    raise call.completed(held, 0) from None
                answer = await self._send(call, own)
            else:
                answer = await self._recover(failure, call, own)
            assert call.endpoint.creates is not None
            job_ids = call.endpoint.creates(answer)
        finally:
            own.settle(job_ids)
        return answer

    async def _send(self, call: Call[T], lease: Submitting | InteractiveLease | None) -> T:
        """Send a call: make one attempt, and recover if it fails."""
        if running_loop() is not self.connection.loop:
            self.bind()
        if lease is not None and lease.lost:
            raise call.completed(_slot_lost(), 0)
        if not self.requests.acquire_nowait(call.bulk):
            patience = math.inf if call.bulk else self.settings.retry.patience
            admitted = await self._wait_for_a_place(call, patience, 0)
            if not admitted or (lease is not None and lease.lost):
                if admitted:
                    self.requests.release()
                raise call.completed(_slot_lost(), 0)
        if call.confirm is not None and not await call.confirmed(self.requests.release):
            raise call.completed(_slot_lost(), 0)
        try:
            return await self._attempt(call)
        except CallError as error:
            failure = error
        if lease is None and call.endpoint.creates is not None:
            return await self._send_interactive(call, failure)
        return await self._recover(failure, call, lease)

    def now(self) -> float:
        """Return the wall-clock time, in unix seconds."""
        return self._clock()

    def bind(self) -> None:
        """Bind connections and limiters to the running event loop."""
        loop = running_loop()
        if loop is not self.connection.loop:
            self.connection.open(loop)
            self.transfers.bind(loop)
        self.requests.bind(loop)

    async def aclose(self) -> None:
        """Wait for the answers to cancelled submissions, and close all connections."""
        try:
            await self.submissions.aclose()
        finally:
            await self.connection.close()

    async def _wait_for_a_place(self, call: Call[T], patience: float, sent: int) -> bool:
        """Wait until the request limiter lets a request pass, which ``_attempt`` then sends.

        Returns:
            Whether it may pass. False if its bulk run has stopped submitting; calls that only read
            continue, such as the search for a job that was paid for.
        """
        submission = submitting.get() if call.endpoint.method == "POST" else None
        stopped = submission.stopped if submission else None
        try:
            if stopped is None:
                await self.requests.acquire(call.bulk, patience=patience)
            elif not await stopped.unless_set(self._admitted(call, patience)):
                return False
        except RateLimited as held:
            raise call.completed(held, sent) from None
        self.bind()  # the client may have been closed meanwhile
        return True

    async def _admitted(self, call: Call[T], patience: float) -> bool:
        await self.requests.acquire(call.bulk, patience=patience)
        return True

    async def _attempt(self, call: Call[T]) -> T:
        """Send a request that has a place in the request limiter, and give the place back."""
        endpoint, path, body, observed = call.endpoint, call.path, call.body, call.observed
        connection = self.connection
        timeout = self._timeouts[endpoint.timeout_kind]
        failure: CallError | None = None
        try:
            # Outside the try below: an exception of the caller's own file is not a broken
            # connection.
            data = body() if callable(body) else body
        except BaseException:
            self.requests.release()
            raise
        if endpoint.keyed:
            call.first_sent = call.first_sent or self._clock()
        call.in_doubt = True
        self.traffic.requests += 1
        if observed is not None:
            observed.sent()
        try:
            # Without ``async with``: a response releases its connection when reading it has ended.
            response = await connection.request(
                endpoint.method,
                URL(self._base_url + path, encoded=True),
                data=data,
                headers=call.headers,
                timeout=timeout,
                allow_redirects=False,
                # Always, since ``**options`` would take longer than all else here.
                proxy=connection.proxy,
                proxy_headers=connection.proxy_headers,
            )
            self.traffic.date = response.headers.get(hdrs.DATE, "")
            content = await read_answer(response, self._max_answer, connection.without_secret)
            if response.connection is not None:  # unless it offers another protocol
                response.release()
            if observed is not None:
                observed.answered(response.status, response.headers)
        except AnswerTooLarge:
            failure = oversized(response.status, self._max_answer, call.call_site)
        except TRANSPORT_ERRORS as error:
            failure = unanswered(error, call.call_site, timeout.total or 0.0)
        finally:
            self.requests.release()
            if observed is not None:
                observed.attempt_ended()
        if failure is not None:
            # Raised outside the ``except``, or aiohttp's exception would remain as its context.
            raise failure
        status = response.status
        mismatch: Exception | None = None
        if status < 300:
            if "Deprecation" in response.headers:
                self._warn_deprecated(endpoint)
            try:
                return endpoint.decode(content)
            except (*DECODE_ERRORS, ErrorInside) as error:
                mismatch = error
        elif status == 429:
            self.traffic.rate_limited += 1
        call_site = call.call_site
        if mismatch is None or isinstance(mismatch, ErrorInside) or error_facts(content):
            failure = answered(status, response.headers, content, call_site, self._secret)
        else:
            failure = undecodable(mismatch, status, content, call_site, self._secret)
        # Tracebacks that show local variables would show the signed URLs in it.
        del content
        raise failure

    async def _recover(
        self, error: CallError, call: Call[T], lease: Submitting | InteractiveLease | None
    ) -> T:
        """Repeat a call whose first attempt failed, as ``Recovery`` says."""
        policy = self.settings.retry
        if not call.repeat:
            policy = _NOT_REPEATED
        loop = asyncio.get_running_loop()
        recovery = Recovery(
            policy,
            safe=call.endpoint.safe or call.resend or policy.unkeyed == "resend",
            keyed=call.endpoint.keyed,
            queues=lease is not None,
            bulk=call.bulk,
            now=loop.time(),
            wall=call.first_sent or self._clock(),
        )
        bounds = waits(policy)
        sent = 1
        while True:
            step = recovery.after(
                error,
                now=loop.time(),
                wall=self._clock(),
                delay=wait_before_next(next(bounds), None),
                cancelled=call.cancelled,
            )
            call.in_doubt = recovery.in_doubt
            if step.pause is not None:
                self.requests.close_for(step.pause)
            if step.action is Action.GIVE_UP:
                raise call.failed(error, sent, recovery)
            if not call.endpoint.safe and maybe_carried_out(error):
                submission = submitting.get()
                if submission is not None:
                    await submission.count_resend()
            if step.wait <= step.patience:
                log_retry(logger, call.endpoint, error, sent, step.wait)
                if call.observed is not None:
                    call.observed.retrying(error, step.wait)
            began = loop.time()
            if step.action is Action.WAIT:
                await asyncio.sleep(step.wait)
            elif step.action is Action.QUEUE and lease is not None:
                # The answer does not say whether there are too many jobs or too many requests. New
                # jobs wait; reads continue, since they notice the jobs that end.
                try:
                    await lease.refused(step.wait, step.patience)
                except SlotsUnavailable as away:
                    raise call.failed(away, sent, recovery) from None
                except (RateLimited, SlotUnavailable):
                    raise call.failed(error, sent, recovery) from None
            if not await self._wait_for_a_place(call, recovery.patience(loop.time()), sent):
                raise call.failed(_slot_lost(), sent, recovery)
            if step.action is not Action.WAIT:
                recovery.waited(loop.time() - began)
            final: CallError | None = None
            if recovery.key_expired(self._clock()) or (call.cancelled and not call.endpoint.safe):
                final = error
            elif lease is not None and lease.lost:
                final = _slot_lost()
            if final is not None:
                self.requests.release()
                raise call.failed(final, sent, recovery)
            if call.confirm is not None and not await call.confirmed(self.requests.release):
                raise call.failed(_slot_lost(), sent, recovery)
            self.traffic.retries += 1
            sent += 1
            try:
                return await self._attempt(call)
            except CallError as next_error:
                error = next_error

    def _warn_unsent_key(self, endpoint: Endpoint[T]) -> None:
        """Warn once per operation that it takes no Idempotency-Key."""
        topic = f"Idempotency-Key of {endpoint.operation}"
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(
                f"{endpoint.operation} does not support an Idempotency-Key: idempotency_key is not "
                "sent, and a second call with it is carried out again",
                FutureWarning,  # shown by default, unlike DeprecationWarning
                stacklevel=_caller_level(),
            )

    def _warn_deprecated(self, endpoint: Endpoint[T]) -> None:
        if endpoint.operation not in self._warned:
            self._warned.add(endpoint.operation)
            logger.warning(
                DEPRECATED,
                endpoint.operation,
                extra={"operation": endpoint.operation},
            )


def _caller_level() -> int:
    """Return the ``stacklevel`` at which a warning names the code that called the package."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level


def _slot_lost() -> SlotUnavailable:
    return SlotUnavailable("the slot of this submission was lost; the submission was not sent")


def _session(
    settings: Settings,
    requests: RequestLimiter,
    jobs: SlotPool,
    slots_for: SlotsFor,
    max_answer: int,
    clock: Callable[[], float],
) -> Session:
    return Session(
        settings, requests, jobs, slots_for=slots_for, max_answer=max_answer, clock=clock
    )
