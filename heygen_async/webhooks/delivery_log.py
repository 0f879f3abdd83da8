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
            listener: Called with each notification. It must return at once. An exception from it is
                logged, and the other listeners are still called.

        Returns:
            An async context manager; leaving it ends the subscription.
        """
        ...


class DeliveryLog(NotificationSource, Protocol):
    """A log of events that were delivered, and a channel of notifications.

    An event is unknown, in progress or done. ``begin`` claims an unknown event for the time of a
    lease: exactly one caller gets ``new``, however many call it at once, in any process. The claim
    ends with ``done``, with ``forget``, or with its lease, so an event whose process was killed can
    be claimed again. An event that is done stays done for at least 24 h, the time for which HeyGen
    repeats deliveries; neither ``begin`` nor ``forget`` changes it.

    Each call takes effect completely or not at all. It is durable when it returns, as far as the
    log is durable. ``publish`` may lose, repeat and reorder notifications, because polling finds
    the same ends.

    A call may raise any exception, for example if a connection is lost. If the event of a delivery
    cannot be claimed, the answer is 503, and HeyGen repeats the delivery.
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
        """Record that the event was handled, even if another caller or none holds the claim.

        A handler may outlast its lease; its work is done nevertheless.

        Args:
            event_id: As for ``begin``.
        """
        ...

    async def forget(self, event_id: str) -> None:
        """End the claim; the next delivery of the event is handled again.

        An event that is done or unknown is not changed.

        Args:
            event_id: As for ``begin``.
        """
        ...

    async def publish(self, notification: JobNotification) -> None:
        """Pass a notification to the subscribers in all processes.

        Only its fields may be sent: the kind and id of the job, whether it was verified, and the
        ``callback_id`` that an unsigned one has to match. URLs and results are never sent. An
        unsigned one need not be passed on.

        Args:
            notification: The notification.
        """
        ...


class MemoryDeliveryLog:
    """A ``DeliveryLog`` of one process, in memory.

    Args:
        capacity: The most events to remember; the oldest are dropped first. Default 100,000, which
            take about 17 MB.
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
        """Record that the event was handled.

        Args:
            event_id: As for ``begin``.
        """
        self._claims.pop(event_id, None)
        self._done[event_id] = None
        self._done.move_to_end(event_id)
        self._drop_oldest()

    async def forget(self, event_id: str) -> None:
        """End the claim; the next delivery of the event is handled again.

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
                logger.exception("a listener of job notifications raised an exception")

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
        """Drop the oldest events above the capacity; claims last, because their handlers run."""
        while len(self._claims) + len(self._done) > self.capacity:
            (self._done or self._claims).popitem(last=False)
