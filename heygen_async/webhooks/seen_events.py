"""The interfaces of version 0.1.0 that ``DeliveryLog`` replaces, and an adapter for them.

Version 0.1.0 had a store of received events (``SeenEvents``) and a ``Bus`` for notifications. Both
remain supported: ``WebhookReceiver(seen=…, bus=…)``.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from heygen_async.jobs.notification import JobNotification
from heygen_async.webhooks.delivery_log import DeliveryState, Listener, MemoryDeliveryLog


class SeenEvents(Protocol):
    """A store of received events. ``DeliveryLog`` loses fewer events when a process is killed.

    HeyGen repeats a delivery for up to 24 h; a store should remember events for as long.
    """

    async def add(self, key: str) -> bool:
        """Record an event in one atomic step, unless it is recorded already.

        Args:
            key: Identifies the event; up to 300 characters.

        Returns:
            Whether it is new.
        """
        ...

    async def discard(self, key: str) -> None:
        """Remove an event; its next delivery is handled again.

        Args:
            key: As for ``add``.
        """
        ...


class MemorySeen:
    """A store of the latest events of this process.

    Args:
        capacity: The most events to remember; the oldest are dropped first.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._keys: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    async def add(self, key: str) -> bool:
        """Record an event, unless it is recorded already.

        Args:
            key: Identifies the event.

        Returns:
            Whether it is new.
        """
        return self.note(key)

    def note(self, key: str) -> bool:
        """Do what ``add`` does, without an event loop.

        Args:
            key: Identifies the event.

        Returns:
            Whether it is new.
        """
        if key in self._keys:
            self._keys.move_to_end(key)
            return False
        self._keys[key] = None
        if len(self._keys) > self.capacity:
            self._keys.popitem(last=False)
        return True

    async def discard(self, key: str) -> None:
        """Remove an event; its next delivery is handled again.

        Args:
            key: As for ``add``.
        """
        self._keys.pop(key, None)


class Bus(Protocol):
    """A channel of notifications between processes. It may lose, repeat and reorder them."""

    async def publish(self, news: JobNotification) -> None:
        """Pass a notification to all listeners, in this process and in others.

        Args:
            news: The notification.
        """
        ...

    def listen(self, listener: Listener) -> AbstractAsyncContextManager[None]:
        """Call ``listener``, on this event loop, for each notification while the block runs.

        Args:
            listener: Called with each notification.

        Returns:
            An async context manager; leaving it ends the subscription.
        """
        ...


class MemoryBus:
    """A ``Bus`` of one process, such as for several clients on one loop."""

    def __init__(self) -> None:
        self._log = MemoryDeliveryLog()

    async def publish(self, news: JobNotification) -> None:
        """Pass a notification to all listeners.

        Args:
            news: The notification.
        """
        await self._log.publish(news)

    def listen(self, listener: Listener) -> AbstractAsyncContextManager[None]:
        """Call ``listener`` for each notification while the block runs.

        Args:
            listener: Called with each notification.

        Returns:
            An async context manager; leaving it ends the subscription.
        """
        return self._log.subscribe(listener)


class SeenEventsLog:
    """A ``DeliveryLog`` on top of ``SeenEvents`` and ``Bus``.

    The store cannot distinguish an event in progress from one that is done, so claims are known in
    this process only. For other processes, and after a crash, a claimed event counts as done.

    Args:
        seen: The store of events.
        bus: The channel of notifications.
    """

    def __init__(self, seen: SeenEvents, bus: Bus) -> None:
        self._seen = seen
        self._bus = bus
        self._claims: dict[str, float] = {}

    async def begin(self, event_id: str, lease: float) -> DeliveryState:
        """Claim an event, unless it is recorded already.

        Args:
            event_id: Identifies the event.
            lease: Seconds after which the claim ends by itself.

        Returns:
            ``new``, ``in_progress`` or ``done``.
        """
        until = asyncio.get_running_loop().time() + lease
        if event_id not in self._claims:
            # Claimed before the store answers, or two callers of this process could both get it.
            self._claims[event_id] = until
            try:
                is_new = await self._seen.add(event_id)
            except BaseException:
                del self._claims[event_id]
                raise
            if not is_new:
                del self._claims[event_id]
                return "done"
            return "new"
        if self._claims[event_id] > asyncio.get_running_loop().time():
            return "in_progress"
        self._claims[event_id] = until
        return "new"

    async def done(self, event_id: str) -> None:
        """Record that the event was handled; ``begin`` has already added it to the store.

        Args:
            event_id: As for ``begin``.
        """
        if self._claims.pop(event_id, None) is None:
            await self._seen.add(event_id)

    async def forget(self, event_id: str) -> None:
        """End the claim, and remove the event from the store.

        Args:
            event_id: As for ``begin``.
        """
        if event_id in self._claims:
            await self._seen.discard(event_id)
            self._claims.pop(event_id, None)

    async def publish(self, notification: JobNotification) -> None:
        """Publish on the bus.

        Args:
            notification: The notification.
        """
        await self._bus.publish(notification)

    def subscribe(self, listener: Listener) -> AbstractAsyncContextManager[None]:
        """Listen to the bus.

        Args:
            listener: Called with each notification.

        Returns:
            An async context manager; leaving it ends the subscription.
        """
        return self._bus.listen(listener)
