"""Dub the beginning of a video into each language before all of it is paid for."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

import msgspec

from heygen_async.batch.admission.sampling import Sampled, decided
from heygen_async.batch.operations import Submission
from heygen_async.batch.run import Run
from heygen_async.batch.submissions import SubmissionBuilder
from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.media.probes import Source
from heygen_async.models.structs import encode
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.pricing.estimates import Estimate
from heygen_async.session.sync_iterables import numbered
from heygen_async.session.tasks import in_thread

T = TypeVar("T")


class Clip(NamedTuple):
    """The beginning of one dub.

    Attributes:
        item: The item of the whole dub.
        key: The key of the clip, which is not that of the whole dub.
        request: The request for the clip.
        seconds: Its length in seconds, at most.
    """

    item: Any
    key: str
    request: VideoTranslationRequest
    seconds: float


class _ClipBuilder(SubmissionBuilder[Any]):
    """Build the submissions of clips.

    Args:
        whole: The builder of the whole dubs.
    """

    has_sources = False

    def __init__(self, whole: SubmissionBuilder[Any]) -> None:
        self._whole = whole
        self.kind, self.subject, self.title = whole.kind, whole.subject, whole.title
        self.prices, self.pull = whole.prices, whole.pull

    async def prepare(self) -> None:
        """Do nothing: the whole dubs were prepared and checked."""

    async def check(self, items: Collection[Any]) -> set[Source]:
        """Do nothing: the whole dubs were prepared and checked."""
        return set()

    def submission(self, index: int, item: Clip, key: str | None = None) -> Submission[Any]:
        """Return the submission of one clip."""
        whole = self._whole.submission(index, item.item)
        changes = {"request": item.request, "payload": encode(item.request)}
        return msgspec.structs.replace(whole, key=item.key, seconds=item.seconds, **changes)

    def estimate(self, submission: Submission[Any]) -> Estimate:
        """Return the estimated cost of a clip."""
        return self._whole.estimate(submission)


async def sample_clips(
    run: Run[T], seconds: float = 30.0, *, require_approval: bool = False
) -> Sampled[T]:
    """Limit a run of ``batch.translate`` to the beginning of one dub into each language.

    Clips are items of their own in the journal, with keys such as ``French (France), first 30 s``;
    the whole dubs are other requests under their own keys.

    Args:
        run: The run, with a journal and not yet iterated.
        seconds: Length of the clips; a shorter video is dubbed as a whole. Default 30.
        require_approval: Return the run of the whole dubs once each clip is approved. Default
            False: only clips are made.

    Raises:
        ConfigurationError: The run has no journal.
        InvalidRequest: An item is not a translation or cannot be sent, the items are not a
            collection, or ``seconds`` is not positive.
        JournalError: The journal cannot be read.
    """
    if not seconds > 0:
        raise InvalidRequest(f"seconds: expected more than 0, got {seconds}", param="seconds")
    if not run.settings.journaled:
        raise ConfigurationError("sample_clips: the run needs a journal, which remembers the clips")
    items, builder, key, lengths = run.manifest
    if not isinstance(items, Collection):
        raise InvalidRequest("items: clips need a collection, such as a list", param="items")
    await builder.prepare()
    await builder.check(items)
    clips: dict[int, Clip] = {}
    languages: set[str] = set()
    async with aclosing(numbered(items, builder.pull)) as every:
        async for index, item in every:
            whole = builder.submission(index, item)
            request = whole.request
            if not isinstance(request, VideoTranslationRequest):
                raise InvalidRequest("items: only translations have clips", param="items")
            if request.output_languages[0] in languages:
                continue
            languages.add(request.output_languages[0])
            length = whole.seconds
            if length is None:
                await lengths.probe_item(request, refuse=True)
                length = lengths.seconds(request)
            name = request.output_languages[0] if key is None else key(item)
            clips[index] = _clip(item, name, request, seconds, length)
    names = [clip.key for clip in clips.values()]
    _, approved = await in_thread(decided, run.store)
    waiting = [name for name in names if name not in approved]
    notes = {"sample": names}
    if require_approval and not waiting:
        return Sampled(run.over(items, notes), names, 0, [])
    limited = run.over(list(clips.values()), notes, list(clips), builder=_ClipBuilder(builder))
    return Sampled(limited, names, len(items), waiting)


def _clip(
    item: Any, name: str, request: VideoTranslationRequest, seconds: float, length: float | None
) -> Clip:
    start = request.start_time or 0.0
    ends = [end for end in (request.end_time, length) if end is not None]
    end = min([start + seconds, *ends])
    shorter = msgspec.structs.replace(request, start_time=start, end_time=end)
    return Clip(item, clip_key(name, seconds), shorter, end - start)


def clip_key(name: str, seconds: float) -> str:
    """Return the key of the clip of a dub.

    Args:
        name: The key of the whole dub, or its language.
        seconds: Length of the clips.
    """
    return f"{name}, first {seconds:g} s"
