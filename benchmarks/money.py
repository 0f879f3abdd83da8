"""Measure by how many items runs exceed their cap: at most one, in spite of interruptions.

Runs against the sandbox, whose lengths nobody knows before: the sandbox makes them up. Each is
given again as often as its scenario says, and each time it resumes its journal. Runs that are
dropped are cancelled in their middle, on a loop whose clock is turned; runs that are killed are
processes of their own, which SIGKILL ends within 50 ms after the sandbox has accepted a job. The
overshoot is what the sandbox's ledger says was spent above the cap, in items: divided by the
dearest item.

    python benchmarks/money.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import multiprocessing
import multiprocessing.connection
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from tables import report

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    HeyGen,
    VideoAgentRequest,
    localize,
)
from heygen_async.sandbox import Ledger, Sandbox, SandboxThread
from heygen_async.sandbox.contract import LANGUAGES
from heygen_async.sandbox.turned_loop import TurnedEventLoop

VIDEOS = ("https://example.com/launch.mp4", "https://example.com/webinar.mp4")
LANGUAGE_NAMES = list(LANGUAGES)
DURATIONS = {"video": (60.0, 0.4), "translation": (300.0, 0.3), "agent": (300.0, 0.3)}
# Dubs are up to a third longer or shorter than their source, each language by another share.
SETTINGS: dict[str, Any] = {"concurrency": 50, "durations": DURATIONS, "dub_spread": 0.33}
# Killed runs take real time: sandbox seconds per second, and seconds to the first poll.
SPEED = 600.0
EXPECTED = {"video_translation": 0.3}
# The most seconds until a run is killed, and of the last run.
LIFE, LAST_LIFE = 20.0, 120.0


class Scenario(NamedTuple):
    """A run and the number of its starts.

    Attributes:
        name: Its name among the figures.
        title: What it is, for people.
        max_cost: The cap in USD.
        start: Starts the run on a batch, and goes through its outcomes.
        starts: How often it is started.
        dropped_after: Seconds after which all starts but the last are cancelled, or None.
        killed: Whether each start is a process, which is killed unless it ends or is the last.
    """

    name: str
    title: str
    max_cost: float
    start: Callable[[Batch, str, int], Awaitable[None]]
    starts: int = 1
    dropped_after: float | None = None
    killed: bool = False


class Measured(NamedTuple):
    """The measurements of one scenario.

    Attributes:
        jobs: Jobs that the sandbox accepted.
        spent: USD that they cost.
        overshoot_items: What was spent above the cap, in items.
        kills: Runs that were killed.
        hours: Time of the sandbox from the first start to the last end.
    """

    jobs: int
    spent: float
    overshoot_items: float
    kills: int
    hours: float

    @classmethod
    def of(cls, ledger: Ledger, max_cost: float, *, kills: int = 0, seconds: float) -> Measured:
        """Return the result of runs under a cap, from a sandbox's ledger."""
        spent = sum(job.usd for job in ledger.jobs)
        dearest = max((job.usd for job in ledger.jobs), default=0.0)
        over = max(0.0, spent - max_cost) / dearest if dearest else 0.0
        return cls(len(ledger.jobs), spent, over, kills, seconds / 3600)


async def through(outcomes: AsyncIterator[Any]) -> None:
    """Read the outcomes of a run."""
    async for _ in outcomes:
        pass


async def one_source(batch: Batch, avatar_id: str, count: int) -> None:
    """Dub one video into many languages."""
    await through(aiter(batch.translate(VIDEOS[0], LANGUAGE_NAMES[:count])))


async def two_sources(batch: Batch, avatar_id: str, count: int) -> None:
    """Dub two videos of different length into many languages."""
    await through(aiter(batch.translate(VIDEOS, LANGUAGE_NAMES[: count // 2])))


async def agents(batch: Batch, avatar_id: str, count: int) -> None:
    """Make videos whose length an agent decides."""
    prompts = [VideoAgentRequest(prompt=f"A teaser about {number}") for number in range(count)]
    await through(aiter(batch.run(prompts)))


async def chain(batch: Batch, avatar_id: str, count: int) -> None:
    """Make a video from a script, and dub it into many languages."""
    source = AvatarVideoRequest(avatar_id=avatar_id, script="Hello to all of you out there. " * 5)
    await through(localize(batch, source, LANGUAGE_NAMES[:count]))


SCENARIOS = (
    Scenario("one_source", "one source in 60 languages", 20.0, one_source),
    Scenario("two_sources", "two sources, 50 in flight", 30.0, two_sources),
    Scenario("agents", "agents over five starts", 5.0, agents, starts=5, dropped_after=400.0),
    Scenario("chain", "a chain given twice", 4.0, chain, starts=2),
    Scenario("kills", "two sources, killed in between", 30.0, two_sources, 6, killed=True),
)


async def run_once(
    scenario: Scenario, account: tuple[str, str, str], journal: Path, count: int, **client: Any
) -> None:
    """Start a scenario on a batch with a journal, and stop at its end or its cap.

    Args:
        scenario: The scenario.
        account: API key, base URL and a look of the sandbox.
        journal: The journal's file.
        count: Number of items.
        **client: Settings of the client.
    """
    api_key, base_url, avatar_id = account
    async with (
        HeyGen(api_key, base_url=base_url, jobs=50, **client) as heygen,
        Batch(heygen, journal=journal, max_cost=scenario.max_cost, measure=False) as batch,
    ):
        with contextlib.suppress(BudgetExceeded):
            await scenario.start(batch, avatar_id, count)


async def cancelled(scenario: Scenario, count: int, folder: Path, seed: int = 0) -> Measured:
    """Start a scenario as often as it says, and cancel all starts but the last where it says so.

    Args:
        scenario: The scenario.
        count: Number of items.
        folder: Where its journal is kept.
        seed: Seed of the sandbox.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with Sandbox(seed=seed, speed=1, **SETTINGS) as sandbox:
        account = sandbox.api_key, sandbox.base_url, sandbox.avatar_id
        for number in range(scenario.starts):
            last = number == scenario.starts - 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if last else scenario.dropped_after):
                    await run_once(scenario, account, folder / "run.db", count)
        return Measured.of(sandbox.ledger, scenario.max_cost, seconds=loop.time() - began)


def killed(scenario: Scenario, count: int, folder: Path, seed: int = 0) -> Measured:
    """Start a scenario in processes, and kill each until one ends or is the last.

    Arguments as for ``cancelled``.
    """
    chance, began, kills = random.Random(seed), time.monotonic(), 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["aiohttp", "heygen_async.pipelines", "heygen_async.sandbox"])
    with SandboxThread(seed=seed, speed=SPEED, **SETTINGS) as sandbox:
        account = sandbox.api_key, sandbox.base_url, sandbox.avatar_id
        arguments = scenario.name, account, folder / "run.db", count
        while True:
            process = context.Process(target=live, args=arguments, daemon=True)
            process.start()
            if kills < scenario.starts - 1:
                wait_for_job(sandbox.ledger, process.sentinel)
                process.join(chance.random() * 0.05)
            else:
                process.join(LAST_LIFE)
            alive = process.is_alive()
            process.kill()
            process.join()
            if not alive:
                break
            kills += 1
        if process.exitcode or kills == scenario.starts:
            raise RuntimeError(f"start {kills + 1} did not end well: {process.exitcode}")
        seconds = (time.monotonic() - began) * SPEED
        return Measured.of(sandbox.ledger, scenario.max_cost, kills=kills, seconds=seconds)


def wait_for_job(ledger: Ledger, process: int) -> None:
    """Wait until the sandbox has accepted one more job, a process has ended, or 20 s have passed.

    Args:
        ledger: The sandbox's ledger.
        process: Sentinel of the process.
    """
    before, until = len(ledger.jobs), time.monotonic() + LIFE
    while len(ledger.jobs) == before and time.monotonic() < until:
        if multiprocessing.connection.wait([process], timeout=0.002):
            return


def live(name: str, account: tuple[str, str, str], journal: Path, count: int) -> None:
    """Start a scenario in this process, in real time; arguments as for ``run_once``."""
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    asyncio.run(run_once(scenario, account, journal, count, expected=EXPECTED))


def measured(scenario: Scenario, count: int, seed: int = 0) -> Measured:
    """Measure a scenario in a folder of its own; arguments as for ``cancelled``."""
    with tempfile.TemporaryDirectory() as folder:
        if scenario.killed:
            return killed(scenario, count, Path(folder), seed)
        with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
            return runner.run(cancelled(scenario, count, Path(folder), seed))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--items", type=int, default=60, help="items of each run")
    options = arguments.parse_args()
    rows, figures = [], {}
    for scenario in SCENARIOS:
        found = measured(scenario, options.items)
        figures[f"overshoot_items_{scenario.name}"] = round(found.overshoot_items, 3)
        rows.append(
            {
                "scenario": scenario.title,
                "cap, USD": scenario.max_cost,
                "starts": scenario.starts,
                "kills": found.kills,
                "jobs": found.jobs,
                "spent, USD": found.spent,
                "over, items": found.overshoot_items,
                "hours": found.hours,
            }
        )
    figures["overshoot_items"] = math.ceil(max(figures.values()) * 1000) / 1000
    report("Items by which capped runs pass their cap", rows, figures, options.json)


if __name__ == "__main__":
    main()
