"""Finds out which job a cancelled submission created, so that no paid job is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from heygen_async.errors import APIError, CallError
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.retry import Verdict, judge, wait_before_next, waits
from heygen_async.session.settings import Retry, Settings
from heygen_async.session.tasks import shield

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.session")


async def note_what_was_created(
    cancelled: asyncio.CancelledError,
    endpoint: Endpoint[T],
    key: str,
    repeat: Callable[[], Awaitable[T]],
    settings: Settings,
) -> None:
    """Put ``job_ids`` on the cancellation of a submission that may have reached the API.

    The same key again brings the answer of the first time, so nothing is paid twice. A second
    cancellation ends the wait for it; so does the timeout of a write.

    Args:
        cancelled: What is about to leave the call.
        endpoint: The operation. Nothing is done for one that starts no jobs, or would start
            another one.
        key: The Idempotency-Key of the call; empty where its body says the like.
        repeat: Sends the same request once more, with the same key.
        settings: Timeouts and the retry policy.
    """
    if endpoint.creates is None or not endpoint.safe:
        return
    answer: T | None = None
    try:
        # Shielded from the scope that cancels, which would cancel every await in here too.
        async with asyncio.timeout(settings.timeout.write):
            with shield():
                answer = await _answer_to(repeat, settings.retry)
    except TimeoutError:
        pass
    except CallError as error:
        if isinstance(error, APIError) and judge(error, safe=True) is Verdict.GIVE_UP:
            return  # refused: there is no job
    except asyncio.CancelledError:
        pass  # the first cancellation goes on its way now
    if answer is None:
        logger.warning(
            "%s was cancelled on its way; whether the job exists is not known. The same "
            "call under %s tells within 24 h.",
            endpoint.operation,
            f"Idempotency-Key {key}" if key else "the same request_id",
        )
        return
    job_ids = endpoint.creates(answer)
    cancelled.job_ids = job_ids  # type: ignore[attr-defined]
    logger.warning("%s was cancelled after its job was created: %s", endpoint.operation, job_ids)


async def _answer_to(repeat: Callable[[], Awaitable[T]], policy: Retry) -> T:
    """The answer of a repeated request, tried as often as the policy allows."""
    bounds = waits(policy)
    failures = 0
    while True:
        try:
            return await repeat()
        except CallError as error:
            verdict = judge(error, safe=True)
            failures += verdict is Verdict.TRY_AGAIN
            if verdict in (Verdict.GIVE_UP, Verdict.PAUSE) or failures >= policy.attempts:
                raise
            retry_after = getattr(error, "retry_after", None)
        await asyncio.sleep(wait_before_next(next(bounds), retry_after))
