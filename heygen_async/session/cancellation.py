"""Cancelled submissions: the request continues, so no paid job is lost.

A call that creates jobs runs in a task of its own. If its caller is cancelled, the request is
neither cut off nor sent again: the caller waits ``Timeout.cancel`` seconds more for its answer, and
after that the client waits for it in the background, up to the timeout of a write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from heygen_async.session.calls import Call
from heygen_async.session.settings import Timeout
from heygen_async.session.tasks import shield

T = TypeVar("T")
OnAccepted: TypeAlias = Callable[[str, list[str]], object]
"""Called with an operation, such as ``videos.create``, and the ids of the jobs that it created."""

logger: logging.Logger = logging.getLogger("heygen_async.session")


def accepted_job_ids(error: BaseException) -> list[str]:
    """Return the ids of the jobs that were created by calls that an exception ended.

    ``asyncio.timeout`` and ``asyncio.wait_for`` raise a ``TimeoutError`` whose cause is the
    cancellation that holds the ids, and task groups raise groups; all of them are searched.

    Args:
        error: The exception that was caught.

    Returns:
        Ids in no particular order, without duplicates; empty if none is known.
    """
    found: dict[str, None] = {}
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found.update(dict.fromkeys(getattr(one, "job_ids", ())))
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
    return list(found)


async def created_by(cancelled: asyncio.CancelledError) -> list[str]:
    """Return the ids of the jobs that a cancelled call has created; wait for a late answer.

    A second cancellation ends the wait.
    """
    later: asyncio.Future[list[str]] | None = getattr(cancelled, "job_ids_later", None)
    if later is not None:
        with shield():
            await asyncio.wait([later])
        return later.result()
    job_ids: list[str] = getattr(cancelled, "job_ids", [])
    return job_ids


class Submissions:
    """The calls of one client that create jobs, including cancelled ones that are not answered yet.

    Args:
        timeout: Seconds to wait for answers.
        on_accepted: Called with the jobs of each call that created jobs and was cancelled. Not
            pickled.
    """

    def __init__(self, timeout: Timeout, on_accepted: OnAccepted | None = None) -> None:
        self._on_accepted = on_accepted
        self._timeout = timeout
        self._background: set[asyncio.Task[Any]] = set()

    async def finish(
        self,
        task: asyncio.Task[T | None],
        call: Call[T],
        cancelled: asyncio.CancelledError,
    ) -> None:
        """Find out which jobs a cancelled submission has created, and attach their ids to it.

        Args:
            task: The task that sends the submission.
            call: The submission.
            cancelled: The cancellation that is about to leave the call. It gets ``job_ids``, or
                ``job_ids_later``, a future of them, if the answer takes longer.
        """
        call.cancelled = True
        if not call.in_doubt:
            task.cancel()  # nothing was sent, or everything was refused for certain
        try:
            # Shielded, because an anyio scope would cancel every await in this block too.
            with shield():
                await asyncio.wait([task], timeout=self._timeout.cancel)
        except asyncio.CancelledError:
            pass  # the first cancellation is raised now
        if task.done():
            job_ids = self._note(task, call)
            if job_ids:
                cancelled.job_ids = job_ids  # type: ignore[attr-defined]
            return
        loop = asyncio.get_running_loop()
        limit = loop.call_later(self._timeout.write, task.cancel)
        self._background.add(task)
        later: asyncio.Future[list[str]] = loop.create_future()
        cancelled.job_ids_later = later  # type: ignore[attr-defined]

        def done(task: asyncio.Task[T | None]) -> None:
            limit.cancel()
            self._background.discard(task)
            job_ids = self._note(task, call)
            if not later.done():
                later.set_result(job_ids)

        task.add_done_callback(done)

    async def aclose(self) -> None:
        """Wait for the answers to cancelled submissions; a cancellation ends the wait."""
        if not (mine := self._of_this_loop()):
            return
        try:
            await asyncio.wait(mine)
        except asyncio.CancelledError:
            self.abandon()
            with shield():
                await asyncio.wait(mine)
            raise

    def abandon(self) -> None:
        """Stop waiting for the answers to cancelled submissions, and log how to find their jobs."""
        for task in self._of_this_loop():
            task.cancel()

    def _of_this_loop(self) -> set[asyncio.Task[Any]]:
        """Return the tasks of the running loop; drop those of loops that have ended."""
        loop = asyncio.get_running_loop()
        self._background = {task for task in self._background if task.get_loop() is loop}
        return set(self._background)

    def _note(self, task: asyncio.Task[T | None], call: Call[T]) -> list[str]:
        """Report how a cancelled submission has ended; return the ids of its jobs."""
        endpoint, key = call.endpoint, (call.headers or {}).get("Idempotency-Key")
        answer = None if task.cancelled() or task.exception() is not None else task.result()
        if answer is None:
            if not call.in_doubt:
                return []  # not sent, or refused: there is no job
            how = "Look for the job in the account."
            if endpoint.safe:
                under = f"Idempotency-Key {key}" if key else "the same request_id"
                how = f"Repeat the same call with {under} within 24 h to find out."
            logger.warning(
                "%s was cancelled before its answer arrived; whether the job exists is not known. "
                "%s",
                endpoint.operation,
                how,
            )
            return []
        assert endpoint.creates is not None
        job_ids = endpoint.creates(answer)
        logger.warning(
            "%s was cancelled after it had created the jobs %s", endpoint.operation, job_ids
        )
        if self._on_accepted is not None:
            try:
                self._on_accepted(endpoint.operation, job_ids)
            except Exception:
                logger.exception("on_accepted raised; the jobs are %s", job_ids)
        return job_ids
