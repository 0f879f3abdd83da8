"""The engine of bulk runs: how close to the ideal it keeps the slots busy, and its memory.

*Makespan*: 10,000 "renders" of 50 ms behind 100 slots, in real time, through a ``Run`` with its
workers, slots, keys, outcomes and counts, without HTTP; the ideal is 5 s. *Memory*: by how much
the peak of a process that runs 100,000 items lies over that of one that runs 10,000. For people,
the table also shows the whole client, over HTTP, against a sandbox in another process.

    python benchmarks/fan_out.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from tables import report

from heygen_async import Batch, HeyGen, JobSlots, Video
from heygen_async.batch.item import Books, BookSettings
from heygen_async.batch.run import Run, RunSettings
from heygen_async.batch.submissions import Pending, Plan, Submission
from heygen_async.models.structs import Request
from heygen_async.pricing.budget import Budget
from heygen_async.pricing.estimates import Estimate
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.session.session import Traffic

SLOTS = 100
SECONDS = 0.05
ITEMS, MANY = 10_000, 100_000

# Over HTTP: the sandbox's videos take a minute or so, which this turns into half a second.
SPEED = 120
HTTP_ITEMS = 500


class Nap(Request, frozen=True, kw_only=True):
    """What is "sent" for an item."""


_NAP = Nap()


class _Naps:
    """Jobs that end by themselves: what is measured is the engine, not the client.

    As with real jobs, one timer serves them all. Naps are of one length, so they end in the
    order in which they began.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, asyncio.Future[Video]]] = deque()

    def begin(self) -> asyncio.Future[Video]:
        """A nap; done when it ends."""
        loop = asyncio.get_running_loop()
        nap: asyncio.Future[Video] = loop.create_future()
        if not self._waiting:
            loop.call_later(SECONDS, self._end, loop)
        self._waiting.append((loop.time() + SECONDS, nap))
        return nap

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            nap = self._waiting.popleft()[1]
            if not nap.done():
                nap.set_result(_VIDEO)
        if self._waiting:
            loop.call_at(self._waiting[0][0], self._end, loop)


_VIDEO = Video(id="video", status="completed", duration=60.0)


class _Napping:
    """One of them, as a run sees it."""

    def __init__(self, job_id: str, naps: _Naps) -> None:
        self.id = job_id
        self._naps = naps

    async def wait(self, timeout: float | None = None) -> Video:
        return await self._naps.begin()


async def _nowhere(callback_id: str, title: str | None, since: float) -> str | None:
    return None


class NapPlan(Plan[Video]):
    """Sends nothing; every item takes 50 ms."""

    kind = "nap"
    subject = "benchmark"

    def __init__(self) -> None:
        self._naps = _Naps()

    async def prepare(self) -> None:
        """Nothing needs to be known."""

    def submission(self, index: int, item: int) -> Submission[Video]:
        """One nap."""

        async def send(key: str | None) -> Pending[Video]:
            return self._attach(f"{item:032x}")

        return Submission(
            request=_NAP,
            payload=b'{"number":%d}' % item,
            place="naps",
            result=Video,
            send=send,
            attach=self._attach,
            search=_nowhere,
        )

    def _attach(self, job_id: str) -> Pending[Video]:
        return _Napping(job_id, self._naps)

    def estimate(self, submission: Submission[Video], prices: PriceTable) -> Estimate:
        """It costs nothing."""
        return _FREE


_FREE = Estimate(
    usd=0.0,
    usd_low=0.0,
    usd_high=0.0,
    usd_known=0.0,
    seconds=None,
    basis="naps",
    as_of=PRICES.as_of,
)


def nap_run(items: Iterable[int], slots: int, journal: Path | None = None) -> Run[Video]:
    """A run of naps behind so many slots."""
    plan = NapPlan()
    books = Books(
        plan,
        BookSettings(
            journal=journal,
            run_id=None,
            retry_failed=False,
            resubmit_uncertain=False,
            prices=PRICES,
        ),
        Budget(),
    )
    settings = RunSettings(
        workers=slots,
        ordered=False,
        on_error="collect",
        finished="yield",
        job_timeout=60.0,
        progress=None,
        notes={},
    )
    return Run(items, plan, books, settings, key=str, slots=JobSlots(slots), traffic=Traffic())


async def run_items(count: int, slots: int = SLOTS, journal: Path | None = None) -> float:
    """Seconds that so many items took, on the loop's clock."""
    run = nap_run(iter(range(count)), slots, journal)
    done = 0
    began = asyncio.get_running_loop().time()
    async for outcome in run:
        done += outcome.ok
    assert done == count
    return asyncio.get_running_loop().time() - began


def peak_megabytes(count: int) -> float:
    """The peak memory of a fresh process that runs so many items, on a turned clock."""
    command = [sys.executable, __file__, "--peak-of", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(count: int) -> None:
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(run_items(count))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


async def over_http(items: int, journal: Path | None = None) -> float:
    """Seconds that so many template renders take through the whole client."""
    command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", str(SPEED)]
    command += ["--concurrency", str(SLOTS)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        sandbox = json.loads(await process.stdout.readline())
        async with (
            HeyGen(sandbox["api_key"], base_url=sandbox["base_url"], jobs=SLOTS) as heygen,
            Batch(heygen, journal=journal) as batch,
        ):
            templates = (await heygen.templates.list().first_page()).items
            template_id = templates[0].id
            names = await heygen.templates.variables(template_id)
            variants = [dict.fromkeys(names, f"Item {number}") for number in range(items)]
            began = time.perf_counter()
            outcomes = [outcome async for outcome in batch.render(template_id, variants)]
            assert all(outcome.ok for outcome in outcomes)
            return time.perf_counter() - began
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--peak-of", type=int, metavar="ITEMS", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.peak_of:
        print_peak(options.peak_of)
        return
    ideal = ITEMS * SECONDS / SLOTS
    measured = statistics.median(asyncio.run(run_items(ITEMS)) for _ in range(options.rounds))
    few, many = peak_megabytes(ITEMS), peak_megabytes(MANY)
    rows = [
        {"what": f"{ITEMS:,} items of 50 ms behind {SLOTS} slots, s", "measured": measured},
        {"what": "the same, ideal, s", "measured": ideal},
        {"what": f"peak memory with {ITEMS:,} items, MB", "measured": few},
        {"what": f"peak memory with {MANY:,} items, MB", "measured": many},
    ]
    if not options.json:
        seconds = asyncio.run(over_http(HTTP_ITEMS))
        what = f"{HTTP_ITEMS:,} renders of half a second over HTTP, s"
        # The sandbox draws video durations around a median of 60 s, with a mean of 65 s.
        http_ideal = HTTP_ITEMS * 65 / SPEED / SLOTS
        rows.append({"what": what, "measured": seconds})
        rows.append({"what": "the same, ideal, s", "measured": http_ideal})
    figures = {"makespan": round(ideal / measured, 4), "memory_growth_mb": round(many - few, 2)}
    report("A bulk run: makespan (ideal over measured) and memory", rows, figures, options.json)


if __name__ == "__main__":
    main()
