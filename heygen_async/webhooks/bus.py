"""How a delivery that one process got reaches the process whose job it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeAlias

import msgspec

from heygen_async.endpoints.jobs import Jobs


class JobNews(msgspec.Struct, frozen=True):
    """Says that a job may have ended; ``heygen.jobs.hint`` takes its fields.

    Attributes:
        kind: Kind of the job, such as ``video``.
        job_id: Its id.
        verified: Whether a delivery that HeyGen signed says so.
        callback_id: What the delivery carried, or None.
    """

    kind: str
    job_id: str
    verified: bool = True
    callback_id: str | None = None


Listener: TypeAlias = Callable[[JobNews], object]


class Bus(Protocol):
    """Carries news of ended jobs between processes.

    It may lose some, repeat some and mix up their order: polling is the safety net.
    """

    async def publish(self, news: JobNews) -> None:
        """Tell all listeners, in this process and in others, that a job may have ended.

        Args:
            news: Which job.
        """
        ...

    def listen(self, listener: Listener) -> AbstractAsyncContextManager[None]:
        """Call ``listener``, on this event loop, for each news published while it is entered.

        Args:
            listener: Takes the news; what it returns is ignored.

        Returns:
            What is entered, and left to stop.
        """
        ...


class MemoryBus:
    """Joins receivers and clients of one process, such as several clients on one loop."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    async def publish(self, news: JobNews) -> None:
        """Tell all listeners.

        Args:
            news: Which job.
        """
        for listener in tuple(self._listeners):
            listener(news)

    @asynccontextmanager
    async def listen(self, listener: Listener) -> AsyncIterator[None]:
        """Call ``listener`` for each news published while this is entered.

        Args:
            listener: Takes the news; what it returns is ignored.
        """
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


class Waiter(Protocol):
    """A client, such as ``HeyGen``, whose jobs are waited for."""

    jobs: Jobs


def listening(bus: Bus, heygen: Waiter) -> AbstractAsyncContextManager[None]:
    """Let a client's jobs be settled by deliveries that other processes get.

    For a process without a receiver, such as a worker behind a queue; a ``WebhookReceiver`` with
    a ``bus`` listens by itself::

        async with HeyGen() as heygen, listening(bus, heygen):
            ...

    Args:
        bus: What the receivers publish to.
        heygen: The client.

    Returns:
        What is entered, and left to stop.
    """
    return bus.listen(lambda news: hint(heygen, news))


def hint(heygen: Waiter, news: JobNews) -> bool:
    """Have a client look at the job, if somebody waits for it there."""
    return heygen.jobs.hint(
        news.kind, news.job_id, callback_id=news.callback_id, verified=news.verified
    )
