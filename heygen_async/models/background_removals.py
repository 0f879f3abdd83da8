"""Background removals: a video taken apart into the person and what is behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable, Request, Timestamp


class BackgroundRemovalRequest(Request, frozen=True, kw_only=True):
    """A video whose background is to be removed.

    Attributes:
        video: The video.
        layers: What to answer with; by default HeyGen chooses.
        title: Name in the account.
        request_id: Takes the place of an idempotency key: the same one gives the same job. By
            default each call has a fresh one.
    """

    video: AssetSource
    layers: Sequence[Literal["foreground", "mask", "background"]] | None = None
    title: str | None = None
    request_id: str | None = None


class BackgroundRemovalJob(AnswerWithDefaults, frozen=True, kw_only=True):
    """A background removal. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, ``processing``, then ``completed``, ``failed`` or ``deleted``.
        layers: What it gave, by the names of the request.
        duration: Seconds.
        error: Why it failed; can be missing on a real failure.
        created_at: Unix seconds.
        completed_at: Unix seconds.
    """

    id: str
    status: str
    layers: Nullable[dict[str, Any]] = msgspec.field(default_factory=dict)
    duration: float | None = None
    error: str | None = None
    created_at: Timestamp | None = None
    completed_at: Timestamp | None = None


class DeletedBackgroundRemoval(Answer, frozen=True, kw_only=True):
    """A background removal that was deleted.

    Attributes:
        id: Its id.
        deleted: Whether it is gone.
    """

    id: str
    deleted: bool
