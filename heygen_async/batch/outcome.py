"""What became of one item of a bulk run."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from heygen_async.errors import HeyGenError

T = TypeVar("T")


class Outcome(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What became of one item.

    Attributes:
        key: The item's key; by default its position as a decimal number.
        index: Its position among the items, from 0.
        item: The item itself, as it was given.
        job_id: Its job, or None where it was not accepted; ``batch_id#place`` where HeyGen has
            accepted it in one of its batches, and has not begun it or could not.
        result: What the job gave, or None where it failed.
        error: Why it failed, or None.
        seconds: From the moment it got a slot to its end.
        usd: What it cost in US dollars, an estimate; None where that is not known.
        resumed: Whether it ended in an earlier run and comes from the journal.
        file: Where ``batch.download`` has put its output, or None.
        download_error: Why ``batch.download`` could not; the job itself is none the worse.
    """

    key: str
    index: int
    item: Any
    job_id: str | None = None
    result: T | None = None
    error: HeyGenError | None = None
    seconds: float = 0.0
    usd: float | None = None
    resumed: bool = False
    file: str | None = None
    download_error: HeyGenError | None = None

    @property
    def ok(self) -> bool:
        """Whether the job completed."""
        return self.error is None

    def unwrap(self) -> T:
        """The result, or the error raised."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result
