"""``HandlerPool``: bounded work that continues after its request was answered."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from typing import Protocol, cast


class PooledWork(Protocol):
    """One piece of work. Neither method raises."""

    async def run(self) -> None:
        """Do the work."""
        ...

    async def abandon(self) -> None:
        """Undo the acceptance of work that did not run to its end."""
        ...


class HandlerPool:
    """Runs work in the order in which it was accepted, with a limited number of tasks.

    Each accepted piece of work is either run to its end or abandoned, even if the event loop ends
    first. An idle pool has no task.

    Args:
        workers: The most pieces of work to run at the same time.
        backlog: The most pieces of work that may wait.

    Attributes:
        open: Whether work is accepted; False after ``drain``.
    """

    def __init__(self, workers: int, backlog: int) -> None:
        self.backlog = backlog
        self.open: bool = True
        self._max_workers = workers
        self._waiting: deque[PooledWork] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._running: dict[asyncio.Task[None], PooledWork] = {}
        self._room = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._waiting) + len(self._workers)

    def put(self, work: PooledWork, *, share: float = 1.0) -> bool:
        """Accept work if there is room.

        Args:
            work: The work.
            share: Share of the backlog that this kind of work may fill, 0 to 1.

        Returns:
            Whether it was accepted.
        """
        if not self.open or len(self._waiting) >= self.backlog * share:
            return False
        self._waiting.append(work)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Workers of a loop that was stopped without cancelling them never continue.
            self._loop, self._workers = loop, set()
        if len(self._workers) < self._max_workers:
            # A context of its own: the work outlives the request that brought it.
            self._workers.add(loop.create_task(self._run(), context=contextvars.Context()))
        return True

    async def put_when_free(self, work: PooledWork) -> bool:
        """Accept work as soon as there is room.

        Args:
            work: The work.

        Returns:
            Whether it was accepted; False if the pool was drained meanwhile.
        """
        while not self.put(work):
            if not self.open:
                return False
            self._room.clear()
            await self._room.wait()
        return True

    async def drain(self, patience: float) -> int:
        """Wait until all work is done, then close; abandon unfinished work after ``patience``.

        Args:
            patience: Seconds to wait at most.

        Returns:
            The number of pieces of work that were abandoned.
        """
        if self._workers:
            await asyncio.wait(self._workers, timeout=patience)
        abandoned = len(self)
        self.open = False
        self._room.set()  # callers that wait for room learn that the pool is closed
        workers, self._workers = self._workers, set()
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)
        await self._abandon_waiting()
        return abandoned

    async def _run(self) -> None:
        worker = cast(asyncio.Task[None], asyncio.current_task())
        try:
            while self._waiting:
                work = self._running[worker] = self._waiting.popleft()
                self._room.set()
                try:
                    await work.run()
                except asyncio.CancelledError:
                    await work.abandon()
                    raise
        except asyncio.CancelledError:
            # The event loop ends, as after each request of a WSGI app. The waiting work may never
            # get another one.
            await self._abandon_waiting()
            raise
        finally:
            # Not in a done callback, which runs later: work that is put in meanwhile would rely on
            # this worker.
            self._workers.discard(worker)
            self._running.pop(worker, None)

    def take_lost(self) -> PooledWork | None:
        """Remove and return work of an event loop that was closed without cancelling it."""
        for worker in self._running:
            if worker.get_loop().is_closed():
                return self._running.pop(worker)
        return None

    async def _abandon_waiting(self) -> None:
        while self._waiting:
            await self._waiting.popleft().abandon()
