"""Batches: many requests accepted at once, whose jobs start when slots become free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..answers import Json
from ..jobs import Failure, Job
from ..refusals import Refusal
from .store import Store

__all__ = ["Batch", "BatchItem", "failure_json"]


def failure_json(failure: Failure) -> Json:
    """Return the reason of a failure in the form of batches and `statuses`."""
    return {"code": failure.code, "message": failure.message}


@dataclass(slots=True)
class BatchItem:
    """One job of a batch, or one refused request.

    Attributes:
        index: Position in the batch, from 0.
        id: Id that its resource will have when its job has started.
        job: Its course, or None if it was refused.
        refusal: Reason of the refusal.
        named: Whether its resource exists before its job starts.
    """

    index: int
    id: str | None = None
    job: Job | None = None
    refusal: Refusal | None = None
    named: bool = False

    def status(self, now: float) -> str:
        """Return `queued`, `processing`, `completed` or `failed`."""
        if self.job is None:
            return "failed"
        if self.job.waiting:
            return "queued"
        return self.job.status(now, first="processing", running="processing")

    def json(self, now: float) -> Json:
        """Return the item as in the API: without an id until its resource exists."""
        status = self.status(now)
        shown: Json = {"item_index": self.index, "status": status, "video_id": None}
        if self.named or (self.job is not None and not self.job.waiting):
            shown["video_id"] = self.id
        if self.refusal is not None:
            refusal = self.refusal
            shown["error"] = {"code": refusal.code, "message": refusal.message}
            if refusal.param is not None:
                shown["error"]["param"] = refusal.param
        elif status == "failed" and self.job is not None and self.job.failure is not None:
            shown["error"] = failure_json(self.job.failure)
        return shown


@dataclass(slots=True)
class Batch:
    """A batch. `created_at` is in sandbox seconds; `callback_url` is called at its end."""

    id: str
    title: str | None
    created_at: float
    items: Store[BatchItem]
    callback_url: str | None = None

    @property
    def all_started(self) -> bool:
        """Whether all of its jobs have started."""
        return not any(item.job is not None and item.job.waiting for item in self.items)

    def counts(self, now: float) -> Counter[str]:
        """Return the number of items with each status."""
        return Counter(item.status(now) for item in self.items)

    def status(self, now: float) -> str:
        """Return `completed` when all items have ended, or `failed` if none has succeeded."""
        counts = self.counts(now)
        if counts["queued"] or counts["processing"]:
            return "processing"
        return "completed" if counts["completed"] else "failed"
