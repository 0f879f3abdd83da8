"""Bulk runs and interactive calls on one client: their order and their waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from heygen_async import AvatarVideoRequest, Batch, HeyGen, RequestLimiter
from heygen_async.sandbox import Fault, Sandbox

from .conftest import names

pytestmark = pytest.mark.anyio

ITEMS = 60


@asynccontextmanager
async def busy_client(
    requests: RequestLimiter, *, slow: float = 0.0
) -> AsyncIterator[tuple[Sandbox, HeyGen, list[asyncio.Task[int]]]]:
    """A client on which two batches have far more to submit than its limiter lets through.

    The account has room for all jobs, so only requests are scarce.
    """
    async with (
        Sandbox(speed=1, concurrency=1000, durations={"video": (60.0, 0.4)}) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, requests=requests, jobs=200) as heygen,
    ):
        if slow:
            for operation in ("templates.generate", "videos.create", "users.me"):
                sandbox.faults.add(operation, Fault.delay(slow), times=10_000)
        template_id = sandbox.add_template()
        async with Batch(heygen) as first, Batch(heygen) as second:
            runs = [batch.render(template_id, names(ITEMS)) for batch in (first, second)]
            tasks = [asyncio.create_task(completed(run)) for run in runs]
            await asyncio.sleep(20)  # both have asked for the account, which is slow, too
            assert requests.waiting > ITEMS  # both have a long queue
            yield sandbox, heygen, tasks
            assert [await task for task in tasks] == [ITEMS, ITEMS]


async def completed(run: Any) -> int:
    return sum([outcome.ok async for outcome in run])


async def seconds_for(call: Any) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await call
    return loop.time() - began


async def test_a_call_waits_for_one_request_at_most() -> None:
    """With one request of 5 s at a time, the call waits for the current one only."""
    async with busy_client(RequestLimiter(1), slow=5) as (sandbox, heygen, tasks):
        waited = []
        for _ in range(5):
            waited.append(await seconds_for(heygen.users.me()))
            await asyncio.sleep(7)
        assert max(waited) <= 5 + 5 + 0.1
        assert sandbox.ledger.count() < ITEMS  # the batches were still at it
        assert not any(task.done() for task in tasks)


async def test_a_reserved_place_is_free_at_once() -> None:
    async with busy_client(RequestLimiter(4, reserve=1), slow=5) as (sandbox, heygen, _):
        request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        assert await seconds_for(heygen.videos.create(request)) <= 5 + 0.1
        assert sandbox.ledger.count() < ITEMS


async def test_no_submission_of_a_batch_overtakes() -> None:
    """Make calls at two requests a second while a hundred bulk requests wait.

    What can go before a call are the client's looks at its jobs, since these are not queued as
    a batch's: each costs the call one more token.
    """
    async with busy_client(RequestLimiter(100, per_second=2, burst=1)) as (sandbox, heygen, tasks):
        while not all(task.done() for task in tasks):
            before = sandbox.requests.by_operation.copy()
            waited = await seconds_for(heygen.users.me())
            came = sandbox.requests.by_operation - before
            asked = came.pop("users.me")
            assert asked <= 1 + 2  # each batch looks at the balance at its end
            # One that had its token already may still have been on its way.
            assert came.pop("templates.generate", 0) <= 1
            assert waited <= 0.5 * (asked + came.total()) + 0.1
            await asyncio.sleep(3)


async def test_interactive_calls_queue_among_themselves() -> None:
    async with busy_client(RequestLimiter(1), slow=5) as (_, heygen, _tasks):
        waited = await asyncio.gather(*(seconds_for(heygen.users.me()) for _ in range(3)))
        assert max(waited) <= 5 + 3 * 5 + 0.1  # the current one, then these three


async def test_batches_get_on_with_each_other() -> None:
    """Two batches share the requests."""
    async with busy_client(RequestLimiter(4, reserve=0), slow=5) as (_, heygen, tasks):
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(120)
        assert all(task.done() for task in tasks)
        assert heygen.slots.held == 0
