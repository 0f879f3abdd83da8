"""Compare one request for each job with HeyGen's own batches.

Both ways of a bulk run against the sandbox, on a loop whose clock is turned: 400 to 1,000 videos
of a minute or so (lognormal, median 60 s), on accounts that let 10, 20 or 100 jobs run at once. All
requests of the run's client count. The ideal time is what the jobs took together, divided by the
account's slots. In another round a second client, which knows nothing of the first, makes a video
every two minutes and waits for it: how often it is refused with 429, and how long it takes until
its video is accepted. The sandbox gives a slot that becomes free to the queue of the batches first;
whether HeyGen does is not known.

    python benchmarks/api_batch.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

from tables import report

from heygen_async import AvatarVideoRequest, Batch, HeyGen, RateLimited
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

# Slots of the account, and numbers of videos that make the last round negligible.
CASES = {10: 400, 20: 400, 100: 1_000}
DURATIONS = {"video": (60.0, 0.4)}
PAUSE = 120.0
Via = Literal["single", "api-batch"]


class Measured(NamedTuple):
    """The measurements of one run.

    Attributes:
        requests: Requests for each job.
        makespan: Time over the ideal.
        refused: Answers of 429 that the run met.
        others_refused: Answers of 429 that the second client met, for each of its videos.
        others_waited: Seconds until a video of the second client was accepted, or given up.
        others_given_up: How many were given up.
    """

    requests: float
    makespan: float
    refused: int
    others_refused: float
    others_waited: float
    others_given_up: int


class Others:
    """A second client, and its measurements."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.waited: list[float] = []
        self.given_up = 0
        self._request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        self.heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)

    async def work(self) -> None:
        """Make one video after another."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PAUSE)
            began = loop.time()
            try:
                job = await self.heygen.videos.create(self._request)
            except RateLimited:
                self.given_up += 1
                self.waited.append(loop.time() - began)
                continue
            self.waited.append(loop.time() - began)
            await job.wait()

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Run the second client during the block."""
        task = asyncio.create_task(self.work())
        try:
            async with self.heygen:
                yield
                task.cancel()
                await asyncio.wait([task])
        finally:
            task.cancel()


async def measure(slots: int, via: Via, *, company: bool) -> Measured:
    """Measure one run, alone or beside another client."""
    async with (
        Sandbox(speed=1, concurrency=slots, durations=DURATIONS) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=max(50, slots)) as heygen,
        Batch(heygen) as batch,
    ):
        others = Others(sandbox)
        requests = [
            AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Hello {number}")
            for number in range(CASES[slots])
        ]
        began = asyncio.get_running_loop().time()
        run = batch.run(requests, via=via)
        if company:
            async with others.busy():
                done = [outcome async for outcome in run]
        else:
            done = [outcome async for outcome in run]
        took = asyncio.get_running_loop().time() - began
        assert all(outcome.ok for outcome in done)
        jobs = [sandbox._account.videos.get(o.job_id or "").job for o in done]
        ideal = sum(job.seconds for job in jobs) / slots
        count = len(others.waited) or 1
        return Measured(
            run.report.requests / len(done),
            took / ideal,
            run.report.rate_limited,
            others.heygen.traffic.rate_limited / count,
            statistics.fmean(others.waited or [0.0]),
            others.given_up,
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    options = arguments.parse_args()
    rows, figures = [], {}
    vias: tuple[Via, ...] = ("single", "api-batch")
    for slots, items in CASES.items():
        for via in vias:
            found = []
            for company in (False, True):
                with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
                    found.append(runner.run(measure(slots, via, company=company)))
            alone, beside = found
            name = f"{via.replace('-', '_')}_{slots}"
            figures[f"requests_{name}"] = round(alone.requests, 3)
            figures[f"makespan_{name}"] = round(alone.makespan, 3)
            rows.append(
                {
                    "slots": str(slots),
                    "videos": items,
                    "via": via,
                    "requests a job": alone.requests,
                    "over the ideal": alone.makespan,
                    "times 429": alone.refused,
                    "another's 429s a video": beside.others_refused,
                    "until accepted, s": beside.others_waited,
                    "given up": beside.others_given_up,
                }
            )
    title = "Videos of 60 s (median), sent one by one and in HeyGen's own batches"
    report(title, rows, figures, options.json)


if __name__ == "__main__":
    main()
