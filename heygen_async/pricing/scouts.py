"""Scouts: where the length of a source is unknown, one of its jobs runs first and tells it.

Pure: no I/O and no waiting. With a budget, the other items of that source wait meanwhile, and are
then priced by the length that was found, while items of other sources go on.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_OPERATIONS = frozenset(
    {"video_translations.create", "proofreads.generate", "lipsyncs.create", "videos.create"}
)


class JobSource(NamedTuple):
    """The files, and the part of them, that determine how long a job's output is.

    Attributes:
        name: Tells it from others; equal for all jobs of one source.
        skipped: Seconds at its start that are not charged, and that a length given to an estimate
            must contain.
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
    """Return the source of a job, or None if nothing but the request determines its length.

    Args:
        operation: The operation that submits it, such as ``video_translations.create``.
        payload: The JSON body of its request.
    """
    if operation not in _OPERATIONS:
        return None
    try:
        files = msgspec.json.decode(payload, type=_Files)
    except msgspec.MsgspecError:  # such as a member that a caller has put there himself
        return None
    media = [files.video, files.audio, files.audio_url, files.audio_asset_id]
    if not any(media) or files.end_time is not None:
        return None
    start = max(0.0, files.start_time or 0.0)
    name = msgspec.json.encode([operation, start, *media], order="sorted").decode()
    return JobSource(name, start if operation == "video_translations.create" else 0.0)


class SourceScouts(Generic[T]):
    """Decides which items of unknown length may start, and what the others learn from them."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._waiting: dict[str, list[T]] = {}  # by source whose scout is under way

    @property
    def waiting(self) -> list[T]:
        """Items that wait for the scout of their source."""
        return [item for items in self._waiting.values() for item in items]

    def seconds(self, source: JobSource) -> float | None:
        """Return the length to estimate a job of this source with, or None if it is unknown."""
        return self._seconds.get(source.name)

    def start(self, source: JobSource, item: T) -> bool:
        """Return whether an item of unknown length may start: as the scout of its source.

        Otherwise it is kept until ``end``.
        """
        waiting = self._waiting.get(source.name)
        if waiting is None:
            self._waiting[source.name] = []
            return True
        waiting.append(item)
        return False

    def learn(self, source: JobSource, seconds: float) -> None:
        """Note how long the output of a finished job is. The longest counts for the others."""
        seconds += source.skipped
        self._seconds[source.name] = max(seconds, self._seconds.get(source.name, 0.0))

    def end(self, source: JobSource) -> list[T]:
        """Note the end of a scout, and return the items that may try again.

        If it has told no length, the next one that starts is the scout.
        """
        return self._waiting.pop(source.name, [])
