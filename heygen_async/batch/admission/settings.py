"""``RunSettings``: the settings of a run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Literal

import msgspec

from heygen_async.batch.outcome import Ended, OnError, Progress
from heygen_async.batch.resume import ResumePolicy
from heygen_async.batch.server_batches import BatchSizes


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a run.

    Attributes:
        workers: Maximum number of items that are processed at once.
        sizes: Sizes at which server batches are sent, or None to send items one by one.
        ordered: Whether outcomes are yielded in the order of the items.
        on_error: Whether the run stops at the first failure, or if the first 20 items fail.
        finished: Whether items that ended in an earlier run are yielded again.
        policy: How records of earlier runs are treated.
        job_timeout: Seconds after which a job is given up, or None.
        progress: Called after changes; see ``Batch``.
        run_id: Part of all idempotency keys, or None for the default.
        until_empty: Whether the run starts even if the account cannot pay for all of it.
        give_up_after: Seconds after which the run ends if HeyGen accepts nothing, or None.
        journaled: Whether a later run can resume this one.
        notes: Data about the run that the journal stores.
        deliver: Iterates over a run and delivers its outcomes, or None if there are no receivers.
    """

    workers: int
    sizes: BatchSizes | None
    ordered: bool
    on_error: OnError
    finished: Literal["yield", "skip"]
    policy: ResumePolicy
    job_timeout: float | None
    progress: Callable[[Progress], None] | None
    run_id: str | None
    until_empty: bool
    give_up_after: float | None
    journaled: bool
    notes: Mapping[str, Any]
    deliver: Callable[[Any], AsyncGenerator[Ended[Any]]] | None = None
