"""Measure the cost of the journal: throughput and memory of a bulk run with and without it.

*Throughput*: 10,000 items of 50 ms behind 1,000 slots, in real time, through a ``Run`` without
HTTP, with and without a journal in turn; the ratio is the median of the rounds' ratios. So the
engine is all that there is beside the journal. *Client*: the same for template renders through the
whole client, over HTTP, against a sandbox in another process. *CPU*: what an item costs, as a
multiple of a prototype written by hand that keeps the same journal (``bare.py``), in paired
rounds as in ``fan_out.py``. *Memory*: by how much the peak of a process that runs 100,000 items
with a journal lies over that of one that runs 10,000. *Resuming*: how long a run over a journal
takes in which everything has ended; with ``--full`` for 1,000,000 items, else for 100,000.

    python benchmarks/journal.py [--json] [--full]
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
from pathlib import Path
from typing import Any

from fan_out import PAIRS, compare_with_bare, cpu_rows, over_http, run_items
from naps import nap_run
from rounds import compare
from tables import report

from heygen_async.sandbox.turned_loop import TurnedEventLoop

SLOTS = 1000
ITEMS, MANY, FULL = 10_000, 100_000, 1_000_000
RENDERS = 1000


def seconds_for(items: int, journaled: bool) -> float:
    """Return the real seconds that so many items take."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "run.db" if journaled else None
        return asyncio.run(run_items(items, SLOTS, journal))


def http_seconds(journaled: bool) -> float:
    """Return the real seconds that renders take through the whole client."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(over_http(RENDERS, Path(folder) / "run.db" if journaled else None))


def in_a_process(items: int, journal: Path) -> dict[str, Any]:
    """Return the measurements of a new process that runs or resumes so many items."""
    command = [sys.executable, __file__, "--run", str(items), "--journal", str(journal)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: dict[str, Any] = json.loads(found)
    return measured


def print_run(items: int, journal: Path) -> None:
    """Run once with simulated time: naps take no real time, but the journal's disk does."""

    async def run() -> int:
        resumed = 0
        async with nap_run(range(items), SLOTS, journal) as run:
            async for outcome in run:
                resumed += outcome.resumed
        return resumed

    began = time.perf_counter()
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        resumed = runner.run(run())
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "resumed": resumed,
            }
        )
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--full", action="store_true", help="also 1,000,000 items; minutes")
    arguments.add_argument("--rounds", type=int, default=7, help="with and without a journal")
    arguments.add_argument("--pairs", type=int, default=PAIRS, help="of engine and prototype")
    arguments.add_argument("--run", type=int, metavar="ITEMS", help=argparse.SUPPRESS)
    arguments.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.run:
        print_run(options.run, options.journal)
        return

    rounds = options.rounds
    engine = compare(lambda: seconds_for(ITEMS, False), lambda: seconds_for(ITEMS, True), rounds)
    client = compare(lambda: http_seconds(False), lambda: http_seconds(True), rounds)
    compared = compare_with_bare(options.pairs, journaled=True)
    what = f"{ITEMS:,} items of 50 ms behind {SLOTS:,} slots"
    rows: list[dict[str, str | float]] = [
        {"what": f"{what}, ideal, s", "measured": ITEMS * 0.05 / SLOTS},
        {"what": f"{what}, without a journal, s", "measured": engine.measured},
        {"what": f"{what}, with a journal, s", "measured": engine.reference},
    ]
    what = f"{RENDERS:,} renders over HTTP"
    rows += [
        {"what": f"{what}, without a journal, s", "measured": client.measured},
        {"what": f"{what}, with a journal, s", "measured": client.reference},
        *cpu_rows(compared, "with a journal"),
    ]
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for items in (ITEMS, MANY, FULL) if options.full else (ITEMS, MANY):
            journal = Path(folder) / f"{items}.db"
            first = in_a_process(items, journal)
            again = in_a_process(items, journal)
            assert (first["resumed"], again["resumed"]) == (0, items)
            peaks[items] = first["megabytes"]
            size = journal.stat().st_size / 1e6
            rows += [
                {"what": f"{items:,} items run, s of work", "measured": first["seconds"]},
                {"what": f"{items:,} items run, peak memory, MB", "measured": first["megabytes"]},
                {"what": f"{items:,} items resumed, s", "measured": again["seconds"]},
                {"what": f"{items:,} items resumed, memory, MB", "measured": again["megabytes"]},
                {"what": f"{items:,} items, the journal's file, MB", "measured": size},
            ]
    figures = {
        "throughput_ratio": round(engine.ratio, 4),
        "client_ratio": round(client.ratio, 4),
        "bare_ratio_journal": round(compared.ratio, 3),
        "memory_growth_mb": round(peaks[MANY] - peaks[ITEMS], 2),
    }
    report("A bulk run with and without a journal", rows, figures, options.json)


if __name__ == "__main__":
    main()
