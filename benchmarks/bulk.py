"""Measure a whole bulk run over HTTP against the same requests sent by hand.

*HTTP*: 10,000 videos through ``Batch.run`` and the client, 500 at a time, against a loop by hand
that creates each video, asks for the statuses of all of them together, and fetches each once when
it is done: no retries, no limits, no learned schedule, and with a journal that of ``bare.py``. Both
use one server in another process; the ratio is CPU time, the median of paired rounds. *Growth*: CPU
time of an item of a run of 300,000 items with a journal over that of one of 10,000, each in a new
process with simulated time and without HTTP (``naps.py``), and by how much the first one's peak of
memory lies over the second one's.

    python benchmarks/bulk.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from bare import BareJournal
from job_server import running
from naps import nap_run
from rounds import Compared, compare, cpu_seconds
from tables import report

from heygen_async import AvatarVideoRequest, Batch, HeyGen, Video
from heygen_async.models.structs import encode
from heygen_async.sandbox.turned_loop import TurnedEventLoop

ITEMS, FEW, MANY = 10_000, 10_000, 300_000
AT_ONCE = 500
SECONDS = 0.5
TICK = 0.5
EXPECTED = {"video": SECONDS}
KEY = "sk_V2_benchmark"


class Created(msgspec.Struct):
    """The part of a create's answer that is used."""

    video_id: str


class CreatedEnvelope(msgspec.Struct):
    """The answer of ``videos.create``."""

    data: Created


class Entry(msgspec.Struct):
    """One status."""

    video_id: str
    status: str


class Statuses(msgspec.Struct):
    """The answer of ``videos.statuses``."""

    data: list[Entry]


class VideoEnvelope(msgspec.Struct):
    """The answer of ``videos.get``."""

    data: Video


def request_of(number: int) -> AvatarVideoRequest:
    """Return the request of an item."""
    return AvatarVideoRequest(avatar_id="a1b2c3d4", script=f"Hello, visitor number {number}")


async def whole(base_url: str, items: int, journal: Path | None) -> None:
    """Run the items through the client."""
    requests = [request_of(number) for number in range(items)]
    async with (
        HeyGen(KEY, base_url=base_url, jobs=AT_ONCE, expected=EXPECTED, trust_env=False) as heygen,
        Batch(heygen, journal=journal) as batch,
    ):
        completed = 0
        async for outcome in batch.run(requests):
            completed += outcome.ok
        assert completed == items


async def by_hand(base_url: str, items: int, journal: Path | None) -> None:
    """Run the items by hand."""
    requests = [request_of(number) for number in range(items)]
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"x-api-key": KEY}
        session = await stack.enter_async_context(
            aiohttp.ClientSession(base_url, connector=connector, headers=headers)
        )
        writer = None
        if journal is not None:
            writer = await stack.enter_async_context(BareJournal(journal))
        run = BareClient(session, writer)
        assert await run.run(requests) == items


class BareClient:
    """Creates videos, waits for all of them with one poll, and fetches each once."""

    def __init__(self, session: aiohttp.ClientSession, journal: BareJournal | None) -> None:
        self._session = session
        self._journal = journal
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._created = msgspec.json.Decoder(CreatedEnvelope).decode
        self._statuses = msgspec.json.Decoder(Statuses).decode
        self._video = msgspec.json.Decoder(VideoEnvelope).decode

    async def run(self, requests: list[AvatarVideoRequest]) -> int:
        """Run all requests, and return how many have completed."""
        source = iter(enumerate(requests))
        poller = asyncio.create_task(self._poll())
        try:
            return sum(await asyncio.gather(*(self._work(source) for _ in range(AT_ONCE))))
        finally:
            poller.cancel()

    async def _work(self, source: Any) -> int:
        completed = 0
        for position, request in source:
            key, body = str(position), encode(request)
            if self._journal is not None:
                await self._journal.intended(key, position, body)
            video_id = self._created(await self._post("/v3/videos", body)).data.video_id
            if self._journal is not None:
                self._journal.submitted(key, video_id)
            done = asyncio.get_running_loop().create_future()
            self._waiting[video_id] = done
            await done
            video = self._video(await self._get(f"/v3/videos/{video_id}")).data
            if self._journal is not None:
                await self._journal.completed(key, video)
            completed += video.status == "completed"
        return completed

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            ids = list(self._waiting)
            for first in range(0, len(ids), 100):
                joined = ",".join(ids[first : first + 100])
                answer = await self._get(f"/v3/videos/statuses?video_ids={joined}")
                for entry in self._statuses(answer).data:
                    if entry.status == "completed":
                        self._waiting.pop(entry.video_id).set_result(None)

    async def _post(self, path: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(path, data=body, headers=headers) as response:
            return await response.read()

    async def _get(self, path: str) -> bytes:
        async with self._session.get(path) as response:
            return await response.read()


def over_http(base_url: str, items: int, pairs: int, *, journaled: bool) -> Compared:
    """Return the CPU seconds of a run through the client and one by hand."""

    def cost_of(run: Callable[[str, int, Path | None], Any]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "run.db" if journaled else None
            return cpu_seconds(lambda: asyncio.run(run(base_url, items, journal)))

    return compare(lambda: cost_of(whole), lambda: cost_of(by_hand), pairs)


def in_a_process(items: int) -> tuple[float, float]:
    """Return the CPU seconds of an item, and the peak in MB, of a new process that runs so many."""
    command = [sys.executable, __file__, "--run", str(items)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured = json.loads(printed)
    return measured["seconds"] / items, measured["megabytes"]


async def numbers(count: int) -> AsyncIterator[int]:
    """Yield the items of a stream, whose keys are not checked beforehand."""
    for number in range(count):
        yield number


def print_run(items: int) -> None:
    """Run once with a journal and simulated time, and print what it took."""

    async def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            async with nap_run(numbers(items), AT_ONCE, Path(folder) / "run.db") as run:
                completed = 0
                async for outcome in run:
                    completed += outcome.ok
                return completed

    began = time.process_time()
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        assert runner.run(run()) == items
    seconds = time.process_time() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--pairs", type=int, default=3, help="of the client and by hand")
    arguments.add_argument("--items", type=int, default=ITEMS, help="over HTTP")
    arguments.add_argument("--few", type=int, default=FEW, help="items of the short run")
    arguments.add_argument("--many", type=int, default=MANY, help="items of the long run")
    arguments.add_argument("--run", type=int, metavar="ITEMS", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.run:
        print_run(options.run)
        return
    with running(SECONDS) as url:
        plain = over_http(url, options.items, options.pairs, journaled=False)
        journaled = over_http(url, options.items, options.pairs, journaled=True)
    few, few_peak = in_a_process(options.few)
    many, many_peak = in_a_process(options.many)
    rows: list[dict[str, str | float]] = [
        {
            "what": what,
            "measured": case.measured / options.items * 1e6,
            "by hand": case.reference / options.items * 1e6,
        }
        for what, case in (
            ("CPU per item over HTTP, us", plain),
            ("the same with a journal, us", journaled),
        )
    ]
    rows += [
        {"what": f"CPU per item of {options.few:,} with a journal, us", "measured": few * 1e6},
        {"what": f"CPU per item of {options.many:,} with a journal, us", "measured": many * 1e6},
        {"what": f"peak memory with {options.few:,} items, MB", "measured": few_peak},
        {"what": f"peak memory with {options.many:,} items, MB", "measured": many_peak},
    ]
    figures = {
        "http_ratio": round(plain.ratio, 3),
        "http_ratio_journal": round(journaled.ratio, 3),
        "growth": round(many / few, 3),
        "memory_growth_mb": round(many_peak - few_peak, 2),
    }
    report("A bulk run over HTTP, against the same by hand", rows, figures, options.json)


if __name__ == "__main__":
    main()
