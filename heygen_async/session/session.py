"""The session: one call from its arguments to its answer.

``call`` is the way down for every operation: limiter, attempt, answer. Its first attempt is the
path of nearly every call and does as little as possible (backoff and the retry policy are asked
only after a failure); everything that can go wrong is in ``_recover``. Only where hooks or a log at
level DEBUG want to know, an ``Observation`` goes along.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from heygen_async.errors import (
    CallError,
    ConnectionFailed,
    InvalidRequest,
    RateLimited,
    SlotUnavailable,
    TransportError,
)
from heygen_async.session.cancellation import note_what_was_created
from heygen_async.session.codec import DECODE_ERRORS, ErrorInside, error_facts
from heygen_async.session.connection import Connection
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import (
    TRANSPORT_ERRORS,
    Where,
    answered,
    unanswered,
    undecodable,
)
from heygen_async.session.hooks import Hooks
from heygen_async.session.job_leases import InteractiveLease, JobLeases
from heygen_async.session.limits import RequestLimiter
from heygen_async.session.observation import Observation
from heygen_async.session.retry import Verdict, judge, wait_before_next, waits
from heygen_async.session.settings import Settings, SlotsFor
from heygen_async.session.slots import SlotLease, SlotPool, submitting_lease

T = TypeVar("T")
CallErrorT = TypeVar("CallErrorT", bound=CallError)
Body: TypeAlias = bytes | Callable[[], aiohttp.Payload]

logger: logging.Logger = logging.getLogger("heygen_async.session")

# More would share the same line, and delay the first file.
_TRANSFERS_AT_ONCE = 8

_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:.")


class Traffic:
    """Counts what a session has sent and met since it was made.

    Attributes:
        requests: Requests sent, retries included.
        retries: Requests that repeated an earlier one.
        rate_limited: Answers of 429.
    """

    __slots__ = ("rate_limited", "requests", "retries")

    def __init__(self) -> None:
        self.requests: int = 0
        self.retries: int = 0
        self.rate_limited: int = 0


class Session:
    """Sends calls; one per client.

    Args:
        settings: Host, key, timeouts, retries.
        requests: The request limiter, perhaps shared with other clients.
        jobs: The slot pool, perhaps shared with other clients.
        slots_for: Whether interactive submissions take a slot too (``all``), or not (``bulk``).

    Attributes:
        leases: Leases of interactive submissions, which end with their jobs.
        hooks: What is told of calls and jobs; not pickled.
        transfers: Limits the downloads and direct uploads that run at the same time; they are
            no requests to the API and take no place among those.
    """

    def __init__(
        self,
        settings: Settings,
        requests: RequestLimiter,
        jobs: SlotPool,
        *,
        slots_for: SlotsFor = "bulk",
    ) -> None:
        self.settings = settings
        self.requests = requests
        self.jobs = jobs
        self.leases: JobLeases = JobLeases()
        self._slots_for: SlotsFor = slots_for
        self.transfers: RequestLimiter = RequestLimiter(_TRANSFERS_AT_ONCE, reserve=0)
        self.traffic: Traffic = Traffic()
        self.hooks: tuple[Hooks, ...] = ()
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
        return _session, (self.settings, self.requests, self.jobs, self._slots_for)

    def call(
        self,
        endpoint: Endpoint[T],
        path: str,
        *,
        body: Body | None = None,
        content_type: str = "application/json",
        idempotency_key: str | None = None,
    ) -> Coroutine[Any, Any, T]:
        """Send one call and return its answer.

        Args:
            endpoint: The operation.
            path: Its encoded path and query, from ``endpoint.at`` and ``query_string``.
            body: The encoded request body, or what makes it anew for each attempt.
            content_type: What the body is.
            idempotency_key: For operations that take one; by default a fresh one is made, the
                same for all attempts of this call. Other operations do not send it, and warn.

        Raises:
            HeyGenError: One of the tree in ``heygen_async.errors``.
        """
        if idempotency_key is not None and not endpoint.keyed:
            self._warn_unsent_key(endpoint)
        if self.hooks or logger.isEnabledFor(logging.DEBUG):
            return self._observed(endpoint, path, body, content_type, idempotency_key)
        return self._call(endpoint, path, body, content_type, idempotency_key, None)

    async def _observed(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        content_type: str,
        idempotency_key: str | None,
    ) -> T:
        observed = Observation(self.hooks, logger, endpoint, _where(endpoint, path), self._secret)
        try:
            answer = await self._call(endpoint, path, body, content_type, idempotency_key, observed)
        except (Exception, asyncio.CancelledError) as error:
            observed.ended(error)
            raise
        observed.ended(None)
        return answer

    async def _call(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        content_type: str,
        idempotency_key: str | None,
        observed: Observation | None,
    ) -> T:
        headers: dict[str, str] | None = None
        if body is not None:
            headers = {"Content-Type": content_type}
        if endpoint.keyed:
            headers = headers or {}
            headers["Idempotency-Key"] = (
                fresh_key() if idempotency_key is None else checked_key(idempotency_key)
            )
        if asyncio.get_running_loop() is not self.connection.loop:
            self.bind()
        lease = submitting_lease.get()
        if endpoint.creates is not None:
            return await self._submit(endpoint, path, body, headers, observed, lease)
        return await self._send(endpoint, path, body, headers, observed, lease is not None, None)

    async def _submit(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        observed: Observation | None,
        lease: SlotLease | None,
    ) -> T:
        """Send a call that creates jobs, under the lease of a bulk run or one of its own."""
        if lease is not None:
            return await self._send(endpoint, path, body, headers, observed, True, lease)
        own = InteractiveLease(self.jobs, self.leases, counted=self._slots_for == "all")
        job_ids: list[str] = []
        try:
            await self._begin(own, endpoint, path)
            answer = await self._send(endpoint, path, body, headers, observed, False, own)
            assert endpoint.creates is not None
            job_ids = endpoint.creates(answer)
        except asyncio.CancelledError as cancelled:
            job_ids = getattr(cancelled, "job_ids", [])
            raise
        finally:
            own.settle(job_ids)
        return answer

    async def _begin(self, lease: InteractiveLease, endpoint: Endpoint[T], path: str) -> None:
        try:
            await lease.begin(self.settings.retry.patience)
        except CallError as held:
            raise _complete(held, endpoint, path, 0) from None
        if asyncio.get_running_loop() is not self.connection.loop:
            self.bind()  # the client may have been closed meanwhile

    async def _send(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        observed: Observation | None,
        bulk: bool,
        lease: SlotLease | InteractiveLease | None,
    ) -> T:
        """Send a call: one attempt, and what follows from its failure."""
        if lease is not None and lease.lost:
            raise _complete(_slot_lost(), endpoint, path, 0)
        if not self.requests.acquire_nowait(bulk):
            patience = math.inf if bulk else self.settings.retry.patience
            await self._wait_for_a_place(endpoint, path, bulk, patience)
        try:
            return await self._attempt(endpoint, path, body, headers, observed)
        except CallError as error:
            failure = error
        except asyncio.CancelledError as cancelled:
            await self._note_what_was_created(cancelled, endpoint, path, body, headers)
            raise
        return await self._recover(failure, endpoint, path, body, headers, observed, bulk, lease)

    def bind(self) -> None:
        """Make sure that connections and limiters live on the running event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self.connection.loop:
            self.connection.open(loop)
            self.transfers.bind(loop)
        self.requests.bind(loop)

    async def _wait_for_a_place(
        self, endpoint: Endpoint[T], path: str, bulk: bool, patience: float, sent: int = 0
    ) -> None:
        """Wait until the request limiter lets a request pass, which ``_attempt`` then sends."""
        try:
            await self.requests.acquire(bulk, patience=patience)
        except RateLimited as held:
            _complete(held, endpoint, path, sent)
            raise
        self.bind()  # the client may have been closed meanwhile

    async def _attempt(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        observed: Observation | None,
    ) -> T:
        """Send a request; it has a place in the request limiter, which it gives back."""
        connection = self.connection
        timeout = self._timeouts[endpoint.timeout_kind]
        failure: TransportError | None = None
        try:
            # Not below: what the caller's own file or function has raised is no broken connection.
            data = body() if callable(body) else body
        except BaseException:
            self.requests.release()
            raise
        self.traffic.requests += 1
        if observed is not None:
            observed.sent()
        try:
            # Without ``async with``: a response lets go when it has been read, or could not be.
            response = await connection.api.request(
                endpoint.method,
                URL(self._base_url + path, encoded=True),
                data=data,
                headers={**connection.auth, **(headers or {})} if connection.auth else headers,
                timeout=timeout,
                allow_redirects=False,
                **connection.options,
            )
            content = await response.read()
            if response.connection is not None:  # unless it offers another protocol
                response.release()
            if observed is not None:
                observed.answered(response.status, response.headers)
        except TRANSPORT_ERRORS as error:
            failure = unanswered(error, _where(endpoint, path), timeout.total or 0.0)
        finally:
            self.requests.release()
            if observed is not None:
                observed.over()
        if failure is not None:
            # Raised out here, or aiohttp's exception would hang on as the context of ours.
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
        where = _where(endpoint, path)
        if mismatch is None or isinstance(mismatch, ErrorInside) or error_facts(content):
            raise answered(status, response.headers, content, where, self._secret)
        raise undecodable(mismatch, status, content, where, self._secret)

    async def _recover(
        self,
        error: CallError,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        observed: Observation | None,
        bulk: bool,
        lease: SlotLease | InteractiveLease | None,
    ) -> T:
        """Repeat a call whose first attempt failed, as the policy allows."""
        policy = self.settings.retry
        loop = asyncio.get_running_loop()
        started = loop.time()
        bounds = waits(policy)
        sent, failures = 1, 0
        in_doubt = False  # whether an attempt may have started a job that is not known here
        try:
            while True:
                verdict = judge(error, safe=endpoint.safe)
                failures += verdict is Verdict.TRY_AGAIN
                in_doubt |= _leaves_doubt(error, verdict)
                if verdict is Verdict.GIVE_UP or failures >= policy.attempts:
                    raise _complete(error, endpoint, path, sent)
                retry_after: float | None = getattr(error, "retry_after", None)
                wait = wait_before_next(next(bounds), retry_after)
                left = policy.patience - (loop.time() - started)
                if wait <= left:
                    _log_retry(endpoint, error, sent, wait)
                    if observed is not None:
                        observed.retrying(error, wait)
                if verdict is Verdict.PAUSE and lease is not None:
                    # Too many jobs or too many requests: it does not say. New jobs wait; reads
                    # go on, since they notice the jobs that end.
                    queued = loop.time()
                    try:
                        await lease.refused(wait, math.inf if bulk else left)
                    except (RateLimited, SlotUnavailable):
                        raise _complete(error, endpoint, path, sent) from None
                    if bulk:
                        started += loop.time() - queued
                else:
                    shared = verdict is Verdict.PAUSE or (
                        verdict is Verdict.TRY_AGAIN and retry_after is not None
                    )
                    if shared:
                        self.requests.close_for(wait)
                    if wait > left:
                        raise _complete(error, endpoint, path, sent)
                    if not shared:
                        await asyncio.sleep(wait)
                left = policy.patience - (loop.time() - started)
                await self._wait_for_a_place(endpoint, path, bulk, left, sent)
                if lease is not None and lease.lost:
                    self.requests.release()
                    raise _complete(_slot_lost(), endpoint, path, sent)
                self.traffic.retries += 1
                sent += 1
                doubt_before, in_doubt = in_doubt, True
                try:
                    return await self._attempt(endpoint, path, body, headers, observed)
                except CallError as next_error:
                    error, in_doubt = next_error, doubt_before
        except asyncio.CancelledError as cancelled:
            if in_doubt:
                await self._note_what_was_created(cancelled, endpoint, path, body, headers)
            raise

    async def _note_what_was_created(
        self,
        cancelled: asyncio.CancelledError,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
    ) -> None:
        async def repeat() -> T:
            await self._wait_for_a_place(endpoint, path, False, self.settings.retry.patience)
            return await self._attempt(endpoint, path, body, headers, None)

        key = (headers or {}).get("Idempotency-Key", "")
        await note_what_was_created(cancelled, endpoint, key, repeat, self.settings)

    def _warn_unsent_key(self, endpoint: Endpoint[T]) -> None:
        """Warn once per operation that it takes no Idempotency-Key."""
        topic = f"Idempotency-Key of {endpoint.operation}"
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(
                f"{endpoint.operation} takes no Idempotency-Key: idempotency_key is not sent, and "
                "a second call with it is carried out again",
                FutureWarning,  # shown by default, unlike a DeprecationWarning
                stacklevel=_caller_level(),
            )

    def _warn_deprecated(self, endpoint: Endpoint[T]) -> None:
        if endpoint.operation not in self._warned:
            self._warned.add(endpoint.operation)
            logger.warning(
                "%s is deprecated by the API",
                endpoint.operation,
                extra={"operation": endpoint.operation},
            )


def _log_retry(endpoint: Endpoint[Any], error: CallError, attempt: int, wait: float) -> None:
    logger.info(
        "%s: attempt %d failed, another follows in %.1f s: %s",
        endpoint.operation,
        attempt,
        wait,
        error,
        extra={
            "operation": endpoint.operation,
            "method": error.method,
            "path": error.path,
            "status": getattr(error, "status", None),
            "attempt": attempt,
            "wait": wait,
            "request_id": getattr(error, "request_id", None),
            "error": type(error).__name__,
        },
    )


def fresh_key() -> str:
    """A new Idempotency-Key: 128 random bits."""
    return os.urandom(16).hex()


def checked_key(key: str) -> str:
    """The caller's Idempotency-Key.

    Raises:
        InvalidRequest: It is not 1 to 255 letters, digits and ``_ - : .`` of ASCII.
    """
    if not (isinstance(key, str) and 1 <= len(key) <= 255 and _KEY_CHARACTERS.issuperset(key)):
        raise InvalidRequest(
            "idempotency_key: expected 1 to 255 characters of A-Z a-z 0-9 _ - : .",
            param="idempotency_key",
        )
    return key


def _caller_level() -> int:
    """Return the ``stacklevel`` at which a warning names the code that called the package."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level


def _slot_lost() -> SlotUnavailable:
    return SlotUnavailable("the slot that this submission was to take is lost; it was not sent")


def _session(
    settings: Settings, requests: RequestLimiter, jobs: SlotPool, slots_for: SlotsFor
) -> Session:
    return Session(settings, requests, jobs, slots_for=slots_for)


def _where(endpoint: Endpoint[Any], path: str) -> Where:
    return Where(endpoint.method, path.partition("?")[0])


def _complete(error: CallErrorT, endpoint: Endpoint[Any], path: str, sent: int) -> CallErrorT:
    """The error as its caller sees it: with the call and the number of attempts."""
    where = _where(endpoint, path)
    error.method, error.path = where.method, where.path
    error.attempts = sent
    return error


def _leaves_doubt(error: CallError, verdict: Verdict) -> bool:
    """Whether the API may have done what the failed attempt asked for."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    return verdict in (Verdict.TRY_AGAIN, Verdict.WAIT)
