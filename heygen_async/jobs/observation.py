"""Report the stages of jobs to the log and to hooks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any, TypeVar

from heygen_async.errors import HeyGenError
from heygen_async.jobs.kind import JobKind, failed_job, status_of
from heygen_async.models.structs import Request
from heygen_async.session.diagnostics.hooks import JobEvent, notify_hooks
from heygen_async.session.session import Session

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.jobs")

_LONGEST_SHOWN = 100


def submitted(session: Session, kind: JobKind[Any], job_id: str, request: Request | None) -> None:
    """Report that the API has accepted a job.

    Args:
        session: The session whose hooks are called.
        kind: Kind of the job.
        job_id: Id of the job.
        request: Its request, or None.
    """
    if logger.isEnabledFor(logging.INFO):
        fields = {"kind": kind.name, "job_id": job_id, "state": None}
        logger.info("%s %s: submitted", kind.name, job_id, extra=fields)
    if session.hooks:
        _notify_job_hooks(
            session,
            JobEvent(
                stage="submitted",
                kind=kind.name,
                id=job_id,
                state=None,
                seconds=0.0,
                began=time.time(),
                request=request,
            ),
        )


def settled(session: Session, kind: JobKind[T], job_id: str, state: T, seconds: float) -> None:
    """Report the end of a job.

    Args:
        session: The session whose hooks are called.
        kind: Its kind.
        job_id: Its id.
        state: Its terminal state.
        seconds: Time since it was submitted or first waited for.
    """
    session.leases.ended(job_id)
    error = failed_job(kind, job_id, state)
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            "%s %s: %s after %.1f s%s",
            kind.name,
            job_id,
            status_of(state),
            seconds,
            "" if error is None else f": {error}",
            extra={
                "kind": kind.name,
                "job_id": job_id,
                "state": status_of(state),
                "seconds": seconds,
                "code": None if error is None else error.code,
            },
        )
    if session.hooks:
        _notify_job_hooks(
            session,
            JobEvent(
                stage="settled",
                kind=kind.name,
                id=job_id,
                state=status_of(state),
                seconds=seconds,
                began=time.time() - seconds,
                result=state,
                error=error,
            ),
        )


def poll_failed(
    what: str, kind: JobKind[Any], error: Exception, *, first: bool = False, **fields: object
) -> None:
    """Log a poll that failed.

    Args:
        what: A description of the poll.
        kind: Kind of the jobs.
        error: The exception.
        first: Whether it is the first failure in a row, which is not logged as a warning.
        **fields: Further fields of the log record.
    """
    logger.log(
        logging.INFO if first else logging.WARNING,
        "%s failed: %s",
        what,
        error,
        extra={"kind": kind.name, "error": type(error).__name__, **fields},
    )


def status_unknown(kind: JobKind[Any], job_id: str, status: str, age: float) -> None:
    """Log that the SDK does not know the status of a job and keeps waiting.

    Args:
        kind: Kind of the job.
        job_id: Id of the job.
        status: The status.
        age: Age of the job in seconds.
    """
    logger.warning(
        "%s %s has the unknown status %r after %.0f s; the wait continues",
        kind.name,
        job_id,
        status[:_LONGEST_SHOWN],
        age,
        extra={"kind": kind.name, "job_id": job_id, "state": status[:_LONGEST_SHOWN]},
    )


def id_differs(kind: JobKind[Any], job_id: str, found: str) -> None:
    """Log that the detail of a job has another id; it is treated as the requested job.

    Args:
        kind: Kind of the job.
        job_id: Id that was requested.
        found: Id in the detail.
    """
    logger.warning(
        "the detail of %s %s has another id, %s; it is treated as that of the requested job",
        kind.name,
        job_id[:_LONGEST_SHOWN],
        found[:_LONGEST_SHOWN],
        extra={"kind": kind.name, "job_id": job_id},
    )


class Download:
    """A download in progress.

    Attributes:
        size: Size in bytes, set when the download is complete.
    """

    size: int = 0


@contextlib.contextmanager
def observed_download(session: Session, kind: JobKind[Any], result: Any) -> Iterator[Download]:
    """Report the download of a job's output. The caller sets its ``size``.

    Args:
        session: The session whose hooks are called.
        kind: Kind of the job.
        result: The result of the job.
    """
    clock = asyncio.get_running_loop().time
    began, started = time.time(), clock()
    got = Download()
    failure: HeyGenError | None = None
    try:
        yield got
    except HeyGenError as error:
        failure = error
    seconds = clock() - started
    job_id, state = result.id, status_of(result)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%s %s: %s in %.1f s",
            kind.name,
            job_id,
            f"{got.size} bytes downloaded" if failure is None else f"download failed: {failure}",
            seconds,
            extra={
                "kind": kind.name,
                "job_id": job_id,
                "size": got.size,
                "seconds": seconds,
                "error": None if failure is None else type(failure).__name__,
            },
        )
    if session.hooks:
        _notify_job_hooks(
            session,
            JobEvent(
                stage="downloaded",
                kind=kind.name,
                id=job_id,
                state=state,
                seconds=seconds,
                began=began,
                result=result,
                error=failure,
                size=got.size if failure is None else None,
            ),
        )
    if failure is not None:
        raise failure


def _notify_job_hooks(session: Session, event: JobEvent) -> None:
    notify_hooks((each.on_job for each in session.hooks), event)
