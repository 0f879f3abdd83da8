"""A fair queue of callers that wait for a place, with one timer that wakes them.

Both limiters use it. The queue does not know what a place is: its owner decides in ``grant``
whether the caller at the head may proceed, or when to ask again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """Waiting callers in lanes; a lane is served only when those before it are empty.

    Args:
        lanes: The number of lanes; lane 0 goes first.
        grant: Called with a caller's token and the time. Returns 0 after it has taken a place for
            that caller, the seconds after which to ask again, or None if only an event (a place
            given back) can help.

    Attributes:
        waiting: The number of callers that wait.
    """

    def __init__(self, lanes: int, grant: Callable[[T, float], float | None]) -> None:
        self._lanes: tuple[deque[tuple[asyncio.Future[None], T]], ...] = tuple(
            deque() for _ in range(lanes)
        )
        self._grant = grant
        self._timer: asyncio.TimerHandle | None = None
        self.waiting: int = 0

    async def wait(
        self,
        lane: int,
        token: T,
        *,
        give_back: Callable[[], None],
        patience: float = math.inf,
    ) -> None:
        """Wait for a place in this lane.

        Args:
            lane: The lane to wait in.
            token: Identifies the caller to ``grant``.
            give_back: Gives the place back if the caller is cancelled just after it got one.
            patience: Seconds to wait at most.

        Raises:
            TimeoutError: No place was available within ``patience``.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        entry = (future, token)
        self._lanes[lane].append(entry)
        self.waiting += 1
        if len(self._lanes[lane]) == 1:  # behind another caller it cannot proceed either
            self.wake(loop)
        deadline = None
        if patience < math.inf and not future.done():
            deadline = loop.call_later(patience, self._expire, lane, entry)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:
                give_back()
            elif entry in self._lanes[lane]:
                self._remove(lane, entry)
            raise
        finally:
            if deadline is not None:
                deadline.cancel()

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake every caller that can proceed. Call after each change of state."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for lane in self._lanes:
            while lane:
                future, token = lane[0]
                if future.cancelled():
                    lane.popleft()
                    self.waiting -= 1
                    continue
                again = self._grant(token, loop.time())
                if again != 0.0:  # the callers behind it may not proceed either
                    if again is not None:
                        self._timer = loop.call_later(again, self.wake, loop)
                    return
                self.waiting -= 1
                lane.popleft()
                future.set_result(None)

    def _expire(self, lane: int, entry: tuple[asyncio.Future[None], T]) -> None:
        future, _ = entry
        self.wake(future.get_loop())  # a place may become free at this very moment
        if not future.done():
            self._remove(lane, entry)
            future.set_exception(TimeoutError())

    def _remove(self, lane: int, entry: tuple[asyncio.Future[None], T]) -> None:
        self._lanes[lane].remove(entry)
        self.waiting -= 1
        self.wake(entry[0].get_loop())

    def fail(self, error: Callable[[], Exception]) -> None:
        """Raise an exception in every caller that waits.

        Args:
            error: Returns the exception for one caller.
        """
        for lane in self._lanes:
            for future, _ in lane:
                if not future.done():
                    future.set_exception(error())
        self.forget()

    def forget(self) -> None:
        """Drop all callers, because their event loop has ended."""
        for lane in self._lanes:
            lane.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waiting = 0
