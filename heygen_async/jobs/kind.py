"""Kinds of jobs, as data: which calls tell how a job stands, and what their states mean."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from heygen_async.errors import JobFailed
from heygen_async.models.statuses import StatusEntry
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.redact import redact, redacted

T = TypeVar("T")

_LONGEST_CODE = 100


def status_of(state: Any) -> str:
    """The status field that all kinds share; empty where it is null."""
    return state.status or ""


def failure_of(state: Any) -> tuple[str | None, str | None]:
    """Code and message of a failed job; both can be null on a real failure."""
    return getattr(state, "failure_code", None), getattr(state, "failure_message", None)


class JobKind(msgspec.Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """One kind of job. The API's states differ from kind to kind; there is no shared set.

    Attributes:
        name: A word for messages, ``video``.
        result: The type that describes such a job.
        get: The call that fetches one.
        expected: A guess of the median duration, in seconds, until jobs have ended.
        statuses: The call that asks for up to 100 at once, where there is one.
        ids_parameter: The query parameter of ``statuses`` that takes the ids.
        completed: States of success.
        failed: States of failure.
        paused: States in which it waits for its user.
        asks: What it waits for then, and what to do about it, in words.
        failure: Code and message of a failed one, each None where the API gives none.
        ready: Whether a completed one has all that belongs to it; a URL can be null for a
            moment after completion.
        place: Module and name under which the kind can be found again, for pickling.
    """

    name: str
    result: type[T]
    get: Endpoint[T]
    expected: float
    place: tuple[str, str]
    statuses: Endpoint[Page[StatusEntry]] | None = None
    ids_parameter: str = ""
    completed: frozenset[str] = frozenset({"completed"})
    failed: frozenset[str] = frozenset({"failed"})
    paused: frozenset[str] = frozenset()
    asks: str = ""
    failure: Callable[[T], tuple[str | None, str | None]] = failure_of
    ready: Callable[[T], bool] = lambda _: True

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, self.place

    def ended(self, state: T) -> bool:
        """Whether this is a terminal state."""
        return status_of(state) in self.completed | self.failed


def failed_job(kind: JobKind[T], job_id: str, state: T) -> JobFailed | None:
    """The exception for a job in this state; None where it has not failed."""
    if status_of(state) not in kind.failed:
        return None
    code, message = kind.failure(state)
    return JobFailed(
        redact(message) if message else "HeyGen gives no reason",
        job_id=job_id,
        code=redact(code, longest=_LONGEST_CODE) if code else None,
        last=redacted(state),
    )


def _find(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
