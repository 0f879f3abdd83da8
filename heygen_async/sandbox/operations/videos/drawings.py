"""Describe what a drawn video shows, from its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...account.account import Account
from ...account.resources import Template, Video
from ...answers import Json
from ...media.drawn.drawing import FRAMES_PER_SECOND, Drawing, Scene, SourceFile, size_of
from ...media.speech import speech_seconds
from ...refusals import Refusal

__all__ = ["describe_render", "describe_video", "shape_of"]

#: Relative length of a scene that has neither speech nor a duration.
_SILENT = 3.0


def shape_of(aspect_ratio: str | None) -> str:
    """Return the aspect ratio of a request; 16:9 if the server chooses it."""
    return "16:9" if aspect_ratio in (None, "auto") else str(aspect_ratio)


def describe_video(account: Account, video: Video) -> Drawing:
    """Return what a video of `videos.create` shows."""
    body = video.request
    parts = [part.get("input", part) for part in body.get("scenes") or [body]]
    lengths = [_length(part) for part in parts]
    scale = video.seconds / sum(lengths)
    transparent = body.get("output_format") == "webm"
    background = body.get("background") or parts[0].get("background") or {}
    voice = account.voices.find(str(parts[0].get("voice_id")))
    speaker = _speaker(account, parts[0])
    sound = _sound(account, parts[0])
    notes = () if sound is None else (f"Recorded voice: {sound.name}",)
    return Drawing(
        video.title or "",
        tuple(
            Scene(length * scale, _text(part), notes, _pictures(account, part))
            for part, length in zip(parts, lengths, strict=True)
        ),
        size_of(shape_of(body.get("aspect_ratio")), body.get("resolution")),
        language="" if voice is None else voice.language,
        speaker=speaker,
        style=speaker or video.title or "",
        background=background["value"] if background.get("type") == "color" else "",
        transparent=transparent,
        sound=sound,
    )


def _text(part: Json) -> str:
    return str(part.get("script") or part.get("prompt") or "")


def _length(part: Json) -> float:
    try:
        return speech_seconds(_text(part))
    except Refusal:  # no words, as in a scene with a recorded voice
        return float(part.get("duration") or _SILENT)


def _speaker(account: Account, part: Json) -> str:
    identifiers = part.get("avatar_id") or []
    if isinstance(identifiers, str):
        identifiers = [identifiers]
    looks = [account.looks.find(identifier) for identifier in identifiers]
    return ", ".join(look.name for look in looks if look is not None)


def _sound(account: Account, part: Json) -> SourceFile | None:
    url, asset_id = part.get("audio_url"), part.get("audio_asset_id")
    if url is None and asset_id is None:
        return None
    return account.media.source_file({"url": url, "asset_id": asset_id})


def _pictures(account: Account, part: Json) -> tuple[SourceFile, ...]:
    background = part.get("background") or {}
    sources = [part.get("image"), part.get("source"), *(part.get("references") or [])]
    if background.get("type") not in (None, "color"):
        sources.append(background)
    return tuple(account.media.source_file(source) for source in sources if source)


def describe_render(
    account: Account,
    template: Template,
    video: Video,
    scenes: Sequence[tuple[str, float]],
    variables: Mapping[str, Json],
    body: Json,
) -> Drawing:
    """Return what a render of a template shows.

    Args:
        account: The account.
        template: The template.
        video: The video.
        scenes: Text and length in seconds of each scene.
        variables: Flat variables by name.
        body: The request.
    """
    pictures = tuple(
        account.media.source_file(variable["asset"])
        for variable in variables.values()
        if variable["type"] in ("image", "video")
    )
    spoken = " ".join(template.scripts.values())
    notes = tuple(
        f"{name}: {variable['content']}"
        for name, variable in variables.items()
        if variable["type"] == "text" and name not in spoken
    )
    looks = [
        account.looks.find(variable["character_id"])
        for variable in variables.values()
        if variable["type"] == "character"
    ]
    dimension = body.get("dimension")
    size = size_of(template.aspect_ratio)
    if dimension is not None:
        size = (dimension["width"] // 2 * 2, dimension["height"] // 2 * 2)
    return Drawing(
        video.title or "",
        tuple(Scene(seconds, text, notes, pictures) for text, seconds in scenes),
        size,
        float(body.get("fps") or FRAMES_PER_SECOND),
        speaker=", ".join(look.name for look in looks if look is not None),
        style=template.name,
    )
