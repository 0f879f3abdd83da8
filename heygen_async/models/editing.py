"""What is made of a finished video: clips, one without background, one without ums and ers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from heygen_async.models.sources import AssetSource, MediaSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    Nullable,
    Part,
    Request,
    Timestamp,
)

CaptionStyle: TypeAlias = Literal[
    "subtle_gray",
    "shadow_mint",
    "subtle_cyan",
    "stamp_red",
    "retro_gold",
    "block_dark",
    "racing",
    "modern_dark",
    "modern_boxed",
    "chunky",
    "clean",
    "shadow_lime",
    "tag_yellow",
    "pop_purple",
    "spotlight",
    "outline_classic",
    "exotic",
    "golden",
    "simple",
    "pop_single",
    "energy",
    "bold",
    "elegant",
    "neon_pink",
]
"""Look of the captions of a clip."""


class AiClippingSettings(Part, frozen=True, kw_only=True):
    """What the clips are to be like.

    Attributes:
        aspect_ratio: Their shape.
        captions: Show captions in them.
        caption_style: Look of the captions.
        duration_types: About how long they may be, in seconds; by default HeyGen chooses.
        prompt: What to look for, up to 500 characters.
    """

    aspect_ratio: Literal["landscape", "portrait", "square"] = "portrait"
    captions: bool = True
    caption_style: CaptionStyle = "outline_classic"
    duration_types: (
        Annotated[Sequence[Literal["30", "60", "180", "long"]], Meta(min_length=1, max_length=4)]
        | None
    ) = None
    prompt: Annotated[str, Meta(max_length=500)] | None = None


class AiClippingRequest(Request, frozen=True, kw_only=True):
    """A video to be cut into clips.

    Attributes:
        video: The video.
        output_settings: What the clips are to be like.
        input_language: Language that is spoken in it; by default it is detected.
        title: Name in the account, up to 255 characters.
        callback_url: Called, unsigned, when it has ended.
        callback_id: Comes back with the callback, up to 128 characters; by default one that
            nobody can guess.
    """

    video: MediaSource
    output_settings: AiClippingSettings | None = None
    input_language: str | None = None
    title: Annotated[str, Meta(max_length=255)] | None = None
    callback_url: HttpUrl | None = None
    callback_id: Annotated[str, Meta(max_length=128)] | None = None


class CreatedAiClipping(Answer, frozen=True, kw_only=True):
    """A clipping job that was just asked for.

    Attributes:
        ai_clipping_id: Its id.
    """

    ai_clipping_id: str


class AiClip(Answer, frozen=True, kw_only=True):
    """One clip. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, then ``completed`` or ``failed``.
        video_url: The clip.
        thumbnail_url: A picture of it.
        title: Its title, made up by HeyGen.
        aspect_ratio: Its shape.
        duration_seconds: Its length.
        virality_score: How well HeyGen thinks it will do, 0 to 100; higher is better.
        failure_message: Why it failed; can be missing on a real failure.
    """

    id: str
    status: str
    video_url: str | None = None
    thumbnail_url: str | None = None
    title: str | None = None
    aspect_ratio: str | None = None
    duration_seconds: float | None = None
    virality_score: int | float | None = None
    failure_message: str | None = None


class AiClippingJobSettings(Answer, frozen=True, kw_only=True):
    """What the clips of a job were to be like; ``AiClippingSettings`` with new values let by.

    Attributes:
        aspect_ratio: Their shape.
        captions: Whether they show captions.
        caption_style: Look of the captions.
        duration_types: About how long they might be, in seconds.
        prompt: What to look for.
    """

    aspect_ratio: str | None = None
    captions: bool | None = None
    caption_style: str | None = None
    duration_types: tuple[str, ...] | None = None
    prompt: str | None = None


class AiClippingJob(AnswerWithDefaults, frozen=True, kw_only=True):
    """A clipping job with its clips.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed``, ``failed`` or ``cancelled``.
        progress: Percent, 0 to 100.
        clips: The clips.
        output_settings: What they were to be like.
        input_language: Language that is spoken in the video.
        source_duration: Length of the video in seconds.
        failure_message: Why it failed; can be missing on a real failure.
        title: Name in the account.
        callback_id: From the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    progress: Nullable[int | float] = 0
    clips: Nullable[tuple[AiClip, ...]] = ()
    output_settings: AiClippingJobSettings | None = None
    input_language: str | None = None
    source_duration: float | None = None
    failure_message: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None


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
        layers: URLs of what it gave, by the names of the request.
        duration: Seconds.
        error: Why it failed; can be missing on a real failure.
        created_at: Unix seconds.
        completed_at: Unix seconds.
    """

    id: str
    status: str
    layers: Nullable[dict[str, str]] = msgspec.field(default_factory=dict)
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


class FillerWordRemovalRequest(Request, frozen=True, kw_only=True):
    """A video whose filler words are to be cut out.

    Attributes:
        video: The video.
        title: Name in the account, up to 255 characters.
        callback_url: Called, unsigned, when it has ended.
        callback_id: Comes back with the callback, up to 128 characters; by default one that
            nobody can guess.
    """

    video: MediaSource
    title: Annotated[str, Meta(max_length=255)] | None = None
    callback_url: HttpUrl | None = None
    callback_id: Annotated[str, Meta(max_length=128)] | None = None


class CreatedFillerWordRemoval(Answer, frozen=True, kw_only=True):
    """A filler-word removal that was just asked for.

    Attributes:
        filler_word_removal_id: Its id.
    """

    filler_word_removal_id: str


class FillerWordRemoval(AnswerWithDefaults, frozen=True, kw_only=True):
    """A filler-word removal. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed`` or ``failed``.
        progress: Percent, 0 to 100.
        video_url: The video without its filler words.
        thumbnail_url: A still image.
        num_cuts: How often it was cut.
        reduction_pct: By how many percent it became shorter.
        original_duration: Seconds before.
        output_duration: Seconds now.
        failure_message: Why it failed; can be missing on a real failure.
        title: Name in the account.
        callback_id: From the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    progress: Nullable[int | float] = 0
    video_url: str | None = None
    thumbnail_url: str | None = None
    num_cuts: int | float | None = None
    reduction_pct: float | None = None
    original_duration: float | None = None
    output_duration: float | None = None
    failure_message: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None
