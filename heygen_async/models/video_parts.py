"""The pieces that requests for videos are made of."""

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
"""Shape of the picture."""
Expressiveness: TypeAlias = Literal["high", "medium", "low"]
"""Strength of gestures and mimics."""
Resolution: TypeAlias = Literal["4k", "1080p", "720p"]
"""Size of the picture."""
_LONGEST_SCRIPT = 5000
Script: TypeAlias = Annotated[str, Meta(min_length=1, max_length=_LONGEST_SCRIPT)]
"""Spoken text, 1 to 5,000 characters."""

HexColor: TypeAlias = Annotated[
    str, Meta(pattern=r"^#[0-9a-fA-F]{6}\Z", title="a colour such as '#1A2B3C'")
]

SPEECH = ("script", "audio_url", "audio_asset_id")
"""The fields that give an avatar its words."""


class AvatarIIIEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_iii"):
    """Avatar III."""


class AvatarIVEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_iv"):
    """Avatar IV, the default."""


class AvatarVEngine(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_v"):
    """Avatar V.

    Attributes:
        reference_look_id: A look whose appearance is taken as the reference.
    """

    reference_look_id: str | None = None


Engine: TypeAlias = AvatarVEngine | AvatarIVEngine | AvatarIIIEngine
"""What animates the avatar. A look's ``supported_api_engines`` says which it may use."""


class ElevenLabsSettings(
    Part, frozen=True, kw_only=True, tag_field="engine_type", tag="elevenlabs"
):
    """Settings of a voice that ElevenLabs speaks.

    Attributes:
        model: ElevenLabs' model.
        similarity_boost: Closeness to the original voice, 0 to 1.
        stability: Evenness of the delivery, 0 to 1; ``eleven_v3`` takes 0, 0.5 and 1 alone.
        style: Exaggeration of the style, 0 to 1.
        use_speaker_boost: Whether to strengthen the likeness.
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
    """Settings of a voice that Fish Audio speaks.

    Attributes:
        model: Fish Audio's model.
        similarity: Closeness to the original voice, 0 to 1.
        stability: Evenness of the delivery, 0 to 1.
    """

    model: Literal["s1", "s2-pro"] | None = None
    similarity: Annotated[float, Meta(ge=0, le=1)] | None = None
    stability: Annotated[float, Meta(ge=0, le=1)] | None = None


class StarfishSettings(Part, frozen=True, kw_only=True, tag_field="engine_type", tag="starfish"):
    """A voice that HeyGen's Starfish speaks; it has no settings."""


VoiceEngineSettings: TypeAlias = ElevenLabsSettings | FishSettings | StarfishSettings
"""Settings of the engine behind a voice."""


class VoiceSettings(Part, frozen=True, kw_only=True):
    """How a script is spoken. Ignored where audio is uploaded instead.

    Attributes:
        engine_settings: Settings of the engine behind the voice.
        locale: Accent, such as ``en-GB``.
        pitch: -50 to 50, 0 is the voice's own.
        speed: 0.5 to 1.5, 1 is the voice's own.
        volume: 0 to 1.
    """

    engine_settings: VoiceEngineSettings | None = None
    locale: str | None = None
    pitch: Annotated[float, Meta(ge=-50, le=50)] = 0
    speed: Annotated[float, Meta(ge=0.5, le=1.5)] = 1
    volume: Annotated[float, Meta(ge=0, le=1)] = 1


class Background(Part, frozen=True, kw_only=True):
    """What is behind the avatar: a colour or an image.

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
                refuse("value", "a colour background needs one, such as '#1A2B3C'")
            for name in given(self, "url", "asset_id"):
                refuse(name, "not for a colour background")
        else:
            if self.value is not None:
                refuse("value", "not for an image background")
            require_one(self, "url", "asset_id")


class ColorSceneBackground(Part, frozen=True, kw_only=True, tag_field="type", tag="color"):
    """A colour behind the avatar of a studio scene.

    Attributes:
        color: ``#RRGGBB``.
    """

    color: HexColor


SceneBackground: TypeAlias = ColorSceneBackground
"""What is behind the avatar of a studio scene."""


class Caption(Part, frozen=True, kw_only=True):
    """Captions of a video.

    Attributes:
        file_format: Format of the caption file.
        style: ``default`` burns captions into a second video as well.
    """

    file_format: Literal["srt"] = "srt"
    style: Literal["default"] | None = None


class WatermarkPlacement(Part, frozen=True, kw_only=True):
    """Where a watermark sits.

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
        opacity: 0 to 1.
        scale: Above 0, up to 2; 1 is the image's own size.
        placement: Where it sits; the bottom right corner without one.
    """

    image: AssetSource
    opacity: Annotated[float, Meta(ge=0, le=1)] = 1
    scale: Annotated[float, Meta(gt=0, le=2)] = 1
    placement: WatermarkPlacement | None = None


class Playback(Part, frozen=True, kw_only=True):
    """How the video of a scene plays.

    Attributes:
        mode: What happens where the scene outlasts the video.
        mute: Whether the video's own sound is dropped.
        volume: Of the video's own sound, 0 to 1.
    """

    mode: Literal["freeze", "loop", "fit_to_scene"] | None = None
    mute: bool = False
    volume: Annotated[float, Meta(ge=0, le=1)] = 1


def refuse_voiceless_script(part: Part) -> None:
    """Refuse a script without a voice where no avatar lends its own."""
    if given(part, "script") and not given(part, "voice_id"):
        refuse("voice_id", "needed with script, as there is no avatar to lend its voice")


def refuse_expressiveness(engine: Engine | None, expressiveness: str | None) -> None:
    """Refuse expressiveness on an engine other than Avatar IV."""
    if expressiveness is not None and isinstance(engine, AvatarVEngine | AvatarIIIEngine):
        refuse("expressiveness", "only Avatar IV has it; leave out engine or use AvatarIVEngine")


class AvatarInput(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar"):
    """An avatar that speaks in a studio scene.

    Attributes:
        avatar_id: Id of the look.
        script: What it says; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script; the avatar's default voice without one.
        voice_settings: How the script is spoken; ignored with audio.
        engine: What animates it; Avatar IV without one.
        expressiveness: For photo avatars on Avatar IV.
        motion_prompt: For photo avatars, and for video avatars on Avatar V.
        background: What is behind it.
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
    """An image that is made to speak in a studio scene.

    Deprecated. HeyGen takes an ``AvatarInput`` alone, with the look id of a photo avatar, and
    refuses this one.

    Attributes:
        image: The image.
        script: What it says; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: Its speech as an audio file, at most 600 s.
        audio_asset_id: Its speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script, which needs one.
        voice_settings: How the script is spoken; ignored with audio.
        expressiveness: Strength of gestures and mimics.
        motion_prompt: How it moves, in words.
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
"""Who speaks in an avatar scene: an ``AvatarInput``. The other one is deprecated."""


class AvatarScene(Part, frozen=True, kw_only=True, tag_field="type", tag="avatar_video"):
    """A studio scene in which an avatar speaks.

    Attributes:
        input: Who speaks, and what.
    """

    input: AvatarSceneInput


class ImageScene(Part, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """A studio scene that shows an image.

    Attributes:
        source: The image.
        duration: Seconds, above 0, up to 300. Not together with speech, which then sets the
            length.
        script: Speech over the image; at most one of ``script``, ``audio_url``,
            ``audio_asset_id``.
        audio_url: The speech as an audio file, at most 600 s.
        audio_asset_id: The speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script, which needs one.
        voice_settings: How the script is spoken; ignored with audio.
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
        playback: How it plays.
        script: Speech over it; at most one of ``script``, ``audio_url``, ``audio_asset_id``.
        audio_url: The speech as an audio file, at most 600 s.
        audio_asset_id: The speech as an uploaded audio file, at most 600 s.
        voice_id: Voice for the script, which needs one.
        voice_settings: How the script is spoken; ignored with audio.
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
        # The contract states the limit of all scripts in words only here.
        if self.script is not None and len(self.script) > _LONGEST_SCRIPT:
            refuse("script", f"expected up to 5,000 characters, got {len(self.script):,}")


StudioScene: TypeAlias = AvatarScene | ImageScene | VideoScene
"""One scene of a studio video."""

Scenes: TypeAlias = Annotated[Sequence[StudioScene], Meta(min_length=1, max_length=50)]
"""1 to 50 scenes."""
