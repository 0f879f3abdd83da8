"""A bounded set of workers over one source of items.

``asyncio.gather`` runs as many workers as items may be processed at once. Each worker pulls an
item, takes a slot, processes the item, and hands on the result. Workers pull one at a time, and a
worker that has pulled an item keeps its turn until it gets a slot. So items are pulled only as fast
as slots become free, one ahead. (A slot taken before the item would be idle while the worker waits
for the source, and two runs that feed each other through one set of slots would deadlock.) A task
for each item would cost ten times as much time, and memory for all items at once.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from typing import Generic, TypeVar

from heygen_async.session.slots import SlotLease, SlotPool
from heygen_async.session.sync_iterables import Pull, SyncReader, in_memory
from heygen_async.session.tasks import shield

T = TypeVar("T")
R = TypeVar("R")

# Number of items per worker by which a run may be ahead of its consumer; in an ordered run, ahead
# of its oldest unfinished item.
_AHEAD = 2
_AHEAD_ORDERED = 4


class Exhausted(Exception):
    """There are no more items."""


class Source(Generic[T]):
    """Hand out the items of an iterable with their positions.

    Args:
        items: Any iterable.
        pull: Where to read a sync iterable; a list, tuple or range is always read on the event
            loop.

    Attributes:
        closed: Whether it has stopped handing out items.
        exhausted: Whether all items were handed out.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T], pull: Pull = "thread") -> None:
        self.closed: bool = False
        self.exhausted: bool = False
        self._items = items
        self._reader: SyncReader[T] | None = None
        self._async: AsyncIterator[T] | None = None
        self._sync: Iterator[tuple[int, T]] | None = None
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
        elif pull == "loop" or in_memory(items):
            self._sync = enumerate(items)
        else:
            self._async = self._reader = SyncReader(items)
        self._next = 0
        self._pull: asyncio.Timeout | None = None  # wraps the wait for an async iterable

    def waits(self) -> bool:
        """Whether getting the next item requires a wait."""
        return self._sync is None and (self._reader is None or not self._reader.ready)

    async def length(self) -> int | None:
        """Return the number of items, or None if the iterable does not state it."""
        if self._reader is not None:
            return await self._reader.length()
        return len(self._items) if isinstance(self._items, Sized) else None

    async def pull(self) -> tuple[int, T]:
        """Return the next item and its position, from 0. One caller at a time.

        Raises:
            Exhausted: There are no more items, or the source was closed.
        """
        if self._async is None:
            return self.pull_nowait()
        if self.exhausted or self.closed:
            raise Exhausted
        pull = asyncio.timeout(None)
        try:
            async with pull:
                self._pull = pull
                item = await anext(self._async)
        except StopAsyncIteration:
            self.exhausted = True
            raise Exhausted from None
        except TimeoutError:
            if not pull.expired():
                raise  # its own
            raise Exhausted from None
        finally:
            self._pull = None
        self._next += 1
        return self._next - 1, item

    def pull_nowait(self) -> tuple[int, T]:
        """Return the next item as ``pull`` does, without waiting.

        Raises:
            Exhausted: There are no more items, or the source was closed.
        """
        if self.exhausted or self.closed:
            raise Exhausted
        if self._sync is not None:
            try:
                return next(self._sync)
            except StopIteration:
                self.exhausted = True
                raise Exhausted from None
        assert self._reader is not None
        self._next += 1
        return self._next - 1, self._reader.take()

    def close(self) -> None:
        """Stop handing out items, and cancel a wait for the next item."""
        self.closed = True
        if self._reader is not None:
            self._reader.stop()
        pull, self._pull = self._pull, None
        if pull is not None:
            pull.reschedule(0)

    async def aclose(self) -> None:
        """Stop handing out items, and end the thread that reads them."""
        self.close()
        if self._reader is not None:
            await self._reader.aclose()


class WorkerPool(Generic[T, R]):
    """Process all items, and hand on the results.

    ``start`` it, ``take`` results as long as there are ``more``, and ``stop`` it.

    Args:
        source: The items.
        work: Called with position, item and slot; it may release the slot early.
        slots: The pool of slots.
        workers: Maximum number of items that are processed at once.
        ordered: Hand on results in the order of the items. Default False: as they finish.

    Attributes:
        finished: The results to take.
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
        self.finished: deque[R] = deque()
        self._source = source
        self._work = work
        self._slots = slots
        self._workers = workers
        self._ordered = ordered
        self._turn = asyncio.Lock()
        self._queued = 0  # workers that have the turn or wait for it
        # Number of items that may be pulled before the consumer takes another result.
        self._room: float = workers * (_AHEAD_ORDERED if ordered else _AHEAD)
        self._room_grew = asyncio.Event()
        self._following = 0  # in an ordered run, the position whose result is handed on next
        self._held_back: dict[int, R] = {}  # results of later positions
        self._changed = asyncio.Event()  # something has finished, or everything is done
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Start to process the items."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._changed.set())

    async def more(self) -> bool:
        """Wait until there are results to take, and return False if no more will come.

        An exception of the source or of ``work`` is raised after the work in progress is done and
        its results have been taken.
        """
        task = self._task
        assert task is not None
        while not self.finished:
            if not task.done():
                self._changed.clear()
                await self._changed.wait()
            elif self._held_back:
                # An item without a result leaves a gap, with valid results behind it.
                self.finished.extend(
                    self._held_back.pop(index) for index in sorted(self._held_back)
                )
            else:
                if not self._stopped:
                    await task
                return False
        return True

    def take(self) -> R:
        """Return the next result."""
        self._room += 1
        if self._room == 1:
            self._room_grew.set()
        return self.finished.popleft()

    async def stop(self) -> None:
        """Cancel the work in progress, and wait until it has ended; ``more`` returns False."""
        self._source.close()
        self._stopped = True
        task = self._task
        if task is None:
            return
        try:
            if not task.done():
                task.cancel()
                # A cancel scope of anyio would also cancel this wait, repeatedly.
                with shield():
                    await asyncio.wait([task])
        except asyncio.CancelledError:
            # Work that ends slowly, such as finding out whether a submission was accepted, ends at
            # the second cancellation.
            task.cancel()
            with shield():
                await asyncio.wait([task])
            raise
        finally:
            if task.done() and not task.cancelled():
                task.exception()  # retrieved, or asyncio would log it

    async def _run(self) -> None:
        workers = (self._worker() for _ in range(self._workers))
        for result in await asyncio.gather(*workers, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _worker(self) -> None:
        source, finished = self._source, self.finished
        try:
            while True:
                slot = None
                if self._room > 0 and not (self._queued or source.waits()):
                    slot = self._slots.try_acquire()
                try:
                    if slot is None:
                        index, item, slot = await self._next()
                        if source.closed:
                            return
                    else:
                        index, item = source.pull_nowait()
                        self._room -= 1
                    result = await self._work(index, item, slot)
                finally:
                    if slot is not None:
                        slot.release()
                if not finished:
                    self._changed.set()
                if self._ordered:
                    self._held_back[index] = result
                    while self._following in self._held_back:
                        finished.append(self._held_back.pop(self._following))
                        self._following += 1
                else:
                    finished.append(result)
        except Exhausted:
            return
        except BaseException:
            source.close()
            self._room = math.inf
            self._room_grew.set()
            raise

    async def _next(self) -> tuple[int, T, SlotLease]:
        self._queued += 1
        try:
            async with self._turn:
                while self._room <= 0:
                    self._room_grew.clear()
                    await self._room_grew.wait()
                self._room -= 1
                index, item = await self._source.pull()
                return index, item, await self._slots.acquire()
        finally:
            self._queued -= 1
