"""A call that runs at once until it waits, and whose rest can be awaited under a timeout."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async.session.tasks import EagerCall

pytestmark = pytest.mark.anyio


async def test_a_call_that_does_not_wait_is_done_at_once() -> None:
    steps: list[str] = []

    async def call() -> None:
        steps.append("called")

    eager = EagerCall(call())
    assert (eager.done, steps) == (True, ["called"])
    await eager
    assert steps == ["called"]


async def test_the_rest_of_a_call_that_waits_is_awaited() -> None:
    steps: list[str] = []

    async def call() -> None:
        steps.append("called")
        await asyncio.sleep(0)
        await asyncio.sleep(1)
        steps.append("ended")

    eager = EagerCall(call())
    assert (eager.done, steps) == (False, ["called"])
    await eager
    assert (eager.done, steps) == (True, ["called", "ended"])


async def test_exceptions_are_raised_where_the_call_stands() -> None:
    async def at_once() -> None:
        raise LookupError

    async def later() -> None:
        await asyncio.sleep(1)
        raise LookupError

    with pytest.raises(LookupError):
        EagerCall(at_once())
    eager = EagerCall(later())
    with pytest.raises(LookupError):
        await eager


async def test_a_timeout_and_a_cancellation_reach_the_call() -> None:
    steps: list[str] = []

    async def call() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            await asyncio.sleep(1)  # it may wait again while it ends
            steps.append("cleaned up")

    async def caller() -> None:
        await EagerCall(call())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await EagerCall(call())
    assert steps == ["cleaned up"]
    task = asyncio.create_task(caller())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["cleaned up"] * 2


async def test_a_call_may_survive_a_cancellation() -> None:
    async def call() -> None:
        try:
            await asyncio.sleep(1e9)
        except asyncio.CancelledError:
            return

    async def caller() -> bool:
        eager = EagerCall(call())
        await eager
        return eager.done

    task = asyncio.create_task(caller())
    await asyncio.sleep(1)
    task.cancel()
    assert await task is True
