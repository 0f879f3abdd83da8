"""Kinds of jobs, as data: the calls that return their state, and the meaning of statuses."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec

from heygen_async.errors import JobFailed
from heygen_async.models.statuses import StatusEntry
from heygen_async.session.answers.codec import Page
from heygen_async.session.diagnostics.redact import redact, redacted
from heygen_async.session.endpoint import Endpoint

T = TypeVar("T")

_LONGEST_CODE = 100

RUNNING = frozenset(
    {
        "generating",
        "in_progress",
        "loading",
        "pending",
        "pending_consent",
        "processing",
        "queued",
        "rendering",
        "reviewing",
        "running",
        "thinking",
        "waiting",
        "waiting_for_input",
    }
)
"""Statuses of jobs that have not ended, of all kinds."""

CALLED_OFF = frozenset({"canceled", "cancelled", "deleted", "expired"})
"""Statuses in which a job of any kind has ended without a result."""


def status_of(state: Any) -> str:
    """Return the status in the detail of a job of any kind; an empty string for null.

    Args:
        state: The detail of a job.
    """
    return state.status or ""


def failure_of(state: Any) -> tuple[str | None, str | None]:
    """Return code and message of a failed job; the API can leave both null.

    Args:
        state: The detail of a job.
    """
    return getattr(state, "failure_code", None), getattr(state, "failure_message", None)


class JobKind(msgspec.Struct, Generic[T], frozen=True, kw_only=True, eq=False, dict=True):
    """One kind of job. The API's statuses differ from kind to kind.

    Attributes:
        name: Its name in messages, such as ``video``.
        result: The type that describes such a job.
        get: The call that fetches the detail of one job.
        expected: An estimate of the median duration in seconds, used until jobs have ended.
        statuses: The call that returns the statuses of up to 100 jobs, or None.
        ids_parameter: The query parameter of ``statuses`` that takes the ids.
        completed: Statuses of success.
        failed: Statuses of failure.
        paused: Statuses in which a job waits for its user.
        asks: The reason of that wait, and what to do about it, for messages.
        id_field: The field of ``result`` that has the id of the job.
        failure: Returns code and message of a failed job, each None if the API gives none.
        ready: Returns whether the result of a completed job is complete; a URL can be null for a
            moment after completion.
        missing_for: Seconds for which the API may fail to find a job that was submitted here or
            seen before, until the job counts as not found.
        unseen_for: The same for any other id.
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
    id_field: str = "id"
    failure: Callable[[T], tuple[str | None, str | None]] = failure_of
    ready: Callable[[T], bool] = lambda _: True
    missing_for: float = 60.0
    unseen_for: float = 30.0

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, self.place

    @cached_property
    def failing(self) -> frozenset[str]:
        """Statuses of jobs that have ended without a result."""
        return (self.failed | CALLED_OFF) - self.completed

    @cached_property
    def ends(self) -> frozenset[str]:
        """All terminal statuses."""
        return self.completed | self.failing

    @cached_property
    def known(self) -> frozenset[str]:
        """Statuses that such jobs can have, as far as the SDK knows."""
        return self.ends | self.paused | RUNNING

    def ended(self, state: T) -> bool:
        """Return whether a job has ended.

        Args:
            state: The detail of the job.
        """
        return status_of(state) in self.ends


def failed_job(kind: JobKind[T], job_id: str, state: T) -> JobFailed | None:
    """Return the exception for a job in this state, or None if it has not failed.

    Args:
        kind: Kind of the job.
        job_id: Id of the job.
        state: Its detail.
    """
    status = status_of(state)
    if status not in kind.failing:
        return None
    return job_failure(kind, job_id, status, kind.failure(state), state)


def job_failure(
    kind: JobKind[Any], job_id: str, status: str, reason: tuple[str | None, str | None], last: Any
) -> JobFailed:
    """Return the exception for a job that has failed.

    Args:
        kind: Kind of the job.
        job_id: Id of the job.
        status: Its status.
        reason: Code and message, each None if the API gives none.
        last: Its last detail, or None.
    """
    code, message = reason
    unknown = "HeyGen gives no reason" if status in kind.failed else f"its status is {status}"
    return JobFailed(
        redact(message) if message else unknown,
        job_id=job_id,
        code=redact(code, longest=_LONGEST_CODE) if code else None,
        last=redacted(last),
    )


def _find(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
