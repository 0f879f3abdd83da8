"""Processes that work on a run in PostgreSQL at the same time.

``python -m tests.journal.postgres_process COUNT open URL``: each opens the run and closes it.
``… COUNT agents URL BASE_URL API_KEY MAX_COST``: each lets the Video Agent make 20 videos of its
own, under a cap. Each writes a line when it has ended.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from multiprocessing.synchronize import Barrier
from typing import Any

from heygen_async import Batch, HeyGen, VideoAgentRequest
from heygen_async.errors import BudgetExceeded
from heygen_async.journal import RunSpec
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.pricing.prices import PriceTable

SPEC = RunSpec(kind="requests", subject="", run_id="run", settings={})
EXPECTED = {"video_agent_session": 0.1}
PRICES = PriceTable(video_agent=0.01)


async def open_run(number: int, url: str) -> str:
    journal = PostgresJournal(url)
    await journal.open(SPEC)
    await journal.aclose()
    return "opened"


async def agents(number: int, url: str, base_url: str, api_key: str, max_cost: str) -> str:
    requests = [VideoAgentRequest(prompt=f"Number {number}, {n}") for n in range(20)]
    async with (
        HeyGen(api_key, base_url=base_url, jobs=10, retry=15, expected=EXPECTED) as heygen,
        Batch(heygen, prices=PRICES, max_cost=float(max_cost)) as batch,
    ):
        try:
            async for outcome in batch.run(requests, journal=url):
                assert outcome.ok, outcome.error
        except BudgetExceeded:
            return "no room"
    return "all"


def work(barrier: Barrier, number: int, name: str, arguments: list[str]) -> None:
    barrier.wait()
    function: Any = {"open": open_run, "agents": agents}[name]
    told = asyncio.run(function(number, *arguments))
    os.write(1, f"{told}\n".encode())


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    count = int(sys.argv[1])
    barrier = fork.Barrier(count)
    processes = [
        fork.Process(target=work, args=(barrier, number, sys.argv[2], sys.argv[3:]))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
