"""The sandbox's clock: seconds since it opened, at a chosen speed or turned by hand."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """Time as the sandbox's jobs see it.

    It is read from `source`, the running loop's own clock, and never slept on: on an event
    loop whose time is turned, the sandbox is turned with it.

    Args:
        source: A monotonic clock in seconds.
        speed: Sandbox seconds per second of `source`; 0 stands still until `advance`.
        epoch: Unix time at which the sandbox opens; the present by default.
    """

    def __init__(
        self, source: Callable[[], float], *, speed: float = 1.0, epoch: float | None = None
    ) -> None:
        if speed < 0:
            raise ValueError("speed must be 0 or more")
        self.speed = speed
        self.epoch = time.time() if epoch is None else epoch
        self._source = source
        self._started = source()
        self._turned = 0.0

    def restart(self) -> None:
        """Count from now on; what was turned by hand stays turned."""
        self._started = self._source()

    def now(self) -> float:
        """Sandbox seconds since the sandbox opened."""
        return self._turned + (self._source() - self._started) * self.speed

    def unix(self) -> float:
        """Sandbox time in unix seconds."""
        return self.epoch + self.now()

    def advance(self, seconds: float) -> None:
        """Turn the clock forward by so many sandbox seconds, at any speed."""
        if seconds < 0:
            raise ValueError("the clock only runs forward")
        self._turned += seconds
