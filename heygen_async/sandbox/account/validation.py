"""Rules between the fields of a video request, which no schema can say."""

from __future__ import annotations

import re

from ..answers import Json
from ..media.speech import speech_seconds
from ..refusals import Refusal, invalid
from .account import Account
from .resources import (
    Look,
)

__all__ = ["check_video", "one_of", "usable_look", "usable_voice"]

_HEX_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")
_SPOKEN = ("script", "audio_url", "audio_asset_id")


def one_of(body: Json, names: tuple[str, ...], prefix: str = "") -> str:
    """The one field of several that is given; refuses none and more than one."""
    given = [name for name in names if body.get(name) is not None]
    if len(given) != 1:
        raise invalid(
            prefix + (given[1] if given else names[0]),
            f"Exactly one of {', '.join(names)} must be provided",
        )
    return given[0]


def check_video(body: Json, account: Account) -> float:
    """Check the fields of `videos.create` against each other and against the account.

    Returns:
        Length of the video in seconds.
    """
    kind = body["type"]
    if kind == "cinematic_avatar":
        return _check_cinematic(body, account)
    if body.get("watermark"):
        account.check_source(body["watermark"]["image"], "watermark.image")
    if kind == "studio":
        return sum(
            _check_scene(scene, f"scenes.{index}.", account)
            for index, scene in enumerate(body["scenes"])
        )
    background = body.get("background")
    if background is not None:
        if body.get("output_format") == "webm":
            raise invalid("background", "background is not supported with output_format webm")
        _check_background(background, account)
    return _check_character(body, "", account)


def _check_cinematic(body: Json, account: Account) -> float:
    duration, automatic = body.get("duration"), body.get("auto_duration", False)
    if duration is not None and automatic:
        raise invalid("duration", "Provide either duration or auto_duration")
    for index, look_id in enumerate(body["avatar_id"]):
        usable_look(account, look_id, f"avatar_id.{index}")
    for index, reference in enumerate(body.get("references") or []):
        account.check_source(reference, f"references.{index}")
    if automatic:
        return 8.0
    return 10.0 if duration is None else float(duration)


def _check_background(background: Json, account: Account) -> None:
    if background["type"] == "color":
        if not _HEX_COLOUR.match(background.get("value") or ""):
            raise invalid("background.value", "A color background needs a hex value like #1a2b3c")
        return
    given = one_of(background, ("url", "asset_id"), "background.")
    if given == "url":
        account.check_url(background["url"], "background.url")
    else:
        account.ready_asset(background["asset_id"], "background.asset_id")


def _check_scene(scene: Json, prefix: str, account: Account) -> float:
    if scene["type"] == "avatar_video":
        body = scene["input"]
        return _check_character(body, prefix + "input.", account)
    account.check_source(scene["source"], prefix + "source")
    given = [name for name in _SPOKEN if scene.get(name) is not None]
    if scene["type"] == "image":
        if (scene.get("duration") is not None) + len(given) != 1:
            raise invalid(prefix + "duration", "Provide either duration or one audio source")
        if not given:
            return float(scene["duration"])
    if len(given) > 1:
        raise invalid(prefix + given[1], f"At most one of {', '.join(_SPOKEN)} may be provided")
    if not given:
        return account.source_seconds(scene["source"])
    return _check_spoken(scene, prefix, account, default_voice=False)


def _check_character(body: Json, prefix: str, account: Account) -> float:
    """A speaking avatar or image, as a video or as a scene of one."""
    is_image = body["type"] == "image"
    avatar_type = "photo_avatar"
    one_of(body, _SPOKEN, prefix)
    if is_image:
        account.check_source(body["image"], prefix + "image")
    else:
        avatar_type = usable_look(account, body["avatar_id"], prefix + "avatar_id").avatar_type
    _check_engine(body, prefix, avatar_type, account)
    return _check_spoken(body, prefix, account, default_voice=not is_image)


def _check_engine(body: Json, prefix: str, avatar_type: str, account: Account) -> None:
    chosen = body.get("engine") or {"type": "avatar_iv"}
    engine = chosen["type"]
    if body["type"] == "avatar":
        look = account.looks.get(body["avatar_id"])
        if engine not in look.engines:
            raise invalid(prefix + "engine.type", f"This look does not support {engine}")
    if chosen.get("reference_look_id") is not None:
        usable_look(account, chosen["reference_look_id"], prefix + "engine.reference_look_id")
    is_photo = avatar_type == "photo_avatar"
    if body.get("expressiveness") is not None and not (is_photo and engine == "avatar_iv"):
        raise invalid(
            prefix + "expressiveness",
            "expressiveness is supported for photo avatars on avatar_iv only",
        )
    if body.get("motion_prompt") is not None and not is_photo and engine != "avatar_v":
        raise invalid(
            prefix + "motion_prompt", "motion_prompt needs a photo avatar or engine avatar_v"
        )


def _check_spoken(body: Json, prefix: str, account: Account, *, default_voice: bool) -> float:
    """Check what is said; its length in seconds."""
    given = one_of(body, _SPOKEN, prefix)
    voice_id = body.get("voice_id")
    if given == "script" and voice_id is None and not default_voice:
        raise invalid(prefix + "voice_id", "voice_id is required with script")
    if voice_id is not None:
        usable_voice(account, voice_id, prefix + "voice_id")
    if given == "audio_url":
        account.check_url(body["audio_url"], prefix + "audio_url")
        return account.source_seconds({"type": "url", "url": body["audio_url"]})
    if given == "audio_asset_id":
        account.ready_asset(body["audio_asset_id"], prefix + "audio_asset_id")
        return account.source_seconds({"type": "asset_id", "asset_id": body["audio_asset_id"]})
    speed = float((body.get("voice_settings") or {}).get("speed", 1))
    return speech_seconds(body["script"], speed=speed, field=prefix + "script")


def usable_look(account: Account, look_id: str, param: str = "avatar_id") -> Look:
    """A look that can be rendered; refuses one that does not exist, or is not ready."""
    look = account.looks.referenced(look_id, param)
    now = account.clock.now()
    if look.job is None or look.job.completed(now):
        return look
    if look.job.waiting:
        message = "The person whom this avatar shows has not consented yet"
        raise Refusal(400, "avatar_consent_required", message, param=param)
    if look.job.done(now):
        raise invalid(param, "This avatar could not be made")
    raise Refusal(409, "resource_not_ready", f"Avatar {look_id} is not ready", param=param)


def usable_voice(account: Account, voice_id: str, param: str = "voice_id") -> None:
    """Refuse a voice that does not exist, or a clone that is not ready."""
    voice = account.voices.referenced(voice_id, param)
    if voice.job is not None and not voice.job.completed(account.clock.now()):
        raise Refusal(400, "voice_unavailable", f"Voice {voice_id} is not ready", param=param)
