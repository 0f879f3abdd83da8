"""Look up each look, voice and uploaded file of a run once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from heygen_async.client import HeyGen
from heygen_async.errors import AuthenticationError, HeyGenError, NotFound
from heygen_async.models.assets import Asset
from heygen_async.models.avatars import AvatarLook
from heygen_async.models.voices import VoiceDetail

T = TypeVar("T")

_AT_ONCE = 8


class Lookups:
    """What HeyGen knows about the ids of a run.

    Args:
        heygen: The client.

    Attributes:
        looks: Looks by id; None for those that do not exist. An id that HeyGen could not be asked
            about is absent.
        voices: Voices by id, likewise.
        assets: Uploaded files by id, likewise.
    """

    def __init__(self, heygen: HeyGen) -> None:
        self.looks: dict[str, AvatarLook | None] = {}
        self.voices: dict[str, VoiceDetail | None] = {}
        self.assets: dict[str, Asset | None] = {}
        self._heygen = heygen

    async def load(
        self, looks: Iterable[str], voices: Iterable[str], assets: Iterable[str]
    ) -> None:
        """Look up ids that are not known yet, and the voices of looks without another.

        Raises:
            AuthenticationError: The API refuses the key.
        """
        heygen = self._heygen
        await _load(looks, heygen.avatars.looks.get, self.looks)
        await _load(assets, heygen.assets.get, self.assets)
        own = (look.default_voice_id for look in self.looks.values() if look is not None)
        await _load([*voices, *filter(None, own)], heygen.voices.get, self.voices)


async def _load(
    ids: Iterable[str], get: Callable[[str], Awaitable[T]], found: dict[str, T | None]
) -> None:
    left = iter(dict.fromkeys(one for one in ids if one not in found))

    async def work() -> None:
        for one in left:
            try:
                found[one] = await get(one)
            except NotFound:
                found[one] = None
            except AuthenticationError:
                raise
            except HeyGenError:
                continue  # it stays unknown

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
