"""``DeliveryProcessor``: handle each event once, before or after its delivery is answered."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from heygen_async.jobs.notification import JobNotification
from heygen_async.session.tasks import EagerCall, shield
from heygen_async.webhooks.apps.http_rules import WebhookAnswer
from heygen_async.webhooks.delivery_log import DeliveryLog
from heygen_async.webhooks.events import Callback, Event
from heygen_async.webhooks.handler_pool import HandlerPool
from heygen_async.webhooks.handlers import Handlers, run
from heygen_async.webhooks.listening import Waiter

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

OK = WebhookAnswer(200, "ok")
DUPLICATE = WebhookAnswer(200, "seen before")
HANDLER_FAILED = WebhookAnswer(500, "a handler failed")
BUSY = WebhookAnswer(503, "busy", {"Retry-After": "5"})

# Seconds of a claim that ends with its handlers: enough for a full backlog of slow handlers.
_LONG_LEASE = 3600.0
# Seconds. A claim in ``retry`` mode must outlast the handlers' timeout, even on a busy machine.
_LEASE_MARGIN = 30.0
# Seconds. Publishing precedes the answer, for which HeyGen waits 10 s.
_PUBLISH_TIMEOUT = 2.0


@dataclass(slots=True)
class WebhookCounts:
    """Counts of a receiver since it was made.

    Attributes:
        events: Verified events, each counted once.
        callbacks: Unsigned deliveries, each counted once.
        duplicates: Repeated deliveries.
        refused: Deliveries that failed verification or are not events.
        turned_away: Deliveries answered 503: the backlog was full, the delivery log did not answer,
            or the event was claimed elsewhere.
        recovered: Missed events that were fetched later.
        handler_errors: Handlers that raised an exception, took too long or were cancelled.
    """

    events: int = 0
    callbacks: int = 0
    duplicates: int = 0
    refused: int = 0
    turned_away: int = 0
    recovered: int = 0
    handler_errors: int = 0


@dataclass(slots=True)
class Delivery:
    """A delivery that was read.

    Attributes:
        event: The event, or the callback of an unsigned delivery.
        key: Identifies the event in the log.
        log: The log that deduplicates it.
        share: Share of the backlog that deliveries of its kind may fill.
        created: Unix seconds at which the event was created; minus infinity if that is not known.
    """

    event: Event | Callback
    key: str
    log: DeliveryLog
    share: float = 1.0
    created: float = -math.inf


class DeliveryProcessor:
    """Claims events, notifies waiting jobs, runs handlers, and records that the events are done.

    Args:
        heygen: The client that waits for jobs.
        handlers: The handlers of the app.
        pool: Runs handlers after the answer.
        counts: Counts what happens.
        retry: Whether handlers run before the answer, and a failed event is delivered again.
        handler_timeout: Seconds that the handlers of one event may take with ``retry``.
    """

    def __init__(
        self,
        heygen: Waiter,
        handlers: Handlers,
        pool: HandlerPool,
        counts: WebhookCounts,
        *,
        retry: bool,
        handler_timeout: float,
    ) -> None:
        self._heygen = heygen
        self._handlers = handlers
        self._pool = pool
        self._counts = counts
        self._retry = retry
        self._handler_timeout = handler_timeout
        self._lease = handler_timeout + _LEASE_MARGIN if retry else _LONG_LEASE
        self._publishing: tuple[JobNotification, ...] = ()

    async def process(self, delivery: Delivery) -> WebhookAnswer:
        """Process one delivery.

        Args:
            delivery: The delivery.

        Returns:
            The answer to it.
        """
        while (lost := self._pool.take_lost()) is not None:
            await lost.abandon()
        try:
            state = await delivery.log.begin(delivery.key, self._lease)
        except Exception:
            logger.exception("the delivery log cannot claim an event")
            return self.turn_away("the delivery log does not answer")
        if state == "in_progress" and self._retry:
            return self.turn_away("another delivery of the same event is in progress")
        if state != "new":
            self._counts.duplicates += 1
            return DUPLICATE
        claim = _Claim(self, delivery)
        try:
            await self._notify(delivery)
            if self._retry:
                return await self._run_in_time(claim)
            if not self._handlers.of(delivery.event):
                await claim.done()
                return OK
            if self._pool.put(claim, share=delivery.share):
                claim.handed_over = True
                return OK
            return self.turn_away("too much to do")
        finally:
            if not claim.handed_over:
                await claim.forget()

    async def recover(self, delivery: Delivery) -> bool:
        """Process an event from the account's list of past events.

        Args:
            delivery: The event.

        Returns:
            Whether its delivery had been missed.
        """
        if await delivery.log.begin(delivery.key, _LONG_LEASE) != "new":
            return False
        claim = _Claim(self, delivery)
        try:
            await self._notify(delivery)
            if self._retry:
                if await self.run_handlers(delivery.event):
                    await claim.done()
                return True
            claim.handed_over = await self._pool.put_when_free(claim)
            return claim.handed_over
        finally:
            if not claim.handed_over:
                await claim.forget()

    def turn_away(self, reason: str) -> WebhookAnswer:
        """Make HeyGen repeat a delivery later.

        Args:
            reason: The reason, for the log.

        Returns:
            The answer to the delivery.
        """
        self._counts.turned_away += 1
        logger.warning("a delivery was answered 503, and HeyGen will repeat it: %s", reason)
        return BUSY

    async def run_handlers(self, event: Event | Callback) -> bool:
        """Run all handlers of an event, one after another.

        Args:
            event: The event.

        Returns:
            Whether all of them succeeded.
        """
        failures = 0
        for handler in self._handlers.of(event):
            failures += not await run(handler, event)
        self._counts.handler_errors += failures
        return not failures

    def abandoned(self, event: Event | Callback) -> None:
        """Report an event whose handlers were cancelled before they ended.

        Args:
            event: The event.
        """
        self._counts.handler_errors += 1
        logger.warning(
            "the handlers of %s were cancelled because the event loop stopped or the receiver was "
            "closed; the event counts as not handled. An app whose event loop ends with each "
            "request (WSGI, asyncio.run) needs on_handler_error='retry'",
            type(event).__name__,
        )

    async def _run_in_time(self, claim: _Claim) -> WebhookAnswer:
        event = claim.delivery.event
        try:
            async with asyncio.timeout(self._handler_timeout):
                if not await self.run_handlers(event):
                    return HANDLER_FAILED
        except TimeoutError:
            self._counts.handler_errors += 1
            logger.exception("the handlers of %s took too long", type(event).__name__)
            return HANDLER_FAILED
        await claim.done()
        return OK

    def hear(self, notification: JobNotification) -> None:
        """Notify the waiter of a job, unless this processor is publishing the notification.

        Args:
            notification: The notification.
        """
        if notification not in self._publishing:
            self._heygen.jobs.notify(notification)

    async def _notify(self, delivery: Delivery) -> None:
        """Notify the jobs that wait here, then those that wait in other processes."""
        notifications = delivery.event.jobs
        for notification in notifications:
            self._heygen.jobs.notify(notification)
        self._publishing = notifications
        try:
            publishing = EagerCall(_publish(delivery.log, notifications))
            if not publishing.done:
                async with asyncio.timeout(_PUBLISH_TIMEOUT):
                    await publishing
        except Exception:  # polling finds the ends too
            logger.exception("the delivery log cannot publish a notification")
        finally:
            self._publishing = ()


async def _publish(log: DeliveryLog, notifications: Iterable[JobNotification]) -> None:
    for notification in notifications:
        await log.publish(notification)


class _Claim:
    """The claim on an event, and the work of its handlers after its delivery was answered.

    Attributes:
        delivery: The delivery of the event.
        handed_over: Whether a pool has the work now, which ends the claim.
    """

    def __init__(self, processor: DeliveryProcessor, delivery: Delivery) -> None:
        self.delivery = delivery
        self.handed_over = False
        self._processor = processor
        self._is_done = False

    async def run(self) -> None:
        """Run the handlers. A failure is logged and not repeated: the delivery was answered."""
        await self._processor.run_handlers(self.delivery.event)
        await self.done()

    async def abandon(self) -> None:
        """Report the event, and end the claim on it."""
        self._processor.abandoned(self.delivery.event)
        await self.forget()

    async def done(self) -> None:
        """Record that the event was handled. If that fails, the claim ends with its lease."""
        self._is_done = True
        await self._finish(self.delivery.log.done)

    async def forget(self) -> None:
        """End the claim unless the event is done; its next delivery is handled again."""
        if not self._is_done:
            await self._finish(self.delivery.log.forget)

    async def _finish(self, finish: Callable[[str], Awaitable[None]]) -> None:
        with shield():
            try:
                await finish(self.delivery.key)
            except Exception:
                logger.exception("the delivery log cannot end the claim on an event")
