"""Webhooks: the endpoints that an account has registered, and the events it was sent."""

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
"""The types of events that can be subscribed to."""


class WebhookEndpointRequest(Request, frozen=True, kw_only=True):
    """An address that HeyGen shall deliver events to.

    Attributes:
        url: Where to. HeyGen sends an OPTIONS request there first, and waits 1 s for its answer.
        events: Which types; None for all.
        entity_id: Only events of this resource.
    """

    url: HttpUrl
    events: Sequence[WebhookEventName] | None = None
    entity_id: str | None = None


class WebhookEndpointUpdate(Request, frozen=True, kw_only=True):
    """What shall be different about an endpoint; what is left out stays.

    Attributes:
        url: Where to deliver.
        events: Which types, in place of all that were there before; None for all.
    """

    url: HttpUrl | None = None
    events: Sequence[WebhookEventName] | UnsetType | None = UNSET


class WebhookEndpoint(Answer, frozen=True, kw_only=True):
    """A registered endpoint.

    Attributes:
        endpoint_id: Its id.
        url: Where HeyGen delivers to.
        status: ``enabled`` or ``disabled``.
        created_at: ISO 8601.
        events: Which types it gets; None for all.
        secret: What its deliveries are signed with (``whsec_…``). Only the answer to its
            creation has it, so keep it then.
    """

    endpoint_id: str
    url: str
    status: str
    created_at: str
    events: tuple[str, ...] | None = None
    secret: str | None = None


class RotatedWebhookSecret(Answer, frozen=True, kw_only=True):
    """An endpoint's new secret; the one before is void from now on.

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
        description: What it means.
    """

    event_type: str
    description: str


class WebhookEvent(Answer, frozen=True, kw_only=True):
    """An event of the past, delivered or not.

    Attributes:
        event_id: Its id.
        event_type: Its type, such as ``avatar_video.success``.
        created_at: ISO 8601.
        event_data: What it carries.
    """

    event_id: str
    event_type: str
    created_at: str
    event_data: Mapping[str, Any]
