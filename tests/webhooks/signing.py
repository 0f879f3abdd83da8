"""Deliveries as HeyGen makes them."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

SECRET = "whsec_0123456789abcdef"


def event_body(
    event_type: str = "avatar_video.success",
    data: dict[str, Any] | None = None,
    *,
    event_id: str | None = "event-1",
    created_at: str | None = None,
) -> bytes:
    """The body of a delivery, created now; the older form where ``event_id`` is None."""
    fields: dict[str, Any] = {"event_type": event_type, "event_data": data or {"video_id": "v"}}
    if event_id is not None:
        now = datetime.now(UTC).isoformat(timespec="hours")
        fields |= {"event_id": event_id, "created_at": created_at or now}
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
