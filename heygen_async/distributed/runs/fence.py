"""Stop the submissions of a worker whose items may have been claimed by others."""

from __future__ import annotations

import asyncio
import math
import time

# A clock that continues while a machine is suspended, if available.
_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Fence:
    """The lease of a worker, as known in its own process. A lease that has ended is never renewed.

    While a worker was suspended, others may have claimed its items. So the worker checks the clock,
    which continues while a machine is suspended, before each POST.
    """

    def __init__(self) -> None:
        self._until = math.inf  # nothing is claimed before the first renewal

    @staticmethod
    def now() -> float:
        """Return seconds of a clock that continues while the machine is suspended."""
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
    """An event that is set when submissions have stopped or the lease may have ended.

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
