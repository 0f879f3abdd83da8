"""A cancelled submission loses no job and pays for none twice."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
from functools import partial
from typing import Any

import anyio
import pytest

from heygen_async import (
    AvatarVideoRequest,
    BadRequest,
    HeyGen,
    JobError,
    RequestLimiter,
    Timeout,
    accepted_job_ids,
)
from heygen_async.sandbox import Fault, Sandbox

from .wire import client, raw_server, video

pytestmark = pytest.mark.anyio


async def cancelled_after(seconds: float, task: asyncio.Task[Any]) -> asyncio.CancelledError:
    """Cancel a task after so long, and return its exception."""
    await asyncio.sleep(seconds)
    assert not task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as cancelled:
        return cancelled
    raise AssertionError("the cancellation was swallowed")


async def test_an_answer_soon_after_is_waited_for(sandbox: Sandbox) -> None:
    accepted: list[tuple[str, list[str]]] = []
    sandbox.faults.add("videos.create", Fault.delay(1.5))
    async with client(
        sandbox, on_accepted=lambda operation, ids: accepted.append((operation, ids))
    ) as heygen:
        cancelled = await cancelled_after(
            1, asyncio.create_task(heygen.videos.create(video(sandbox)))
        )
        assert asyncio.get_running_loop().time() == pytest.approx(1.5, abs=0.1)
    ids = [job.id for job in sandbox.ledger.jobs]
    assert cancelled.job_ids == ids  # type: ignore[attr-defined]
    assert accepted == [("videos.create", ids)]
    assert sandbox.requests.by_operation["videos.create"] == 1


async def test_the_rest_is_waited_for_in_the_background(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    accepted: list[tuple[float, list[str]]] = []
    sandbox.faults.add("videos.create", Fault.delay(20))
    async with client(
        sandbox, on_accepted=lambda operation, ids: accepted.append((loop.time(), ids))
    ) as heygen:
        cancelled = await cancelled_after(
            1, asyncio.create_task(heygen.videos.create(video(sandbox)))
        )
        assert loop.time() == pytest.approx(1.9, abs=0.05)
        assert not hasattr(cancelled, "job_ids")
        assert not accepted
        # Closing the client waits for it.
    ((seconds, ids),) = accepted
    assert seconds == pytest.approx(20, abs=0.5)
    assert ids == [sandbox.ledger.jobs[0].id]
    assert "was cancelled after it had created the jobs" in caplog.text
    # Neither cut off nor sent again.
    assert sandbox.requests.by_operation["videos.create"] == 1
    assert sandbox.ledger.count() == 1


async def test_a_cancelled_request_that_fails_is_not_sent_again(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("videos.create", Fault.delay(20, work=False))
    async with client(sandbox) as heygen:
        create = heygen.videos.create(video(sandbox), idempotency_key="row-7")
        await cancelled_after(1, asyncio.create_task(create))
    assert sandbox.requests.by_operation["videos.create"] == 1
    assert sandbox.ledger.count() == 0
    assert "Idempotency-Key row-7" in caplog.text


@pytest.mark.parametrize("seconds", [1.5, 20])
@pytest.mark.parametrize("style", ["timeout", "wait_for", "move_on_after", "fail_after", "group"])
async def test_every_style_of_cancellation_tells(
    sandbox: Sandbox, style: str, seconds: float
) -> None:
    accepted: list[str] = []
    told: list[str] = []
    sandbox.faults.add("videos.create", Fault.delay(seconds))
    async with client(sandbox, on_accepted=lambda _, ids: accepted.extend(ids)) as heygen:
        create = partial(heygen.videos.create, video(sandbox))

        async def fails() -> None:
            await asyncio.sleep(1)
            raise LookupError

        began = asyncio.get_running_loop().time()
        try:
            if style == "timeout":
                async with asyncio.timeout(1):
                    await create()
            elif style == "wait_for":
                await asyncio.wait_for(create(), 1)
            elif style == "move_on_after":
                with anyio.move_on_after(1):
                    await create()
            elif style == "fail_after":
                with anyio.fail_after(1):
                    await create()
            else:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(create())
                    tasks.create_task(fails())
        except (TimeoutError, ExceptionGroup) as error:
            told = accepted_job_ids(error)
        assert asyncio.get_running_loop().time() - began <= 2
    ids = [job.id for job in sandbox.ledger.jobs]
    assert accepted == ids
    # Scopes and groups raise an exception of their own, or none.
    if seconds < 2 and style in ("timeout", "wait_for"):
        assert told == ids
    else:
        assert told in ([], ids)
    assert len(ids) == sandbox.requests.by_operation["videos.create"] == 1


async def test_cancelled_where_nobody_uses_anyio(
    sandbox: Sandbox, heygen: HeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The runner of these tests has loaded its backend.
    monkeypatch.delitem(sys.modules, "anyio._backends._asyncio")
    sandbox.faults.add("videos.create", Fault.delay(1.5))
    task = asyncio.create_task(heygen.videos.create(video(sandbox)))
    cancelled = await cancelled_after(1, task)
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
    sandbox: Sandbox, fault: Fault, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoff.full_jitter", lambda bound: bound)
    accepted: list[str] = []
    sandbox.faults.add("videos.create", fault)
    async with client(sandbox, on_accepted=lambda _, ids: accepted.extend(ids)) as heygen:
        await cancelled_after(0.2, asyncio.create_task(heygen.videos.create(video(sandbox))))
    # A create that may have succeeded is looked up; one that was refused for certain is not
    # repeated.
    assert sandbox.ledger.count() == jobs
    assert accepted == [job.id for job in sandbox.ledger.jobs]


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


async def test_a_close_that_is_cancelled_names_the_key(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.add("videos.create", Fault.delay(60))
    heygen = client(sandbox)
    task = asyncio.create_task(heygen.videos.create(video(sandbox), idempotency_key="row-7"))
    cancelled = await cancelled_after(1, task)
    assert not hasattr(cancelled, "job_ids")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await heygen.aclose()
    assert loop.time() == pytest.approx(6.9, abs=0.1)
    # How to find the job is in the log.
    assert "Idempotency-Key row-7" in caplog.text
    async with client(sandbox) as heygen:
        assert (await heygen.videos.create(video(sandbox), idempotency_key="row-7")).id
    assert sandbox.ledger.count() == 1


async def test_a_close_that_is_cancelled_at_once_waits_for_no_answer(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.add("videos.create", Fault.delay(60))
    heygen = client(sandbox)
    job = await heygen.videos.create(video(sandbox))
    sandbox.faults.add("videos.create", Fault.delay(60))
    waiting = asyncio.create_task(job.wait())
    await cancelled_after(1, asyncio.create_task(heygen.videos.create(video(sandbox))))
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await heygen.aclose()
    assert loop.time() == began
    assert "whether the job exists is not known" in caplog.text
    with pytest.raises(JobError, match="closed"):
        await waiting


async def test_a_second_cancellation_goes_at_once(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("videos.create", Fault.delay(60))
    task = asyncio.create_task(heygen.videos.create(video(sandbox)))
    loop = asyncio.get_running_loop()
    loop.call_later(1.3, task.cancel)
    await cancelled_after(1, task)
    assert loop.time() == pytest.approx(1.3, abs=0.05)


async def test_the_background_ends_with_the_timeout_of_a_write(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("videos.create", Fault.delay(600), times=None)
    timeout = Timeout(write=30, cancel=0.2)
    async with client(sandbox, timeout=timeout) as heygen:
        await cancelled_after(1, asyncio.create_task(heygen.videos.create(video(sandbox))))
        assert asyncio.get_running_loop().time() == pytest.approx(1.2, abs=0.05)
    assert asyncio.get_running_loop().time() == pytest.approx(31.2, abs=1.2)
    assert "whether the job exists is not known" in caplog.text


@pytest.mark.parametrize("status", [400, 402])
async def test_a_refusal_after_the_cancellation(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(20)
        writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
        await writer.drain()

    async with raw_server(refuse) as server, HeyGen("key", base_url=server.base_url) as heygen:
        request = AvatarVideoRequest(avatar_id="a", script="Hello")
        task = asyncio.create_task(heygen.videos.create(request))
        cancelled = await cancelled_after(1, task)
    assert not hasattr(cancelled, "job_ids")
    assert len(server.requests) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_callback_that_raises_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(operation: str, ids: list[str]) -> None:
        raise LookupError(operation)

    sandbox.faults.add("videos.create", Fault.delay(20))
    async with client(sandbox, on_accepted=broken) as heygen:
        await cancelled_after(1, asyncio.create_task(heygen.videos.create(video(sandbox))))
    assert f"on_accepted raised; the jobs are ['{sandbox.ledger.jobs[0].id}']" in caplog.text


@pytest.mark.parametrize("status", [200, 400])
async def test_cancelled_at_the_moment_of_the_answer(sandbox: Sandbox, status: int) -> None:
    """Cancel and answer in the same turn of the loop: nothing is lost or logged as unseen."""
    accepted: list[str] = []
    loop = asyncio.get_running_loop()
    unseen: list[object] = []
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    async with client(sandbox, on_accepted=lambda _, ids: accepted.extend(ids)) as heygen:
        for turns in range(60):
            if status != 200:
                sandbox.faults.add("videos.create", Fault.status(status))
            before = sandbox.ledger.count()
            task = asyncio.create_task(heygen.videos.create(video(sandbox)))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            job = None
            with contextlib.suppress(asyncio.CancelledError, BadRequest):
                job = await task
            await asyncio.sleep(2)
            sandbox.faults.clear()
            told = len(accepted) + (job is not None)
            assert told == sandbox.ledger.count() - before
            accepted.clear()
    gc.collect()
    assert not unseen


async def test_reads_are_just_cancelled(sandbox: Sandbox) -> None:
    limiter = RequestLimiter()
    sandbox.faults.add("users.me", Fault.delay(20))
    async with client(sandbox, requests=limiter) as heygen:
        await cancelled_after(1, asyncio.create_task(heygen.users.me()))
    assert sandbox.ledger.requests == 1
    assert limiter.in_use == 0
