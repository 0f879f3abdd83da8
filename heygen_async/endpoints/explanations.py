"""Explain refusals of ids that are ids of something else, with one look-up that costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from heygen_async.endpoints import avatars
from heygen_async.errors import APIError, HeyGenError
from heygen_async.models.structs import Request
from heygen_async.session.session import Session

_FIELDS = ("avatar_id", "voice_id")
_PATIENCE = 10.0  # seconds


async def explain(session: Session, error: APIError, request: Request) -> None:
    """Add to the message of a refusal that an id names something else, if it does.

    The id of an avatar group in place of a look is found out, and that of a look in place of a
    voice.

    Args:
        session: The session.
        error: The refusal, whose message is changed.
        request: The request that was refused.
    """
    if error.status not in (400, 404):
        return  # not about the request
    field = (error.param or "").rpartition(".")[2]
    words = re.split(r"[^\w-]+", error.message)
    for name, value in _ids(msgspec.to_builtins(request)):
        if name == field if field in _FIELDS else value in words:
            with contextlib.suppress(HeyGenError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    error.message += await _explanation(session, name, value)
            return


async def _explanation(session: Session, name: str, value: str) -> str:
    """Return the explanation; raise ``NotFound`` if there is none."""
    if name == "avatar_id":
        await session.call(avatars.GET, avatars.GET.at(value))
        return (
            f" {value!r} is an avatar group, not a look of one: "
            f"heygen.avatars.looks.list(group_id={value!r}) lists its looks."
        )
    look = await session.call(avatars.LOOKS_GET, avatars.LOOKS_GET.at(value))
    own = (
        f"; the voice it speaks with is {look.default_voice_id!r}" if look.default_voice_id else ""
    )
    return f" {value!r} is a look of an avatar, not a voice{own}."


def _ids(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the ids of avatars and voices in a request, with the names of their fields."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in _FIELDS:
                yield from ((name, one) for one in ([item] if isinstance(item, str) else item))
            else:
                yield from _ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ids(item)
