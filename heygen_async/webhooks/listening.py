"""Settle the jobs of a client by deliveries to other processes."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from heygen_async.endpoints.jobs import Jobs
from heygen_async.webhooks.delivery_log import NotificationSource
from heygen_async.webhooks.seen_events import Bus


class Waiter(Protocol):
    """A client, such as ``HeyGen``, with waits for jobs."""

    jobs: Jobs


def listening(
    source: NotificationSource | Bus, heygen: Waiter
) -> AbstractAsyncContextManager[None]:
    """Settle a client's jobs by deliveries to other processes.

    For a process without a receiver, such as a worker behind a queue; a ``WebhookReceiver`` listens
    to its own log::

        async with HeyGen() as heygen, listening(log, heygen):
            ...

    Args:
        source: The ``DeliveryLog`` (or the ``Bus``) that the receivers publish to.
        heygen: The client.

    Returns:
        An async context manager; leaving it ends the subscription.
    """
    subscribe = source.listen if hasattr(source, "listen") else source.subscribe
    return subscribe(heygen.jobs.notify)
