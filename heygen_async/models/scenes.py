"""Scenes of a video, as HeyGen answers them: scripts, backgrounds and elements."""

from __future__ import annotations

from typing import Any

from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable


class VideoTrim(Answer, frozen=True, kw_only=True):
    """The part of a video that is shown.

    Attributes:
        start_offset: Seconds.
        end_offset: Seconds.
    """

    start_offset: float
    end_offset: float


class FrameBackground(Answer, frozen=True, kw_only=True):
    """What is behind a scene: a colour, an image or a video. Which fields it has, its type says.

    Attributes:
        type: ``color``, ``image`` or ``video``.
        color: The colour.
        id: Id of the image or the video.
        url: The file; left out where its link has lapsed.
        playback: What happens where the scene outlasts the video.
        speed_multiplier: How fast the video plays.
        trim: Which part of the video is shown.
        volume: Of the video's own sound.
    """

    type: str | None = None
    color: str | None = None
    id: str | None = None
    url: str | None = None
    playback: str | None = None
    speed_multiplier: float | None = None
    trim: VideoTrim | None = None
    volume: float | None = None


class SceneElement(AnswerWithDefaults, frozen=True, kw_only=True):
    """Something that a scene shows. Which fields it has, its type says; types are an open set.

    Attributes:
        id: Its id.
        type: ``avatar``, ``image``, ``video``, or a type that HeyGen does not describe, perhaps
            with ``children``.
        avatar_id: Look of an avatar.
        engine: What animates the avatar.
        expressiveness: Strength of the avatar's gestures.
        motion_prompt: How the avatar moves, in words.
        url: File of an image or a video; left out where its link has lapsed.
        playback: What happens where the scene outlasts the video.
        speed_multiplier: How fast the video plays.
        trim: Which part of the video is shown.
        volume: Of the video's own sound.
        children: Elements inside this one.
    """

    id: str
    type: str | None = None
    avatar_id: str | None = None
    engine: str | None = None
    expressiveness: str | None = None
    motion_prompt: str | None = None
    url: str | None = None
    playback: str | None = None
    speed_multiplier: float | None = None
    trim: VideoTrim | None = None
    volume: float | None = None
    children: Nullable[tuple[SceneElement, ...]] = ()


class ScriptVoiceSettings(Answer, frozen=True, kw_only=True):
    """How a text is spoken.

    Attributes:
        engine_settings: Settings of the engine behind the voice, by the names of ``VoiceSettings``.
        locale: Accent, such as ``en-GB``.
        pitch: 0 is the voice's own.
        speed: 1 is the voice's own.
        volume: 0 to 1.
    """

    engine_settings: dict[str, Any] | None = None
    locale: str | None = None
    pitch: float | None = None
    speed: float | None = None
    volume: float | None = None


class ScriptEntry(Answer, frozen=True, kw_only=True):
    """A piece of what a scene says. Which fields it has, its type says.

    Attributes:
        id: Its id.
        type: ``text``, ``audio`` or ``silence``.
        text: What is said.
        voice_id: Who says it.
        voice_settings: How it is said.
        trim_to_speech: Whether silence around the speech is cut off.
        audio_url: The recording; left out where its link has lapsed.
        duration: Seconds of silence.
    """

    id: str
    type: str | None = None
    text: str | None = None
    voice_id: str | None = None
    voice_settings: ScriptVoiceSettings | None = None
    trim_to_speech: bool | None = None
    audio_url: str | None = None
    duration: float | None = None


class Scene(AnswerWithDefaults, frozen=True, kw_only=True):
    """One scene of a video.

    Attributes:
        id: Its id.
        script: What is said, in order.
        elements: What is shown.
        background: What is behind it.
    """

    id: str
    script: Nullable[tuple[ScriptEntry, ...]] = ()
    elements: Nullable[tuple[SceneElement, ...]] = ()
    background: FrameBackground | None = None


class VideoCaption(Answer, frozen=True, kw_only=True):
    """Whether a video has captions.

    Attributes:
        enabled: Whether it has.
    """

    enabled: bool


class VideoContext(Answer, frozen=True, kw_only=True):
    """What all scenes of a video share.

    Attributes:
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture.
        caption: Whether it has captions.
        title: Name in the account.
        brand_glossary_id: Glossary of pronunciations.
    """

    aspect_ratio: str | None = None
    resolution: str | None = None
    caption: VideoCaption | None = None
    title: str | None = None
    brand_glossary_id: str | None = None


class VideoScenes(AnswerWithDefaults, frozen=True, kw_only=True):
    """The scenes of a video, all of them. Media URLs are signed and expire.

    Attributes:
        video_id: The video.
        video: What all scenes share.
        scenes: The scenes, in order.
    """

    video_id: str
    video: VideoContext
    scenes: Nullable[tuple[Scene, ...]] = ()
