"""Probe the sources of a run once each, before anything is paid for.

A probe reads the head of a file, and later parts only if its index is there: at most 512 kB in 8
requests. It does not send the API key or connect to private networks, and takes at most 5 s for
each source. Facts that cannot be determined stay unknown, with a warning. A source that HeyGen
cannot use, such as a web page instead of a file, is refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from yarl import URL

from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest, NotFound
from heygen_async.media.formats import (
    HINT,
    MediaInfo,
    NoParser,
    is_media,
    media_type,
    picture_size,
    read_media,
)
from heygen_async.media.partial_file import PartialFile
from heygen_async.media.remote import Part, RemoteReader, Unreadable, Unusable, parsed_url
from heygen_async.media.share_pages import fix_for_page
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.session.addresses import shown
from heygen_async.session.tasks import in_thread

Source: TypeAlias = str | Path | AssetUrl | AssetId
"""An http(s) URL, a local file (as ``Path``, or as text without ``://``), or an asset."""

logger: logging.Logger = logging.getLogger("heygen_async.media")

_CHUNK = 64 * 1024
_MAX_PARTS = 8
_SECONDS = 5.0
_AT_ONCE = 8
_MAX_LISTED = 10

_ReadPart: TypeAlias = Callable[[int, int], Awaitable[Part]]


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a probe about a source.

    Attributes:
        name: The file, the asset, or the URL without its query, which may hold a signature.
        seconds: Length, or None if unknown.
        size: Size in bytes, or None if unknown.
        media_type: MIME type, or None if unknown.
        has_video: Whether there is a video track, or None if unknown.
        has_audio: Whether there is an audio track, or None if unknown.
        width: Width of a picture in pixels, or None if unknown.
        height: Height of a picture in pixels, or None if unknown.
        warning: Reason why the length of a media file is unknown, or None.
        problem: Reason why HeyGen cannot use the source, and what to do, or None.
    """

    name: str
    seconds: float | None = None
    size: int | None = None
    media_type: str | None = None
    has_video: bool | None = None
    has_audio: bool | None = None
    width: int | None = None
    height: int | None = None
    warning: str | None = None
    problem: str | None = None


class InvalidSources(InvalidRequest):
    """Sources that HeyGen cannot use. Nothing was submitted.

    Attributes:
        problems: All of them.
    """

    def __init__(self, problems: list[SourceInfo]) -> None:
        lines = [f"\n  {info.name}: {info.problem}" for info in problems[:_MAX_LISTED]]
        more = len(problems) - _MAX_LISTED
        lines += [f"\n  and {more:,} more"] if more > 0 else []
        count = "1 source" if len(problems) == 1 else f"{len(problems):,} sources"
        super().__init__(f"HeyGen cannot use {count}:{''.join(lines)}", param="source")
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,), vars(self)


async def probe_sources(
    heygen: HeyGen,
    sources: Iterable[Source],
    cache: MutableMapping[Source, SourceInfo] | None = None,
) -> dict[Source, SourceInfo]:
    """Determine length, size, type and tracks of sources.

    Args:
        heygen: The client. If its API is on this machine, only URLs on this machine are probed,
            and other URLs stay unknown without a warning.
        sources: The sources; each is probed once.
        cache: Findings of earlier calls of the same batch; new findings are added to it.

    Raises:
        InvalidSources: HeyGen cannot use some of the sources; all of them are named.
        HeyGenError: The API does not return the URL of an asset.
    """
    found: MutableMapping[Source, SourceInfo] = {} if cache is None else cache
    wanted = list(dict.fromkeys(sources))
    new = [source for source in wanted if source not in found]
    left = iter(new)
    async with RemoteReader.open(heygen._session.settings) as reader:

        async def work() -> None:
            for source in left:
                found[source] = await _probe(heygen, reader, source)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(new))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
    _log_warnings([found[source] for source in new])
    problems = [found[source] for source in wanted if found[source].problem is not None]
    if problems:
        raise InvalidSources(problems)
    return {source: found[source] for source in wanted}


def _log_warnings(infos: Iterable[SourceInfo]) -> None:
    warnings = [f"{info.name!r}: {info.warning}" for info in infos if info.warning is not None]
    for warning in warnings[:_MAX_LISTED]:
        logger.warning("%s", warning)
    if len(warnings) > _MAX_LISTED:
        logger.warning("the length of %d more sources is unknown", len(warnings) - _MAX_LISTED)


async def _probe(heygen: HeyGen, reader: RemoteReader, source: Source) -> SourceInfo:
    name = _name_of(source)
    try:
        async with asyncio.timeout(_SECONDS):
            if isinstance(source, AssetId):
                url = await _asset_url(heygen, source.asset_id)
            elif isinstance(source, AssetUrl):
                url = source.url
            elif isinstance(source, Path) or "://" not in source:
                return await _probe_file(Path(source), name)
            else:
                url = source
            return await _probe_url(reader, parsed_url(url), name)
    except Unusable as error:
        return SourceInfo(name=name, problem=str(error))
    except Unreadable as error:
        return SourceInfo(name=name, warning=f"length unknown: {error}")
    except TimeoutError:
        return SourceInfo(name=name, warning=f"length unknown: no answer within {_SECONDS:g} s")


def _name_of(source: Source) -> str:
    if isinstance(source, AssetId):
        return f"asset {source.asset_id}"
    text = source.url if isinstance(source, AssetUrl) else os.fspath(source)
    if "://" not in text:
        return text
    try:
        return shown(parsed_url(text))
    except Unusable:
        return text.partition("?")[0]


async def _asset_url(heygen: HeyGen, asset_id: str) -> str:
    try:
        asset = await heygen.assets.get(asset_id)
    except NotFound:
        raise Unusable("there is no such asset in the account") from None
    if asset.url is None:
        raise Unreadable("the API returned no URL for the asset")
    return asset.url


async def _probe_file(path: Path, name: str) -> SourceInfo:
    def read(offset: int, length: int) -> Part:
        if not path.is_file():
            raise Unusable("there is no such file")
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(offset)
            return Part(file.read(length), size, None, ranged=True)

    async def read_part(offset: int, length: int) -> Part:
        try:
            return await in_thread(read, offset, length)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            reason = getattr(error, "strerror", None) or error
            raise Unusable(f"it cannot be read: {reason}") from error

    return await _examine(name, read_part, URL("file:///"))


async def _probe_url(reader: RemoteReader, address: URL, name: str) -> SourceInfo:
    if not reader.may_read(address):
        return SourceInfo(name=name)

    async def read_part(offset: int, length: int) -> Part:
        return await reader.read(address, offset, length)

    return await _examine(name, read_part, address)


async def _examine(name: str, read_part: _ReadPart, address: URL) -> SourceInfo:
    head = await read_part(0, _CHUNK)
    if not head.data:
        raise Unusable("it is empty")
    kind = media_type(head.data) or head.content_type
    if kind == "text/html":
        raise Unusable(fix_for_page(address))
    info = SourceInfo(name=name, size=head.size, media_type=kind)
    if kind is not None and kind.startswith("image/"):
        width, height = picture_size(head.data) or (None, None)
        return msgspec.structs.replace(info, width=width, height=height)
    if head.size is None:
        return _unmeasured(info, "its server does not report its size")
    file = PartialFile(head.size)
    file.add(0, head.data)
    try:
        media = await _measure(file, kind, read_part if head.ranged else None)
    except NoParser:
        return _unmeasured(info, HINT)
    except Unreadable as error:
        return _unmeasured(info, str(error))
    if media.seconds is None and is_media(kind):
        reason = (
            "the file does not contain it" if head.ranged else "its server does not send ranges"
        )
        info = _unmeasured(info, reason)
    return msgspec.structs.replace(
        info, seconds=media.seconds, has_video=media.has_video, has_audio=media.has_audio
    )


def _unmeasured(info: SourceInfo, reason: str) -> SourceInfo:
    return msgspec.structs.replace(info, warning=f"length unknown: {reason}")


async def _measure(file: PartialFile, kind: str | None, read_part: _ReadPart | None) -> MediaInfo:
    """Parse the file, and fetch the parts that the parser needs."""
    for _ in range(_MAX_PARTS - 1):
        media = await in_thread(read_media, file, kind)
        offset = file.missing
        if offset is None or read_part is None:
            return media
        part = await read_part(offset, min(_CHUNK, file.gap_at(offset)))
        if not part.data:
            return media  # the file has become shorter
        file.add(offset, part.data)
    return await in_thread(read_media, file, kind)
