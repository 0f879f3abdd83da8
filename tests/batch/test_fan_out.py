"""The worker pool by itself: reading, bounds, errors and cancellation."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest

from heygen_async import JobSlots
from heygen_async.batch.worker_pool import Source, WorkerPool
from heygen_async.session.slots import SlotLease

pytestmark = pytest.mark.anyio


async def double(index: int, item: int, slot: SlotLease) -> int:
    await asyncio.sleep(item % 5)
    return 2 * item


async def results_of(fan_out: WorkerPool[Any, int]) -> AsyncGenerator[int]:
    fan_out.start()
    try:
        while await fan_out.more():
            yield fan_out.take()
    finally:
        await fan_out.stop()


async def collect(fan_out: WorkerPool[Any, int]) -> list[int]:
    return [result async for result in results_of(fan_out)]


async def keep(results: AsyncIterator[int], kept: list[int]) -> None:
    """Keep what came before an exception, too."""
    async for result in results:
        kept.append(result)  # noqa: PERF401


async def later(count: int, seconds: float = 0.0) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(seconds)
        yield number


@pytest.mark.parametrize("workers", [1, 3, 50])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("items", [range(40), iter(range(40)), None], ids=["list", "iter", "async"])
async def test_every_item_is_worked_on_once(items: Any, ordered: bool, workers: int) -> None:
    source = Source(later(40) if items is None else list(range(40)))
    slots = JobSlots(5)
    results = await collect(
        WorkerPool(source, double, slots=slots, workers=workers, ordered=ordered)
    )
    expected = [2 * number for number in range(40)]
    assert (results if ordered else sorted(results)) == expected
    assert (slots.held, slots.running, slots.waiting) == (0, 0, 0)


async def test_nothing_to_do() -> None:
    assert await collect(WorkerPool(Source([]), double, slots=JobSlots(5), workers=3)) == []


@pytest.mark.parametrize("ordered", [False, True])
async def test_items_are_pulled_as_slots_free_up(ordered: bool) -> None:
    pulled = 0
    given = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        for number in range(200):
            pulled += 1
            yield number

    async def work(index: int, item: int, slot: SlotLease) -> int:
        assert pulled - given <= 5 * 4 + 1
        await asyncio.sleep(1 + item % 3)
        return item

    slots = JobSlots(5)
    source = Source(numbers(), pull="loop")
    fan_out = WorkerPool(source, work, slots=slots, workers=20, ordered=ordered)
    async for _ in results_of(fan_out):
        given += 1
        if not ordered:
            assert pulled - given <= 5 + 1 + 3  # slots, one ahead, finished but not yet handed on
    assert given == 200


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_slow_consumer_slows_the_work_down(ordered: bool) -> None:
    begun = 0

    async def work(index: int, item: int, slot: SlotLease) -> int:
        nonlocal begun
        begun += 1
        return item

    results = results_of(
        WorkerPool(Source(range(1_000)), work, slots=JobSlots(4), workers=4, ordered=ordered)
    )
    await anext(results)
    await asyncio.sleep(100)
    assert begun <= 1 + 4 * 4
    await results.aclose()


async def test_a_slow_source_holds_no_slot() -> None:
    """Let two runs share the slots: the one that waits for items must not starve the other."""
    slots = JobSlots(2)
    slow = WorkerPool(Source(later(3, seconds=100)), double, slots=slots, workers=2)
    quick = WorkerPool(Source(range(20)), double, slots=slots, workers=2)
    task = asyncio.create_task(collect(slow))
    await asyncio.sleep(1)
    assert slots.held == 0
    assert len(await collect(quick)) == 20
    assert asyncio.get_running_loop().time() < 50
    assert await task == [0, 2, 4]


async def test_runs_that_feed_each_other_through_one_slot() -> None:
    slots = JobSlots(1)
    first = WorkerPool(Source(range(5)), double, slots=slots, workers=4)
    second = WorkerPool(Source(results_of(first)), double, slots=slots, workers=4)
    assert sorted(await collect(second)) == [0, 4, 8, 12, 16]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("culprit", ["work", "source"])
async def test_an_exception_comes_after_what_was_done(culprit: str, ordered: bool) -> None:
    """Let the first item fail for good: the items after it must go on."""

    def numbers() -> Iterator[int]:
        yield from range(8)
        if culprit == "source":
            raise RuntimeError("broken")
        yield from range(8, 1_000)

    async def work(index: int, item: int, slot: SlotLease) -> int:
        await asyncio.sleep(5 if item == 0 else 1)
        if culprit == "work" and item == 0:
            raise RuntimeError("broken")
        return item

    slots = JobSlots(3)
    fan_out = WorkerPool(Source(numbers()), work, slots=slots, workers=3, ordered=ordered)
    results = results_of(fan_out)
    given: list[int] = []
    with pytest.raises(RuntimeError, match="broken"):
        await keep(results, given)
    assert set(given) >= set(range(1, 8))
    assert len(given) == len(set(given)) < 30
    assert slots.held == 0


async def test_a_closed_source_starts_nothing_more() -> None:
    """Do not submit an item that was read and waits for its slot."""
    begun = []
    source = Source(range(100))

    async def work(index: int, item: int, slot: SlotLease) -> int:
        begun.append(item)
        await asyncio.sleep(1)
        source.close()
        return item

    assert await collect(WorkerPool(source, work, slots=JobSlots(2), workers=5)) == [0, 1]
    assert begun == [0, 1]


@pytest.mark.parametrize("how", ["break", "aclose", "cancel", "stop elsewhere"])
async def test_leaving_early_leaves_nothing_running(how: str) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    slots = JobSlots(5)
    fan_out = WorkerPool(Source(range(1_000)), double, slots=slots, workers=5)

    async def consume() -> int:
        seen = 0
        results = results_of(fan_out)
        async for _ in results:
            seen += 1
            if seen == 10 and how == "break":
                break
            if seen == 10 and how == "aclose":
                await results.aclose()
        return seen

    task = asyncio.create_task(consume())
    if how == "cancel":
        await asyncio.sleep(3.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    elif how == "stop elsewhere":
        await asyncio.sleep(3.5)
        await fan_out.stop()
        assert await task < 20
    else:
        assert await task == 10
    await fan_out.stop()
    assert (slots.held, slots.waiting) == (0, 0)
    assert not [task for task in asyncio.all_tasks() if "WorkerPool" in repr(task)]
    gc.collect()
    loop.set_exception_handler(None)
    assert complaints == []


async def test_a_failure_that_nobody_asks_for_is_not_complained_about() -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))

    async def work(index: int, item: int, slot: SlotLease) -> int:
        if item:
            raise RuntimeError("broken")
        return item

    async for _ in results_of(WorkerPool(Source(range(2)), work, slots=JobSlots(1), workers=1)):
        await asyncio.sleep(1)  # meanwhile all is done, and has failed
        break
    await asyncio.sleep(1)
    gc.collect()
    loop.set_exception_handler(None)
    assert complaints == []


async def test_work_that_ends_slowly_ends_at_the_second_cancellation() -> None:
    async def work(index: int, item: int, slot: SlotLease) -> int:
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            await asyncio.sleep(1_000)  # such as the search for a lost submission
            raise
        return item

    slots = JobSlots(2)
    task = asyncio.create_task(collect(WorkerPool(Source(range(9)), work, slots=slots, workers=2)))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.sleep(1)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.get_running_loop().time() < 10
    assert slots.held == 0
