"""The engine of bulk runs: a bounded set of workers over one source of items.

``asyncio.gather`` runs as many workers as jobs may run at once. Each pulls an item, takes a slot,
works on the item, gives the slot back, and hands on what came of it. They pull in turn, and
whoever has pulled keeps the turn until there is a slot, so that items are pulled only as fast as
slots free up, one ahead. (A slot taken first would lie idle while the source is waited for, and
two runs that feed each other through one set of slots would wait for each other.) A task for
each item would cost ten times as much, and memory for all items at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from heygen_async.batch.source import Exhausted, Source
from heygen_async.session.slots import SlotLease, SlotPool
from heygen_async.session.tasks import shield

T = TypeVar("T")
R = TypeVar("R")

# How far, in items per worker, a run may get ahead of its consumer; an ordered one ahead of its
# oldest unfinished item.
_AHEAD = 2
_AHEAD_ORDERED = 4


class FanOut(Generic[T, R]):
    """Works on all items, and gives what comes of them.

    Args:
        source: The items.
        work: Called with position, item and slot, which it may release early.
        slots: Where the slots come from.
        workers: How many items are worked on at once at most.
        ordered: Give results in the order of the items. Default False: as they come.
    """

    def __init__(
        self,
        source: Source[T],
        work: Callable[[int, T, SlotLease], Awaitable[R]],
        *,
        slots: SlotPool,
        workers: int,
        ordered: bool = False,
    ) -> None:
        self._source = source
        self._work = work
        self._slots = slots
        self._workers = workers
        self._ordered = ordered
        self._turn = asyncio.Lock()
        self._pace = _Pace(workers * (_AHEAD_ORDERED if ordered else _AHEAD))
        self._finished: deque[tuple[int, R]] = deque()
        self._news = asyncio.Event()  # something has finished, or all is done
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    async def results(self) -> AsyncGenerator[R]:
        """What comes of the items; call it once.

        Leaving the iteration, or cancelling it, cancels the work in progress. An exception of
        the source or of ``work`` is raised once the work in progress is done and handed on.
        """
        # Not a task group: its cancel scope must not stay open across the yields of a generator.
        self._task = task = asyncio.create_task(self._run())
        task.add_done_callback(lambda _: self._news.set())
        held_back: dict[int, R] = {}
        following = 0
        try:
            while self._finished or not task.done():
                if not self._finished:
                    self._news.clear()
                    await self._news.wait()
                    continue
                index, result = self._finished.popleft()
                if not self._ordered:
                    self._pace.given()
                    yield result
                    continue
                held_back[index] = result
                while following in held_back:
                    result = held_back.pop(following)
                    following += 1
                    self._pace.given()
                    yield result
            # An item without a result leaves a gap, and good results behind it.
            for index in sorted(held_back):
                yield held_back.pop(index)
            if not self._stopped:
                await task
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Cancel the work in progress and wait until it has ended; the results end too."""
        self._source.close()
        self._stopped = True
        task = self._task
        if task is None:
            return
        try:
            if not task.done():
                task.cancel()
                # A cancel scope of anyio would cancel this wait, too, and again and again.
                with shield():
                    await asyncio.wait([task])
        except asyncio.CancelledError:
            # Work that takes long to end, such as to learn what became of a submission, ends
            # at the second cancellation.
            task.cancel()
            with shield():
                await asyncio.wait([task])
            raise
        finally:
            if task.done() and not task.cancelled():
                task.exception()  # who has stopped does not ask for it any more

    async def _run(self) -> None:
        workers = (self._worker() for _ in range(self._workers))
        for result in await asyncio.gather(*workers, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _worker(self) -> None:
        try:
            while True:
                index, item, slot = self._next_at_once() or await self._next()
                try:
                    if self._source.stopped:
                        return
                    result = await self._work(index, item, slot)
                finally:
                    slot.release()
                self._finished.append((index, result))
                self._news.set()
        except Exhausted:
            return
        except BaseException:
            self._source.close()
            self._pace.lift()
            raise

    async def _next(self) -> tuple[int, T, SlotLease]:
        async with self._turn:
            await self._pace.room()
            index, item = await self._source.pull()
            return index, item, await self._slots.acquire()

    def _next_at_once(self) -> tuple[int, T, SlotLease] | None:
        """An item and its slot, where neither has to be waited for."""
        if self._source.waits or self._turn.locked() or not self._pace.room_now():
            return None
        slot = self._slots.try_acquire()
        if slot is None:
            return None
        try:
            index, item = self._source.pull_nowait()
        except BaseException:
            slot.release()
            raise
        self._pace.pulled()
        return index, item, slot


class _Pace:
    """Keeps a run from getting too far ahead of its consumer.

    Args:
        ahead: How far it may get, in items.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._pulled = 0
        self._given = 0
        self._lifted = False
        self._changed = asyncio.Event()

    async def room(self) -> None:
        """Wait until one more item may be pulled, and count it; for one caller at a time."""
        while not self.room_now():
            self._changed.clear()
            await self._changed.wait()
        self._pulled += 1

    def room_now(self) -> bool:
        """Whether one more item may be pulled."""
        return self._pulled - self._given < self._ahead or self._lifted

    def pulled(self) -> None:
        """Count an item that was pulled without waiting."""
        self._pulled += 1

    def given(self) -> None:
        """The consumer has got one result."""
        self._given += 1
        self._changed.set()

    def lift(self) -> None:
        """Hold nobody back any more."""
        self._lifted = True
        self._changed.set()
