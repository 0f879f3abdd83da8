"""Find what a person should look at before a run is paid for."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from heygen_async.media.probes import Source, SourceInfo
from heygen_async.models.languages import same_language
from heygen_async.models.sources import AssetBase64, AssetId
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo
from heygen_async.models.video_parts import AvatarInput, AvatarScene
from heygen_async.models.videos import AvatarVideoRequest, StudioVideoRequest
from heygen_async.models.voices import VoiceDetail
from heygen_async.reports.sheet.contents import Contents, File
from heygen_async.reports.sheet.lookups import Lookups

KINDS = {
    "refused": "Cannot be sent",
    "file": "A file cannot be used",
    "look": "The look does not support it",
    "missing": "A text is left out",
    "long": "Much longer than the template's own text",
    "voice": "The voice speaks another language",
    "shape": "A picture of another shape",
    "equal": "The same as another row",
}
"""Kinds of warnings and their headings, worst first."""

#: A text this many times as long as the template's own, and this many characters longer, probably
#: does not fit into its place.
_TIMES_LONGER = 2.0
_CHARACTERS_LONGER = 30
#: Factor between the aspect ratios of two pictures that have different shapes.
_OTHER_SHAPE = 1.6
#: Scripts in which languages are written, by the first word of their characters' Unicode names;
#: all others are written in Latin letters.
_SCRIPTS = {
    "CYRILLIC": (
        "Bulgarian", "Kazakh", "Macedonian", "Mongolian", "Russian", "Serbian", "Ukrainian",
    ),
    "ARABIC": ("Arabic", "Pashto", "Persian", "Urdu"),
    "CJK": ("Chinese", "Japanese", "Mandarin", "Cantonese"),
    "HIRAGANA": ("Japanese",),
    "KATAKANA": ("Japanese",),
    "HANGUL": ("Korean",),
    "DEVANAGARI": ("Hindi", "Marathi", "Nepali"),
    "BENGALI": ("Bangla", "Bengali"),
    "GREEK": ("Greek",),
    "HEBREW": ("Hebrew",),
    "THAI": ("Thai",),
    "TAMIL": ("Tamil",),
    "TELUGU": ("Telugu",),
    "GUJARATI": ("Gujarati",),
    "KANNADA": ("Kannada",),
    "MALAYALAM": ("Malayalam",),
    "GEORGIAN": ("Georgian",),
    "ARMENIAN": ("Armenian",),
    "ETHIOPIC": ("Amharic",),
    "KHMER": ("Khmer",),
    "LAO": ("Lao",),
    "MYANMAR": ("Burmese",),
    "SINHALA": ("Sinhala",),
}  # fmt: skip
_ALL_SCRIPTS = ("multi", "any")  # in the names of languages of voices that speak several
_TAG = re.compile(r"<[^<>]*>|\{\{[^{}]*\}\}")
_LOOKED_AT = 400


class Warned(NamedTuple):
    """A warning about one item.

    Attributes:
        kind: Key of ``KINDS``.
        detail: What is wrong, in a sentence without its full stop.
    """

    kind: str
    detail: str


class Shapes(NamedTuple):
    """What the pictures of a run are compared with.

    Attributes:
        found: Findings of the probes, by source.
        own: The template's own pictures, by variable.
    """

    found: Mapping[Source, SourceInfo]
    own: Mapping[str, SourceInfo]


def warnings_of(
    request: Request,
    contents: Contents,
    variables: Mapping[str, TemplateVariableInfo],
    lookups: Lookups,
    shapes: Shapes,
) -> Iterator[Warned]:
    """Yield the warnings about one item, in no order.

    Args:
        request: Its request.
        contents: What it shows and says.
        variables: The variables of the template; empty for other requests.
        lookups: Looks, voices and uploaded files of the run.
        shapes: What is known about its pictures.
    """
    if isinstance(request, TemplateRenderRequest):
        yield from _texts(request, variables)
    else:
        for part in _speaking(request):
            yield from _look(part, lookups)
    for file in contents.files:
        yield from _file(file, lookups, shapes)
    yield from _voices(contents, lookups)


def _texts(
    request: TemplateRenderRequest, variables: Mapping[str, TemplateVariableInfo]
) -> Iterator[Warned]:
    for name, info in variables.items():
        if info.type != "text":
            continue
        value = request.variables.get(name)
        if value is None:
            yield Warned("missing", f"{name} has no value, and {{{{{name}}}}} is shown and spoken")
        elif isinstance(value, TextVariable) and info.content:
            length, own = len(value.content), len(info.content)
            if length > own * _TIMES_LONGER and length > own + _CHARACTERS_LONGER:
                detail = f"{name} has {length:,} characters, the template's own text {own:,}"
                yield Warned("long", detail)


def _speaking(request: Request) -> Iterator[AvatarVideoRequest | AvatarInput]:
    if isinstance(request, AvatarVideoRequest):
        yield request
    elif isinstance(request, StudioVideoRequest):
        for scene in request.scenes:
            if isinstance(scene, AvatarScene) and isinstance(scene.input, AvatarInput):
                yield scene.input


def _look(part: AvatarVideoRequest | AvatarInput, lookups: Lookups) -> Iterator[Warned]:
    if part.avatar_id not in lookups.looks:
        return
    look = lookups.looks[part.avatar_id]
    if look is None:
        yield Warned("look", f"there is no look {part.avatar_id}")
        return
    engine = "avatar_iv" if part.engine is None else part.engine.__struct_config__.tag
    photo = look.avatar_type == "photo_avatar"
    if look.status not in (None, "completed"):
        yield Warned("look", f"{look.name} is not ready: {look.status}")
    if look.supported_api_engines and engine not in look.supported_api_engines:
        supported = ", ".join(look.supported_api_engines)
        yield Warned("look", f"{look.name} does not support the engine {engine}, only {supported}")
    if part.motion_prompt is not None and not photo and engine != "avatar_v":
        detail = "motion_prompt needs a photo avatar or the engine avatar_v"
        yield Warned("look", f"{detail}, and {look.name} is a {look.avatar_type}")
    if part.expressiveness is not None and not (photo and engine == "avatar_iv"):
        detail = "expressiveness needs a photo avatar and the engine avatar_iv"
        yield Warned("look", f"{detail}, and {look.name} is a {look.avatar_type} with {engine}")


def _file(file: File, lookups: Lookups, shapes: Shapes) -> Iterator[Warned]:
    source = file.source
    if isinstance(source, AssetBase64):
        kind: str | None = source.media_type
        info = None
    else:
        if isinstance(source, AssetId) and lookups.assets.get(source.asset_id, source) is None:
            yield Warned("file", f"{file.name}: there is no asset {source.asset_id} in the account")
            return
        info = shapes.found.get(source)
        kind = None if info is None else info.media_type
    if info is not None and info.problem is not None:
        yield Warned("file", f"{file.name}: {info.name}: {info.problem}")
        return
    if info is not None and kind is None and info.size is None and info.warning is not None:
        reason = info.warning.removeprefix("length unknown: ")
        yield Warned("file", f"{file.name}: {info.name}: {reason}")
        return
    family = (kind or "").partition("/")[0]
    if family in ("image", "video", "audio", "text") and family not in file.kinds:
        wanted = " or ".join(file.kinds)
        yield Warned("file", f"{file.name}: expected {wanted}, and the file is {kind}")
    own = shapes.own.get(file.name)
    if own is not None and info is not None and info is not own and _differ(own, info):
        size, own_size = f"{info.width} by {info.height}", f"{own.width} by {own.height}"
        yield Warned(
            "shape", f"{file.name} has {size} pixels, the template's own picture {own_size}"
        )


def _differ(one: SourceInfo, other: SourceInfo) -> bool:
    if not (one.width and one.height and other.width and other.height):
        return False
    ratio = one.width / one.height * other.height / other.width
    return max(ratio, 1 / ratio) > _OTHER_SHAPE


def _voices(contents: Contents, lookups: Lookups) -> Iterator[Warned]:
    text = " ".join(script.text for script in contents.scripts)
    for voice_id in voices_of(contents, lookups):
        voice = lookups.voices.get(voice_id, ...)
        if voice is None:
            yield Warned("voice", f"there is no voice {voice_id}")
        elif isinstance(voice, VoiceDetail) and voice.language:
            name = f"the voice {voice.name or voice_id} speaks {voice.language}"
            script = script_of(text)
            if script is not None and not _writes(voice.language, script):
                yield Warned("voice", f"{name}, and the text is in {script.title()} letters")
            for language in (*contents.locales, *filter(None, [contents.language])):
                if not same_language(language, [voice.language]) and not _speaks_all(
                    voice.language
                ):
                    yield Warned("voice", f"{name}, and {language} is asked for")


def voices_of(contents: Contents, lookups: Lookups) -> list[str]:
    """Return the ids of the voices that speak: those named, or else those of the looks."""
    if contents.voices:
        return list(dict.fromkeys(contents.voices))
    looks = (lookups.looks.get(look_id) for look_id in contents.looks)
    own = (look.default_voice_id for look in looks if look is not None)
    return list(dict.fromkeys(filter(None, own)))


def script_of(text: str) -> str | None:
    """Return the script of most letters of a text by its Unicode name, such as ``LATIN``.

    Args:
        text: The text; tags and placeholders do not count, and neither do later parts of a long
            text.
    """
    letters = filter(str.isalpha, _TAG.sub("", text)[:_LOOKED_AT])
    counts = Counter(map(_script_of_letter, letters))
    counts.pop("", None)
    return counts.most_common(1)[0][0] if counts else None


@lru_cache(maxsize=4096)
def _script_of_letter(letter: str) -> str:
    script = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return script if script == "LATIN" or script in _SCRIPTS else ""


@lru_cache(maxsize=256)
def _writes(language: str, script: str) -> bool:
    """Return whether a language may be written in a script; true if it is not known."""
    if _speaks_all(language):
        return True
    own = [name for name, languages in _SCRIPTS.items() if language.startswith(languages)]
    return script in own if own else script == "LATIN"


def _speaks_all(language: str) -> bool:
    return language.lower().startswith(_ALL_SCRIPTS)
