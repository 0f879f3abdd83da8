"""Accept names instead of ids: ``--avatar "Anna"``; an ambiguous name is refused."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from heygen_async.cli.exit_codes import CommandError
from heygen_async.client import HeyGen
from heygen_async.endpoints.resource import Pages
from heygen_async.endpoints.templates import FoundTemplate, Version
from heygen_async.errors import BadRequest, InvalidRequest, NotFound

_PER_PAGE = 50
_SHOWN = 5

T = TypeVar("T")

# Lists of the account by client and kind: rows can have many names.
_lists: WeakKeyDictionary[HeyGen, dict[str, list[Any]]] = WeakKeyDictionary()


class NoMatch(CommandError):
    """Nothing has the name or the id."""


async def look_id(heygen: HeyGen, name: str) -> str:
    """Return the id of an avatar's look.

    Args:
        heygen: The client.
        name: The id of a look, its name, or the name or id of a group with a single look.

    Raises:
        CommandError: There is no match, or more than one.
    """
    if await _exists(heygen.avatars.looks.get, name):
        return name
    looks = await _all(heygen, "looks", heygen.avatars.looks.list(limit=_PER_PAGE))
    wanted = name.casefold()
    fitting = {look.id: look.name for look in looks if look.name.casefold() == wanted}
    if not fitting:
        groups = {name}
        for group in await _all(heygen, "groups", heygen.avatars.list(limit=_PER_PAGE)):
            if group.name.casefold() == wanted:
                groups.add(group.id)
        fitting = {look.id: look.name for look in looks if look.group_id in groups}
    return _only(name, "look of an avatar", fitting, {look.name for look in looks})


async def voice_id(heygen: HeyGen, name: str, *, engine: str | None = None) -> str:
    """Return the id of a voice.

    Args:
        heygen: The client.
        name: The id of a voice, or its name.
        engine: Only a voice that this engine supports; an id is used unchanged.

    Raises:
        CommandError: There is no match, or more than one.
    """
    if await _exists(heygen.voices.get, name):
        return name
    own = heygen.voices.list(type="private", engine=engine, limit=_PER_PAGE)
    public = heygen.voices.list(type="public", engine=engine, limit=_PER_PAGE)
    fitting, names = dict[str, str](), set[str]()
    for kind, pages in (("own", own), ("public", public)):
        for voice in await _all(heygen, f"{kind} voices of {engine}", pages):
            names.add(voice.name)
            if voice.name.casefold() == name.casefold():
                fitting[voice.voice_id] = f"{voice.language}, {voice.gender}"
    return _only(name, "voice", fitting, names)


async def template(
    heygen: HeyGen, name: str, *, version: Version = "auto"
) -> tuple[str, FoundTemplate]:
    """Return the id of a template, and the template.

    Args:
        heygen: The client.
        name: The id of a template, or its name.
        version: Which version of the API to ask for the template.

    Raises:
        CommandError: There is no match, or more than one.
    """
    try:
        return name, await heygen.templates.find(name, version=version)
    except (NotFound, BadRequest, InvalidRequest):
        every = [one async for one in heygen.templates.list(limit=_PER_PAGE)]
    found = _named(name, "template", [(one.id, one.name) for one in every])
    return found, await heygen.templates.find(found, version=version)


async def known_look_id(heygen: HeyGen, name: str) -> str:
    """Return the id of an avatar's look, or the name itself if it has no match.

    Args:
        heygen: The client.
        name: The id of a look, or its name.

    Raises:
        CommandError: There is more than one match.
    """
    try:
        return await look_id(heygen, name)
    except NoMatch:
        return name


async def glossary_id(heygen: HeyGen, name: str) -> str:
    """Return the id of a brand glossary; arguments and errors as for ``voice_id``."""
    if await _exists(heygen.brand_glossaries.get, name):
        return name
    pages = heygen.brand_glossaries.list(limit=_PER_PAGE)
    glossaries = await _all(heygen, "glossaries", pages)
    return _named(name, "brand glossary", [(one.brand_glossary_id, one.name) for one in glossaries])


async def brand_kit_id(heygen: HeyGen, name: str) -> str:
    """Return the id of a brand kit; arguments and errors as for ``voice_id``."""
    if await _exists(heygen.brand_kits.get, name):
        return name
    kits = [one async for one in heygen.brand_kits.list(limit=_PER_PAGE)]
    return _named(name, "brand kit", [(one.brand_kit_id, one.name or "") for one in kits])


async def style_id(heygen: HeyGen, name: str) -> str:
    """Return the id of a style of the Video Agent; arguments and errors as for ``voice_id``."""
    styles = [one async for one in heygen.video_agents.styles(limit=_PER_PAGE)]
    if any(one.style_id == name for one in styles):
        return name
    return _named(name, "style", [(one.style_id, one.name) for one in styles])


async def _all(heygen: HeyGen, what: str, pages: Pages[T]) -> list[T]:
    """Return a list of the account, which is fetched once for all names that a client looks up."""
    lists = _lists.setdefault(heygen, {})
    if what not in lists:
        lists[what] = [one async for one in pages]
    found: list[T] = lists[what]
    return found


async def _exists(get: Callable[[str], Awaitable[Any]], name: str) -> bool:
    try:
        await get(name)
    except (NotFound, BadRequest, InvalidRequest):
        return False
    return True


def _named(name: str, what: str, every: Sequence[tuple[str, str]]) -> str:
    """Return the id of the only one with a name; ``every`` has the ids and names of all."""
    fitting = {found: one for found, one in every if one.casefold() == name.casefold()}
    return _only(name, what, fitting, {one for _, one in every})


def _only(name: str, what: str, fitting: dict[str, str], names: set[str]) -> str:
    """Return the only id that matches.

    Args:
        name: The requested name.
        what: The kind of object that it names.
        fitting: Descriptions of the matches, by their ids.
        names: The existing names.
    """
    if len(fitting) == 1:
        return next(iter(fitting))
    if not fitting:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise NoMatch(f"no {what} has the id or name {name!r}{hint}")
    shown = [f"{one} ({about})" for one, about in list(fitting.items())[:_SHOWN]]
    more = f" and {len(fitting) - _SHOWN} more" if len(fitting) > _SHOWN else ""
    raise CommandError(
        f"{name!r} names {len(fitting)} of them; give the id of one: {', '.join(shown)}{more}"
    )
