"""The sandbox's clock: seconds since it opened, at a given speed or advanced manually."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """The time of the sandbox's jobs.

    It is derived from `source`, the clock of the running loop: on an event loop with simulated
    time, the sandbox follows that time.

    Args:
        source: A monotonic clock in seconds.
        speed: Sandbox seconds per second of `source`; with 0 it stands still until `advance`.
        epoch: Unix time at which the sandbox opens. Default: the present.

    Attributes:
        on_turn: Called after `advance` or a change of speed, in the calling thread, to wake code
            that sleeps until a certain time.

    Raises:
        ValueError: The speed is less than 0.
    """

    def __init__(
        self, source: Callable[[], float], *, speed: float = 1.0, epoch: float | None = None
    ) -> None:
        if speed < 0:
            raise ValueError("speed: expected a number >= 0")
        self.on_turn: Callable[[], object] | None = None
        self.epoch: float = time.time() if epoch is None else epoch
        self._source = source
        # Sandbox and source seconds at the last change, and the speed since then; replaced as one
        # object, because threads read the clock concurrently.
        self._course = (0.0, source(), speed)

    @property
    def speed(self) -> float:
        """Sandbox seconds per second of the source; a new value applies from now on.

        Raises:
            ValueError: The new value is less than 0.
        """
        return self._course[2]

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("speed: expected a number >= 0")
        source = self._source()
        self._course = (self._at(source), source, speed)
        self._notify()

    def restart(self) -> None:
        """Start counting now; time added by `advance` is kept."""
        turned, _, speed = self._course
        self._course = (turned, self._source(), speed)

    def now(self) -> float:
        """Return the sandbox seconds since the sandbox opened."""
        return self._at(self._source())

    def unix(self) -> float:
        """Return the sandbox time in unix seconds."""
        return self.epoch + self.now()

    def advance(self, seconds: float) -> None:
        """Advance the clock, whatever its speed.

        Args:
            seconds: Sandbox seconds, at least 0.

        Raises:
            ValueError: ``seconds`` is less than 0.
        """
        if seconds < 0:
            raise ValueError("seconds: expected a number >= 0, as the clock cannot go back")
        turned, started, speed = self._course
        self._course = (turned + seconds, started, speed)
        self._notify()

    def _at(self, source: float) -> float:
        turned, started, speed = self._course
        return turned + (source - started) * speed

    def _notify(self) -> None:
        if self.on_turn is not None:
            self.on_turn()
