"""Hooks: functions of the user that are called with events of calls, retries and jobs.

A hook is called on the event loop while the call or job is in progress, so it should do little and
never block. It runs in the caller's context (``contextvars``); for jobs that have ``settled``, in
that of the first wait. An exception from a hook is logged and has no other effect.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import msgspec

from heygen_async.errors import CallError, ConfigurationError, HeyGenError
from heygen_async.models.structs import Request

EventT = TypeVar("EventT")

logger: logging.Logger = logging.getLogger("heygen_async.hooks")


class RetryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a call has failed, and another one follows.

    Attributes:
        operation: The API's name of the operation, such as ``videos.create``; for
            ``heygen.request``, the method and path.
        method: HTTP method.
        path: Path without host and query.
        template: The path with its parameters in braces; None for ``heygen.request``.
        attempt: Which attempt failed, from 1.
        status: HTTP status of its answer, or None if no answer arrived.
        seconds: Duration of the attempt.
        error: The exception of the attempt.
        wait: Seconds until the next attempt at the earliest.
        at: Time of the failure, in unix seconds.
    """

    operation: str
    method: str
    path: str
    template: str | None
    attempt: int
    status: int | None
    seconds: float
    error: CallError
    wait: float
    at: float


class RequestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A call has ended, with an answer or an exception.

    Attributes:
        operation: The API's name of the operation, such as ``videos.create``; for
            ``heygen.request``, the method and path.
        method: HTTP method.
        path: Path without host and query.
        template: The path with its parameters in braces, ``/v3/videos/{video_id}``; None for
            ``heygen.request``.
        status: HTTP status of the last attempt's answer, or None if no answer arrived.
        attempts: Number of times that it was sent; 0 if it waited for the limiter in vain.
        seconds: Duration of the call, waits included.
        last_seconds: Duration of the last attempt.
        began: Time of the call, in unix seconds.
        request_id: The id of the last answer, for HeyGen's support.
        error: The exception that the caller gets, or None: a ``CallError``, an
            ``asyncio.CancelledError``, or the exception of reading a file that was being sent.
        retries: The attempts before the last.
    """

    operation: str
    method: str
    path: str
    template: str | None
    status: int | None
    attempts: int
    seconds: float
    last_seconds: float
    began: float
    request_id: str | None = None
    error: Exception | asyncio.CancelledError | None = None
    retries: tuple[RetryEvent, ...] = ()


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A job was submitted, has settled, or its output was downloaded.

    Attributes:
        stage: ``submitted`` when the API has accepted it; ``settled`` when a waiting caller learns
            that it has completed or failed; ``downloaded`` when ``heygen.download`` of its result
            has ended.
        kind: Kind of the job, such as ``video`` or ``video_translation``.
        id: Its id.
        state: The API's status, such as ``completed``; None at submission.
        seconds: ``settled``: since it was submitted, or since it was first waited for here if
            another process submitted it. ``downloaded``: duration of the download. Else 0.
        began: Start of that time, in unix seconds.
        request: The request, if this client submitted the job with one; with ``submitted`` only.
        result: The terminal state, with ``settled`` and ``downloaded``.
        error: The exception of the job or its download, or None.
        size: Bytes that were downloaded.
    """

    stage: Literal["submitted", "settled", "downloaded"]
    kind: str
    id: str
    state: str | None
    seconds: float
    began: float
    request: Request | None = None
    result: Any = None
    error: HeyGenError | None = None
    size: int | None = None


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Functions that are called with a client's events: ``HeyGen(hooks=Hooks(on_retry=print))``.

    They belong to the process: pickles and deep copies of a client and of its jobs do not contain
    them; ``add_hooks`` gives a client new ones.

    Attributes:
        on_request: Called when a call has ended, after all its attempts.
        on_retry: Called when an attempt has failed and another one follows.
        on_job: Called when a job was submitted, has settled or was downloaded.

    Raises:
        ConfigurationError: One of them cannot be called, or is async.
    """

    on_request: Callable[[RequestEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_job: Callable[[JobEvent], object] | None = None

    def __post_init__(self) -> None:
        for name in ("on_request", "on_retry", "on_job"):
            hook = getattr(self, name)
            called = getattr(hook, "__call__", None)  # noqa: B004, of an object with an async one
            is_async = inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(called)
            if hook is not None and (called is None or is_async):
                raise ConfigurationError(
                    f"hooks: {name}: expected a function that is not async, got {hook!r}"
                )


def notify_hooks(hooks: Iterable[Callable[[EventT], object] | None], event: EventT) -> None:
    """Call each of these hooks; log the exceptions that they raise."""
    for hook in hooks:
        if hook is not None:
            try:
                hook(event)
            except Exception:
                logger.exception("a hook raised an exception on a %s", type(event).__name__)
