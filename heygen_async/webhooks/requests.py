"""What may be said about a request before its body is read; the same for all web frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_METHODS = {"Allow": "OPTIONS, POST"}
# The rest of the body is not read, so the connection is of no use any more.
_CLOSE = {"Connection": "close"}
# Digits of a Content-Length; Python takes its time over thousands of them.
_LONGEST_LENGTH = 15


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What to answer to a delivery.

    Attributes:
        status: HTTP status. HeyGen repeats a delivery whose answer is not 2xx, for up to 24 h.
        text: A few words for whoever looks; plain text.
        headers: Further headers.
    """

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


TOO_LARGE = WebhookAnswer(413, "body too large", _CLOSE)
TOO_SLOW = WebhookAnswer(408, "body too slow", _CLOSE)
GONE = WebhookAnswer(400, "the sender hung up", _CLOSE)  # nobody will read it


def answer_without_body(
    method: str, content_type: str | None, content_length: str | None, max_body: int
) -> WebhookAnswer | None:
    """The answer that needs no body, or None for a request whose body is to be read.

    Args:
        method: HTTP method.
        content_type: That header, or None.
        content_length: That header, or None.
        max_body: Bytes that a body may have.
    """
    if method == "OPTIONS":  # HeyGen asks so before it registers an endpoint, and waits 1 s
        return WebhookAnswer(200, "", _METHODS)
    if method != "POST":
        return WebhookAnswer(405, "deliveries are posted", {**_METHODS, **_CLOSE})
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return WebhookAnswer(415, "deliveries are application/json", _CLOSE)
    digits = content_length or ""
    if digits.isdecimal() and (len(digits) > _LONGEST_LENGTH or int(digits) > max_body):
        return TOO_LARGE
    return None
