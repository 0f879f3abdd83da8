"""Avatars: groups, one for each person, and their looks, which videos use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    Nullable,
    Request,
    Timestamp,
)


class PromptAvatarRequest(Request, frozen=True, kw_only=True, tag_field="type", tag="prompt"):
    """An avatar that HeyGen generates from a description.

    Attributes:
        name: Name of the look.
        prompt: Description of its appearance, up to 1,000 characters.
        aspect_ratio: Shape of its picture. By default HeyGen chooses.
        reference_images: Up to three pictures as references.
        avatar_id: A look as the reference.
        avatar_group_id: Id of a group of your own to add it to. Default: a new group.
    """

    name: str
    prompt: Annotated[str, Meta(max_length=1000)]
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1", "4:5", "5:4"] | None = None
    reference_images: Annotated[Sequence[AssetSource], Meta(max_length=3)] | None = None
    avatar_id: str | None = None
    avatar_group_id: str | None = None


class DigitalTwinRequest(Request, frozen=True, kw_only=True, tag_field="type", tag="digital_twin"):
    """An avatar from a video of a person, who must consent.

    Attributes:
        name: Name of the look.
        file: The video.
        avatar_group_id: Id of a group of your own to add it to. Default: a new group.
    """

    name: str
    file: AssetSource
    avatar_group_id: str | None = None


class PhotoAvatarRequest(Request, frozen=True, kw_only=True, tag_field="type", tag="photo"):
    """An avatar from a photo.

    Attributes:
        name: Name of the look.
        file: The photo.
        avatar_group_id: Id of a group of your own to add it to. Default: a new group.
    """

    name: str
    file: AssetSource
    avatar_group_id: str | None = None


AvatarRequest: TypeAlias = PromptAvatarRequest | DigitalTwinRequest | PhotoAvatarRequest
"""A request for an avatar: from a description, a video or a photo."""


class AvatarGroupUpdate(Request, frozen=True, kw_only=True):
    """Changes to a group.

    Attributes:
        default_voice_id: Voice of its looks for videos without a voice, up to 255 characters.
    """

    default_voice_id: Annotated[str, Meta(max_length=255)] | None = None


class AvatarLookUpdate(Request, frozen=True, kw_only=True):
    """Changes to a look.

    Attributes:
        name: Its name, up to 255 characters.
    """

    name: Annotated[str, Meta(max_length=255)] | None = None


class AvatarConsentRequest(Request, frozen=True, kw_only=True):
    """The consent of the person in an avatar.

    Attributes:
        consent_video: A video of the consent; without it, the person opens the answer's ``url``.
        consent_text: The text to say, up to 1,000 characters without ``<`` and ``>``.
        reroute_url: URL to which that page redirects at the end.
    """

    consent_video: AssetSource | None = None
    consent_text: (
        Annotated[
            str,
            Meta(max_length=1000, pattern=r"^[^<>]*\Z", title="a text without < and >"),
        ]
        | None
    ) = None
    reroute_url: HttpUrl | None = None


class ResourceError(Answer, frozen=True, kw_only=True):
    """The error of a failed avatar.

    Attributes:
        code: The API's code.
        message: The API's message.
    """

    code: str
    message: str


class AvatarGroup(Answer, frozen=True, kw_only=True):
    """A person with all looks. Preview URLs are signed and expire.

    Attributes:
        id: Its id.
        name: Its name.
        looks_count: Number of looks.
        created_at: Unix seconds.
        status: ``processing``, ``pending_consent``, then ``completed`` or ``failed``; None if it
            was not created by a job.
        consent_status: Status of the person's consent.
        default_voice_id: Voice of its looks for videos without a voice.
        gender: Usually ``male`` or ``female``.
        preview_image_url: URL of a picture.
        preview_video_url: URL of a video.
        error: Reason of the failure. The API may leave it out.
    """

    id: str
    name: str
    looks_count: int | float
    created_at: Timestamp
    status: str | None = None
    consent_status: str | None = None
    default_voice_id: str | None = None
    gender: str | None = None
    preview_image_url: str | None = None
    preview_video_url: str | None = None
    error: ResourceError | None = None


class AvatarLook(AnswerWithDefaults, frozen=True, kw_only=True):
    """A look, whose id videos use as ``avatar_id``. Preview URLs are signed and expire.

    Attributes:
        id: Its id.
        name: Its name.
        avatar_type: ``studio_avatar``, ``digital_twin`` or ``photo_avatar``.
        group_id: Id of its group.
        status: ``processing``, ``pending_consent``, then ``completed`` or ``failed``; None if it
            was not created by a job.
        supported_api_engines: Engines that can render it, such as ``avatar_iv``.
        tags: Its tags.
        default_voice_id: Its voice for videos without a voice.
        gender: Usually ``male`` or ``female``.
        preferred_orientation: ``portrait``, ``landscape`` or ``square``.
        image_width: Pixels.
        image_height: Pixels.
        preview_image_url: URL of a picture.
        preview_video_url: URL of a video.
        error: Reason of the failure. The API may leave it out.
    """

    id: str
    name: str
    avatar_type: str
    group_id: str | None = None
    status: str | None = None
    supported_api_engines: Nullable[tuple[str, ...]] = ()
    tags: Nullable[tuple[str, ...]] = ()
    default_voice_id: str | None = None
    gender: str | None = None
    preferred_orientation: str | None = None
    image_width: int | float | None = None
    image_height: int | float | None = None
    preview_image_url: str | None = None
    preview_video_url: str | None = None
    error: ResourceError | None = None


class CreatedAvatar(Answer, frozen=True, kw_only=True):
    """An avatar that was just requested.

    Attributes:
        avatar_item: The look that is being created.
        avatar_group: Its group.
    """

    avatar_item: AvatarLook | None = None
    avatar_group: AvatarGroup | None = None


class AvatarConsent(Answer, frozen=True, kw_only=True):
    """The state of a consent.

    Attributes:
        avatar_group: The group of the avatar.
        url: The page on which the person consents, if no video was sent.
    """

    avatar_group: AvatarGroup
    url: str | None = None
