"""By how many items runs pass their cap: at most one, whatever the lengths and the interruptions.

Runs against the sandbox, on a loop whose clock is turned, whose lengths nobody knows before: the
sandbox makes them up. Each is given again until it has no room left or nothing to do, and each
time it resumes its journal. A kill drops the run in its middle, with all that is in flight. The
overshoot is what the sandbox's ledger says was spent above the cap, in items: divided by the
dearest item.

    python benchmarks/money.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import tempfile
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
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.contract import LANGUAGES
from heygen_async.sandbox.turned_loop import TurnedEventLoop

VIDEOS = ("https://example.com/launch.mp4", "https://example.com/webinar.mp4")
LANGUAGE_NAMES = list(LANGUAGES)
DURATIONS = {"video": (60.0, 0.4), "translation": (300.0, 0.3), "agent": (300.0, 0.3)}


class Scenario(NamedTuple):
    """One run, and how often it is started.

    Attributes:
        name: Its name among the figures.
        title: What it is, for people.
        max_cost: The cap in USD.
        start: Starts the run on a batch, and goes through its outcomes.
        starts: How often it is started.
        killed_after: Seconds after which all starts but the last are dropped, or None.
    """

    name: str
    title: str
    max_cost: float
    start: Callable[[Sandbox, Batch, int], Awaitable[None]]
    starts: int = 1
    killed_after: float | None = None


class Measured(NamedTuple):
    """What one scenario came to.

    Attributes:
        jobs: Jobs that the sandbox accepted.
        spent: USD that they cost.
        overshoot_items: What was spent above the cap, in items.
        hours: Time from the first start to the last end.
    """

    jobs: int
    spent: float
    overshoot_items: float
    hours: float


async def through(outcomes: AsyncIterator[Any]) -> None:
    """Go through the outcomes of a run."""
    async for _ in outcomes:
        pass


async def one_source(sandbox: Sandbox, batch: Batch, count: int) -> None:
    """One video in many languages."""
    await through(aiter(batch.translate(VIDEOS[0], LANGUAGE_NAMES[:count])))


async def two_sources(sandbox: Sandbox, batch: Batch, count: int) -> None:
    """Two videos of unequal length in many languages."""
    await through(aiter(batch.translate(VIDEOS, LANGUAGE_NAMES[: count // 2])))


async def agents(sandbox: Sandbox, batch: Batch, count: int) -> None:
    """Videos whose length an agent decides."""
    prompts = [VideoAgentRequest(prompt=f"A teaser about {number}") for number in range(count)]
    await through(aiter(batch.run(prompts)))


async def chain(sandbox: Sandbox, batch: Batch, count: int) -> None:
    """A video made of a script, and dubbed into many languages."""
    source = AvatarVideoRequest(
        avatar_id=sandbox.avatar_id, script="Hello to all of you out there. " * 5
    )
    await through(localize(batch, source, LANGUAGE_NAMES[:count]))


SCENARIOS = (
    Scenario("one_source", "one source in 60 languages", 20.0, one_source),
    Scenario("two_sources", "two sources, 50 in flight", 30.0, two_sources),
    Scenario("agents", "agents over five starts", 5.0, agents, starts=5, killed_after=400.0),
    Scenario("chain", "a chain given twice", 4.0, chain, starts=2),
    Scenario("kills", "two sources, killed in between", 30.0, two_sources, 6, killed_after=250.0),
)


async def measure(scenario: Scenario, count: int, folder: Path, seed: int = 0) -> Measured:
    """Start a scenario as often as it says, and look into the sandbox's ledger.

    Args:
        scenario: The scenario.
        count: Number of items.
        folder: Where its journal is kept.
        seed: Seed of the sandbox.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    settings: dict[str, Any] = {"speed": 1, "concurrency": 50, "durations": DURATIONS}
    async with Sandbox(seed=seed, **settings) as sandbox:
        for number in range(scenario.starts):
            last = number == scenario.starts - 1
            async with (
                HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=50) as heygen,
                Batch(
                    heygen,
                    journal=folder / f"{scenario.name}.db",
                    max_cost=scenario.max_cost,
                    measure=False,
                ) as batch,
            ):
                killed_after = None if last else scenario.killed_after
                with contextlib.suppress(BudgetExceeded, TimeoutError):
                    async with asyncio.timeout(killed_after):
                        await scenario.start(sandbox, batch, count)
        jobs = sandbox.ledger.jobs
        spent = sum(job.usd for job in jobs)
        dearest = max((job.usd for job in jobs), default=0.0)
    above = max(0.0, spent - scenario.max_cost)
    items = above / dearest if dearest else 0.0
    return Measured(len(jobs), spent, items, (loop.time() - began) / 3600)


def measured(scenario: Scenario, count: int, seed: int = 0) -> Measured:
    """Measure a scenario on a loop and in a folder of its own; arguments as for ``measure``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=TurnedEventLoop) as runner,
    ):
        return runner.run(measure(scenario, count, Path(folder), seed))


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
