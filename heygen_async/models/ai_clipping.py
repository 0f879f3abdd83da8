"""AI clipping: a long video cut into the short ones that are most worth watching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    Nullable,
    Part,
    Request,
    Timestamp,
)


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
    caption_style: str | None = None
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
        virality_score: How well HeyGen thinks it will do; higher is better.
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
        progress: Percent.
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
