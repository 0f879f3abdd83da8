"""An event loop whose time is turned: it jumps to the next timer when nothing else is ready.

Hours of polling pass in milliseconds, and every run takes the same course. Sockets on loopback
work as usual, since both ends live on this loop: what one end has sent is there for the other
to read before the loop asks what to do next. Do not talk to other processes or threads on it:
time would not wait for their answers.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from time import sleep
from typing import Any, TypeVar, TypeVarTuple

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

# How long the loop pauses, in real seconds, before it turns the clock: a busy kernel may deliver
# what was sent on loopback a moment late. On a busy machine the pause becomes longer by itself.
_GRACE = 0.00005
# For the thread of a call, or for a socket to take more: its buffer is full, and the kernel may
# take a while to tell that the other end has read.
_GRACE_FOR_OTHERS = 1.0


class _Selector(selectors.DefaultSelector):
    loop: TurnedEventLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            return super().select(None)
        sleep(_GRACE)  # a selector would wait for a whole millisecond
        events = super().select(0)
        if events:
            return events
        if self.loop.threads:
            # A thread's work takes real time; it ends with a byte on the loop's own socket.
            return super().select(_GRACE_FOR_OTHERS)
        if any(key.events & selectors.EVENT_WRITE for key in self.get_map().values()):
            events = super().select(_GRACE_FOR_OTHERS)
        if not events:
            self.loop.turn(timeout)
        return events


class TurnedEventLoop(asyncio.SelectorEventLoop):
    """An event loop for tests; ``loop.time()`` starts at 0 and moves only by jumps.

    Use it as ``asyncio.Runner(loop_factory=TurnedEventLoop)``, or with anyio's pytest plugin as
    ``("asyncio", {"loop_factory": TurnedEventLoop})``.
    """

    def __init__(self) -> None:
        self._turned = 0.0
        self.threads: int = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The turned time, in seconds."""
        return self._turned

    def turn(self, seconds: float) -> None:
        """Move the time on."""
        self._turned += seconds

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual; time stands still until the thread is done."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """As usual, without a time limit: its threads end in real time."""
        await super().shutdown_default_executor()

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1
