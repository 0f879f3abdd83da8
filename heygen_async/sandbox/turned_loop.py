"""An event loop with simulated time: it jumps to the next timer when nothing else is ready.

Hours of polling pass in milliseconds, and every run takes the same course. Sockets on loopback work
as usual, because both ends are on this loop: data from one end is ready for the other before the
loop looks for its next step. Do not use it to communicate with other processes or threads: the time
does not wait for their answers.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from time import sleep
from typing import Any, TypeVar, TypeVarTuple

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

# Real seconds that the loop pauses before it advances the time: a busy kernel may deliver data on
# loopback with a delay. On a busy machine the pause becomes longer by itself.
_GRACE = 0.00005
# Real seconds to wait for the thread of a call, or for a socket with a full buffer: the kernel may
# take a while to report that the other end has read.
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
            # The work of a thread takes real time; its end is signalled on the loop's own socket.
            return super().select(_GRACE_FOR_OTHERS)
        if any(key.events & selectors.EVENT_WRITE for key in self.get_map().values()):
            events = super().select(_GRACE_FOR_OTHERS)
        if not events:
            self.loop.turn(timeout)
        return events


class TurnedEventLoop(asyncio.SelectorEventLoop):
    """An event loop for tests; ``loop.time()`` starts at 0 and only jumps.

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
        """Return the simulated time in seconds."""
        return self._turned

    def turn(self, seconds: float) -> None:
        """Advance the time."""
        self._turned += seconds

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function in a thread; the clock does not advance until it returns."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Shut down without a time limit, because the threads end in real time."""
        await super().shutdown_default_executor()

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1
