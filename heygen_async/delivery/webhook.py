"""``WebhookSender``: notify a URL of each item, signed as HeyGen signs its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from heygen_async.delivery.hooks import item_event
from heygen_async.delivery.outage import Outage, TargetFailure
from heygen_async.errors import ConfigurationError, DeliveryError, InvalidRequest
from heygen_async.session.addresses import checked_address
from heygen_async.session.failures import TRANSPORT_ERRORS
from heygen_async.session.retry import REPEATED_5XX, retry_after_of
from heygen_async.session.session import Session
from heygen_async.webhooks.signature import signing_keys

_VARIABLE = "HEYGEN_NOTIFY_SECRET"

_TIMEOUT = 30.0  # seconds for one attempt
_MOST_REDIRECTS = 3
_PASSING = frozenset({408, 425, 429}) | REPEATED_5XX


class WebhookSender:
    """Post a notification about each item to a URL, until the receiver answers with 2xx.

    The body is JSON with ``event_id``, ``event_type`` (``item.completed`` or ``item.failed``),
    ``created_at`` and ``event_data``: ``id``, ``key``, ``status``, ``file``, ``url``, ``job_id``
    and ``error``. It is signed with HMAC-SHA256 in ``Heygen-Signature``, so
    ``heygen_async.webhooks.verify`` accepts it. An item can be posted more than once; its
    ``event_id`` is then the same, also in ``Heygen-Event-Id`` and ``Idempotency-Key``.

    Failed connections, timeouts, 408, 425, 429 and 5xx are repeated, with full jitter and after
    ``Retry-After``; other answers are not. A redirect is followed to the same host only.

    Args:
        url: An https URL; http for loopback only.
        secret: The secret. Default: the environment variable ``HEYGEN_NOTIFY_SECRET``.
        patience: Seconds for which notifications wait for a receiver that fails; None waits
            indefinitely.

    Attributes:
        name: Name for the journal and messages: the host, and digits computed from the URL.

    Raises:
        ConfigurationError: There is no secret, or it is invalid.
        InvalidRequest: The URL is invalid.
    """

    def __init__(
        self, url: str, *, secret: str | None = None, patience: float | None = 3600.0
    ) -> None:
        try:
            self._url: URL = checked_address(url)
        except InvalidRequest as error:
            raise InvalidRequest(f"notify: {error}", param="notify") from None
        secret = secret or os.environ.get(_VARIABLE)
        if not secret:
            raise ConfigurationError(
                f"notify: set the environment variable {_VARIABLE} to the secret that the receiver "
                "verifies signatures with"
            )
        (self._key,) = signing_keys(secret)
        digest = hashlib.sha256(str(self._url).encode()).hexdigest()[:8]
        self.name: str = f"notify {self._url.origin()} {digest}"
        self._outage = Outage(self.name, patience)

    def __repr__(self) -> str:
        return f"WebhookSender({self.name!r})"

    async def open(self) -> None:
        """Do nothing: the receiver may be down until the first item is done."""

    async def deliver(self, outcome: Any, session: Session) -> None:
        """Post the notification about an outcome.

        Raises:
            DeliveryError: The receiver refused it, or failed for too long.
        """
        event = item_event(outcome)
        body = msgspec.json.encode(event)
        headers = {
            "Content-Type": "application/json",
            "Heygen-Event-Id": event.event_id,
            "Idempotency-Key": event.event_id,
            "Heygen-Signature": hmac.digest(self._key, body, "sha256").hex(),
        }
        session.bind()
        await self._outage.attempt(lambda: self._post(session, body, headers))

    async def _post(self, session: Session, body: bytes, headers: dict[str, str]) -> None:
        address = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            status, location, retry_after = await self._send(session, address, body, headers)
            if status < 300:
                return
            if status not in (307, 308):
                raise self._failure(
                    f"answered {status}", passing=status in _PASSING, retry_after=retry_after
                )
            try:
                target = address.join(URL(location))
            except ValueError:
                target = URL()
            if target.scheme != address.scheme or target.authority != address.authority:
                raise self._failure("redirects to another host")
            address = target
        raise self._failure("redirects too often")

    async def _send(
        self, session: Session, address: URL, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str, float | None]:
        """Return the status of the answer, its ``Location`` and its ``Retry-After``."""
        now = time.time()
        headers = headers | {"Heygen-Timestamp": f"{now:.0f}"}
        try:
            response = await session.connection.media.post(
                address,
                data=body,
                timeout=aiohttp.ClientTimeout(
                    total=_TIMEOUT, sock_connect=session.settings.timeout.connect
                ),
                allow_redirects=False,
                **session.connection.media_options(address, headers),
            )
        except TRANSPORT_ERRORS as error:
            reason = (
                "does not answer in time"
                if isinstance(error, TimeoutError)
                else (f"cannot be reached ({type(error).__name__})")
            )
        else:
            response.close()
            answer = response.headers
            return response.status, answer.get("Location", ""), retry_after_of(answer, now)
        raise self._failure(reason, passing=True)

    def _failure(
        self, reason: str, *, passing: bool = False, retry_after: float | None = None
    ) -> TargetFailure:
        error = DeliveryError(f"notify: {self._url.origin()} {reason}")
        return TargetFailure(error, passing=passing, retry_after=retry_after)
