"""The parts of requests for videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import (
    HttpUrl,
    Part,
    given,
    refuse,
    refuse_more_than_one,
    require_one,
)

AspectRatio: TypeAlias = Literal["16:9", "9:16", "4:5", "5:4", "1:1", "auto"]
"""Aspect ratio of the picture."""
Expressiveness: TypeAlias = Literal["high", "medium", "low"]
"""Strength of gestures and facial expressions."""
Resolution: TypeAlias = Literal["4k", "1080p", "720p"]
"""Size of the picture."""
_LONGEST_SCRIPT = 5000
Script: TypeAlias = Annotated[str, Meta(min_length=1, max_length=_LONGEST_SCRIPT)]
"""Spoken text, 1 to 5,000 characters."""

HexColor: TypeAlias = Annotated[
    str, Meta(pattern=r"^#[0-9a-fA-F]{6}\Z", title="a colour such as '#1A2B3C'")
]

SPEECH = ("script", "audio_url", "audio_asset_id")
"""The alternative fields for the speech of an avatar."""


class AvatarIIIEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_iii"):
    """Avatar III."""


class AvatarIVEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_iv"):
    """Avatar IV, the default."""


class AvatarVEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_v"):
    """Avatar V.

    Attributes:
        reference_look_id: A look whose appearance is the reference.
    """

    reference_look_id: str | None = None


Engine: TypeAlias = AvatarVEngine | AvatarIVEngine | AvatarIIIEngine
"""The engine that animates the avatar, one of the look's ``supported_api_engines``."""


class ElevenLabsSettings(
    Part, frozen=True, kw_only=True, tag_field="engine_type", tag="elevenlabs"
):
    """Settings of a voice of ElevenLabs.

    Attributes:
        model: ElevenLabs' model.
        similarity_boost: Closeness to the original voice, 0 to 1.
        stability: Evenness of the delivery, 0 to 1; ``eleven_v3`` accepts only 0, 0.5 and 1.
        style: Exaggeration of the style, 0 to 1.
        use_speaker_boost: Whether to increase the similarity.
    """

    model: (
        Literal["eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5", "eleven_v3"]
        | None
    ) = None
    similarity_boost: Annotated[float, Meta(ge=0, le=1)] | None = None
    stability: Annotated[float, Meta(ge=0, le=1)] | None = None
    style: Annotated[float, Meta(ge=0, le=1)] | None = None
    use_speaker_boost: bool | None = None


class FishSettings(Part, frozen=True, kw_only=True, tag_field="engine_type", tag="fish"):
    """Settings of a voice of Fish Audio.

    Attributes:
        model: Fish Audio's model.
        similarity: Closeness to the original voice, 0 to 1.
        stability: Evenness of the delivery, 0 to 1.
    """

    model: Literal["s1", "s2-pro"] | None = None
    similarity: Annotated[float, Meta(ge=0, le=1)] | None = None
    stability: Annotated[float, Meta(ge=0, le=1)] | None = None


class StarfishSettings(Part, frozen=True, kw_only=True, tag_field="engine_type", tag="starfish"):
    """A voice of HeyGen's Starfish, which has no settings."""


VoiceEngineSettings: TypeAlias = ElevenLabsSettings | FishSettings | StarfishSettings
"""Settings of the engine behind a voice."""


class VoiceSettings(Part, frozen=True, kw_only=True):
    """Settings of the voice for a script. Ignored if audio is used instead.

    Attributes:
        engine_settings: Settings of the engine behind the voice.
        locale: Accent, such as ``en-GB``.
        pitch: Pitch, -50 to 50; 0 is the voice's own.
        speed: Speed, 0.5 to 1.5; 1 is the voice's own.
        volume: Volume, 0 to 1.
    """

    engine_settings: VoiceEngineSettings | None = None
    locale: str | None = None
    pitch: Annotated[float, Meta(ge=-50, le=50)] = 0
    speed: Annotated[float, Meta(ge=0.5, le=1.5)] = 1
    volume: Annotated[float, Meta(ge=0, le=1)] = 1


class Background(Part, frozen=True, kw_only=True):
    """The background of an avatar: a colour or an image.

    Attributes:
        type: ``color``, which needs ``value``, or ``image``, which needs exactly one of
            ``url`` and ``asset_id``.
        value: The colour, ``#RRGGBB``.
        url: The image's URL.
        asset_id: The image's asset id.
    """

    type: Literal["color", "image"]
    value: HexColor | None = None
    url: HttpUrl | None = None
    asset_id: str | None = None

    def _check_rules(self) -> None:
        if self.type == "color":
            if self.value is None:
                refuse("value", "required for a colour background, such as '#1A2B3C'")
            for name in given(self, "url", "asset_id"):
                refuse(name, "not allowed for a colour background; leave it out")
        else:
            if self.value is not None:
                refuse("value", "not allowed for an image background; leave it out")
            require_one(self, "url", "asset_id")


class ColorSceneBackground(Part, frozen=True, kw_only=True, tag_field="type", tag="color"):
    """A colour as the background of an avatar in a studio scene.

    Attributes:
        color: ``#RRGGBB``.
    """

    color: HexColor


SceneBackground: TypeAlias = ColorSceneBackground
"""The background of an avatar in a studio scene."""


class Caption(Part, frozen=True, kw_only=True):
    """Captions of a video.

    Attributes:
        file_format: Format of the caption file.
        style: ``default`` also burns captions into a second video.
    """

    file_format: Literal["srt"] = "srt"
    style: Literal["default"] | None = None


class WatermarkPlacement(Part, frozen=True, kw_only=True):
    """The position of a watermark.

    Attributes:
        position: The corner.
        offset_x: Shift to the right, -1 to 1 of the width.
        offset_y: Shift downwards, -1 to 1 of the height.
    """

    position: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = "bottom_right"
    offset_x: Annotated[float, Meta(ge=-1, le=1)] | None = None
    offset_y: Annotated[float, Meta(ge=-1, le=1)] | None = None


class Watermark(Part, frozen=True, kw_only=True):
    """An image over the whole video.

    Attributes:
        image: The image.
        opacity: Opacity, 0 to 1.
        scale: Scale, above 0 and up to 2; 1 is the image's own size.
        placement: Its position. Default: the bottom right corner.
    """

    image: AssetSource
    opacity: Annotated[float, Meta(ge=0, le=1)] = 1
    scale: Annotated[float, Meta(gt=0, le=2)] = 1
    placement: WatermarkPlacement | None = None


class Playback(Part, frozen=True, kw_only=True):
    """The playback of a scene's video.

    Attributes:
        mode: Behaviour if the scene is longer than the video.
        mute: Whether to drop the video's own sound.
        volume: Volume of the video's own sound, 0 to 1.
    """

    mode: Literal["freeze", "loop", "fit_to_scene"] | None = None
    mute: bool = False
    volume: Annotated[float, Meta(ge=0, le=1)] = 1


def refuse_voiceless_script(part: Part) -> None:
    """Refuse a script without a voice if there is no avatar with a voice."""
    if given(part, "script") and not given(part, "voice_id"):
        refuse("voice_id", "required with script, because there is no avatar with a voice")


def refuse_expressiveness(engine: Engine | None, expressiveness: str | None) -> None:
    """Refuse expressiveness on an engine other than Avatar IV."""
    if expressiveness is not None and isinstance(engine, AvatarVEngine | AvatarIIIEngine):
        refuse(
            "expressiveness",
            "only Avatar IV supports it; leave out engine or use AvatarIVEngine",
        )


class AvatarInput(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar"):
    """An avatar that speaks in a studio scene.

    Attributes:
        avatar_id: Id of the look.
        script: Text to speak; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script. Default: the avatar's default voice.
        voice_settings: Settings of the voice for the script; ignored with audio.
        engine: Engine that animates it. Default: Avatar IV.
        expressiveness: For photo avatars on Avatar IV.
        motion_prompt: For photo avatars, and for video avatars on Avatar V.
        background: Background of it.
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
    background: SceneBackground | None = None

    def _check_rules(self) -> None:
        refuse_more_than_one(self, *SPEECH)
        refuse_expressiveness(self.engine, self.expressiveness)


class ImageInput(Part, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """An image that speaks in a studio scene.

    Deprecated. HeyGen refuses it and accepts only ``AvatarInput``, for example with the look id of
    a photo avatar.

    Attributes:
        image: The image.
        script: Text to speak; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; required with ``script``.
        voice_settings: Settings of the voice for the script; ignored with audio.
        expressiveness: Strength of gestures and facial expressions.
        motion_prompt: Description of its motion.
    """

    image: AssetSource
    script: Script | None = None
    audio_url: HttpUrl | None = None
    audio_asset_id: str | None = None
    voice_id: str | None = None
    voice_settings: VoiceSettings | None = None
    expressiveness: Expressiveness | None = None
    motion_prompt: str | None = None

    def _check_rules(self) -> None:
        refuse_more_than_one(self, *SPEECH)
        refuse_voiceless_script(self)


AvatarSceneInput: TypeAlias = AvatarInput | ImageInput
"""The speaker of an avatar scene: an ``AvatarInput``. ``TalkingPhotoInput`` is deprecated."""


class AvatarScene(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_video"):
    """A studio scene in which an avatar speaks.

    Attributes:
        input: The speaker and the speech.
    """

    input: AvatarSceneInput


class ImageScene(Part, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """A studio scene that shows an image.

    Attributes:
        source: The image.
        duration: Seconds, above 0 and up to 300. Cannot be combined with speech, which determines
            the length itself.
        script: Speech over the image; at most one of ``script``, ``audio_url``,
            ``audio_asset_id``.
        audio_url: The speech as an audio file, at most 600 s.
        audio_asset_id: The speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; required with ``script``.
        voice_settings: Settings of the voice for the script; ignored with audio.
    """

    source: AssetSource
    duration: Annotated[float, Meta(gt=0, le=300)] | None = None
    script: Script | None = None
    audio_url: HttpUrl | None = None
    audio_asset_id: str | None = None
    voice_id: str | None = None
    voice_settings: VoiceSettings | None = None

    def _check_rules(self) -> None:
        refuse_more_than_one(self, *SPEECH, "duration")
        refuse_voiceless_script(self)


class VideoScene(Part, frozen=True, kw_only=True, tag_field="type", tag="video"):
    """A studio scene that plays a video.

    Attributes:
        source: The video.
        playback: Its playback.
        script: Speech over it; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: The speech as an audio file, at most 600 s.
        audio_asset_id: The speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; required with ``script``.
        voice_settings: Settings of the voice for the script; ignored with audio.
    """

    source: AssetSource
    playback: Playback | None = None
    script: Annotated[str, Meta(min_length=1)] | None = None
    audio_url: HttpUrl | None = None
    audio_asset_id: str | None = None
    voice_id: str | None = None
    voice_settings: VoiceSettings | None = None

    def _check_rules(self) -> None:
        refuse_more_than_one(self, *SPEECH)
        refuse_voiceless_script(self)
        # Only here does the API's specification state the limit of scripts in words alone.
        if self.script is not None and len(self.script) > _LONGEST_SCRIPT:
            refuse("script", f"expected up to 5,000 characters, got {len(self.script):,}")


StudioScene: TypeAlias = AvatarScene | ImageScene | VideoScene
"""One scene of a studio video."""

Scenes: TypeAlias = Annotated[Sequence[StudioScene], Meta(min_length=1, max_length=50)]
"""1 to 50 scenes."""
