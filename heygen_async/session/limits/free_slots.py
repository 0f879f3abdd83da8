"""``FreeSlots``: a pool for submissions that do not wait for slots of the account."""

from __future__ import annotations

import asyncio
import math

from heygen_async.session.limits.request_limiter import check_patience
from heygen_async.session.slots import Priority, SlotPool, SlotStats


class FreeSlots(SlotPool):
    """Hands out a lease to every caller, and counts them.

    HeyGen itself schedules the items of its own batches, so they need no slot here.

    Args:
        ceiling: The most leases that its user takes at once, reported by ``stats``.
    """

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._held = 0
        self._running = 0
        self._held_seconds = 0.0  # minus the start time of each lease that is held
        self._since: float | None = None

    @property
    def closed(self) -> bool:
        """False: submissions are never paused."""
        return False

    def try_acquire(self) -> FreeLease:
        """Return a lease."""
        return FreeLease(self)

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> FreeLease:
        """Return a lease."""
        return FreeLease(self)

    async def refused_without_lease(self, retry_after: float, patience: float) -> FreeLease:
        """Wait for as long as HeyGen asked, and return a lease."""
        lease = FreeLease(self)
        await lease.refused(retry_after, patience)
        return lease

    async def wait_open(self, patience: float) -> FreeLease:
        """Return a lease."""
        return FreeLease(self)

    def stats(self) -> SlotStats:
        """Return the figures of the moment."""
        now = self._now() if self._since is not None else 0.0
        return SlotStats(
            held=self._held,
            running=self._running,
            waiting=0,
            limit=None,
            ceiling=self._ceiling,
            refusals=0,
            held_seconds=self._held_seconds + now * self._held,
            limit_seconds=0.0 if self._since is None else (now - self._since) * self._ceiling,
        )

    async def aclose(self) -> None:
        """Do nothing: nothing waits."""

    def count(self, held: int, running: int) -> None:
        """Change the numbers of leases that are held and running."""
        now = self._now()
        if self._since is None:
            self._since = now
        self._held += held
        self._running += running
        self._held_seconds -= held * now

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class FreeLease:
    """A lease that takes no slot.

    Attributes:
        lost: False: it cannot be lost.
    """

    __slots__ = ("_pool", "_running")

    lost: bool = False

    def __init__(self, pool: FreeSlots) -> None:
        self._pool: FreeSlots | None = pool
        self._running = 0
        pool.count(1, 0)

    def accepted(self) -> None:
        """Count the job as running."""
        if self._pool is not None and not self._running:
            self._running = 1
            self._pool.count(0, 1)

    def release(self) -> None:
        """Stop counting the lease; further calls do nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.count(-1, -self._running)

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Wait for as long as HeyGen asked.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.

        Raises:
            RateLimited: ``retry_after`` is longer than ``patience``.
        """
        check_patience(retry_after, patience)
        await asyncio.sleep(retry_after)
