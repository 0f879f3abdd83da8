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

    Attributes:
        on_turn: Called after the clock was turned or its speed set, in whatever thread did it:
            for those who sleep until a moment of it.

    Raises:
        ValueError: The speed is less than 0.
    """

    def __init__(
        self, source: Callable[[], float], *, speed: float = 1.0, epoch: float | None = None
    ) -> None:
        if speed < 0:
            raise ValueError("speed must be 0 or more")
        self.on_turn: Callable[[], object] | None = None
        self.epoch: float = time.time() if epoch is None else epoch
        self._source = source
        # Sandbox seconds and the source's at the last change, and the speed since: replaced as
        # one, for threads that read the clock meanwhile.
        self._course = (0.0, source(), speed)

    @property
    def speed(self) -> float:
        """Sandbox seconds per second of the source; another one counts from now on.

        Raises:
            ValueError: Another one is less than 0.
        """
        return self._course[2]

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("speed must be 0 or more")
        source = self._source()
        self._course = (self._at(source), source, speed)
        self._tell()

    def restart(self) -> None:
        """Count from now on; what was turned by hand stays turned."""
        turned, _, speed = self._course
        self._course = (turned, self._source(), speed)

    def now(self) -> float:
        """Sandbox seconds since the sandbox opened."""
        return self._at(self._source())

    def unix(self) -> float:
        """Sandbox time in unix seconds."""
        return self.epoch + self.now()

    def advance(self, seconds: float) -> None:
        """Turn the clock forward, at any speed.

        Args:
            seconds: Sandbox seconds, 0 or more.

        Raises:
            ValueError: They are less than 0.
        """
        if seconds < 0:
            raise ValueError("the clock only runs forward")
        turned, started, speed = self._course
        self._course = (turned + seconds, started, speed)
        self._tell()

    def _at(self, source: float) -> float:
        turned, started, speed = self._course
        return turned + (source - started) * speed

    def _tell(self) -> None:
        if self.on_turn is not None:
            self.on_turn()
