"""Measure the cost of waiting: requests per job, and the delay until its end is noticed.

The client against the sandbox, both on a loop whose clock is turned, so that hours pass in
seconds. Videos take a lognormal time with a median of 120 s. Requests count all that the sandbox
received: submission, looks and the final fetch. With webhooks, the sandbox delivers to a receiver
on loopback, whose registration counts too. The delay runs from the moment at which the
sandbox ended a job to the moment at which ``job.wait`` returned.

    python benchmarks/polling.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from tables import report

from heygen_async import AvatarVideoRequest, HeyGen, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

DURATIONS = {"video": (120.0, 0.5)}


@dataclass(frozen=True)
class Case:
    """Make ``jobs`` videos, ``at_once`` at a time, with a receiver of webhooks or without."""

    name: str
    jobs: int
    at_once: int
    most_requests: float
    most_delay: float
    webhooks: bool = False


CASES = {
    "100": Case("1,000 jobs, 100 at once", 1_000, 100, 2.8, 1.0),
    "10": Case("200 jobs, 10 at once", 200, 10, 8.0, 1.5),
    "1": Case("150 jobs, one after the other", 150, 1, 8.0, 10.0),
    "webhooks": Case("1,000 jobs, 100 at once, webhooks", 1_000, 100, 2.1, 1.0, webhooks=True),
}


@asynccontextmanager
async def receiving(heygen: HeyGen) -> AsyncIterator[None]:
    """Serve a registered receiver of webhooks while the block runs."""
    receiver = WebhookReceiver(heygen)
    app = web.Application()
    app.router.add_route("*", "/", receiver.aiohttp_handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with receiver:
            await receiver.ensure_registered(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            yield
    finally:
        await runner.cleanup()


async def measure(case: Case, seed: int) -> tuple[float, float]:
    """Return the requests per job and the mean delay in seconds."""
    sandbox = Sandbox(speed=1, seed=seed, concurrency=case.at_once, durations=DURATIONS)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(sandbox)
        heygen = await opened.enter_async_context(
            HeyGen(sandbox.api_key, base_url=sandbox.base_url)
        )
        if case.webhooks:
            await opened.enter_async_context(receiving(heygen))
        request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        delays: list[float] = []
        numbers = iter(range(case.jobs))

        async def worker() -> None:
            for _ in numbers:
                job = await heygen.videos.create(request)
                await job.wait()
                # The ledger does not have the end of a job, and the API has it only in whole
                # seconds.
                ended = sandbox._account.videos.get(job.id).job.ends_at
                delays.append(sandbox.clock.now() - ended)

        await asyncio.gather(*(worker() for _ in range(case.at_once)))
        assert len(delays) == sandbox.ledger.count() == case.jobs
        return sandbox.ledger.requests / case.jobs, statistics.fmean(delays)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--rounds", type=int, default=2, help="rounds, each with its own seed")
    options = arguments.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for seed in range(options.rounds):
        for name, case in CASES.items():
            with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
                measured[name].append(runner.run(measure(case, seed)))
    rows, figures = [], {}
    for name, case in CASES.items():
        requests, delays = zip(*measured[name], strict=True)
        figures[f"requests_{name}"] = round(statistics.median(requests), 3)
        figures[f"delay_{name}"] = round(statistics.median(delays), 3)
        rows.append(
            {
                "case": case.name,
                "requests a job": figures[f"requests_{name}"],
                "at most": case.most_requests,
                "delay, s": figures[f"delay_{name}"],
                "at most, s": case.most_delay,
            }
        )
    title = "Waiting for jobs of 120 s (median): requests per job and delay of the notice"
    report(title, rows, figures, options.json)


if __name__ == "__main__":
    main()
