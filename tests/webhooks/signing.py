"""Deliveries as HeyGen makes them."""

from __future__ import annotations

import hmac
import time
from typing import Any

import msgspec

SECRET = "whsec_0123456789abcdef"


def event_body(
    event_type: str = "avatar_video.success",
    data: dict[str, Any] | None = None,
    *,
    event_id: str | None = "event-1",
    created_at: str | None = "2026-09-01T12:00:00Z",
) -> bytes:
    """The body of a delivery; the older form where ``event_id`` is None."""
    fields: dict[str, Any] = {"event_type": event_type, "event_data": data or {"video_id": "v"}}
    if event_id is not None:
        fields |= {"event_id": event_id, "created_at": created_at}
    return msgspec.json.encode(fields)


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def signed(body: bytes, secret: str = SECRET, *, at: float | None = None) -> dict[str, str]:
    """The headers of a delivery to a registered endpoint."""
    return {
        "Content-Type": "application/json",
        "Heygen-Signature": signature(body, secret),
        "Heygen-Timestamp": str(int(time.time() if at is None else at)),
    }
