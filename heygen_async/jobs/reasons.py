"""Find the reason why a job failed in the places where the API reports it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from heygen_async.errors import (
    APIError,
    BadRequest,
    Conflict,
    HeyGenError,
    JobFailed,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    ServerError,
    TransportError,
)
from heygen_async.jobs.kind import job_failure
from heygen_async.jobs.pool import Watched
from heygen_async.jobs.watch_state import MIN_INTERVAL
from heygen_async.models.statuses import StatusEntry
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.session import Session

T = TypeVar("T")

# Codes of errors that pass, even with the status of a success or of a bad request.
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
# Parts of error codes that are about the content of a job, also with status 403 and 409.
_ABOUT_CONTENT = ("content_policy", "moderat", "deleted")
_MESSAGES = ("failure_message", "failure_reason", "error_message", "msg", "message", "reason")
_CODES = ("failure_code", "error_code", "code")
_LONGEST = 2_000


def is_transient(error: Exception) -> bool:
    """Return whether a failure is not about the job, and polling should continue.

    Args:
        error: The failure of a request.
    """
    if isinstance(error, QuotaExceeded):
        return False
    if isinstance(error, BadRequest | Conflict):
        return error.code in _TRANSIENT_CODES or error.code.startswith("5")
    return isinstance(error, TransportError | ServerError | RateLimited)


def is_about_content(error: Exception) -> bool:
    """Return whether the code of a refusal is about the content of a job or its deletion.

    Args:
        error: The failure of a request.
    """
    return isinstance(error, BadRequest | PermissionDenied | Conflict) and any(
        words in error.code for words in _ABOUT_CONTENT
    )


def failure_about_job(error: Exception, watched: Watched[Any]) -> JobFailed | None:
    """Return the failure of a job that the error answer to a request for its detail reports.

    The API reports it with a status of 4xx (for a job that was moderated or deleted), or with an
    error in a success. A job that was listed as failed may no longer be found.

    Args:
        error: The failure of the request.
        watched: The job. If its id may not exist, the error can be about the id.
    """
    kind, job_id, listed = watched.kind, watched.job_id, watched.listed_failure
    if isinstance(error, NotFound) and listed is not None:
        failed = job_failure(kind, job_id, listed.status, _listed_reason(listed), watched.last)
    elif isinstance(error, APIError) and (
        (isinstance(error, BadRequest) and watched.exists) or is_about_content(error)
    ):
        failed = JobFailed(error.message, job_id=job_id, code=error.code, last=watched.last)
    else:
        return None
    failed.__cause__ = error
    return failed


async def with_reason(session: Session, watched: Watched[T], detail: T) -> T:
    """Add the reason to the detail of a failed job, if the API has it in another place.

    It takes a second and one request, but only if neither the detail nor the list of statuses has a
    message.

    Args:
        session: Sends the request.
        watched: The job.
        detail: Its detail.
    """
    kind, listed = watched.kind, watched.listed_failure
    fields = getattr(detail, "__struct_fields__", ())
    if kind.failure(detail)[1] or "failure_message" not in fields:
        return detail
    code, message = (None, None) if listed is None else _listed_reason(listed)
    if message is None:
        endpoint: Endpoint[Any] = msgspec.structs.replace(kind.get, answer=Any)
        raw: object = None
        await asyncio.sleep(MIN_INTERVAL)
        with contextlib.suppress(HeyGenError):  # the reason is not worth another wait
            raw = await session.call(endpoint, endpoint.at(watched.job_id), repeat=False)
        code, message = reason_in(raw)
    if message is None:
        return detail
    changes: dict[str, Any] = {"failure_message": message}
    if code is not None and "failure_code" in fields:
        changes["failure_code"] = code
    completed: T = msgspec.structs.replace(detail, **changes)  # type: ignore[type-var]
    return completed


def _listed_reason(entry: StatusEntry) -> tuple[str | None, str | None]:
    return reason_in({"error": entry.error})


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
