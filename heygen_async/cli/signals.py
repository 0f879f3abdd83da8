"""Ctrl-C and SIGTERM during a run: the first ends it gently, the second stops it at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

# Seconds that a run may still take after SIGTERM; the sender usually kills it soon after.
TERM_LIMIT = 30.0
# Seconds that answers to submissions may still take when a run is stopped at once.
ANSWER_LIMIT = 1.0


class Signals:
    """Handle SIGINT and SIGTERM during a run. Context manager.

    The first signal requests a gentle end. A second Ctrl-C cancels the task that entered, and each
    further Ctrl-C cancels it again, which ends even work that is otherwise not interrupted. SIGTERM
    cancels the task when its time limit is over. Outside the main thread no signals are handled.

    Args:
        gently: Called with the first signal, on the event loop.

    Attributes:
        received: The first signal, or None.
        at_once: Whether it was stopped at once, without waiting for answers to submissions.
    """

    def __init__(self, gently: Callable[[signal.Signals], None]) -> None:
        self.received: signal.Signals | None = None
        self.at_once: bool = False
        self._asked = False
        self._gently = gently
        self._before: dict[signal.Signals, Any] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Signals:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._take(number)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, before in self._before.items():
            # On Windows there is nothing to remove.
            with contextlib.suppress(NotImplementedError):
                self._loop.remove_signal_handler(number)
            signal.signal(number, before)

    def skip_first(self) -> None:
        """Treat the next signal as the second: the gentle end was requested in another way."""
        self._asked = True

    def _take(self, number: signal.Signals) -> None:
        before = signal.getsignal(number)
        try:
            self._loop.add_signal_handler(number, self._came, number)
        except NotImplementedError:  # Windows, where only Ctrl-C arrives
            if number != signal.SIGINT:
                return

            def came(_: int, frame: FrameType | None) -> None:
                self._loop.call_soon_threadsafe(self._came, number)

            signal.signal(number, came)
        self._before[number] = before

    def _came(self, number: signal.Signals) -> None:
        first = not self._asked
        if self.received is None:
            self.received = number
        if first:
            self._asked = True
            self._gently(number)
        if number == signal.SIGTERM:
            if self._timer is None:
                self._timer = self._loop.call_later(TERM_LIMIT, self._stop_at_once)
        elif not first:
            self._stop_at_once()

    def _stop_at_once(self) -> None:
        self.at_once = True
        self._task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        # The second cancellation ends the wait for answers to submissions.
        self._timer = self._loop.call_later(ANSWER_LIMIT, self._task.cancel)
