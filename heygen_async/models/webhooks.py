"""Webhooks: the registered endpoints of an account, and its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from heygen_async.models.structs import Answer, HttpUrl, Request

WebhookEventName: TypeAlias = Literal[
    "avatar_video.success",
    "avatar_video.fail",
    "avatar_video_gif.success",
    "avatar_video_gif.fail",
    "avatar_video_caption.success",
    "avatar_video_caption.fail",
    "video_translate.success",
    "video_translate.fail",
    "video_translate.preflight.validation_failed",
    "video_translate.preflight.download_failed",
    "personalized_video",
    "instant_avatar.success",
    "instant_avatar.fail",
    "photo_avatar_generation.success",
    "photo_avatar_generation.fail",
    "photo_avatar_train.success",
    "photo_avatar_train.fail",
    "photo_avatar_add_motion.success",
    "photo_avatar_add_motion.fail",
    "proofread_creation.success",
    "proofread_creation.fail",
    "live_avatar.success",
    "live_avatar.fail",
    "video_agent.success",
    "video_agent.fail",
    "hyperframes_video.success",
    "hyperframes_video.fail",
    "ai_clipping.success",
    "ai_clipping.fail",
    "batch.finished",
    "filler_word_removal.success",
    "filler_word_removal.fail",
    "podcast.success",
    "podcast.fail",
]
"""The types of events for endpoints."""


class WebhookEndpointRequest(Request, frozen=True, kw_only=True):
    """A new endpoint for deliveries.

    Attributes:
        url: Its address. HeyGen sends an OPTIONS request there first, and waits 1 s for its answer.
        events: Types of events; None for all.
        entity_id: Only events of this resource.
    """

    url: HttpUrl
    events: Sequence[WebhookEventName] | None = None
    entity_id: str | None = None


class WebhookEndpointUpdate(Request, frozen=True, kw_only=True):
    """Changes to an endpoint. Fields that are left out keep their values.

    Attributes:
        url: Its new address.
        events: New types of events, which replace all earlier ones; None for all.
    """

    url: HttpUrl | None = None
    events: Sequence[WebhookEventName] | UnsetType | None = UNSET


class WebhookEndpoint(Answer, frozen=True, kw_only=True):
    """A registered endpoint.

    Attributes:
        endpoint_id: Its id.
        url: Its address.
        status: ``enabled`` or ``disabled``.
        created_at: ISO 8601.
        events: Types of its events; None for all.
        secret: The secret for the signatures of its deliveries (``whsec_…``). Only the answer to
            its creation contains it, so store it then.
    """

    endpoint_id: str
    url: str
    status: str
    created_at: str
    events: tuple[str, ...] | None = None
    secret: str | None = None


class RotatedWebhookSecret(Answer, frozen=True, kw_only=True):
    """An endpoint's new secret; the old secret is no longer valid.

    Attributes:
        endpoint_id: The endpoint.
        secret: The secret. It is not shown again.
    """

    endpoint_id: str
    secret: str


class WebhookEventType(Answer, frozen=True, kw_only=True):
    """A type of event.

    Attributes:
        event_type: Its name, such as ``avatar_video.success``.
        description: Its description.
    """

    event_type: str
    description: str


class WebhookEvent(Answer, frozen=True, kw_only=True):
    """A past event, whether delivered or not.

    Attributes:
        event_id: Its id.
        event_type: Its type, such as ``avatar_video.success``.
        created_at: ISO 8601.
        event_data: Its data.
    """

    event_id: str
    event_type: str
    created_at: str
    event_data: Mapping[str, Any]
