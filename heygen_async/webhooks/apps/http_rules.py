"""HTTP rules of deliveries, the same for all web frameworks.

The adapter of a framework first calls ``answer_without_body``. If that returns None, it reads the
body within ``max_body`` and ``body_timeout`` and passes it to ``handle``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

_METHODS = {"Allow": "OPTIONS, POST"}
# The rest of the body is not read, so the connection cannot be reused.
_CLOSE = {"Connection": "close"}
# Most digits of a Content-Length; Python needs quadratic time to convert thousands of them.
_LONGEST_LENGTH = 15


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The answer to a delivery.

    Attributes:
        status: HTTP status. HeyGen repeats a delivery whose answer is not 2xx, for up to 24 h.
        text: A short explanation for people who read the traffic; plain text.
        headers: Further headers.
    """

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class DeliveryTarget(Protocol):
    """A receiver of deliveries, as the adapters of web frameworks need it.

    Attributes:
        max_body: The most bytes of a body.
        body_timeout: The most seconds for a body to arrive.
    """

    max_body: int
    body_timeout: float

    async def handle(self, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Process one delivery and return the answer to it."""
        ...

    def lifespan(self, app: object = None) -> AbstractAsyncContextManager[None]:
        """Open the receiver when an app starts, and close it when the app ends."""
        ...


TOO_LARGE = WebhookAnswer(413, "body too large", _CLOSE)
TOO_SLOW = WebhookAnswer(408, "body too slow", _CLOSE)
DISCONNECTED = WebhookAnswer(400, "the sender disconnected", _CLOSE)  # never received


def answer_without_body(
    method: str, content_type: str | None, content_length: str | None, max_body: int
) -> WebhookAnswer | None:
    """Return the answer if it does not depend on the body, or None if the body must be read.

    Args:
        method: HTTP method.
        content_type: The Content-Type header, or None.
        content_length: The Content-Length header, or None.
        max_body: The most bytes of a body.
    """
    if method == "OPTIONS":  # HeyGen sends one before it registers an endpoint, and waits 1 s
        return WebhookAnswer(200, "", _METHODS)
    if method != "POST":
        return WebhookAnswer(405, "send deliveries with POST", {**_METHODS, **_CLOSE})
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return WebhookAnswer(415, "send deliveries as application/json", _CLOSE)
    digits = content_length or ""
    if digits.isdecimal() and (len(digits) > _LONGEST_LENGTH or int(digits) > max_body):
        return TOO_LARGE
    return None
