"""Every slot pool keeps what ``SlotPool`` promises."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async import JobSlots
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.session.slots import SlotLease, SlotPool

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


IMPLEMENTATIONS = [Implementation("JobSlots", job_slots, lose_job_slots)]
each_pool = pytest.mark.parametrize("pool", IMPLEMENTATIONS, ids=lambda pool: pool.name)


@each_pool
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.anyio
async def test_it_keeps_its_promises(
    pool: Implementation, scenario: Callable[[Implementation], Awaitable[None]]
) -> None:
    await scenario(pool)


@each_pool
@settings(max_examples=100)
@given(ceiling=st.integers(1, 6), reserve=st.integers(0, 3), steps=STEPS)
def test_along_random_histories(
    pool: Implementation, ceiling: int, reserve: int, steps: list[Step]
) -> None:
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(check_history(pool, ceiling, min(reserve, ceiling - 1), steps))
