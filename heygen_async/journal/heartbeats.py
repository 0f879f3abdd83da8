"""``Heartbeats``: keep an owner alive in stores whose leases expire."""

from __future__ import annotations

import asyncio
import logging
import secrets

from heygen_async.errors import JournalError
from heygen_async.journal.store import JournalStore

logger: logging.Logger = logging.getLogger("heygen_async.journal")

_MISSED = 3  # missed heartbeats after which an owner counts as dead


class Heartbeats:
    """Renew the lease of an owner from ``start`` to ``stop``, if the store requires it.

    Args:
        store: The store; open from ``start`` on.
    """

    def __init__(self, store: JournalStore) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Start the lease of a new owner, and return the owner.

        Raises:
            JournalError: The store has failed.
        """
        owner, every = secrets.token_hex(8), self._store.heartbeat_every
        if every is not None:
            await self._store.heartbeat(owner, every * _MISSED)
            self._task = asyncio.create_task(self._beat(owner, every))
        return owner

    async def stop(self) -> None:
        """Stop renewing the lease."""
        if self._task is not None and self._task.cancel():
            await asyncio.wait([self._task])

    async def _beat(self, owner: str, every: float) -> None:
        try:
            while True:
                await asyncio.sleep(every)
                await self._store.heartbeat(owner, every * _MISSED)
        except JournalError as error:  # callers that write to the store get it, too
            logger.warning("the claims of this process are not renewed any more: %s", error)
