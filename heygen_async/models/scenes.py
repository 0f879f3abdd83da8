"""The scenes of a finished video: scripts, backgrounds and elements."""

from __future__ import annotations

from typing import Any

from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable


class VideoTrim(Answer, frozen=True, kw_only=True):
    """A part of a video.

    Attributes:
        start_offset: Seconds.
        end_offset: Seconds.
    """

    start_offset: float
    end_offset: float


class FrameBackground(Answer, frozen=True, kw_only=True):
    """The background of a scene: a colour, an image or a video. Its fields depend on its type.

    Attributes:
        type: ``color``, ``image`` or ``video``.
        color: The colour.
        id: Id of the image or the video.
        url: The file; left out if its link has expired.
        playback: Behaviour if the scene is longer than the video.
        speed_multiplier: Playback speed of the video.
        trim: The part of the video that is shown.
        volume: Volume of the video's own sound.
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
    """An element of a scene. Its fields depend on its type; further types are possible.

    Attributes:
        id: Its id.
        type: ``avatar``, ``image``, ``video``, or a type that HeyGen does not document, perhaps
            with ``children``.
        avatar_id: Id of an avatar's look.
        engine: Engine that animates the avatar.
        expressiveness: Strength of the avatar's gestures.
        motion_prompt: Description of the avatar's motion.
        url: URL of an image or a video; left out if its link has expired.
        playback: Behaviour if the scene is longer than the video.
        speed_multiplier: Playback speed of the video.
        trim: The part of the video that is shown.
        volume: Volume of the video's own sound.
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
    """The settings of the voice for a text.

    Attributes:
        engine_settings: Settings of the engine behind the voice, by the names of ``VoiceSettings``.
        locale: Accent, such as ``en-GB``.
        pitch: Pitch; 0 is the voice's own.
        speed: Speed; 1 is the voice's own.
        volume: Volume, 0 to 1.
    """

    engine_settings: dict[str, Any] | None = None
    locale: str | None = None
    pitch: float | None = None
    speed: float | None = None
    volume: float | None = None


class ScriptEntry(Answer, frozen=True, kw_only=True):
    """A part of a scene's script. Its fields depend on its type.

    Attributes:
        id: Its id.
        type: ``text``, ``audio`` or ``silence``.
        text: The text to speak.
        voice_id: Id of the voice.
        voice_settings: Settings of the voice.
        trim_to_speech: Whether silence around the speech is cut off.
        audio_url: URL of the recording; left out if its link has expired.
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
        script: The parts of its script, in order.
        elements: The elements that it shows.
        background: Background of it.
    """

    id: str
    script: Nullable[tuple[ScriptEntry, ...]] = ()
    elements: Nullable[tuple[SceneElement, ...]] = ()
    background: FrameBackground | None = None


class VideoCaption(Answer, frozen=True, kw_only=True):
    """The captions of a video.

    Attributes:
        enabled: Whether the video has captions.
    """

    enabled: bool


class VideoContext(Answer, frozen=True, kw_only=True):
    """The properties shared by all scenes of a video.

    Attributes:
        aspect_ratio: Aspect ratio of the picture.
        resolution: Size of the picture.
        caption: Its captions.
        title: Name in the account.
        brand_glossary_id: Glossary of pronunciations.
    """

    aspect_ratio: str | None = None
    resolution: str | None = None
    caption: VideoCaption | None = None
    title: str | None = None
    brand_glossary_id: str | None = None


class VideoScenes(AnswerWithDefaults, frozen=True, kw_only=True):
    """All scenes of a video. Media URLs are signed and expire.

    Attributes:
        video_id: The video.
        video: The properties shared by all scenes.
        scenes: The scenes, in order.
    """

    video_id: str
    video: VideoContext
    scenes: Nullable[tuple[Scene, ...]] = ()
