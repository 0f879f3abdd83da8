"""``RedisDeliveryLog``: the delivery log of all processes of an app."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec

from heygen_async.distributed.server import RedisServer, Script, checked_account, server_of
from heygen_async.jobs.notification import JobNotification
from heygen_async.webhooks.delivery_log import DeliveryState, Listener

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

_SCRIPT = Script("deliveries.lua")
_LONGEST_WAIT = 2.0  # seconds to wait for a subscription, which then continues in the background


class RedisDeliveryLog:
    """A ``DeliveryLog`` for all processes of an app, in Redis or Valkey.

    Pass it as ``WebhookReceiver(…, log=log)`` in processes that receive deliveries, and as
    ``HeyGen(deliveries=log)`` in processes that wait for jobs: a delivery to one process ends the
    wait in another. Only the kind and the id of a job pass through the server, and only for signed
    deliveries; the waiting process fetches the result from the API. An unsigned callback ends waits
    in the process that receives it; other processes detect the end by polling.

    While the server is unreachable, deliveries are answered with 503, so HeyGen repeats them, and
    waits continue by polling.

    Extra ``redis``. Redis 6.2 or later, Valkey 8 or later.

    Args:
        server: The server's URL: ``redis://``, ``rediss://`` (TLS) or ``unix://``; or a
            ``RedisServer``.
        account: Name of the account, the same in all its processes. Not the API key.

    Raises:
        ConfigurationError: The URL or the name is invalid.
    """

    def __init__(self, server: str | RedisServer, *, account: str) -> None:
        self._server = server_of(server)
        self._account = checked_account(account)
        self._channel = f"heygen:{{{account}}}:jobs"

    def __repr__(self) -> str:
        return f"RedisDeliveryLog({self._server.address!r}, account={self._account!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _log, (type(self), self._server, self._account)

    async def begin(self, event_id: str, lease: float) -> DeliveryState:
        """Claim an event, unless it is done or another claim is in force.

        Args:
            event_id: Identifier of the event.
            lease: Seconds after which the claim expires.

        Returns:
            ``new``, ``in_progress`` or ``done``.

        Raises:
            Exception: The server is unreachable.
        """
        return cast("DeliveryState", (await self._run(event_id, "begin", repr(lease))).decode())

    async def done(self, event_id: str) -> None:
        """Record that the event was processed; the record is kept for 25 hours.

        Args:
            event_id: As for ``begin``.

        Raises:
            Exception: The server is unreachable.
        """
        await self._run(event_id, "done")

    async def forget(self, event_id: str) -> None:
        """End the claim, so that the next delivery of the event is processed.

        Args:
            event_id: As for ``begin``.

        Raises:
            Exception: The server is unreachable.
        """
        await self._run(event_id, "forget")

    async def publish(self, notification: JobNotification) -> None:
        """Pass a notification to the subscribers in all processes, if it is verified.

        Args:
            notification: The notification.

        Raises:
            Exception: The server is unreachable.
        """
        if not notification.verified:
            return
        fields = {"kind": notification.kind, "job_id": notification.job_id}
        async with self._server.connect() as redis:
            await self._server.publish(redis, self._channel, msgspec.json.encode(fields))

    @asynccontextmanager
    async def subscribe(self, listener: Listener) -> AsyncIterator[None]:
        """Call ``listener`` for each notification while the block runs.

        A lost connection is reopened. Notifications published in the meantime are lost; polling
        compensates for them. The block starts after at most two seconds, even if the server is
        unreachable.

        Args:
            listener: Called with each notification.
        """
        opened = asyncio.Event()

        def on_message(channel: str, message: str) -> None:
            try:
                listener(msgspec.json.decode(message, type=JobNotification))
            except Exception:
                logger.exception("a listener of job notifications failed")

        task = asyncio.create_task(self._server.listen([self._channel], on_message, opened.set))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_WAIT):
                    await opened.wait()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, event_id: str, *arguments: str) -> bytes:
        key = f"heygen:{{{self._account}}}:event:{event_id}"
        return cast("bytes", await self._server.run_once(_SCRIPT, [key], arguments))


def _log(kind: type[RedisDeliveryLog], server: RedisServer, account: str) -> RedisDeliveryLog:
    return kind(server, account=account)
