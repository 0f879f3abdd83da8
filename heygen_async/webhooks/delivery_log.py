"""``DeliveryLog``: deduplicate deliveries and pass notifications on between processes.

HeyGen delivers an event more than once, to any process of an app. A shared log makes sure that
its handlers run once, and that an event is not lost when its process is killed inside a handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal, Protocol, TypeAlias

from heygen_async.jobs.notification import JobNotification

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

DeliveryState: TypeAlias = Literal["new", "in_progress", "done"]
"""State of an event: ``new`` means that the caller has just claimed it."""

Listener: TypeAlias = Callable[[JobNotification], object]
"""A function that is called with each notification; its return value is ignored."""


class NotificationSource(Protocol):
    """A source of notifications about jobs that may have ended."""

    def subscribe(self, listener: Listener) -> AbstractAsyncContextManager[None]:
        """Call ``listener`` on this event loop for each notification while the block runs.

        Args:
            listener: Called with each notification. It returns at once; if it raises, that is
                logged, and the other listeners are called all the same.

        Returns:
            An async context manager; leaving it ends the subscription.
        """
        ...


class DeliveryLog(NotificationSource, Protocol):
    """A log of events that were delivered, and a channel of notifications.

    An event is unknown, in progress or done. ``begin`` claims an unknown event for the time of a
    lease: exactly one caller gets ``new``, however many ask at once, in whatever process. The
    claim ends with ``done``, with ``forget``, or with its lease, so an event whose process was
    killed can be claimed again. An event that is done stays done for at least 24 h, the time for
    which HeyGen repeats deliveries; neither ``begin`` nor ``forget`` changes it.

    Each call takes effect completely or not at all. It is durable when it returns, as far as the
    log is durable. ``publish`` may lose, repeat and reorder notifications, because polling finds
    what they would have said.

    A call may raise any exception, such as for a lost connection. A delivery whose event cannot be
    claimed is then answered 503, and HeyGen repeats it.
    """

    async def begin(self, event_id: str, lease: float) -> DeliveryState:
        """Claim an event, unless it is done or another claim is in force, in one step.

        Args:
            event_id: Identifies the event; up to 300 characters.
            lease: Seconds after which the claim ends by itself.

        Returns:
            ``new`` if the caller has the claim now, otherwise ``in_progress`` or ``done``.
        """
        ...

    async def done(self, event_id: str) -> None:
        """Record that the event was worked on, whoever holds the claim, if anybody.

        A handler may outlast its lease; its work is done all the same.

        Args:
            event_id: As for ``begin``.
        """
        ...

    async def forget(self, event_id: str) -> None:
        """End the claim, so that the next delivery of the event is worked on.

        An event that is done, or unknown, stays as it is.

        Args:
            event_id: As for ``begin``.
        """
        ...

    async def publish(self, notification: JobNotification) -> None:
        """Pass a notification to the subscribers in all processes.

        Only its fields may travel: the kind and id of the job, whether it was verified, and the
        ``callback_id`` that an unsigned one has to match. URLs and results never do.

        Args:
            notification: The notification.
        """
        ...


class MemoryDeliveryLog:
    """A ``DeliveryLog`` of one process, in memory.

    Args:
        capacity: Events that are remembered; the oldest are dropped first. Default 100,000, which
            take some 17 MB.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._claims: OrderedDict[str, float] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._listeners: list[Listener] = []

    def __len__(self) -> int:
        return len(self._claims) + len(self._done)

    async def begin(self, event_id: str, lease: float) -> DeliveryState:
        """Claim an event, unless it is done or another claim is in force.

        Args:
            event_id: Identifies the event.
            lease: Seconds after which the claim ends by itself.

        Returns:
            ``new``, ``in_progress`` or ``done``.
        """
        if event_id in self._done:
            self._done.move_to_end(event_id)
            return "done"
        now = asyncio.get_running_loop().time()
        if self._claims.get(event_id, now) > now:
            return "in_progress"
        self._claims[event_id] = now + lease
        self._claims.move_to_end(event_id)
        self._drop_oldest()
        return "new"

    async def done(self, event_id: str) -> None:
        """Record that the event was worked on.

        Args:
            event_id: As for ``begin``.
        """
        self._claims.pop(event_id, None)
        self._done[event_id] = None
        self._done.move_to_end(event_id)
        self._drop_oldest()

    async def forget(self, event_id: str) -> None:
        """End the claim, so that the next delivery of the event is worked on.

        Args:
            event_id: As for ``begin``.
        """
        self._claims.pop(event_id, None)

    async def publish(self, notification: JobNotification) -> None:
        """Pass a notification to all subscribers.

        Args:
            notification: The notification.
        """
        for listener in tuple(self._listeners):
            try:
                listener(notification)
            except Exception:
                logger.exception("a listener of job notifications failed")

    @asynccontextmanager
    async def subscribe(self, listener: Listener) -> AsyncIterator[None]:
        """Call ``listener`` for each notification while the block runs.

        Args:
            listener: Called with each notification.
        """
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _drop_oldest(self) -> None:
        """Keep within the capacity; claims are dropped last, because their events run now."""
        while len(self) > self.capacity:
            (self._done or self._claims).popitem(last=False)
