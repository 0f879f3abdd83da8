"""Lists of the account: avatars, voices, templates, languages, videos, assets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from typing import Any, Literal

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.single.tables import plain, table
from heygen_async.client import HeyGen
from heygen_async.models.avatars import AvatarLook
from heygen_async.models.voices import Voice

_AT_ONCE = 100  # items a page, at most
_LOOKS_AT_ONCE = 50


async def listed(
    display: Display,
    items: AsyncIterable[Any],
    columns: Sequence[str],
    *,
    most: int | None = None,
    fits: Callable[[Any], bool] = lambda _: True,
) -> Exit:
    """Show the items of a list as a table, or each as a line of JSON or CSV as it arrives.

    Args:
        display: The display.
        items: The items, page after page.
        columns: Fields for the table.
        most: Maximum number to show; None shows all.
        fits: Returns whether an item is shown.
    """
    rows: list[dict[str, Any]] = []
    display.columns(columns)
    async with contextlib.aclosing(_taken(items, most, fits)) as taken:
        async for item in taken:
            record = plain(item)
            rows.append({name: record.get(name) for name in columns})
            display.record(record)
            if display.output_failed:
                break
    display.people(table(rows, columns, most))
    return Exit.DONE


async def _taken(
    items: AsyncIterable[Any], most: int | None, fits: Callable[[Any], bool]
) -> AsyncGenerator[Any]:
    count = 0
    if most == 0:
        return
    async for item in items:
        if fits(item):
            yield item
            count += 1
            if count == most:
                return


async def avatars(
    display: Display,
    base_url: str | None,
    *,
    groups: bool = False,
    group: str | None = None,
    avatar_type: Literal["studio_avatar", "digital_twin", "photo_avatar"] | None = None,
    ownership: Literal["public", "private"] | None = None,
    gender: str | None = None,
    engine: str | None = None,
    name: str | None = None,
    most: int | None = None,
) -> Exit:
    """List looks, which videos refer to, or groups.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        groups: Groups instead of looks.
        group: Only looks of the group with this id.
        avatar_type: Only looks of this type.
        ownership: Only public ones, or only the account's own.
        gender: Only looks of this gender.
        engine: Only looks that this engine can render.
        name: Only looks whose name contains this text.
        most: Maximum number to show.
    """

    def fits(one: Any) -> bool:
        engines = one.supported_api_engines if isinstance(one, AvatarLook) else ()
        return (
            _same(one.gender, gender)
            and _contains(one.name, name)
            and (engine is None or engine.casefold() in engines)
        )

    async with HeyGen(base_url=base_url) as heygen:
        if groups:
            found: Any = heygen.avatars.list(ownership=ownership, limit=_LOOKS_AT_ONCE)
            columns = ("id", "name", "looks_count", "gender", "status")
        else:
            found = heygen.avatars.looks.list(
                group_id=group,
                avatar_type=avatar_type,
                ownership=ownership,
                limit=_LOOKS_AT_ONCE,
            )
            columns = ("id", "name", "avatar_type", "gender", "supported_api_engines")
        return await listed(display, found, columns, most=most, fits=fits)


async def voices(
    display: Display,
    base_url: str | None,
    *,
    voice_type: Literal["public", "private"] | None = None,
    language: str | None = None,
    gender: str | None = None,
    engine: str | None = None,
    name: str | None = None,
    most: int | None = None,
) -> Exit:
    """List voices, the account's own first.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        voice_type: Only public ones, or only the account's own.
        language: Only voices whose language starts with this text.
        gender: Only voices of this gender.
        engine: Only voices that this engine supports.
        name: Only voices whose name contains this text.
        most: Maximum number to show.
    """

    def fits(voice: Voice) -> bool:
        spoken = voice.language.casefold()
        return (
            _same(voice.gender, gender)
            and _contains(voice.name, name)
            and (language is None or spoken.startswith(language.casefold()))
        )

    async with HeyGen(base_url=base_url) as heygen:

        async def every() -> AsyncGenerator[Voice]:
            for kind in [voice_type] if voice_type else ("private", "public"):
                async for voice in heygen.voices.list(type=kind, engine=engine, limit=_AT_ONCE):
                    yield voice

        columns = ("voice_id", "name", "language", "gender", "type")
        return await listed(display, every(), columns, most=most, fits=fits)


async def templates(
    display: Display, base_url: str | None, *, name: str | None = None, most: int | None = None
) -> Exit:
    """List templates.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        name: Only templates whose name contains this text.
        most: Maximum number to show.
    """
    async with HeyGen(base_url=base_url) as heygen:
        found = heygen.templates.list(limit=_AT_ONCE)
        columns = ("id", "name", "aspect_ratio", "created_at")
        return await listed(
            display, found, columns, most=most, fits=lambda one: _contains(one.name, name)
        )


async def languages(display: Display, base_url: str | None, *, name: str | None = None) -> Exit:
    """List the languages that videos can be dubbed into.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        name: Only languages whose name contains this text.
    """
    async with HeyGen(base_url=base_url) as heygen:
        offered = await heygen.video_translations.languages()
    display.columns(["language"])
    rows = [{"language": one} for one in offered if _contains(one, name)]
    for row in rows:
        display.record(row)
    display.people(table(rows, ["language"]))
    return Exit.DONE


async def videos(
    display: Display,
    base_url: str | None,
    *,
    title: str | None = None,
    folder: str | None = None,
    status: str | None = None,
    most: int | None = None,
) -> Exit:
    """List videos, newest first.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        title: Only videos whose title matches.
        folder: Only videos in the folder with this id.
        status: Only videos with this status.
        most: Maximum number to show.
    """
    async with HeyGen(base_url=base_url) as heygen:
        found = heygen.videos.list(title=title, folder_id=folder, limit=_AT_ONCE)
        columns = ("id", "title", "status", "duration", "created_at")
        return await listed(
            display, found, columns, most=most, fits=lambda one: _same(one.status, status)
        )


async def assets(
    display: Display,
    base_url: str | None,
    *,
    folder: str | None = None,
    asset_type: str | None = None,
    name: str | None = None,
    most: int | None = None,
) -> Exit:
    """List uploaded files.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        folder: Only assets in the folder with this id.
        asset_type: Only assets of this type, such as ``image``.
        name: Only assets whose name contains this text.
        most: Maximum number to show.
    """

    def fits(one: Any) -> bool:
        return _same(one.type, asset_type) and _contains(one.name, name)

    async with HeyGen(base_url=base_url) as heygen:
        username = (await heygen.users.me()).username
        found = heygen.assets.list(username, folder_id=folder, limit=_AT_ONCE)
        columns = ("id", "name", "type", "uploaded_at")
        return await listed(display, found, columns, most=most, fits=fits)


def _same(value: str | None, wanted: str | None) -> bool:
    return wanted is None or (value or "").casefold() == wanted.casefold()


def _contains(value: str | None, wanted: str | None) -> bool:
    return wanted is None or wanted.casefold() in (value or "").casefold()
