"""``Run``: one bulk run, iterated for its outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

from heygen_async.batch.fan_out import fan_out
from heygen_async.batch.outcome import Outcome
from heygen_async.batch.report import Progress, Report, Tally
from heygen_async.batch.source import Source
from heygen_async.errors import BatchStopped, HeyGenError
from heygen_async.jobs.job import Job
from heygen_async.session.session import Traffic
from heygen_async.session.slots import JobSlots, Slot

T = TypeVar("T")


class Run(Generic[T]):
    """One bulk run: ``async for outcome in run``, then ``run.report``.

    Nothing happens before the iteration begins; it can be iterated once.

    Attributes:
        unfinished: Jobs that HeyGen accepted and whose end is not known: ids by item key. After
            an interrupted run these are the jobs that still go on.
    """

    def __init__(
        self,
        source: Source[Any],
        submit: Callable[[int, Any], Awaitable[Job[T]]],
        *,
        prepare: Callable[[], Awaitable[None]],
        key: Callable[[Any], str] | None,
        slots: JobSlots,
        traffic: Traffic,
        workers: int,
        ordered: bool,
        on_error: Literal["collect", "stop"],
        job_timeout: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.unfinished: dict[str, str] = {}
        self._source = source
        self._submit = submit
        self._prepare = prepare
        self._key = key
        self._slots = slots
        self._workers = workers
        self._ordered = ordered
        self._on_error = on_error
        self._job_timeout = job_timeout
        self._progress = progress
        self._tally = Tally(slots, traffic, source.total)
        self._outcomes: AsyncGenerator[Outcome[T]] | None = None

    @property
    def report(self) -> Report:
        """What the run has done up to its last outcome."""
        return self._tally.report()

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        if self._outcomes is not None:
            raise RuntimeError("a run can be iterated once; start another one")
        self._outcomes = self._iterate()
        return self._outcomes

    async def aclose(self) -> None:
        """End the run: submit nothing more and stop waiting. Jobs at HeyGen go on."""
        if self._outcomes is not None:
            await self._outcomes.aclose()

    async def _iterate(self) -> AsyncGenerator[Outcome[T]]:
        await self._prepare()
        loop = asyncio.get_running_loop()
        self._slots.bind(loop)
        self._tally.began(loop.time())
        first_failure: Outcome[T] | None = None
        outcomes = fan_out(
            self._source,
            self._work,
            slots=self._slots,
            workers=self._workers,
            ordered=self._ordered,
        )
        try:
            async for outcome in outcomes:
                if not outcome.ok and self._on_error == "stop":
                    first_failure = first_failure or outcome
                yield outcome
        finally:
            await outcomes.aclose()
        if first_failure is not None:
            raise BatchStopped(
                f"stopped after item {first_failure.key} failed: {first_failure.error}",
                key=first_failure.key,
            ) from first_failure.error

    async def _work(self, index: int, item: Any, slot: Slot) -> Outcome[T]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._tally.submitted()
        key, job, result, failure = str(index), None, None, None
        try:
            if self._key is not None:
                key = self._key(item)
            with slot.bulk():
                job = await self._submit(index, item)
            slot.accepted()
            self.unfinished[key] = job.id
            result = await job.wait(self._job_timeout)
            del self.unfinished[key]
        except HeyGenError as error:
            failure = error
            if self._on_error == "stop":
                self._source.close()
        except asyncio.CancelledError as cancelled:
            for job_id in getattr(cancelled, "job_ids", ()):
                self.unfinished[key] = job_id
            raise
        outcome = Outcome(
            key=key,
            index=index,
            item=item,
            job_id=job.id if job is not None else None,
            result=result,
            error=failure,
            seconds=loop.time() - started,
        )
        self._tally.ended(outcome, loop.time())
        if self._progress is not None:
            self._progress(self._tally.progress(loop.time()))
        return outcome
