"""Videos: the four ways to ask for one, and what the API says of them."""

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
        script: What it says, 1 to 5,000 characters; exactly one of ``script``, ``audio_url``
            and ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; the avatar's default voice without one.
        voice_settings: How the script is spoken; ignored with audio.
        engine: What animates it; Avatar IV without one.
        expressiveness: For photo avatars on Avatar IV.
        motion_prompt: For photo avatars, and for video avatars on Avatar V.
        background: What is behind it; not with ``webm``.
        remove_background: Whether to cut the avatar out.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture; the plan's default without one.
        fit: How the avatar fills the picture.
        output_format: ``mp4``, or ``webm`` with a transparent background.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Folder to put it in.
        callback_url: Called, unsigned, when the video has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
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
    """A video in which an image is made to speak.

    Attributes:
        image: The image.
        script: What it says, 1 to 5,000 characters; exactly one of ``script``, ``audio_url``
            and ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script, which needs one.
        voice_settings: How the script is spoken; ignored with audio.
        expressiveness: Strength of gestures and mimics.
        motion_prompt: How it moves, in words.
        background: What is behind it; not with ``webm``.
        remove_background: Whether to cut the figure out.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture; the plan's default without one.
        fit: How the image fills the picture.
        output_format: ``mp4``, or ``webm`` with a transparent background.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Folder to put it in.
        callback_url: Called, unsigned, when the video has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
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
        prompt: What happens, 1 to 10,000 characters.
        references: Images to follow.
        duration: 4 to 15 s; not together with ``auto_duration``.
        auto_duration: Let the API choose the duration.
        enhance_prompt: Let the API elaborate the prompt.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture.
        title: Name in the account.
        folder_id: Folder to put it in.
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
            refuse("duration", "cannot go together with auto_duration")


class StudioVideoRequest(
    JobRequest["Video"], frozen=True, kw_only=True, tag_field="type", tag="studio"
):
    """A video of several scenes.

    Attributes:
        scenes: 1 to 50 scenes, in order.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture; the plan's default without one.
        caption: Captions to make.
        watermark: An image over the video.
        brand_glossary_id: Glossary of pronunciations.
        title: Name in the account.
        folder_id: Folder to put it in.
        callback_url: Called, unsigned, when the video has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
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
"""Any of the four ways to ask for a video."""


def _refuse_background_of_webm(request: AvatarVideoRequest | ImageVideoRequest) -> None:
    if request.output_format == "webm" and given(request, "background"):
        refuse("background", "not with output_format 'webm', which is transparent by itself")


class CreatedVideo(AnswerWithDefaults, frozen=True, kw_only=True):
    """A video that was just asked for.

    Attributes:
        video_id: Its id.
        status: ``waiting`` as a rule.
        output_format: ``mp4`` or ``webm``.
    """

    video_id: str
    status: str
    output_format: Nullable[str] = "mp4"


class Video(Answer, frozen=True, kw_only=True):
    """A video. Its media URLs are signed and expire; a fresh answer has fresh ones.

    Attributes:
        id: Its id.
        status: ``waiting``, ``pending``, ``processing``, then ``completed`` or ``failed``.
        video_url: The video; can be missing for a moment after ``completed``.
        captioned_video_url: The video with captions burnt in.
        subtitle_url: The caption file.
        thumbnail_url: A still image.
        gif_url: A moving preview.
        video_page_url: Its page in HeyGen's app.
        duration: Seconds.
        failure_code: Why it failed, in a word; can be missing on a real failure.
        failure_message: Why it failed, in a sentence; can be missing on a real failure.
        title: Name in the account.
        folder_id: The folder it is in.
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
        deleted: Whether it is gone.
    """

    id: str
    deleted: Nullable[bool] = True


class VideoStatusV1(Answer, frozen=True, kw_only=True):
    """A video as the v1 status call shows it.

    Attributes:
        id: Its id.
        status: ``pending``, ``waiting``, ``processing``, then ``completed`` or ``failed``.
        video_url: The video; signed for 7 days.
        video_url_caption: The video with captions burnt in.
        caption_url: The caption file.
        thumbnail_url: A still image.
        gif_url: A moving preview.
        duration: Seconds.
        error: Why it failed: ``code`` (an int or a text), ``message``, ``detail``; a bare
            text has been seen too.
        callback_id: From the request.
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
