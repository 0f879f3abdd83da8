"""The session: one call from its arguments to its answer.

``call`` is the way down for every operation: limiter, attempt, answer. Its first attempt is the
path of nearly every call and does as little as possible (backoff, logging and the retry policy
are asked only after a failure); everything that can go wrong is in ``_recover``.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from heygen_async.errors import CallError, HeyGenError, InvalidRequest
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
from heygen_async.session.limits import RequestLimiter
from heygen_async.session.retry import Verdict, judge, wait_before_next, waits
from heygen_async.session.settings import Settings
from heygen_async.session.slots import JobSlots, Slot, current_slot

T = TypeVar("T")
Body: TypeAlias = bytes | Callable[[], aiohttp.Payload]

logger = logging.getLogger("heygen_async.session")

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
        self.requests = 0
        self.retries = 0
        self.rate_limited = 0


class Session:
    """Sends calls; one per client.

    Args:
        settings: Host, key, timeouts, retries.
        requests: The request limiter, perhaps shared with other clients.
        jobs: The job slots, perhaps shared with other clients.

    Attributes:
        transfers: Limits the downloads and direct uploads that run at the same time; they are
            no requests to the API and take no place among those.
    """

    def __init__(self, settings: Settings, requests: RequestLimiter, jobs: JobSlots) -> None:
        self.settings = settings
        self.requests = requests
        self.jobs = jobs
        self.transfers = RequestLimiter(_TRANSFERS_AT_ONCE, reserve=0)
        self.traffic = Traffic()
        self.connection = Connection(settings)
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
        return Session, (self.settings, self.requests, self.jobs)

    async def call(
        self,
        endpoint: Endpoint[T],
        path: str,
        *,
        body: Body | None = None,
        content_type: str = "application/json",
        idempotency_key: str | None = None,
    ) -> T:
        """Send one call and return its answer.

        Args:
            endpoint: The operation.
            path: Its encoded path and query, from ``endpoint.at`` and ``query_string``.
            body: The encoded request body, or what makes it anew for each attempt.
            content_type: What the body is.
            idempotency_key: For operations that take one; by default a fresh one is made, the
                same for all attempts of this call.

        Raises:
            HeyGenError: One of the tree in ``heygen_async.errors``.
        """
        headers: dict[str, str] | None = None
        if body is not None:
            headers = {"Content-Type": content_type}
        if endpoint.keyed:
            headers = headers or {}
            headers["Idempotency-Key"] = (
                fresh_key() if idempotency_key is None else checked_key(idempotency_key)
            )
        self.bind()
        bulk = current_slot.get() is not None
        if endpoint.creates is not None and not bulk and self.jobs.closed:
            await self.jobs.opened(patience=self.settings.retry.patience)
        try:
            return await self._attempt(endpoint, path, body, headers, bulk)
        except HeyGenError as error:
            failure = error
        except asyncio.CancelledError as cancelled:
            await self._note_what_was_created(cancelled, endpoint, path, body, headers)
            raise
        return await self._recover(failure, endpoint, path, body, headers)

    def bind(self) -> None:
        """Make sure that connections and limiters live on the running event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self.connection.loop:
            self.connection.open(loop)
        self.requests.bind(loop)
        self.transfers.bind(loop)
        self.jobs.bind(loop)

    async def _attempt(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        bulk: bool,
    ) -> T:
        limiter = self.requests
        if not limiter.acquire_nowait(bulk):
            try:
                await limiter.acquire(bulk, patience=self.settings.retry.patience)
            except asyncio.CancelledError as cancelled:
                cancelled.not_sent = True  # type: ignore[attr-defined]
                raise
        timeout = self._timeouts[endpoint.timeout_kind]
        failure: BaseException | None = None
        self.traffic.requests += 1
        try:
            async with self.connection.api.request(
                endpoint.method,
                URL(self._base_url + path, encoded=True),
                data=body() if callable(body) else body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                **self.connection.options,
            ) as response:
                content = await response.read()
        except TRANSPORT_ERRORS as error:
            failure = error
        finally:
            limiter.release()
        if failure is not None:
            # Raised out here, or aiohttp's exception would hang on as the context of ours.
            where = Where(endpoint.method, path.partition("?")[0])
            raise unanswered(failure, where, timeout.total or 0.0)
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
        where = Where(endpoint.method, path.partition("?")[0])
        if mismatch is None or isinstance(mismatch, ErrorInside) or error_facts(content):
            raise answered(status, response.headers, content, where, self._secret)
        raise undecodable(mismatch, status, content, where, self._secret)

    async def _recover(
        self,
        error: HeyGenError,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
    ) -> T:
        """Repeat a call whose first attempt failed, as the policy allows."""
        policy = self.settings.retry
        loop = asyncio.get_running_loop()
        started = loop.time()
        bounds = waits(policy)
        bulk = current_slot.get()
        extra: Slot | None = None  # for a refused submission outside a bulk run
        sent, failures = 1, 0
        try:
            while True:
                verdict = judge(error, safe=endpoint.safe)
                failures += verdict is Verdict.TRY_AGAIN
                retry_after: float | None = getattr(error, "retry_after", None)
                wait = wait_before_next(next(bounds), retry_after)
                left = policy.patience
                if not (verdict is Verdict.PAUSE and bulk):
                    left -= loop.time() - started  # a bulk run queues for as long as it takes
                if verdict is Verdict.GIVE_UP or failures >= policy.attempts or wait > left:
                    raise _final(error, endpoint, path, sent)
                logger.debug("%s: %s, attempt %d follows", endpoint.operation, error, sent + 1)
                if verdict is Verdict.PAUSE and endpoint.creates is not None:
                    # Too many jobs or too many requests: it does not say. New jobs wait; reads
                    # go on, since they notice the jobs that end.
                    if bulk is not None:
                        await bulk.refused(wait)
                    elif extra is not None:
                        await extra.refused(wait, patience=left)
                    else:
                        extra = await self.jobs.acquire_after_refusal(wait, patience=left)
                elif verdict is Verdict.PAUSE or (
                    verdict is Verdict.TRY_AGAIN and retry_after is not None
                ):
                    self.requests.close_for(wait)
                else:
                    await asyncio.sleep(wait)
                self.traffic.retries += 1
                sent += 1
                try:
                    return await self._attempt(endpoint, path, body, headers, bulk is not None)
                except HeyGenError as next_error:
                    error = next_error
                except asyncio.CancelledError as cancelled:
                    await self._note_what_was_created(cancelled, endpoint, path, body, headers)
                    raise
        finally:
            if extra is not None:
                extra.release()

    async def _note_what_was_created(
        self,
        cancelled: asyncio.CancelledError,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
    ) -> None:
        """Put ``job_ids`` on the cancellation of a submission that may have reached the API.

        The same key again brings the answer of the first time, so nothing is paid twice and
        no paid job is lost. A second cancellation ends the wait for it.
        """
        if endpoint.creates is None or not endpoint.keyed or hasattr(cancelled, "not_sent"):
            return
        replay = self._replay(endpoint, path, body, headers)
        task = asyncio.create_task(replay)
        try:
            async with asyncio.timeout(self.settings.timeout.write):
                answer = await asyncio.shield(task)
        except (asyncio.CancelledError, TimeoutError):
            task.cancel()
            logger.warning(
                "%s was cancelled on its way; whether the job exists is not known. The same "
                "call under Idempotency-Key %s tells within 24 h.",
                endpoint.operation,
                (headers or {}).get("Idempotency-Key"),
            )
            return
        if answer is not None:
            job_ids = endpoint.creates(answer)
            cancelled.job_ids = job_ids  # type: ignore[attr-defined]
            logger.warning(
                "%s was cancelled after its job was created: %s", endpoint.operation, job_ids
            )

    async def _replay(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
    ) -> T | None:
        bounds = waits(self.settings.retry)
        while True:
            try:
                return await self._attempt(endpoint, path, body, headers, False)
            except HeyGenError as error:
                if judge(error, safe=True) not in (Verdict.TRY_AGAIN, Verdict.WAIT):
                    return None
            await asyncio.sleep(wait_before_next(next(bounds), None))

    def _warn_deprecated(self, endpoint: Endpoint[T]) -> None:
        if endpoint.operation not in self._warned:
            self._warned.add(endpoint.operation)
            logger.warning("%s is deprecated by the API", endpoint.operation)


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


def _final(error: HeyGenError, endpoint: Endpoint[Any], path: str, sent: int) -> HeyGenError:
    """The error as its caller sees it: with the call and the number of attempts."""
    if isinstance(error, CallError):
        error.method, error.path = endpoint.method, path.partition("?")[0]
        error.attempts = sent
    return error
