"""Hooks: functions of the user's that are told of calls, retries and jobs.

A hook is called on the event loop, between two steps of what it is told of, so it should do little,
and never block. It runs in the caller's context (``contextvars``), except for jobs that have
``settled``, whose end shows in a task of the client's own. What it raises is logged, and changes
nothing.
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
        operation: The API's name of the operation, such as ``videos.create``; of
            ``heygen.request``, method and path.
        method: HTTP method.
        path: Path without host and query.
        template: The path with its parameters in braces; None for ``heygen.request``.
        attempt: Which attempt failed, from 1.
        status: HTTP status of its answer, or None where no answer came.
        seconds: How long it was in flight.
        error: Why it failed.
        wait: Seconds until the next attempt at the earliest.
        at: When it failed, in unix seconds.
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
    """A call has ended, well or not.

    Attributes:
        operation: The API's name of the operation, such as ``videos.create``; of
            ``heygen.request``, method and path.
        method: HTTP method.
        path: Path without host and query.
        template: The path with its parameters in braces, ``/v3/videos/{video_id}``; None for
            ``heygen.request``.
        status: HTTP status of the last attempt's answer, or None where no answer came.
        attempts: How many times it was sent; 0 where it was not let through in time.
        seconds: From the call to its end, with all that it waited for.
        last_seconds: How long the last attempt was in flight.
        began: When it was called, in unix seconds.
        request_id: Of the last answer, for HeyGen's support.
        error: What the caller gets instead of an answer, or None: a ``CallError``, an
            ``asyncio.CancelledError`` where the call was cancelled, or why a file could not be
            read on its way.
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
        stage: ``submitted`` once the API has accepted it; ``settled`` once somebody who waits
            for it learns of its end, whether it completed or failed; ``downloaded`` when
            ``heygen.download`` of its result has ended.
        kind: Kind of the job, such as ``video`` or ``video_translation``.
        id: Its id.
        state: The API's own word for how it stands, such as ``completed``; None at submission.
        seconds: ``settled``: since it was submitted, or, where another process did that, since it
            was first waited for here. ``downloaded``: what the download took. Else 0.
        began: When that time began, in unix seconds.
        request: What was submitted, where this client did so with a request of its own; with
            ``submitted`` only.
        result: The terminal state, with ``settled`` and ``downloaded``.
        error: Why the job failed, or its download; else None.
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
    """Functions to be told what a client does: ``HeyGen(hooks=Hooks(on_retry=print))``.

    They belong to the process: pickles and deep copies of a client, and of its jobs, are without
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


def tell(hooks: Iterable[Callable[[EventT], object] | None], event: EventT) -> None:
    """Call each of these hooks; what one raises is logged."""
    for hook in hooks:
        if hook is not None:
            try:
                hook(event)
            except Exception:
                logger.exception("a hook failed on a %s", type(event).__name__)
