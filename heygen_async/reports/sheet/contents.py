"""What a request shows and says: its texts, pictures and recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from heygen_async.media.source_lengths import sources_of
from heygen_async.models.sources import AssetId, AssetSource, AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import (
    AudioVariable,
    CharacterVariable,
    ImageVariable,
    TextVariable,
    VideoVariable,
    VoiceVariable,
)
from heygen_async.models.templates import Template, TemplateRenderRequest, TemplateVariableInfo
from heygen_async.models.video_parts import AvatarScene
from heygen_async.models.videos import StudioVideoRequest
from heygen_async.pricing.speech_length import speech_seconds

Kind = Literal["image", "video", "audio"]
"""Kind of file that a place in a request expects."""

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_FIT = "contain"


class File(NamedTuple):
    """A file of a request.

    Attributes:
        name: Where it stands, such as the name of a variable.
        source: The file.
        kinds: Kinds of files that may stand there.
        fit: How a picture fits into its place.
    """

    name: str
    source: AssetSource
    kinds: tuple[Kind, ...]
    fit: str = _FIT


class Script(NamedTuple):
    """A spoken text.

    Attributes:
        text: The text; placeholders of variables that are left out remain.
        seconds: Estimated length in seconds.
    """

    text: str
    seconds: float


class Contents(NamedTuple):
    """What an item shows and says.

    Attributes:
        scripts: Its spoken texts, in order; of a template, one for each scene.
        files: Its pictures, videos and recordings.
        looks: Ids of its looks.
        voices: Ids of the voices that it names.
        locales: Accents that it names.
        language: Language into which it is translated, or None.
    """

    scripts: Sequence[Script] = ()
    files: Sequence[File] = ()
    looks: Sequence[str] = ()
    voices: Sequence[str] = ()
    locales: Sequence[str] = ()
    language: str | None = None


def contents_of_render(
    request: TemplateRenderRequest,
    template: Template | None,
    variables: Mapping[str, TemplateVariableInfo],
) -> Contents:
    """Return the contents of a render.

    Args:
        request: The request.
        template: The template; None if only v2 serves it, and its scripts are not known.
        variables: The template's variables.
    """
    files, looks, voices, locales = [], [], [], []
    for name, value in request.variables.items():
        match value:
            case ImageVariable() | VideoVariable():
                files.append(File(name, value.asset, ("image", "video"), value.fit))
            case AudioVariable():
                files.append(File(name, value.asset, ("audio",)))
            case CharacterVariable():
                looks.append(value.character_id)
            case VoiceVariable():
                voices.append(value.voice_id)
                locales += [value.locale] if value.locale else []
    for name, info in variables.items():
        if name in request.variables:
            continue
        if info.type == "voice" and info.voice_id:
            voices.append(info.voice_id)
        asset = info.asset
        if info.type in ("image", "video") and asset is not None and asset.url:
            own = f"{name}, the template's own"
            files.append(File(own, AssetUrl(url=asset.url), ("image", "video"), info.fit or _FIT))
    scripts = []
    if template is not None:
        texts = {scene.scene_id: scene.script or "" for scene in template.scenes}
        wanted = request.scene_ids or template.scene_ids or list(texts)
        filled = (_filled(texts.get(scene_id, ""), request) for scene_id in wanted)
        scripts = [_script(text) for text in filled]
    return Contents(scripts, files, looks, voices, locales)


def _filled(text: str, request: TemplateRenderRequest) -> str:
    def value(match: re.Match[str]) -> str:
        variable = request.variables.get(match[1].strip())
        return variable.content if isinstance(variable, TextVariable) else match[0]

    return _PLACEHOLDER.sub(value, text)


def _script(text: str, speed: float = 1.0) -> Script:
    return Script(text, speech_seconds(text, speed) if text.strip() else 0.0)


def contents_of(request: Request) -> Contents:
    """Return the contents of a request that is not a render."""
    if isinstance(request, StudioVideoRequest):
        scenes = (
            scene.input if isinstance(scene, AvatarScene) else scene for scene in request.scenes
        )
        parts = [_contents_of_part(scene) for scene in scenes]
    else:
        parts = [_contents_of_part(request)]
    languages: Any = getattr(request, "output_languages", None)
    watermark: Any = getattr(request, "watermark", None)
    more = [] if watermark is None else [File("watermark", watermark.image, ("image",))]
    return Contents(
        [script for part in parts for script in part.scripts],
        [*(file for part in parts for file in part.files), *more],
        [look for part in parts for look in part.looks],
        [voice for part in parts for voice in part.voices],
        [locale for part in parts for locale in part.locales],
        ", ".join(languages) if languages else None,
    )


def _contents_of_part(part: msgspec.Struct) -> Contents:
    fields: dict[str, Any] = {name: getattr(part, name) for name in part.__struct_fields__}
    settings = fields.get("voice_settings")
    speed = fields.get("speed") or (1.0 if settings is None else settings.speed)
    text = fields.get("script") or fields.get("text") or fields.get("prompt") or ""
    looks = fields.get("avatar_id") or []
    stock = fields.get("stock_voice_config")
    locale = fields.get("locale") or (None if settings is None else settings.locale)
    voice = fields.get("voice_id")
    voices = [voice] if voice else [] if stock is None else stock.preferred_stock_voice_ids
    return Contents(
        [_script(text, speed)],
        list(_files(part, fields)),
        [looks] if isinstance(looks, str) else looks,
        voices,
        [locale] if locale else [],
    )


def _files(part: msgspec.Struct, fields: Mapping[str, Any]) -> Iterator[File]:
    fit = fields.get("fit") or _FIT
    if fields.get("image") is not None:
        yield File("image", fields["image"], ("image",), fit)
    if fields.get("audio_url") is not None:
        yield File("audio_url", AssetUrl(url=fields["audio_url"]), ("audio", "video"))
    if fields.get("audio_asset_id") is not None:
        yield File("audio_asset_id", AssetId(asset_id=fields["audio_asset_id"]), ("audio", "video"))
    background = fields.get("background")
    if background is not None and background.type == "image":
        url, asset_id = background.url, background.asset_id
        picture = AssetId(asset_id=asset_id) if url is None else AssetUrl(url=url)
        yield File("background", picture, ("image",), "cover")
    source = fields.get("source")
    if source is not None:
        kind: Kind = "video" if "playback" in fields else "image"
        yield File("source", source, (kind,))
    for reference in fields.get("references") or ():
        yield File("references", reference, ("image", "video"))
    if isinstance(part, Request) and not any(name.startswith("audio_") for name in fields):
        for media in sources_of(part):
            yield File("source", media, ("video", "audio"))
