"""``video cinematic`` and ``video studio``: clips of a prompt, and videos of several scenes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from heygen_async.cli.app.clip_options import CinematicOptions, StudioOptions
from heygen_async.cli.creates.video import (
    Waiting,
    caption_of,
    extra_of,
    given,
    made_video,
    watermark_of,
    word,
)
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.files import check_files, source_of, text_of
from heygen_async.cli.single.names import glossary_id, look_id
from heygen_async.cli.single.waiting import check_target, interruptible
from heygen_async.client import HeyGen
from heygen_async.models.mistakes import unknown_field
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.video_parts import StudioScene
from heygen_async.models.videos import CinematicAvatarVideoRequest, StudioVideoRequest

_NOTHING = AssetId(asset_id="not-uploaded")


async def cinematic(
    options: CinematicOptions, *, display: Display, base_url: str | None, waiting: Waiting
) -> Exit:
    """Make a cinematic clip. All that can be checked is checked before a file is uploaded.

    Args:
        options: Settings of the clip.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        waiting: Whether and how the video is waited for.

    Raises:
        CommandError: The options are incompatible.
        HeyGenError: The API refuses it, or it has failed.
    """

    async def made() -> Exit:
        await asyncio.to_thread(check_target, waiting.out)
        files = options.reference or []
        await asyncio.to_thread(check_files, *files)
        if not options.avatar or options.prompt is None:
            raise CommandError(
                "say who and what: --avatar ID or NAME, once to three times, and --prompt TEXT"
            )
        prompt = await asyncio.to_thread(text_of, options.prompt, "--prompt")
        cinematic_request(options, prompt, options.avatar, [_NOTHING] * len(files))
        async with HeyGen(base_url=base_url) as heygen:
            looks = [await look_id(heygen, avatar) for avatar in options.avatar]
            sources = [await source_of(heygen, display, file) for file in files]
            request = cinematic_request(options, prompt, looks, sources)
            return await made_video(heygen, display, request, waiting)

    return await interruptible(display, made())


def cinematic_request(
    options: CinematicOptions,
    prompt: str,
    looks: Sequence[str],
    references: Sequence[AssetUrl | AssetId],
) -> CinematicAvatarVideoRequest:
    """Return the request.

    Args:
        options: Settings of the clip.
        prompt: The prompt.
        looks: Ids of the looks.
        references: The images to follow.

    Raises:
        InvalidRequest: A value is out of range.
    """
    fields = {
        "references": list(references) or None,
        "duration": options.duration,
        "auto_duration": options.auto_duration,
        "enhance_prompt": options.enhance_prompt,
        "aspect_ratio": word(options.aspect_ratio),
        "resolution": word(options.resolution),
        "title": options.title,
        "folder_id": options.folder,
        "extra": extra_of(options.extra),
    }
    return CinematicAvatarVideoRequest(avatar_id=list(looks), prompt=prompt, **given(fields))


async def studio(
    scenes: str,
    options: StudioOptions,
    *,
    display: Display,
    base_url: str | None,
    waiting: Waiting,
) -> Exit:
    """Make a video of several scenes.

    Args:
        scenes: A JSON file with the list of scenes as the API takes them, or ``-``.
        options: Settings of the video.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        waiting: Whether and how the video is waited for.

    Raises:
        CommandError: The scenes or the options are invalid.
        HeyGenError: The API refuses it, or it has failed.
    """

    async def made() -> Exit:
        await asyncio.to_thread(check_target, waiting.out)
        await asyncio.to_thread(check_files, options.watermark)
        listed = await asyncio.to_thread(scenes_of, scenes)
        mark = options.watermark
        studio_request(options, listed, None if mark is None else _NOTHING, options.glossary)
        async with HeyGen(base_url=base_url) as heygen:
            glossary = options.glossary and await glossary_id(heygen, options.glossary)
            image = None if mark is None else await source_of(heygen, display, mark)
            request = studio_request(options, listed, image, glossary)
            return await made_video(heygen, display, request, waiting)

    return await interruptible(display, made())


def scenes_of(source: str) -> list[StudioScene]:
    """Read the list of scenes in a JSON file, or from ``-``. Blocks.

    Raises:
        CommandError: The file cannot be read, or is not such a list.
    """
    text = text_of("-" if source == "-" else f"@{source}", "SCENES")
    try:
        listed = json.loads(text)
        scenes = msgspec.convert(listed, list[StudioScene])
    except (ValueError, msgspec.ValidationError) as error:
        raise CommandError(f"{source}: expected a list of scenes as JSON: {error}") from None
    for number, (values, scene) in enumerate(zip(listed, scenes, strict=True), 1):
        if problem := _unknown(values, scene):
            raise CommandError(f"{source}: scene {number}: {problem}")
    return scenes


def _unknown(values: object, part: object) -> str | None:
    """Return what is wrong with a field that a scene or a part of it does not have, or None."""
    if not isinstance(values, dict) or not isinstance(part, msgspec.Struct):
        return None
    for name, value in values.items():
        if name == part.__struct_config__.tag_field:
            continue
        if name not in part.__struct_fields__:
            return unknown_field(type(part), name)
        if problem := _unknown(value, getattr(part, name)):
            return problem
    return None


def studio_request(
    options: StudioOptions,
    scenes: Sequence[StudioScene],
    watermark: AssetUrl | AssetId | None,
    glossary: str | None,
) -> StudioVideoRequest:
    """Return the request.

    Args:
        options: Settings of the video.
        scenes: The scenes.
        watermark: The image of the watermark, or None.
        glossary: Id of the brand glossary, or None.

    Raises:
        CommandError: The options are incompatible.
        InvalidRequest: A value is out of range.
    """
    fields: Mapping[str, Any] = {
        "aspect_ratio": word(options.aspect_ratio),
        "resolution": word(options.resolution),
        "caption": caption_of(options.captions),
        "watermark": watermark_of(options, watermark),
        "brand_glossary_id": glossary,
        "title": options.title,
        "folder_id": options.folder,
        "callback_url": options.callback_url,
        "callback_id": options.callback_id,
        "extra": extra_of(options.extra),
    }
    return StudioVideoRequest(scenes=scenes, **given(fields))
