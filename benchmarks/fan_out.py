"""Measure the engine of bulk runs: makespan against the ideal, CPU time and memory.

*Makespan*: 10,000 "renders" of 50 ms behind 100 slots, in real time, through a ``Run`` with its
workers, slots, keys, outcomes and counts, without HTTP; the ideal is 5 s. With a journal, each
submission first waits for the disk, as it does in the prototype, which the table shows beside it.
*CPU*: what an item costs, as a multiple of a prototype written by hand (``bare.py``): 3,000 items
of 10 ms behind 100 slots, both in each round, and the median of the rounds' ratios. *Memory*: by
how much the peak of a process that runs 100,000 items lies over that of one that runs 10,000. For
people, the table also shows the whole client, over HTTP, against a sandbox in another process.

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
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bare import bare_run
from naps import SECONDS, nap_run
from rounds import Compared, compare, cpu_seconds
from tables import report

from heygen_async import Batch, HeyGen
from heygen_async.sandbox.turned_loop import TurnedEventLoop

SLOTS = 100
ITEMS, MANY = 10_000, 100_000

# Many short rounds, for the comparison with the prototype.
ROUND_ITEMS, ROUND_SECONDS = 3_000, 0.01
PAIRS = 11

# Over HTTP: at this speed the sandbox's videos, about a minute long, take half a second.
SPEED = 120
HTTP_ITEMS = 500


async def run_items(
    count: int, slots: int = SLOTS, journal: Path | None = None, seconds: float = SECONDS
) -> float:
    """Return the seconds that so many items took, on the loop's clock."""
    async with nap_run(range(count), slots, journal, seconds) as run:
        done = 0
        began = asyncio.get_running_loop().time()
        async for outcome in run:
            done += outcome.ok
        assert done == count
        return asyncio.get_running_loop().time() - began


async def run_bare(journal: Path | None = None) -> None:
    """Run one round through the prototype."""
    items = iter(range(ROUND_ITEMS))
    assert await bare_run(items, SLOTS, journal, seconds=ROUND_SECONDS) == ROUND_ITEMS


async def run_journaled(*, bare: bool) -> float:
    """Return the seconds that the items take with a journal, through the engine or by hand."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "run.db"
        if not bare:
            return await run_items(ITEMS, SLOTS, journal)
        began = asyncio.get_running_loop().time()
        assert await bare_run(iter(range(ITEMS)), SLOTS, journal, seconds=SECONDS) == ITEMS
        return asyncio.get_running_loop().time() - began


def compare_with_bare(pairs: int, *, journaled: bool = False) -> Compared:
    """Return the CPU seconds of a round through the engine and one through the prototype."""

    def engine(journal: Path | None) -> None:
        asyncio.run(run_items(ROUND_ITEMS, SLOTS, journal, ROUND_SECONDS))

    def bare(journal: Path | None) -> None:
        asyncio.run(run_bare(journal))

    def cost_of(run: Callable[[Path | None], None]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "run.db" if journaled else None
            return cpu_seconds(lambda: run(journal))

    return compare(lambda: cost_of(engine), lambda: cost_of(bare), pairs)


def cpu_rows(compared: Compared, what: str) -> list[dict[str, str | float]]:
    """Return the table rows of a comparison with the prototype."""
    return [
        {"what": f"CPU per item, {what}, us", "measured": compared.measured / ROUND_ITEMS * 1e6},
        {"what": "the same, by hand, us", "measured": compared.reference / ROUND_ITEMS * 1e6},
    ]


def peak_megabytes(count: int) -> float:
    """Return the peak memory of a new process that runs so many items, with simulated time."""
    command = [sys.executable, __file__, "--peak-of", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(count: int) -> None:
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(run_items(count))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


async def over_http(items: int, journal: Path | None = None) -> float:
    """Return the seconds that so many template renders take through the whole client."""
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
    arguments.add_argument("--rounds", type=int, default=3, help="of the makespan")
    arguments.add_argument("--pairs", type=int, default=PAIRS, help="of engine and prototype")
    arguments.add_argument("--peak-of", type=int, metavar="ITEMS", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.peak_of:
        print_peak(options.peak_of)
        return
    ideal = ITEMS * SECONDS / SLOTS
    measured = statistics.median(asyncio.run(run_items(ITEMS)) for _ in range(options.rounds))
    journaled, by_hand = (
        statistics.median(asyncio.run(run_journaled(bare=bare)) for _ in range(options.rounds))
        for bare in (False, True)
    )
    compared = compare_with_bare(options.pairs)
    few, many = peak_megabytes(ITEMS), peak_megabytes(MANY)
    rows: list[dict[str, str | float]] = [
        {"what": f"{ITEMS:,} items of 50 ms behind {SLOTS} slots, s", "measured": measured},
        {"what": "the same with a journal, s", "measured": journaled},
        {"what": "the same with a journal, by hand, s", "measured": by_hand},
        {"what": "the same, ideal, s", "measured": ideal},
        *cpu_rows(compared, "without a journal"),
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
    figures = {
        "makespan": round(ideal / measured, 4),
        "makespan_journal": round(ideal / journaled, 4),
        "bare_ratio": round(compared.ratio, 3),
        "memory_growth_mb": round(many - few, 2),
    }
    title = "A bulk run: makespan (ideal over measured), CPU over a prototype's, and memory"
    report(title, rows, figures, options.json)


if __name__ == "__main__":
    main()
