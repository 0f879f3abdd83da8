"""Work that goes on after its request was answered: bounded, and finished before the end."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

Work: TypeAlias = Callable[[], Awaitable[object]]


class Worklist:
    """Runs what is put on it, first come, first served. Work must not raise.

    Where nothing is to do there is no task.

    Args:
        workers: How much is worked on at the same time.
        backlog: How much may wait besides.

    Attributes:
        open: Whether work is taken; ``drain`` ends that.
    """

    def __init__(self, workers: int, backlog: int) -> None:
        self.backlog = backlog
        self.open: bool = True
        self._most_workers = workers
        self._waiting: deque[Work] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._has_room = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._workers)

    def put(self, work: Work, *, share: float = 1.0) -> bool:
        """Put work on the list, if there is room.

        Args:
            work: What to await.
            share: Of the room for what waits, how much may be full already.

        Returns:
            Whether there was room.
        """
        if not self.open or len(self._waiting) >= self.backlog * share:
            return False
        self._waiting.append(work)
        if len(self._workers) < self._most_workers:
            # A context of its own: it outlives the request that brought it.
            loop = asyncio.get_running_loop()
            self._workers.add(loop.create_task(self._work(), context=contextvars.Context()))
        return True

    async def put_in_time(self, work: Work) -> bool:
        """Put work on the list as soon as there is room.

        Returns:
            Whether it is there; False where the list was drained meanwhile.
        """
        while not self.put(work):
            if not self.open:
                return False
            self._has_room.clear()
            await self._has_room.wait()
        return True

    async def drain(self, patience: float) -> int:
        """Wait until all is done, at most so many seconds; then end what is left.

        Returns:
            How much was not done.
        """
        if self._workers:
            await asyncio.wait(self._workers, timeout=patience)
        left = len(self)
        self.open = False
        self._waiting.clear()
        self._has_room.set()  # who waits for room waits no longer
        workers, self._workers = self._workers, set()
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)
        return left

    async def _work(self) -> None:
        try:
            while self._waiting:
                work = self._waiting.popleft()
                self._has_room.set()
                await work()
        finally:
            # Not in a callback, which comes later: what is put on the list in between would take
            # this worker for one that goes on.
            self._workers.discard(cast(asyncio.Task[None], asyncio.current_task()))
