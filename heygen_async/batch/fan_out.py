"""The engine of bulk runs: a bounded set of workers over one source of items.

``asyncio.gather`` runs as many workers as jobs may run at once. Each takes a slot, pulls the next
item, works on it, gives the slot back, and hands on what came of it, so that items are pulled
only as fast as slots free up. A task for each item would cost ten times as much, and memory for
all items at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from heygen_async.batch.source import Exhausted, Source
from heygen_async.session.slots import JobSlots, Slot

T = TypeVar("T")
R = TypeVar("R")

# How far, in items per worker, an ordered run may get ahead of the oldest one unfinished.
_AHEAD = 4


async def fan_out(
    source: Source[T],
    work: Callable[[int, T, Slot], Awaitable[R]],
    *,
    slots: JobSlots,
    workers: int,
    ordered: bool = False,
) -> AsyncGenerator[R]:
    """Work on all items and yield what comes of them, as it comes or in order.

    Leaving the iteration, or cancelling it, cancels the work in progress. An exception of the
    source or of ``work`` is raised once the work in progress is done.

    Args:
        source: The items; nothing is pulled before there is a slot for it.
        work: Called with position, item and slot, which it may release early.
        slots: Where the slots come from.
        workers: How many items are worked on at once at most.
        ordered: Yield in the order of the items; the run then gets at most a few items per
            worker ahead of the oldest unfinished one.
    """
    # Bounded, so that a slow consumer slows the work down instead of filling the memory.
    finished: asyncio.Queue[tuple[int, R] | None] = asyncio.Queue(workers)
    order = _Order(workers * _AHEAD) if ordered else None

    async def worker() -> None:
        while True:
            if order is not None:
                await order.room()
            slot = await slots.acquire()
            try:
                index, item = await source.pull()
                if order is not None:
                    order.pulled = index + 1
                result = await work(index, item, slot)
            except Exhausted:
                return
            except BaseException:
                source.close()
                raise
            finally:
                slot.release()
            await finished.put((index, result))

    async def run() -> None:
        results = await asyncio.gather(*(worker() for _ in range(workers)), return_exceptions=True)
        await finished.put(None)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    # Not a task group: its cancel scope must not stay open across the yields of a generator.
    task = asyncio.create_task(run())
    held_back: dict[int, R] = {}
    try:
        while (one := await finished.get()) is not None:
            index, result = one
            if order is None:
                yield result
                continue
            held_back[index] = result
            while order.next in held_back:
                result = held_back.pop(order.next)
                order.advance()
                yield result
        await task
    finally:
        source.close()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


class _Order:
    """Keeps an ordered run from getting too far ahead of its oldest unfinished item.

    Args:
        ahead: How far it may get, in items.
    """

    def __init__(self, ahead: int) -> None:
        self.next = 0
        self.pulled = 0
        self._ahead = ahead
        self._advanced = asyncio.Event()

    async def room(self) -> None:
        """Wait until one more item may be pulled."""
        while self.pulled - self.next >= self._ahead:
            self._advanced.clear()
            await self._advanced.wait()

    def advance(self) -> None:
        """The oldest unfinished item has been yielded."""
        self.next += 1
        self._advanced.set()
