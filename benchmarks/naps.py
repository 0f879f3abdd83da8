"""Jobs that end by themselves, and a run of them, to measure the engine without HTTP.

This is the only module of the benchmarks that uses internals of the package: the others see
``Naps``, ``nap_run``, ``SCHEMA`` and ``key_digest``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from heygen_async import PRICES, Estimate, HeyGen, Video
from heygen_async.batch.admission.settings import RunSettings
from heygen_async.batch.operations import OPERATIONS, Operation, Pending, Submission
from heygen_async.batch.resume import ResumePolicy
from heygen_async.batch.run import Run
from heygen_async.batch.submissions import SubmissionBuilder
from heygen_async.journal import MemoryJournal, SqliteJournal
from heygen_async.journal.sqlite.schema import SCHEMA as SCHEMA
from heygen_async.journal.sqlite.schema import key_digest as key_digest
from heygen_async.media.probes import Source
from heygen_async.media.source_lengths import SourceLengths
from heygen_async.models.structs import Request
from heygen_async.pricing.async_budget import AsyncBudget

SECONDS = 0.05

_VIDEO = Video(id="video", status="completed", duration=60.0)


class Nap:
    """One job: the same object for the engine and for the prototype in ``bare.py``.

    Attributes:
        id: The id of the job, 32 characters as at HeyGen.
    """

    def __init__(self, job_id: str, naps: Naps) -> None:
        self.id = job_id
        self._naps = naps

    async def wait(self, timeout: float | None = None) -> Video:
        """Wait until the job has ended."""
        return await self._naps.end_of_nap()


class Naps:
    """Jobs of one length, served by one timer as real jobs are by one watcher.

    Args:
        seconds: How long each job takes. The jobs end in the order in which they began.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[float, asyncio.Future[Video]]] = deque()

    @staticmethod
    def payload(number: int) -> bytes:
        """Return the body of the request for an item."""
        return b'{"number":%d}' % number

    async def submit(self, number: int) -> Nap:
        """Start the job of an item."""
        return self.attach(f"{number:032x}")

    def attach(self, job_id: str) -> Nap:
        """Return the job with this id."""
        return Nap(job_id, self)

    def end_of_nap(self) -> asyncio.Future[Video]:
        """Return a future that is done ``seconds`` from now."""
        loop = asyncio.get_running_loop()
        nap: asyncio.Future[Video] = loop.create_future()
        if not self._waiting:
            loop.call_later(self._seconds, self._wake, loop)
        self._waiting.append((loop.time() + self._seconds, nap))
        return nap

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            nap = self._waiting.popleft()[1]
            if not nap.done():
                nap.set_result(_VIDEO)
        if self._waiting:
            loop.call_at(self._waiting[0][0], self._wake, loop)


@asynccontextmanager
async def nap_run(
    items: Iterable[int] | AsyncIterable[int],
    slots: int,
    journal: Path | None = None,
    seconds: float = SECONDS,
) -> AsyncGenerator[Run[Video], None]:
    """Open a run of the engine over naps, with a client of its own.

    Args:
        items: The numbers of the items.
        slots: Jobs that may run at once.
        journal: The file of the journal, or None for a run without one.
        seconds: How long each job takes.
    """
    naps = Naps(seconds)

    async def send(heygen: HeyGen, item: Submission[Any], key: str | None) -> Pending[Video]:
        return await naps.submit(item.index)

    OPERATIONS["naps"] = Operation(requests=(), result=Video, send=send)
    settings = RunSettings(
        workers=slots,
        sizes=None,
        ordered=False,
        on_error="collect",
        finished="yield",
        policy=ResumePolicy(),
        job_timeout=60.0,
        progress=None,
        run_id=None,
        journaled=journal is not None,
        notes={},
        until_empty=False,
        give_up_after=None,
    )
    store = MemoryJournal(keep_finished=False) if journal is None else SqliteJournal(journal)
    builder, budget = _NapBuilder(), AsyncBudget()
    async with HeyGen("unused", base_url="http://127.0.0.1:1", jobs=slots, retry=1) as heygen:
        lengths = SourceLengths(heygen, enabled=False)
        yield Run(heygen, items, builder, store, budget, settings, str, lengths, set())


class _NapRequest(Request, frozen=True, kw_only=True):
    """The request of an item, which is not really sent."""


_REQUEST = _NapRequest()
_FREE = Estimate(
    usd=0.0,
    usd_low=0.0,
    usd_high=0.0,
    usd_known=0.0,
    seconds=None,
    basis="naps",
    as_of=PRICES.as_of,
)


class _NapBuilder(SubmissionBuilder[Video]):
    """A builder whose items are naps; nothing is sent."""

    kind = "nap"
    subject = "benchmark"
    prices = PRICES
    has_sources = False

    async def prepare(self) -> None:
        """Do nothing: no preparation is needed."""

    async def check(self, items: Collection[Any]) -> set[Source]:
        """Do nothing: every item is valid."""
        return set()

    def submission(self, index: int, item: int, key: str | None = None) -> Submission[Video]:
        """Return one nap."""
        return Submission(
            operation="naps", request=_REQUEST, payload=Naps.payload(item), index=index, key=key
        )

    def estimate(self, submission: Submission[Video]) -> Estimate:
        """Return an estimate of 0."""
        return _FREE
