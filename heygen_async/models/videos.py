"""Videos: the four kinds of requests, and the API's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    JobRequest,
    Nullable,
    Timestamp,
    given,
    refuse,
    require_one,
)
from heygen_async.models.video_parts import (
    SPEECH,
    AspectRatio,
    Background,
    Caption,
    Engine,
    Expressiveness,
    Resolution,
    Scenes,
    Script,
    VoiceSettings,
    Watermark,
    refuse_expressiveness,
    refuse_voiceless_script,
)


class AvatarVideoRequest(
    JobRequest["Video"], frozen=True, kw_only=True, tag_field="type", tag="avatar"
):
    """A video in which an avatar speaks.

    Attributes:
        avatar_id: Id of the look.
        script: Text to speak, 1 to 5,000 characters; exactly one of ``script``, ``audio_url`` and
            ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script. Default: the avatar's default voice.
        voice_settings: Settings of the voice for the script; ignored with audio.
        engine: Engine that animates it. Default: Avatar IV.
        expressiveness: For photo avatars on Avatar IV.
        motion_prompt: For photo avatars, and for video avatars on Avatar V.
        background: Background; cannot be combined with ``webm``.
        remove_background: Whether to remove the background of the avatar.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture. Default: that of the plan.
        fit: Fit of the avatar in the picture.
        output_format: ``mp4``, or ``webm`` with a transparent background.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when the video has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    avatar_id: str
    script: Script | None = None
    audio_url: HttpUrl | None = None
    audio_asset_id: str | None = None
    voice_id: str | None = None
    voice_settings: VoiceSettings | None = None
    engine: Engine | None = None
    expressiveness: Expressiveness | None = None
    motion_prompt: str | None = None
    background: Background | None = None
    remove_background: bool | None = None
    aspect_ratio: AspectRatio | None = "16:9"
    resolution: Resolution | None = None
    fit: Literal["contain", "cover"] | None = None
    output_format: Literal["mp4", "webm"] = "mp4"
    caption: Caption | None = None
    watermark: Watermark | None = None
    brand_glossary_id: Annotated[str, Meta(min_length=1)] | None = None
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None

    def _check_rules(self) -> None:
        require_one(self, *SPEECH)
        _refuse_background_of_webm(self)
        refuse_expressiveness(self.engine, self.expressiveness)


class ImageVideoRequest(
    JobRequest["Video"], frozen=True, kw_only=True, tag_field="type", tag="image"
):
    """A video in which an image speaks.

    Attributes:
        image: The image.
        script: Text to speak, 1 to 5,000 characters; exactly one of ``script``, ``audio_url`` and
            ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; required with ``script``.
        voice_settings: Settings of the voice for the script; ignored with audio.
        expressiveness: Strength of gestures and mimics.
        motion_prompt: How it moves, in words.
        background: Background; cannot be combined with ``webm``.
        remove_background: Whether to remove the background of the figure.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture. Default: that of the plan.
        fit: Fit of the image in the picture.
        output_format: ``mp4``, or ``webm`` with a transparent background.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when the video has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    image: AssetSource
    script: Script | None = None
    audio_url: HttpUrl | None = None
    audio_asset_id: str | None = None
    voice_id: str | None = None
    voice_settings: VoiceSettings | None = None
    expressiveness: Expressiveness | None = None
    motion_prompt: str | None = None
    background: Background | None = None
    remove_background: bool | None = None
    aspect_ratio: AspectRatio | None = "16:9"
    resolution: Resolution | None = None
    fit: Literal["contain", "cover"] | None = None
    output_format: Literal["mp4", "webm"] = "mp4"
    caption: Caption | None = None
    watermark: Watermark | None = None
    brand_glossary_id: Annotated[str, Meta(min_length=1)] | None = None
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None

    def _check_rules(self) -> None:
        require_one(self, *SPEECH)
        refuse_voiceless_script(self)
        _refuse_background_of_webm(self)


class CinematicAvatarVideoRequest(
    JobRequest["Video"], frozen=True, kw_only=True, tag_field="type", tag="cinematic_avatar"
):
    """A short cinematic clip of up to three looks, without speech and without callbacks.

    Attributes:
        avatar_id: Ids of 1 to 3 looks.
        prompt: Description of the action, 1 to 10,000 characters.
        references: Images to follow.
        duration: Length, 4 to 15 s; cannot be combined with ``auto_duration``.
        auto_duration: Whether the API chooses the duration.
        enhance_prompt: Whether the API elaborates the prompt.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture.
        title: Name in the account.
        folder_id: Id of the folder for it.
    """

    avatar_id: Annotated[Sequence[str], Meta(min_length=1, max_length=3)]
    prompt: Annotated[str, Meta(min_length=1, max_length=10000)]
    references: Sequence[AssetSource] | None = None
    duration: Annotated[int, Meta(ge=4, le=15)] | None = None
    auto_duration: bool = False
    enhance_prompt: bool = False
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    resolution: Literal["720p", "1080p"] = "720p"
    title: str | None = None
    folder_id: str | None = None

    def _check_rules(self) -> None:
        if self.auto_duration and given(self, "duration"):
            refuse("duration", "cannot be combined with auto_duration; set one of them")


class StudioVideoRequest(
    JobRequest["Video"], frozen=True, kw_only=True, tag_field="type", tag="studio"
):
    """A video of several scenes.

    Attributes:
        scenes: 1 to 50 scenes, in order.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture. Default: that of the plan.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when the video has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    scenes: Scenes
    aspect_ratio: AspectRatio | None = "16:9"
    resolution: Resolution | None = None
    caption: Caption | None = None
    watermark: Watermark | None = None
    brand_glossary_id: Annotated[str, Meta(min_length=1)] | None = None
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None


VideoRequest: TypeAlias = (
    AvatarVideoRequest | ImageVideoRequest | CinematicAvatarVideoRequest | StudioVideoRequest
)
"""A request of any of the four kinds."""


def _refuse_background_of_webm(request: AvatarVideoRequest | ImageVideoRequest) -> None:
    if request.output_format == "webm" and given(request, "background"):
        refuse("background", "cannot be combined with output_format 'webm', which is transparent")


class CreatedVideo(AnswerWithDefaults, frozen=True, kw_only=True):
    """A video that was just requested.

    Attributes:
        video_id: Its id.
        status: Usually ``waiting``.
        output_format: ``mp4`` or ``webm``.
    """

    video_id: str
    status: str
    output_format: Nullable[str] = "mp4"


class Video(Answer, frozen=True, kw_only=True):
    """A video. Its media URLs are signed and expire; each new answer has new URLs.

    Attributes:
        id: Its id.
        status: ``waiting``, ``pending``, ``processing``, then ``completed`` or ``failed``.
        video_url: The video; can be missing for a moment after ``completed``.
        captioned_video_url: URL of the video with burnt-in captions.
        subtitle_url: URL of the caption file.
        thumbnail_url: URL of a still image.
        gif_url: URL of an animated preview.
        video_page_url: URL of its page in HeyGen's app.
        duration: Seconds.
        failure_code: Code of the failure. The API may leave it out.
        failure_message: Reason of the failure. The API may leave it out.
        title: Name in the account.
        folder_id: Id of its folder.
        output_language: Language of a translated video.
        created_at: Unix seconds.
        completed_at: Unix seconds.
    """

    id: str
    status: str
    video_url: str | None = None
    captioned_video_url: str | None = None
    subtitle_url: str | None = None
    thumbnail_url: str | None = None
    gif_url: str | None = None
    video_page_url: str | None = None
    duration: float | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    title: str | None = None
    folder_id: str | None = None
    output_language: str | None = None
    created_at: Timestamp | None = None
    completed_at: Timestamp | None = None


class DeletedVideo(AnswerWithDefaults, frozen=True, kw_only=True):
    """A video that was deleted.

    Attributes:
        id: Its id.
        deleted: Whether it was deleted.
    """

    id: str
    deleted: Nullable[bool] = True


class VideoStatusV1(Answer, frozen=True, kw_only=True):
    """A video in the answer of the v1 status call.

    Attributes:
        id: Its id.
        status: ``pending``, ``waiting``, ``processing``, then ``completed`` or ``failed``.
        video_url: URL of the video; signed for 7 days.
        video_url_caption: URL of the video with burnt-in captions.
        caption_url: URL of the caption file.
        thumbnail_url: URL of a still image.
        gif_url: URL of an animated preview.
        duration: Seconds.
        error: Reason of the failure: ``code`` (an int or a text), ``message``, ``detail``; a bare
            text has been seen too.
        callback_id: The ``callback_id`` of the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    video_url: str | None = None
    video_url_caption: str | None = None
    caption_url: str | None = None
    thumbnail_url: str | None = None
    gif_url: str | None = None
    duration: float | None = None
    error: dict[str, Any] | str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None
