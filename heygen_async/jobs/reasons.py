"""Why a job failed, wherever the API says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from heygen_async.errors import (
    BadRequest,
    HeyGenError,
    JobFailed,
    QuotaExceeded,
    RateLimited,
    ServerError,
    TransportError,
)
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.watch_state import MIN_INTERVAL
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.session import Session

T = TypeVar("T")

# Codes of errors that pass, also under the status of a success or of a bad request.
_TRANSIENT_CODES = frozenset(
    {
        "internal_error",
        "service_unavailable",
        "gateway_timeout",
        "rate_limit_exceeded",
        "request_in_progress",
        "resource_not_ready",
    }
)
_MESSAGES = ("failure_message", "failure_reason", "error_message", "msg", "message", "reason")
_CODES = ("failure_code", "error_code", "code")
_LONGEST = 2_000


def is_transient(error: Exception) -> bool:
    """Return whether a failure says nothing about the job, so that polling goes on.

    Args:
        error: The failure of a request.
    """
    if isinstance(error, QuotaExceeded):
        return False
    if isinstance(error, BadRequest):
        return error.code in _TRANSIENT_CODES or error.code.startswith("5")
    return isinstance(error, TransportError | ServerError | RateLimited)


def failure_about_job(error: Exception, job_id: str, last: Any) -> JobFailed | None:
    """Return the failure of a job that an answer to a request for its detail reports.

    The API answers so under a status of 4xx (for a job that was moderated or deleted), or with an
    error in a success.

    Args:
        error: The failure of the request.
        job_id: Id of the job.
        last: Its last state, or None if it was never seen: then the id may be wrong.
    """
    if last is None or not isinstance(error, BadRequest):
        return None
    failed = JobFailed(error.message, job_id=job_id, code=error.code, last=last)
    failed.__cause__ = error
    return failed


async def with_reason(session: Session, kind: JobKind[T], job_id: str, detail: T) -> T:
    """Complete the detail of a failed job by the reason, if the answer has it in another place.

    Costs a second and one request, and only if the detail has no message.

    Args:
        session: Sends the request.
        kind: Kind of the job.
        job_id: Id of the job.
        detail: Its detail.
    """
    fields = getattr(detail, "__struct_fields__", ())
    if kind.failure(detail)[1] or "failure_message" not in fields:
        return detail
    endpoint: Endpoint[Any] = msgspec.structs.replace(kind.get, answer=Any)
    raw: object = None
    await asyncio.sleep(MIN_INTERVAL)
    with contextlib.suppress(HeyGenError):  # a reason is welcome, and not worth another wait
        raw = await session.call(endpoint, endpoint.at(job_id), repeat=False)
    code, message = reason_in(raw)
    if message is None:
        return detail
    changes: dict[str, Any] = {"failure_message": message}
    if code is not None and "failure_code" in fields:
        changes["failure_code"] = code
    completed: T = msgspec.structs.replace(detail, **changes)  # type: ignore[type-var]
    return completed


def reason_in(detail: object) -> tuple[str | None, str | None]:
    """Return code and message of a failure, from any of the places where the API has them.

    Args:
        detail: The detail of a failed job, as plain values.
    """
    if not isinstance(detail, Mapping):
        return None, None
    code = _first_text(detail, _CODES)
    message = _first_text(detail, _MESSAGES[:4])
    error = detail.get("error")
    if isinstance(error, str) and error:
        message = message or error[:_LONGEST]
    elif isinstance(error, Mapping):
        code = code or _first_text(error, _CODES)
        message = message or _first_text(error, _MESSAGES) or _first_text(error, ("detail",))
    return code, message or _first_text(detail, _MESSAGES)


def _first_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value[:_LONGEST]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None
