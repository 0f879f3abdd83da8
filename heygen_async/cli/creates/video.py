"""``video create``: make one video of an avatar or an image that speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.cli.app.clip_options import StudioOptions
from heygen_async.cli.app.video_options import Captions, EngineName, VideoOptions, VoiceEngine
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.files import check_files, source_of, text_of
from heygen_async.cli.single.names import glossary_id, look_id, voice_id
from heygen_async.cli.single.waiting import check_target, interruptible, make
from heygen_async.client import HeyGen
from heygen_async.models.sources import AssetId, AssetSource, AssetUrl
from heygen_async.models.video_parts import (
    AvatarIIIEngine,
    AvatarIVEngine,
    AvatarVEngine,
    Background,
    Caption,
    ElevenLabsSettings,
    Engine,
    FishSettings,
    StarfishSettings,
    VoiceEngineSettings,
    VoiceSettings,
    Watermark,
    WatermarkPlacement,
)
from heygen_async.models.videos import AvatarVideoRequest, ImageVideoRequest, VideoRequest

# Options that take a file; a colour is not a file.
_FILES = ("image", "audio", "background", "watermark")


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """How a video is made and waited for.

    Attributes:
        wait: Wait for the result.
        timeout: Maximum number of seconds to wait; None waits indefinitely.
        out: The file for the video, or None; with it the video is waited for.
        idempotency_key: The user's own key, or None.
    """

    wait: bool = False
    timeout: float | None = None
    out: Path | None = None
    idempotency_key: str | None = None


async def create(
    options: VideoOptions, *, display: Display, base_url: str | None, waiting: Waiting
) -> Exit:
    """Make a video. All that can be checked is checked before a file is uploaded.

    Args:
        options: Settings of the video.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        waiting: Whether and how the video is waited for.

    Raises:
        CommandError: The options are incompatible.
        HeyGenError: The API refuses it, or it has failed.
    """

    async def made() -> Exit:
        await asyncio.to_thread(check_target, waiting.out)
        files = _files(options)
        await asyncio.to_thread(check_files, *files.values())
        said = options.script
        script = None if said is None else await asyncio.to_thread(text_of, said, "--script")
        nothing = AssetId(asset_id="not-uploaded")
        request_of(options, script, dict.fromkeys(files, nothing), options.avatar, options.voice)
        async with HeyGen(base_url=base_url) as heygen:
            avatar = options.avatar and await look_id(heygen, options.avatar)
            voice = options.voice and await voice_id(heygen, options.voice)
            glossary = options.glossary and await glossary_id(heygen, options.glossary)
            sources = {name: await source_of(heygen, display, file) for name, file in files.items()}
            request = request_of(
                replace(options, glossary=glossary), script, sources, avatar, voice
            )
            return await made_video(heygen, display, request, waiting)

    return await interruptible(display, made())


async def made_video(
    heygen: HeyGen, display: Display, request: VideoRequest, waiting: Waiting
) -> Exit:
    """Make a video, and wait for it as the user wishes.

    Args:
        heygen: The client.
        display: The display.
        request: The request.
        waiting: Whether and how the video is waited for.

    Raises:
        HeyGenError: The API refuses it, or it has failed.
    """
    creating = heygen.videos.create(request, idempotency_key=waiting.idempotency_key)
    return await make(
        heygen,
        display,
        "video",
        creating,
        wait=waiting.wait,
        timeout=waiting.timeout,
        out=waiting.out,
    )


def _files(options: VideoOptions) -> dict[str, str]:
    files = {name: getattr(options, name) for name in _FILES}
    return {
        name: value
        for name, value in files.items()
        if value is not None and not (name == "background" and value.startswith("#"))
    }


def request_of(
    options: VideoOptions,
    script: str | None,
    files: Mapping[str, AssetUrl | AssetId],
    avatar: str | None,
    voice: str | None,
) -> AvatarVideoRequest | ImageVideoRequest:
    """Return the request.

    Args:
        options: Settings of the video.
        script: Text to speak, or None.
        files: The files of the options, as requests name them.
        avatar: Id of the look, or None.
        voice: Id of the voice, or None.

    Raises:
        CommandError: The options are incompatible.
        InvalidRequest: A value is out of range.
    """
    if (avatar is None) == (options.image is None):
        raise CommandError("say who speaks: --avatar ID or NAME, or --image FILE or URL")
    if (script is None) == (options.audio is None):
        raise CommandError("say what is said: --script TEXT, or --audio FILE or URL")
    fields = {
        "script": script,
        "voice_id": voice,
        "voice_settings": _voice_settings(options),
        "expressiveness": word(options.expressiveness),
        "motion_prompt": options.motion_prompt,
        "background": _background(options.background, files.get("background")),
        "remove_background": options.remove_background,
        "aspect_ratio": word(options.aspect_ratio),
        "resolution": word(options.resolution),
        "fit": word(options.fit),
        "output_format": word(options.output_format),
        "caption": caption_of(options.captions),
        "watermark": watermark_of(options, files.get("watermark")),
        "brand_glossary_id": options.glossary,
        "title": options.title,
        "folder_id": options.folder,
        "callback_url": options.callback_url,
        "callback_id": options.callback_id,
        "extra": extra_of(options.extra),
    }
    audio = files.get("audio")
    if isinstance(audio, AssetUrl):
        fields["audio_url"] = audio.url
    elif audio is not None:
        fields["audio_asset_id"] = audio.asset_id
    if avatar is not None:
        return AvatarVideoRequest(avatar_id=avatar, engine=_engine(options), **given(fields))
    for name in ("engine", "reference_look"):
        if getattr(options, name) is not None:
            raise CommandError(f"--{name.replace('_', '-')} is for avatars, and this is an image")
    return ImageVideoRequest(image=files["image"], **given(fields))


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def word(value: StrEnum | None) -> str | None:
    """Return the word of a choice, or None."""
    return None if value is None else value.value


def _engine(options: VideoOptions) -> Engine | None:
    if options.engine == EngineName.AVATAR_V:
        return AvatarVEngine(reference_look_id=options.reference_look)
    if options.reference_look is not None:
        raise CommandError("--reference-look needs --engine avatar_v")
    if options.engine is None:
        return None
    return AvatarIIIEngine() if options.engine == EngineName.AVATAR_III else AvatarIVEngine()


def _voice_settings(options: VideoOptions) -> VoiceSettings | None:
    given: dict[str, Any] = {
        name: value
        for name in ("locale", "speed", "pitch", "volume")
        if (value := getattr(options, name)) is not None
    }
    engine = _engine_settings(options)
    if engine is not None:
        given["engine_settings"] = engine
    return VoiceSettings(**given) if given else None


def _engine_settings(options: VideoOptions) -> VoiceEngineSettings | None:
    takes: Mapping[VoiceEngine | None, tuple[type[Any] | None, dict[str, str]]] = {
        VoiceEngine.ELEVENLABS: (
            ElevenLabsSettings,
            {
                "voice_model": "model",
                "similarity": "similarity_boost",
                "stability": "stability",
                "style": "style",
                "speaker_boost": "use_speaker_boost",
            },
        ),
        VoiceEngine.FISH: (
            FishSettings,
            {"voice_model": "model", "similarity": "similarity", "stability": "stability"},
        ),
        VoiceEngine.STARFISH: (StarfishSettings, {}),
        None: (None, {}),
    }
    settings, fields = takes[options.voice_engine]
    given = dict[str, Any]()
    for name in ("voice_model", "similarity", "stability", "style", "speaker_boost"):
        value = getattr(options, name)
        if value is None:
            continue
        if name not in fields:
            able = [str(one.value) for one, (_, has) in takes.items() if one and name in has]
            option = name.replace("_", "-")
            raise CommandError(f"--{option} needs --voice-engine {' or '.join(able)}")
        given[fields[name]] = value
    made: VoiceEngineSettings | None = None if settings is None else settings(**given)
    return made


def _background(value: str | None, source: AssetUrl | AssetId | None) -> Background | None:
    if value is None:
        return None
    if isinstance(source, AssetUrl):
        return Background(type="image", url=source.url)
    if source is not None:
        return Background(type="image", asset_id=source.asset_id)
    return Background(type="color", value=value)


def caption_of(captions: Captions | None) -> Caption | None:
    """Return the captions of a request, or None."""
    if captions is None:
        return None
    return Caption(style="default") if captions == Captions.BURNT_IN else Caption()


def watermark_of(
    options: VideoOptions | StudioOptions, image: AssetSource | None
) -> Watermark | None:
    """Return the watermark of a request, or None.

    Args:
        options: Settings of the video.
        image: The image, or None.

    Raises:
        CommandError: There are settings of a watermark, and no image.
    """
    prefix = "watermark_"
    given: dict[str, Any] = {
        name.removeprefix(prefix): value
        for name in type(options).__slots__
        if name.startswith(prefix) and (value := getattr(options, name)) is not None
    }
    if image is None:
        if given:
            raise CommandError(
                f"--watermark-{next(iter(given)).replace('_', '-')} needs --watermark"
            )
        return None
    if "position" in given:
        given["position"] = given["position"].value
    placed = {
        name: given.pop(name) for name in ("position", "offset_x", "offset_y") if name in given
    }
    placement = WatermarkPlacement(**placed) if placed else None
    return Watermark(image=image, placement=placement, **given)


def extra_of(text: str | None) -> dict[str, Any] | None:
    """Return the further fields of ``--extra``, or None.

    Raises:
        CommandError: It is not a JSON object.
    """
    if text is None:
        return None
    try:
        return msgspec.convert(json.loads(text), dict[str, Any])
    except (ValueError, msgspec.ValidationError) as error:
        raise CommandError(f"--extra: expected a JSON object: {error}") from None
