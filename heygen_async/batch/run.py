"""``Run``: one bulk run, iterated for its outcomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

from heygen_async.batch.fan_out import FanOut
from heygen_async.batch.outcome import Outcome
from heygen_async.batch.report import Progress, Report, Tally
from heygen_async.batch.source import Source
from heygen_async.errors import (
    AuthenticationError,
    BatchStopped,
    HeyGenError,
    JobFailed,
    PaymentRequired,
    QuotaExceeded,
)
from heygen_async.jobs.job import Job
from heygen_async.session.session import Traffic
from heygen_async.session.slots import JobSlots, Slot

T = TypeVar("T")

logger = logging.getLogger("heygen_async.batch")

# What one item meets here, all others would meet too.
_HOPELESS = (AuthenticationError, PaymentRequired, QuotaExceeded)


class Run(Generic[T]):
    """One bulk run: ``async for outcome in run``, then ``run.report``.

    Nothing happens before the iteration begins; it can be iterated once. Leaving the loop early
    ends the run: nothing more is submitted, and nothing is waited for. The jobs that run go on
    at HeyGen; ``await run.aclose()`` returns once all is put away, and ``unfinished`` tells
    which they are.

    Attributes:
        unfinished: Jobs that HeyGen accepted and whose end is not known: ids by item key. After
            an interrupted run these are the jobs that still go on. Where a key repeats among
            them, the later one stands under ``key#position``.
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
        self._on_error = on_error
        self._job_timeout = job_timeout
        self._progress = progress
        self._tally = Tally(slots, traffic, source.total)
        self._begun = False
        self._fan_out: FanOut[Any, Outcome[T]] = FanOut(
            source, self._work, slots=slots, workers=workers, ordered=ordered
        )

    @property
    def report(self) -> Report:
        """What the run has done up to its last outcome."""
        return self._tally.report()

    def __aiter__(self) -> AsyncGenerator[Outcome[T]]:
        if self._begun:
            raise RuntimeError("a run can be iterated once; start another one")
        self._begun = True
        # Not kept here: a loop that is left early drops it, which ends the run.
        return self._iterate()

    async def aclose(self) -> None:
        """End the run: submit nothing more and stop waiting. Jobs at HeyGen go on.

        Whoever iterates over it gets no more outcomes.
        """
        await self._fan_out.stop()

    async def _iterate(self) -> AsyncGenerator[Outcome[T]]:
        await self._prepare()
        loop = asyncio.get_running_loop()
        self._slots.bind(loop)
        self._tally.began(loop.time())
        first_failure: Outcome[T] | None = None
        outcomes = self._fan_out.results()
        try:
            async for outcome in outcomes:
                if outcome.error is not None and self._stops(outcome.error):
                    first_failure = first_failure or outcome
                yield outcome
        finally:
            await outcomes.aclose()
        if first_failure is not None and first_failure.error is not None:
            raise BatchStopped(
                f"stopped after item {first_failure.key} failed: {first_failure.error}",
                key=first_failure.key,
                error=first_failure.error,
            ) from first_failure.error

    async def _work(self, index: int, item: Any, slot: Slot) -> Outcome[T]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        key = str(index) if self._key is None else self._key(item)
        name: str | None = None
        job: Job[T] | None = None
        result: T | None = None
        failure: HeyGenError | None = None
        try:
            with slot.bulk():
                job = await self._submit(index, item)
            slot.accepted()
            self._tally.accepted()
            name = self._note(key, index, job.id)
            result = await job.wait(self._job_timeout)
            del self.unfinished[name]
        except HeyGenError as error:
            failure = error
            if isinstance(error, JobFailed) and name is not None:
                del self.unfinished[name]
            if self._stops(error):
                self._source.close()
        except asyncio.CancelledError as cancelled:
            for job_id in getattr(cancelled, "job_ids", ()):
                if job is None:
                    self._note(key, index, job_id)
            raise
        finally:
            if job is not None:
                self._tally.left()
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
        self._report_progress(loop.time())
        return outcome

    def _stops(self, error: HeyGenError) -> bool:
        """Whether nothing more is submitted after this failure."""
        return self._on_error == "stop" or isinstance(error, _HOPELESS)

    def _note(self, key: str, index: int, job_id: str) -> str:
        """Note a job under its item's key; the name under which it stands."""
        name = key if key not in self.unfinished else f"{key}#{index}"
        self.unfinished[name] = job_id
        return name

    def _report_progress(self, now: float) -> None:
        if self._progress is None:
            return
        try:
            self._progress(self._tally.progress(now))
        except Exception:  # it must not cost an outcome that is paid for
            self._progress = None
            logger.exception("the progress callback failed, and is not called any more")
