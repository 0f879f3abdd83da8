"""Stop the submissions of a worker whose items may be those of others by now."""

from __future__ import annotations

import asyncio
import math
import time

# The clock that goes on while a machine is suspended, where there is one.
_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Fence:
    """The lease of a worker, as its own process knows it; once it has ended it is never renewed.

    A worker that was suspended may find its items claimed by others. So each POST is preceded by a
    look at the clock, which goes on while a machine is suspended.
    """

    def __init__(self) -> None:
        self._until = math.inf  # until the first renewal nothing is claimed

    @staticmethod
    def now() -> float:
        """Return seconds of a clock that never stands still."""
        return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)

    @property
    def expired(self) -> bool:
        """Whether the lease may have ended."""
        return self.now() >= self._until

    def renewed(self, until: float) -> None:
        """Note that the store has renewed the lease.

        Args:
            until: When it ends, on the clock of ``now``.
        """
        self._until = until


class StopAtFence(asyncio.Event):
    """Set once submissions have stopped, or the lease may have ended.

    Args:
        fence: The lease.
    """

    def __init__(self, fence: Fence) -> None:
        super().__init__()
        self._fence = fence

    def is_set(self) -> bool:
        """Return whether nothing more may be sent."""
        if self._fence.expired:
            self.set()
        return super().is_set()
