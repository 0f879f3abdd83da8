"""Lengths of sources for the estimates of a batch, each determined once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TypeAlias

from heygen_async.client import HeyGen
from heygen_async.errors import AuthenticationError, CallError
from heygen_async.media.agent_lengths import typical_agent_seconds
from heygen_async.media.probes import InvalidSources, Source, SourceInfo, probe_sources
from heygen_async.models.editing import FillerWordRemovalRequest
from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.proofreads import ProofreadRender, ProofreadRequest
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import AvatarVideoRequest, ImageVideoRequest
from heygen_async.models.voices import VoiceCloneRequest

Media: TypeAlias = AssetUrl | AssetId
"""A source in a request."""

logger: logging.Logger = logging.getLogger("heygen_async.media")

# The most sources of an iterator that are remembered: a long stream needs bounded memory.
_REMEMBERED = 10_000


class SourceLengths:
    """The known lengths of the sources of a batch and of the account's Video Agent.

    Args:
        heygen: The client.
        enabled: Whether sources are probed. If not, their lengths are unknown.

    Attributes:
        enabled: Whether sources are probed.
        found: What the probes have found, by source.
    """

    def __init__(self, heygen: HeyGen, *, enabled: bool = True) -> None:
        self._heygen = heygen
        self.enabled: bool = enabled
        self.found: dict[Source, SourceInfo] = {}
        self._under_way: dict[tuple[Source, ...], asyncio.Lock] = {}
        self._of_agents: tuple[float | None] | None = None  # set after the account was queried

    def seconds(self, request: Request) -> float | None:
        """Return the length in seconds of a request, derived from its sources, or None."""
        lengths = [self._length(source) for source in sources_of(request)]
        return length_of_job(request, lengths)

    async def agent_seconds(self) -> float | None:
        """Return the typical length of the account's Video Agent videos, or None if unknown.

        The account is queried once.
        """
        if self._of_agents is None:
            self._of_agents = (await typical_agent_seconds(self._heygen),)
        return self._of_agents[0]

    async def probe(self, sources: Iterable[Source]) -> None:
        """Probe the sources of a collection, up to 8 at a time.

        Raises:
            InvalidSources: HeyGen cannot use some of the sources; all of them are named.
        """
        if self.enabled:
            await self._probe(sources)

    async def probe_item(self, request: Request, *, refuse: bool) -> None:
        """Probe the sources of one item of an iterator, unless another item has the same.

        Args:
            request: The request of the item.
            refuse: Whether a source that HeyGen cannot use is an error. Otherwise its length
                stays unknown.

        Raises:
            InvalidSources: HeyGen cannot use one of its sources.
        """
        sources = sources_of(request)
        if not (self.enabled and sources):
            return
        lock = self._under_way.setdefault(sources, asyncio.Lock())
        try:
            async with lock:
                await self._probe(sources)
        except InvalidSources:
            if refuse:
                raise
        finally:
            self._under_way.pop(sources, None)
        while len(self.found) > _REMEMBERED:
            self.found.pop(next(iter(self.found)))

    async def _probe(self, sources: Iterable[Source]) -> None:
        wanted = list(sources)
        if all(source in self.found and not self.found[source].problem for source in wanted):
            return
        try:
            await probe_sources(self._heygen, wanted, self.found)
        except AuthenticationError:
            raise
        except CallError as error:  # the API does not return the URL of an asset at present
            logger.warning("lengths of sources are unknown: %s", error)

    def _length(self, source: Source) -> float | None:
        info = self.found.get(source)
        return None if info is None else info.seconds


def sources_of(request: Request) -> tuple[Media, ...]:
    """Return the source files of a request whose length or kind matters."""
    match request:
        case (
            VideoTranslationRequest()
            | ProofreadRequest()
            | ProofreadRender()
            | FillerWordRemovalRequest()
        ):
            sources: tuple[object, ...] = (request.video,)
        case LipsyncRequest():
            sources = (request.video, request.audio)
        case VoiceCloneRequest():
            sources = (request.audio,)
        case AvatarVideoRequest() | ImageVideoRequest() if request.audio_url is not None:
            sources = (AssetUrl(url=request.audio_url),)
        case AvatarVideoRequest() | ImageVideoRequest() if request.audio_asset_id is not None:
            sources = (AssetId(asset_id=request.audio_asset_id),)
        case _:
            sources = ()
    return tuple(source for source in sources if isinstance(source, Media))


def length_of_job(request: Request, lengths: list[float | None]) -> float | None:
    """Return the length in seconds for the estimate of a request, or None.

    Args:
        request: The request.
        lengths: Length of each of its sources, in the order of ``sources_of``.
    """
    known = [seconds for seconds in lengths if seconds is not None]
    if not known or len(known) < len(lengths):
        return None
    match request:
        case LipsyncRequest():
            # The output may last as long as the new speech.
            longest = max(known)
            end = longest if request.end_time is None else min(longest, request.end_time)
            return max(0.0, end - max(0.0, request.start_time or 0.0))
        case VoiceCloneRequest():
            return None  # the cost of the operation does not depend on the length
        case _:
            return known[0]
