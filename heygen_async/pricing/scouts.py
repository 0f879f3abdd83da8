"""Scouts: if the length of a source is unknown, one of its jobs runs first to determine it.

Pure: no I/O and no waiting. With a budget, the other items of that source wait, and are then priced
by the measured length. Items of other sources continue in the meantime.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_OPERATIONS = frozenset(
    {"video_translations.create", "proofreads.generate", "lipsyncs.create", "videos.create"}
)


class JobSource(NamedTuple):
    """The files, or the parts of files, that determine the length of a job's output.

    Attributes:
        name: Identifier of the source; equal for all its jobs.
        skipped: Seconds at its start that are not charged, but that must be included in a length
            given to an estimate.
    """

    name: str
    skipped: float = 0.0


class _Files(msgspec.Struct, frozen=True):
    """The members of a request that determine the length of its output."""

    video: Any = None
    audio: Any = None
    audio_url: str | None = None
    audio_asset_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None


def job_source(operation: str | None, payload: bytes) -> JobSource | None:
    """Return the source of a job, or None if only the request determines its length.

    Args:
        operation: The operation that submits it, such as ``video_translations.create``.
        payload: The JSON body of its request.
    """
    if operation not in _OPERATIONS:
        return None
    try:
        files = msgspec.json.decode(payload, type=_Files)
    except msgspec.MsgspecError:  # such as a member that the caller added
        return None
    media = [files.video, files.audio, files.audio_url, files.audio_asset_id]
    if not any(media) or files.end_time is not None:
        return None
    start = max(0.0, files.start_time or 0.0)
    name = msgspec.json.encode([operation, start, *media], order="sorted").decode()
    return JobSource(name, start if operation == "video_translations.create" else 0.0)


class SourceScouts(Generic[T]):
    """Decide which items of unknown length may start, and share measured lengths."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._waiting: dict[str, list[T]] = {}  # by source with a running scout

    @property
    def waiting(self) -> list[T]:
        """Items that wait for the scout of their source."""
        return [item for items in self._waiting.values() for item in items]

    def seconds(self, source: JobSource) -> float | None:
        """Return the length with which to estimate a job of this source, or None if unknown."""
        return self._seconds.get(source.name)

    def start(self, source: JobSource, item: T) -> bool:
        """Return whether an item of unknown length may start as the scout of its source.

        Otherwise the item is kept until ``end``.
        """
        waiting = self._waiting.get(source.name)
        if waiting is None:
            self._waiting[source.name] = []
            return True
        waiting.append(item)
        return False

    def learn(self, source: JobSource, seconds: float) -> None:
        """Note the output length of a finished job. The longest counts for the other jobs."""
        seconds += source.skipped
        self._seconds[source.name] = max(seconds, self._seconds.get(source.name, 0.0))

    def end(self, source: JobSource) -> list[T]:
        """Note the end of a scout, and return the items to retry.

        If the scout has not determined a length, the next item that starts is the scout.
        """
        return self._waiting.pop(source.name, [])
