"""Avatars: groups, which stand for a person, and their looks, which videos name."""

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
    """An avatar that HeyGen makes up from a description.

    Attributes:
        name: Name of the look.
        prompt: What it is to look like, up to 1,000 characters.
        aspect_ratio: Shape of its picture; HeyGen chooses without one.
        reference_images: Up to three pictures to go by.
        avatar_id: A look to go by.
        avatar_group_id: Group of your own that it joins; by default it gets a new one.
    """

    name: str
    prompt: Annotated[str, Meta(max_length=1000)]
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1", "4:5", "5:4"] | None = None
    reference_images: Annotated[Sequence[AssetSource], Meta(max_length=3)] | None = None
    avatar_id: str | None = None
    avatar_group_id: str | None = None


class DigitalTwinRequest(Request, frozen=True, kw_only=True, tag_field="type", tag="digital_twin"):
    """An avatar from a film of a person, who must consent to it.

    Attributes:
        name: Name of the look.
        file: The film.
        avatar_group_id: Group of your own that it joins; by default it gets a new one.
    """

    name: str
    file: AssetSource
    avatar_group_id: str | None = None


class PhotoAvatarRequest(Request, frozen=True, kw_only=True, tag_field="type", tag="photo"):
    """An avatar from a photo.

    Attributes:
        name: Name of the look.
        file: The photo.
        avatar_group_id: Group of your own that it joins; by default it gets a new one.
    """

    name: str
    file: AssetSource
    avatar_group_id: str | None = None


AvatarRequest: TypeAlias = PromptAvatarRequest | DigitalTwinRequest | PhotoAvatarRequest
"""What an avatar is made from: a description, a film or a photo."""


class AvatarGroupUpdate(Request, frozen=True, kw_only=True):
    """What is to change about a group.

    Attributes:
        default_voice_id: The voice that its looks speak with where a video names none, up to 255
            characters.
    """

    default_voice_id: Annotated[str, Meta(max_length=255)] | None = None


class AvatarLookUpdate(Request, frozen=True, kw_only=True):
    """What is to change about a look.

    Attributes:
        name: Its name, up to 255 characters.
    """

    name: Annotated[str, Meta(max_length=255)] | None = None


class AvatarConsentRequest(Request, frozen=True, kw_only=True):
    """How the person whom an avatar shows consents to it.

    Attributes:
        consent_video: A film in which they say so; without it, they follow the answer's ``url``.
        consent_text: What they are to say, up to 1,000 characters without ``<`` and ``>``.
        reroute_url: Where their browser goes from that page in the end.
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
    """Why something could not be made.

    Attributes:
        code: The API's word for it.
        message: A sentence for people.
    """

    code: str
    message: str


class AvatarGroup(Answer, frozen=True, kw_only=True):
    """A person with all their looks. Preview URLs are signed and expire.

    Attributes:
        id: Its id.
        name: Its name.
        looks_count: How many looks it has.
        created_at: Unix seconds.
        status: ``processing``, ``pending_consent``, then ``completed`` or ``failed``; None for
            what needs no making.
        consent_status: How the person's consent stands.
        default_voice_id: The voice that its looks speak with where a video names none.
        gender: ``male`` or ``female``, as a rule.
        preview_image_url: A picture.
        preview_video_url: A film.
        error: Why it failed; can be missing on a real failure.
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
    """A look, which videos name as their ``avatar_id``. Preview URLs are signed and expire.

    Attributes:
        id: Its id.
        name: Its name.
        avatar_type: ``studio_avatar``, ``digital_twin`` or ``photo_avatar``.
        group_id: The group it belongs to.
        status: ``processing``, ``pending_consent``, then ``completed`` or ``failed``; None for
            what needs no making.
        supported_api_engines: The engines that can render it, such as ``avatar_iv``.
        tags: Words for it.
        default_voice_id: The voice that it speaks with where a video names none.
        gender: ``male`` or ``female``, as a rule.
        preferred_orientation: ``portrait``, ``landscape`` or ``square``.
        image_width: Pixels.
        image_height: Pixels.
        preview_image_url: A picture.
        preview_video_url: A film.
        error: Why it failed; can be missing on a real failure.
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
    """An avatar that was just asked for.

    Attributes:
        avatar_item: The look that is being made.
        avatar_group: The group it belongs to.
    """

    avatar_item: AvatarLook | None = None
    avatar_group: AvatarGroup | None = None


class AvatarConsent(Answer, frozen=True, kw_only=True):
    """How a consent stands.

    Attributes:
        avatar_group: The group that it is about.
        url: The page on which the person consents, where no film was given.
    """

    avatar_group: AvatarGroup
    url: str | None = None
