"""``Heartbeats``: keep an owner alive in stores whose leases expire."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

from heygen_async.errors import JournalError
from heygen_async.journal.store import JournalStore

logger: logging.Logger = logging.getLogger("heygen_async.journal")

_MISSED = 3  # missed heartbeats after which an owner counts as dead
_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)

now: Callable[[], float] = (
    time.monotonic if _BOOT_CLOCK is None else partial(time.clock_gettime, _BOOT_CLOCK)
)
"""Return seconds of a clock that continues while the machine is suspended, if there is one."""


class OwnerLease:
    """The lease of an owner, as known in its own process.

    While a process is suspended, its lease can end, and others can claim its items. The process
    learns this from the clock before it submits them. All times are those of ``now``.

    Args:
        heartbeat: Renews the lease in the store for the given number of seconds.
        seconds: Duration of the lease after a heartbeat.
    """

    def __init__(self, heartbeat: Callable[[float], Awaitable[None]], seconds: float) -> None:
        self._heartbeat = heartbeat
        self._seconds = seconds
        self._since = math.inf
        self._until = -math.inf

    @property
    def expired(self) -> bool:
        """Whether the lease may have ended."""
        return now() >= self._until

    def unbroken(self, since: float) -> bool:
        """Return whether the lease has certainly lasted from a time until now.

        Others can have claimed no item that the owner claimed after this time.
        """
        return self._since <= since and not self.expired

    async def renew(self) -> None:
        """Renew the lease.

        Raises:
            JournalError: The store has failed.
        """
        sent_at = now()
        await self._heartbeat(self._seconds)
        if self.expired:  # before the heartbeat arrived, perhaps
            self._since = now()
        self._until = max(self._until, sent_at + self._seconds)


class Heartbeats:
    """Renew the lease of an owner from ``start`` to ``stop``, if the store requires it.

    Args:
        store: The store; open from ``start`` on.

    Attributes:
        lease: The lease, from ``start`` on; None if the store requires none.
    """

    def __init__(self, store: JournalStore) -> None:
        self.lease: OwnerLease | None = None
        self._store = store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Start the lease of a new owner, and return the owner.

        Raises:
            JournalError: The store has failed.
        """
        owner, every = secrets.token_hex(8), self._store.heartbeat_every
        if every is not None:
            self.lease = OwnerLease(partial(self._store.heartbeat, owner), every * _MISSED)
            await self.lease.renew()
            self._task = asyncio.create_task(self._beat(self.lease, every))
        return owner

    async def stop(self) -> None:
        """Stop renewing the lease."""
        if self._task is not None and self._task.cancel():
            await asyncio.wait([self._task])

    async def _beat(self, lease: OwnerLease, every: float) -> None:
        try:
            while True:
                await asyncio.sleep(every)
                await lease.renew()
        except JournalError as error:  # callers that write to the store get it, too
            logger.warning("the claims of this process are not renewed any more: %s", error)
