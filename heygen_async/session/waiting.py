"""First in, first out: callers that wait for a place, and the one timer that wakes them.

Both limiters are built on this. Nothing here knows what a place is; the owner says through
``grant`` whether the caller at the head may go, or when to ask again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Queue:
    """Waiting callers in lanes; a lane is served only when those before it are empty.

    Args:
        lanes: How many lanes there are; lane 0 goes first.
        grant: Called with a lane's number and the time. Returns 0 after it has taken a place
            for that caller, a number of seconds after which to ask again, or None where only
            an event (a place given back) can help.
    """

    def __init__(self, lanes: int, grant: Callable[[int, float], float | None]) -> None:
        self._lanes: tuple[deque[asyncio.Future[None]], ...] = tuple(deque() for _ in range(lanes))
        self._grant = grant
        self._timer: asyncio.TimerHandle | None = None
        self.waiting: int = 0

    async def wait(self, lane: int, *, give_back: Callable[[], None]) -> None:
        """Wait for a place in this lane.

        Args:
            lane: The lane to stand in.
            give_back: Returns the place, for a caller that is cancelled just after it got one.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._lanes[lane].append(future)
        self.waiting += 1
        self.wake(loop)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                give_back()
            elif future in self._lanes[lane]:
                self._lanes[lane].remove(future)
                self.waiting -= 1
                self.wake(loop)
            raise

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let everybody go who may; called after every change that may let somebody go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for number, lane in enumerate(self._lanes):
            while lane:
                if lane[0].cancelled():
                    lane.popleft()
                    self.waiting -= 1
                    continue
                again = self._grant(number, loop.time())
                if again != 0.0:  # nor may those behind go
                    if again is not None:
                        self._timer = loop.call_later(again, self.wake, loop)
                    return
                self.waiting -= 1
                lane.popleft().set_result(None)

    def forget(self) -> None:
        """Drop everybody: their event loop is gone."""
        for lane in self._lanes:
            lane.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.waiting = 0
