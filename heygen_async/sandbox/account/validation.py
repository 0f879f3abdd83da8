"""Rules between the fields of a video request that a schema cannot express."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..answers import Json
from ..contract import LANGUAGES
from ..media.speech import speech_seconds
from ..refusals import Refusal, invalid
from .account import Account
from .resources import Look, Voice

__all__ = [
    "check_locale",
    "check_references",
    "check_video",
    "one_of",
    "usable_look",
    "usable_voice",
]

_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
#: A language with its script, its region and its variants, such as `zh-Hant-TW`.
_LOCALE = re.compile(r"([a-z]{2,3})(-[A-Za-z]{4})?(-[A-Za-z]{2}|-\d{3})?(-[a-z\d]{4,8})*")
_SPOKEN_LANGUAGES = frozenset(code.partition("-")[0] for code in LANGUAGES.values())
#: The most seconds of the audio of a video.
_LONGEST_AUDIO = 600.0
#: The most references of a cinematic video; its avatars count as images.
_MOST_REFERENCES = {"video": 3, "image": 9}
_VIDEO_ENDINGS = (".mp4", ".webm", ".mov")
_SPOKEN = ("script", "audio_url", "audio_asset_id")


def one_of(body: Json, names: tuple[str, ...], prefix: str = "") -> str:
    """Return the one of several fields that is set; refuse none and more than one."""
    given = [name for name in names if body.get(name) is not None]
    if len(given) != 1:
        raise invalid(
            prefix + (given[1] if given else names[0]),
            f"Exactly one of {', '.join(names)} must be provided",
        )
    return given[0]


def check_references(account: Account, body: Json) -> None:
    """Refuse references of a request to resources that the account does not have.

    A deleted glossary is ignored.
    """
    if body.get("folder_id"):  # an empty id is the root
        account.folders.referenced(body["folder_id"], "folder_id")
    glossary_id = body.get("brand_glossary_id")
    if glossary_id is not None and glossary_id not in account.deleted_glossaries:
        account.glossaries.referenced(glossary_id, "brand_glossary_id")
    if body.get("brand_kit_id") is not None:
        account.brand_kits.referenced(body["brand_kit_id"], "brand_kit_id")


def check_locale(locale: str | None, param: str) -> None:
    """Refuse a locale of another form than `pt-BR`, or of a language without voices."""
    if locale is None:
        return
    form = _LOCALE.fullmatch(locale)
    if form is None or form[1] not in _SPOKEN_LANGUAGES:
        raise invalid(param, f"Unsupported locale: {locale}")


def check_video(body: Json, account: Account) -> float:
    """Check the fields of `videos.create` against each other and against the account.

    Returns:
        The length of the video in seconds.
    """
    check_references(account, body)
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
    kinds = ["image"] * len(body["avatar_id"])
    for index, reference in enumerate(body.get("references") or []):
        account.check_source(reference, f"references.{index}")
        kinds.append(_kind_of(reference, account))
    for kind, most in _MOST_REFERENCES.items():
        if kinds.count(kind) > most:
            raise invalid("references", f"At most {most} {kind} references, avatars included")
    if automatic:
        return 8.0
    return 10.0 if duration is None else float(duration)


def _kind_of(source: Json, account: Account) -> str:
    """Return `image` or `video`, as far as the source shows it."""
    if source["type"] != "url":
        return account.mime_type_of(source).partition("/")[0]
    path = urlsplit(source["url"]).path
    return "video" if path.lower().endswith(_VIDEO_ENDINGS) else "image"


def _check_background(background: Json, account: Account) -> None:
    if background["type"] == "color":
        if not _HEX_COLOUR.fullmatch(background.get("value") or ""):
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
    """Check a speaking avatar or image, as a video or a scene."""
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
    """Check the speech, and return its length in seconds."""
    given = one_of(body, _SPOKEN, prefix)
    voice_id = body.get("voice_id")
    if given == "script" and voice_id is None and not default_voice:
        raise invalid(prefix + "voice_id", "voice_id is required with script")
    if voice_id is not None:
        usable_voice(account, voice_id, prefix + "voice_id")
    if given == "audio_url":
        account.check_url(body["audio_url"], prefix + "audio_url")
        return _check_audio({"type": "url", "url": body["audio_url"]}, prefix + given, account)
    if given == "audio_asset_id":
        account.ready_asset(body["audio_asset_id"], prefix + "audio_asset_id")
        source = {"type": "asset_id", "asset_id": body["audio_asset_id"]}
        return _check_audio(source, prefix + given, account)
    settings = body.get("voice_settings") or {}
    check_locale(settings.get("locale"), prefix + "voice_settings.locale")
    engine = settings.get("engine_settings") or {}
    if engine.get("model") == "eleven_v3" and engine.get("stability") not in (None, 0, 0.5, 1):
        raise invalid(
            prefix + "voice_settings.engine_settings.stability",
            "eleven_v3 takes a stability of 0, 0.5 or 1",
        )
    speed = float(settings.get("speed", 1))
    return speech_seconds(body["script"], speed=speed, field=prefix + "script")


def _check_audio(source: Json, param: str, account: Account) -> float:
    seconds = account.source_seconds(source)
    if seconds > _LONGEST_AUDIO:
        raise invalid(param, f"The audio is longer than {_LONGEST_AUDIO:g} seconds")
    return seconds


def usable_look(account: Account, look_id: str, param: str = "avatar_id") -> Look:
    """Return a look that can be rendered, or refuse it."""
    look = account.looks.referenced(look_id, param)
    now = account.clock.now()
    name = f"Avatar '{look.name}'"
    if not look.usable:
        raise Refusal(403, "resource_access_denied", f"{name} is not usable.", param=param)
    if look.job is None or look.job.completed(now):
        return look
    if look.job.waiting:
        message = f"{name}: the person whom it shows has not consented yet."
        raise Refusal(400, "avatar_consent_required", message, param=param)
    if look.job.done(now):
        raise Refusal(
            400, "invalid_parameter", f"{name} could not be made.", param=param, alone=True
        )
    raise Refusal(409, "resource_not_ready", f"{name} is not ready.", param=param)


def usable_voice(account: Account, voice_id: str, param: str = "voice_id") -> Voice:
    """Return a voice that can speak, or refuse it."""
    voice = account.voices.referenced(voice_id, param)
    name = f"Voice '{voice.name}'"
    if not voice.usable:
        raise Refusal(403, "voice_not_usable", f"{name} is not usable.", param=param)
    now = account.clock.now()
    if voice.job is not None and not voice.job.completed(now):
        state = "could not be made" if voice.job.done(now) else "is not ready"
        raise Refusal(400, "voice_unavailable", f"{name} {state}.", param=param)
    return voice
