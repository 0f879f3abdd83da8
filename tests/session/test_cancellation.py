"""A cancelled submission loses no job and pays for none twice."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import anyio
import pytest

from heygen_async import HeyGen, RequestLimiter
from heygen_async.sandbox import Fault, Sandbox

from .wire import client, video

pytestmark = pytest.mark.anyio


async def cancelled_after(seconds: float, task: asyncio.Task[Any]) -> asyncio.CancelledError:
    """The cancellation that came out of a task that was cancelled so late."""
    await asyncio.sleep(seconds)
    assert not task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as cancelled:
        return cancelled
    raise AssertionError("the cancellation was swallowed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.delay(20),
        Fault.delay(20, work=False),
    ],
    ids=["after the work", "before the work"],
)
async def test_cancelled_on_its_way(
    sandbox: Sandbox, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = RequestLimiter()
    sandbox.faults.add("videos.create", fault)
    async with client(sandbox, requests=limiter) as heygen:
        task = asyncio.create_task(heygen.videos.create(video(sandbox)))
        cancelled = await cancelled_after(1, task)
    assert cancelled.job_ids == [sandbox.ledger.jobs[0].id]  # type: ignore[attr-defined]
    assert sandbox.ledger.count() == 1
    assert "was cancelled after its job was created" in caplog.text
    assert limiter.in_use == 0


async def test_cancelled_by_a_scope(sandbox: Sandbox, heygen: HeyGen) -> None:
    # Such a scope cancels every await of its task, until the task has left it.
    sandbox.faults.add("videos.create", Fault.delay(20))
    seen: list[list[str]] = []
    with anyio.move_on_after(1) as scope:
        try:
            await heygen.videos.create(video(sandbox))
        except asyncio.CancelledError as cancelled:
            seen.append(cancelled.job_ids)  # type: ignore[attr-defined]
            raise
    assert scope.cancelled_caught
    assert seen == [[sandbox.ledger.jobs[0].id]]
    assert sandbox.ledger.count() == 1


async def test_cancelled_where_nobody_uses_anyio(
    sandbox: Sandbox, heygen: HeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The runner of these tests has loaded its backend.
    monkeypatch.delitem(sys.modules, "anyio._backends._asyncio")
    sandbox.faults.add("videos.create", Fault.delay(20))
    task = asyncio.create_task(heygen.videos.create(video(sandbox)))
    cancelled = await cancelled_after(1, task)
    assert cancelled.job_ids == [sandbox.ledger.jobs[0].id]  # type: ignore[attr-defined]


async def test_cancelled_by_a_timeout(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("videos.create", Fault.delay(20))
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(1):
            await heygen.videos.create(video(sandbox))
    # Not yet its cause in the first releases of Python 3.11.
    cancelled = caught.value.__context__
    assert isinstance(cancelled, asyncio.CancelledError)
    assert cancelled.job_ids == [sandbox.ledger.jobs[0].id]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fault", "jobs"),
    [
        (Fault.drop_answer(), 1),
        (Fault.status(500, work=True, retry_after=30), 1),
        (Fault.status(409, code="request_in_progress", retry_after=30), 1),
        (Fault.status(429, retry_after=30), 0),
    ],
    ids=["answer lost", "500", "still in progress", "refused"],
)
async def test_cancelled_between_two_attempts(
    sandbox: Sandbox, heygen: HeyGen, fault: Fault, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoff.full_jitter", lambda bound: bound)
    sandbox.faults.add("videos.create", fault)
    task = asyncio.create_task(heygen.videos.create(video(sandbox)))
    cancelled = await cancelled_after(0.2, task)
    # What may have been created is asked for; what was surely refused is not made now.
    assert sandbox.ledger.count() == jobs
    assert getattr(cancelled, "job_ids", []) == [job.id for job in sandbox.ledger.jobs]


async def test_cancelled_before_it_was_sent(sandbox: Sandbox) -> None:
    async with client(sandbox, requests=1) as heygen:
        sandbox.faults.add("users.me", Fault.delay(20))
        first = asyncio.create_task(heygen.users.me())
        await asyncio.sleep(1)
        task = asyncio.create_task(heygen.videos.create(video(sandbox)))
        cancelled = await cancelled_after(1, task)
        await first
    assert not hasattr(cancelled, "job_ids")
    assert sandbox.ledger.count() == 0
    assert sandbox.requests.by_operation["videos.create"] == 0


async def test_cancelled_twice(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("videos.create", Fault.delay(60))
    task = asyncio.create_task(heygen.videos.create(video(sandbox), idempotency_key="row-7"))
    loop = asyncio.get_running_loop()
    loop.call_later(5, task.cancel)
    cancelled = await cancelled_after(1, task)
    assert loop.time() == pytest.approx(5, abs=0.5)
    assert not hasattr(cancelled, "job_ids")
    # How to find the job is in the log.
    assert "Idempotency-Key row-7" in caplog.text
    assert (await heygen.videos.create(video(sandbox), idempotency_key="row-7")).id
    assert sandbox.ledger.count() == 1


@pytest.mark.parametrize("status", [400, 402])
async def test_a_refusal_after_the_cancellation(
    sandbox: Sandbox, heygen: HeyGen, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("videos.create", Fault.delay(20, work=False))
    sandbox.faults.add("videos.create", Fault.status(status))
    task = asyncio.create_task(heygen.videos.create(video(sandbox)))
    cancelled = await cancelled_after(1, task)
    assert not hasattr(cancelled, "job_ids")
    assert sandbox.ledger.count() == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_server_that_is_gone_after_the_cancellation(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("videos.create", Fault.delay(50))
    async with client(sandbox, retry=3) as heygen:
        task = asyncio.create_task(heygen.videos.create(video(sandbox)))
        await asyncio.sleep(1)
        sandbox.faults.add("videos.create", Fault.drop(), times=None)
        cancelled = await cancelled_after(0, task)
    assert not hasattr(cancelled, "job_ids")
    assert "whether the job exists is not known" in caplog.text
    assert asyncio.get_running_loop().time() < 40


async def test_reads_are_just_cancelled(sandbox: Sandbox) -> None:
    limiter = RequestLimiter()
    sandbox.faults.add("users.me", Fault.delay(20))
    async with client(sandbox, requests=limiter) as heygen:
        await cancelled_after(1, asyncio.create_task(heygen.users.me()))
    assert sandbox.ledger.requests == 1
    assert limiter.in_use == 0
