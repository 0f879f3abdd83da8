"""Every slot pool keeps what ``SlotPool`` promises."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heygen_async import JobSlots
from heygen_async.distributed.redis_slots import RedisSlots
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.session.slots import SlotLease, SlotPool

from ..valkey import TurnedServer, connection
from .slot_pool import SCENARIOS, STEPS, Implementation, Step, check_history


@contextlib.asynccontextmanager
async def job_slots(ceiling: int, **settings: Any) -> AsyncIterator[JobSlots]:
    yield JobSlots(ceiling, **settings)


async def lose_job_slots(pool: SlotPool, lease: SlotLease) -> None:
    """Use the pool on another event loop, which is how ``JobSlots`` loses a lease."""

    async def use() -> None:
        (await pool.acquire()).release()

    thread = threading.Thread(target=lambda: asyncio.run(use()))
    thread.start()
    await asyncio.to_thread(thread.join)


@pytest.fixture(params=["JobSlots", "RedisSlots"])
def pool(request: pytest.FixtureRequest) -> Implementation:
    name: str = request.param
    if name == "JobSlots":
        return Implementation(name, job_slots, lose_job_slots)
    url: str = request.getfixturevalue("redis_url")
    return redis_slots(url)


def redis_slots(url: str) -> Implementation:
    @contextlib.asynccontextmanager
    async def make(ceiling: int, **settings: Any) -> AsyncIterator[RedisSlots]:
        server = TurnedServer(url)
        # Calls without anything to say take real time here.
        async with RedisSlots(
            server, account=uuid4().hex, ceiling=ceiling, ttl=9_000, poll=2_000, **settings
        ) as pool:
            yield pool

    async def lose(pool: SlotPool, lease: SlotLease) -> None:
        """Have the server forget all leases, as after a restart without its data."""
        with connection(url) as redis:
            await asyncio.to_thread(redis.flushdb)
        await asyncio.sleep(3_001)

    return Implementation("RedisSlots", make, lose)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.anyio
async def test_it_keeps_its_promises(
    pool: Implementation, scenario: Callable[[Implementation], Awaitable[None]]
) -> None:
    await scenario(pool)


# Nothing in it belongs to one example.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ceiling=st.integers(1, 6), reserve=st.integers(0, 3), steps=STEPS)
def test_along_random_histories(
    pool: Implementation, ceiling: int, reserve: int, steps: list[Step]
) -> None:
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(check_history(pool, ceiling, min(reserve, ceiling - 1), steps))
