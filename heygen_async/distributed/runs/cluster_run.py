"""``ClusterRun``: one run of a cluster, from any process that can reach its database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import msgspec

from heygen_async.batch.operations import OPERATIONS
from heygen_async.distributed.runs.database import AGAIN, DOWNLOADED, Database, RunRow
from heygen_async.distributed.runs.engine import TASK
from heygen_async.errors import (
    BudgetExceeded,
    HeyGenError,
    JobFailed,
    RecordedFailure,
    UncertainSubmission,
)
from heygen_async.journal import DeliveryStatus

_PAGE = 500
_POLL = 1.0  # seconds between two polls for new outcomes
# Period in seconds over which the rate is computed.
_LATELY = 300.0


class ClusterOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one item of a run.

    Attributes:
        key: The item's key.
        index: Its position among the items, from 0.
        cursor: Pass it to ``outcomes`` to continue after this outcome.
        job_id: Its job, or None if it was not accepted.
        result: The result of the job, or None if it failed.
        error: The error it failed with, or None.
        usd: Estimated cost in US dollars, or None if unknown.
        resends: Number of times it was resent although an earlier attempt may have been paid for,
            since its operation takes no idempotency key.
        ended_at: When it ended, in Unix seconds; None if its state is uncertain.
    """

    key: str
    index: int
    cursor: int
    job_id: str | None = None
    result: Any = None
    error: HeyGenError | None = None
    usd: float | None = None
    resends: int = 0
    ended_at: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the job completed."""
        return self.error is None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Status of one worker, of any run.

    Attributes:
        name: Its host and process.
        alive: Whether its lease is in force.
        running: Number of jobs that it had in flight at its last heartbeat.
        seen: Seconds since its last heartbeat.
    """

    name: str
    alive: bool
    running: int
    seen: float


class ClusterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Status of a run.

    Attributes:
        name: Its name.
        kind: Kind of run.
        subject: Its subject.
        entered: Whether all its items are known, because a submit has finished.
        cancelled: Whether it was cancelled.
        at_rest: Whether no worker will do more work: all items have ended, the run was cancelled,
            or its budget has no room.
        items: Number of items so far.
        counts: Number of items in each state; ``queued`` items were not begun. Items that were
            refused because of the account count as queued.
        usd: Estimated cost so far in US dollars.
        max_cost: The cap in US dollars, or None.
        per_minute: Items that ended per minute, over the last five minutes.
        seconds_left: Estimated seconds until all items have ended at this rate, or None if unknown.
        shards: Number of shards.
        shards_left: Number of unfinished shards.
        slots_running: Number of its jobs that ran at the latest sample of each worker.
        slot_limit: Number of jobs that could run at once in the latest sample, or None.
        workers: The workers of the cluster, of all runs.
        files: Files that workers have downloaded; None if none has. Workers try again where it
            failed.
        swept: Seconds since a worker last checked for dead workers; None if no worker has yet.
    """

    name: str
    kind: str
    subject: str
    entered: bool
    cancelled: bool
    at_rest: bool
    items: int
    counts: dict[str, int]
    usd: float
    max_cost: float | None
    per_minute: float
    seconds_left: float | None
    shards: int
    shards_left: int
    slots_running: int
    slot_limit: int | None
    workers: tuple[WorkerStatus, ...]
    files: DeliveryStatus | None
    swept: float | None


class _Ended(NamedTuple):
    """A finished item, as ``statements.sql`` selects it."""

    end_number: int
    key: str
    position: int
    operation: str
    state: str
    job_id: str | None
    result: str | None
    error_type: str | None
    error_code: str | None
    error_message: str | None
    usd: float | None
    resends: int
    ended_at: float | None

    def outcome(self, cursor: int) -> ClusterOutcome:
        result, error = None, None
        if self.state == "completed":
            result = msgspec.json.decode(
                self.result or "null", type=OPERATIONS[self.operation].result
            )
        else:
            error = self._error()
        return ClusterOutcome(
            key=self.key,
            index=self.position,
            cursor=cursor,
            job_id=self.job_id,
            result=result,
            error=error,
            usd=self.usd,
            resends=self.resends,
            ended_at=self.ended_at,
        )

    def _error(self) -> HeyGenError:
        if self.state == "uncertain":
            message = f"item {self.key} may have been submitted; no job of its own was found"
            return UncertainSubmission(message, key=self.key)
        message = self.error_message or "HeyGen gives no reason"
        if self.error_type == "JobFailed" and self.job_id is not None:
            return JobFailed(message, job_id=self.job_id, code=self.error_code)
        error_type = self.error_type or "HeyGenError"
        return RecordedFailure(message, error_type=error_type, code=self.error_code)


class ClusterRun:
    """A run that workers process to its end, independently of the process that submitted it.

    Args:
        database: The database, open.
        row: The run.

    Attributes:
        name: Its name.
    """

    def __init__(self, database: Database, row: RunRow) -> None:
        self.name: str = row.name
        self._database = database
        self._run = row.run

    def __repr__(self) -> str:
        return f"ClusterRun({self.name!r}, {self._database.name!r})"

    async def outcomes(self, after: int | None = None) -> AsyncGenerator[ClusterOutcome]:
        """Iterate over the outcomes in the order of their ends, until the run is at rest.

        Any number of processes can iterate, each from its own cursor. Items whose state is
        uncertain come at the end, with the cursor of the last outcome. While a submit has not
        finished, the iteration waits for more items.

        Args:
            after: The cursor of the last outcome that was consumed; None starts with the first
                outcome.

        Raises:
            BudgetExceeded: Raised at the end: items were not submitted because the budget has no
                room.
            JournalError: The database cannot be reached.
        """
        cursor = after or 0
        values = {"run": self._run, "again": AGAIN, "limit": _PAGE}
        while True:
            at_rest = await self._at_rest()  # read first, so that no later outcome is missed
            page = await self._database.all("outcomes", values | {"after": cursor})
            for row in page:
                cursor = row[0]
                yield _Ended(*row).outcome(cursor)
            if len(page) < _PAGE:
                if at_rest:
                    break
                await asyncio.sleep(_POLL)
        for row in await self._database.all("uncertain_items", {"run": self._run}):
            yield _Ended(*row).outcome(cursor)
        status = await self.status()
        if status.counts["queued"] and not status.cancelled:
            raise BudgetExceeded(
                f"run {self.name!r}: {status.counts['queued']:,} items were not submitted, as the "
                "budget has no room; submit it again with a larger max_cost",
                max_cost=status.max_cost,
                max_jobs=None,
                spent=status.usd,
                reserved=0.0,
            )

    async def status(self) -> ClusterStatus:
        """Return the status of the run.

        Raises:
            JournalError: The database cannot be reached.
        """
        database, run, now = self._database, self._run, time.time()
        row = await database.run(run)
        values = {"run": run, "again": AGAIN, "since": now - _LATELY, "target": DOWNLOADED}
        counts = dict.fromkeys(
            ("queued", "intended", "submitted", "completed", "failed", "uncertain"), 0
        )
        usd, lately = 0.0, 0
        for state, items, cost, ended in await database.all("run_figures", values):
            counts[state] += items
            usd += cost or 0.0
            lately += ended
        left = await self._shards_left()
        ((shards, swept, running, limit),) = await database.all("cluster_figures", values)
        workers = tuple(
            WorkerStatus(name=name, alive=alive, running=jobs, seen=seen)
            for name, alive, jobs, seen in await database.all("workers")
        )
        ((delivered, failed, error),) = await database.all("delivered", values)
        files = DeliveryStatus(
            delivered=delivered,
            waiting=max(0, counts["completed"] - delivered - failed),
            failed=failed,
            error=error,
        )
        open_items = counts["queued"] + counts["intended"] + counts["submitted"]
        span = min(_LATELY, max(1.0, now - row.created_at))
        per_second = lately / span
        return ClusterStatus(
            name=row.name,
            kind=row.kind,
            subject=row.subject,
            entered=row.entered,
            cancelled=row.cancelled,
            at_rest=(row.entered or row.cancelled) and not left,
            items=sum(counts.values()),
            counts=counts,
            usd=usd,
            max_cost=row.max_cost,
            per_minute=60 * per_second,
            seconds_left=open_items / per_second if per_second and open_items else None,
            shards=shards,
            shards_left=left,
            slots_running=running or 0,
            slot_limit=limit,
            workers=workers,
            files=files if delivered or failed else None,
            swept=swept,
        )

    async def cancel(self) -> None:
        """Submit nothing more; jobs that run at HeyGen are awaited.

        Raises:
            JournalError: The database cannot be reached.
        """
        await self._database.all("cancel_run", {"run": self._run})

    async def _at_rest(self) -> bool:
        row = await self._database.run(self._run)
        return (row.entered or row.cancelled) and not await self._shards_left()

    async def _shards_left(self) -> int:
        ((count,),) = await self._database.all("shards_left", {"run": self._run, "task": TASK})
        return int(count)
