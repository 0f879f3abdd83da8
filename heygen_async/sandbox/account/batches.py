"""Batches: many requests accepted at once, whose jobs begin as slots become free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..answers import Json
from ..jobs import Failure, Job
from ..refusals import Refusal
from .store import Store

__all__ = ["Batch", "BatchItem", "failure_json"]


def failure_json(failure: Failure) -> Json:
    """Why a job failed, as batches and `statuses` show it."""
    return {"code": failure.code, "message": failure.message}


@dataclass(slots=True)
class BatchItem:
    """One job of a batch, or a request of it that was refused.

    Attributes:
        index: Its place in the batch, from 0.
        id: Id that its resource has once its job has begun.
        job: Its course, None for one that was refused.
        refusal: Why it was refused.
        named: Its resource is there before its job begins.
    """

    index: int
    id: str | None = None
    job: Job | None = None
    refusal: Refusal | None = None
    named: bool = False

    def status(self, now: float) -> str:
        """`queued`, `processing`, `completed` or `failed`."""
        if self.job is None:
            return "failed"
        if self.job.waiting:
            return "queued"
        return self.job.status(now, first="processing", running="processing")

    def json(self, now: float) -> Json:
        """The item as the API shows it: without id until its resource is there."""
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
    """A batch; `created_at` is in sandbox seconds, `callback_url` is told of its end."""

    id: str
    title: str | None
    created_at: float
    items: Store[BatchItem]
    callback_url: str | None = None

    @property
    def begun(self) -> bool:
        """Whether none of its jobs waits any more."""
        return not any(item.job is not None and item.job.waiting for item in self.items)

    def counts(self, now: float) -> Counter[str]:
        """How many items there are in each state."""
        return Counter(item.status(now) for item in self.items)

    def status(self, now: float) -> str:
        """`completed` once all have ended and one has ended well, `failed` if none has."""
        counts = self.counts(now)
        if counts["queued"] or counts["processing"]:
            return "processing"
        return "completed" if counts["completed"] else "failed"
