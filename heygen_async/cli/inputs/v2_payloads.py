"""Convert payloads of HeyGen's v2 to requests of v3. Pure: nothing is read or sent.

Three are known: ``POST /v2/video/generate``, ``POST /v2/template/{id}/generate`` and
``POST /v2/video_translate``. The contents of v2 are those of HeyGen's documentation of mid 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import Request
from heygen_async.models.templates import TemplateRenderRequest
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import AvatarVideoRequest, StudioVideoRequest

_SIZES = {720: "720p", 1080: "1080p", 2160: "4k"}
_SHAPES = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0, "4:5": 4 / 5, "5:4": 5 / 4}
# Fields with the same name and meaning in v2 and v3.
_KEPT = ("title", "callback_url", "callback_id", "folder_id")


class Migrated(NamedTuple):
    """A payload of v2, converted to v3.

    Attributes:
        operation: The operation it is for, such as ``videos.create``.
        request: The request.
        notes: Fields without a counterpart, or with a different name; one sentence each.
        lost: Whether a requested feature has no counterpart.
    """

    operation: str
    request: Request
    notes: list[str]
    lost: bool


def migrated(payload: Mapping[str, Any]) -> Migrated:
    """Convert a payload of v2 to a request of v3.

    Args:
        payload: The JSON object that was sent to v2.

    Raises:
        InvalidRequest: The payload is not one of the three known kinds, or has no counterpart at
            all; ``param`` names the field.
    """
    findings = _Findings()
    source = _Source(payload, "", findings)
    if "video_inputs" in payload:
        operation, request = "videos.create", _video(source)
    elif "variables" in payload:
        operation, request = "templates.generate", _template(source)
    elif "output_language" in payload or "output_languages" in payload:
        operation, request = "video_translations.create", _translation(source)
    else:
        raise InvalidRequest(
            "expected a payload of v2 with video_inputs, variables or output_language",
            param="payload",
        )
    source.finish()
    return Migrated(operation, request, findings.notes, findings.lost)


class _Findings:
    """Notes on a payload."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.lost = False


class _Source:
    """An object of the payload. Members that are not consumed have no counterpart."""

    def __init__(self, fields: Any, path: str, findings: _Findings) -> None:
        if not isinstance(fields, Mapping):
            raise InvalidRequest(f"{path}: expected an object, got {fields!r}", param=path)
        self._fields = {name: value for name, value in fields.items() if value is not None}
        self._path = path
        self._findings = findings
        self._parts: list[_Source] = []

    def take(self, name: str, default: Any = None) -> Any:
        return self._fields.pop(name, default)

    def keep(self, *names: str) -> dict[str, Any]:
        return {name: self._fields.pop(name) for name in names if name in self._fields}

    def part(self, name: str) -> _Source:
        part = _Source(self._fields.pop(name, {}), self.path(name), self._findings)
        self._parts.append(part)
        return part

    def parts(self, name: str) -> list[_Source]:
        values = self._fields.pop(name)
        if not isinstance(values, list) or not values:
            raise InvalidRequest(f"{name}: expected a list of objects", param=name)
        parts = [
            _Source(value, f"{self.path(name)}[{index}]", self._findings)
            for index, value in enumerate(values)
        ]
        self._parts += parts
        return parts

    def each(self) -> dict[str, _Source]:
        """Consume all members, each an object."""
        return {name: self.part(name) for name in list(self._fields)}

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def ignore(self, **defaults: Any) -> None:
        """Drop fields that state the default of v3."""
        for name, default in defaults.items():
            if self._fields.get(name, default) == default:
                self._fields.pop(name, None)

    def note(self, sentence: str) -> None:
        if sentence not in self._findings.notes:
            self._findings.notes.append(sentence)

    def lose(self, name: str, reason: str) -> None:
        self.note(f"{self.path(name)}: {reason}")
        self._findings.lost = True

    def finish(self) -> None:
        """Note the remaining fields."""
        for name in self._fields:
            self.lose(name, "v3 has no counterpart")
        for part in self._parts:
            part.finish()


def _video(source: _Source) -> Request:
    fields = source.keep(*_KEPT, "brand_glossary_id") | _shape(source)
    if source.take("caption"):
        fields["caption"] = {"file_format": "srt"}
    if source.take("test"):
        source.lose("test", "v3 has no free test renders; try requests on the sandbox")
    inputs = source.parts("video_inputs")
    if len(inputs) == 1:
        return _made(AvatarVideoRequest, fields | {"type": "avatar"} | _avatar(inputs[0]))
    scenes = []
    for scene in inputs:
        avatar = _avatar(scene)
        if avatar.pop("remove_background", None):
            scene.lose("character", "a scene cannot cut out its avatar (matting)")
        background = avatar.pop("background", None)
        if background is not None and background["type"] == "color":
            avatar["background"] = {"type": "color", "color": background["value"]}
        elif background is not None:
            scene.lose("background", "a scene takes a colour only; an image is a scene of its own")
        scenes.append({"type": "avatar_video", "input": avatar | {"type": "avatar"}})
    return _made(StudioVideoRequest, fields | {"type": "studio", "scenes": scenes})


def _shape(source: _Source) -> dict[str, Any]:
    """Return shape and size of the picture for ``dimension``."""
    fields = source.keep("aspect_ratio")
    dimension = source.part("dimension")
    width, height = dimension.take("width"), dimension.take("height")
    if not width or not height:
        return fields
    shapes = [name for name, ratio in _SHAPES.items() if abs(ratio - width / height) < 0.01]
    size = _SIZES.get(min(width, height))
    if shapes and size:
        return fields | {"aspect_ratio": shapes[0], "resolution": size}
    source.lose("dimension", f"v3 has shapes and sizes by name, and none of {width} x {height}")
    return fields


def _avatar(scene: _Source) -> dict[str, Any]:
    """Return the avatar, voice and background of one of ``video_inputs``."""
    character, voice, background = map(scene.part, ("character", "voice", "background"))
    character.ignore(scale=1, avatar_style="normal", offset={"x": 0, "y": 0})
    character.ignore(talking_photo_style="square", use_avatar_iv_model=True)
    kind = character.take("type", "avatar")
    avatar_id = character.take("talking_photo_id" if kind == "talking_photo" else "avatar_id")
    if avatar_id is None:
        name = character.path("avatar_id")
        raise InvalidRequest(f"{name}: v3 makes a video of an avatar's look only", param=name)
    if kind == "talking_photo":
        character.note("talking_photo_id: v3 calls it avatar_id, the id of a photo avatar's look")
    fields: dict[str, Any] = {"avatar_id": avatar_id} | _speech(voice)
    if character.take("matting"):
        fields["remove_background"] = True
    kind = background.take("type")
    if kind == "color":
        fields["background"] = {"type": "color", "value": background.take("value", "#FFFFFF")}
    elif kind == "image":
        asset = {"asset_id": background.take("image_asset_id"), "url": background.take("url")}
        fields["background"] = {"type": "image"} | {k: v for k, v in asset.items() if v}
        background.ignore(fit="cover")
    elif kind is not None:
        background.keep("url", "video_asset_id", "play_style", "fit")
        scene.lose("background", f"v3 takes a colour or an image and no {kind}")
    return fields


def _speech(voice: _Source) -> dict[str, Any]:
    kind = voice.take("type", "text")
    if kind == "audio":
        voice.take("voice_id")
        return voice.keep("audio_url", "audio_asset_id")
    if kind != "text":
        name = voice.path("type")
        raise InvalidRequest(f"{name}: v3 has no counterpart of a voice {kind!r}", param=name)
    fields = voice.keep("voice_id") | {"script": voice.take("input_text")}
    settings = voice.keep("speed", "pitch", "locale")
    labs = voice.part("elevenlabs_settings")
    engine = labs.keep("model", "similarity_boost", "stability", "style", "use_speaker_boost")
    if engine:
        settings["engine_settings"] = engine | {"engine_type": "elevenlabs"}
    return fields | ({"voice_settings": settings} if settings else {})


def _template(source: _Source) -> Request:
    names = "caption", "include_gif", "enable_sharing", "reorder_music", "scene_ids", "dimension"
    fields = source.keep(*_KEPT, *names, "keep_text_vertically_centered", "brand_voice_id")
    if source.take("test"):
        source.lose("test", "v3 has no free test renders; templates.generate(test=True) asks v2")
    variables = source.part("variables").each()
    fields["variables"] = {name: _variable(variable) for name, variable in variables.items()}
    return _made(TemplateRenderRequest, fields)


def _variable(variable: _Source) -> dict[str, Any]:
    """Return a variable of v3: its properties stand beside its type, its file is an asset."""
    variable.take("name")
    kind, properties = variable.take("type"), variable.part("properties")
    names = "content", "character_id", "voice_id", "locale", "fit", "play_style", "volume"
    fields = {"type": kind} | properties.keep(*names)
    if kind == "character":
        fields["character_type"] = properties.take("type", "avatar")
    url, asset_id = properties.take("url"), properties.take("asset_id")
    if asset_id is not None:
        fields["asset"] = {"type": "asset_id", "asset_id": asset_id}
    elif url is not None:
        fields["asset"] = {"type": "url", "url": url}
    return fields


def _translation(source: _Source) -> Request:
    names = "translate_audio_only", "speaker_num", "enable_dynamic_duration", "brand_voice_id"
    fields = source.keep(*_KEPT, *names)
    url, asset_id = source.take("video_url"), source.take("video_asset_id")
    fields["video"] = (
        {"type": "url", "url": url}
        if url is not None
        else {"type": "asset_id", "asset_id": asset_id}
    )
    language = source.take("output_language")
    fields["output_languages"] = source.take("output_languages") or [language]
    return _made(VideoTranslationRequest, fields)


def _made(kind: type[Request], fields: dict[str, Any]) -> Request:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"payload: {error}", param="payload") from error
