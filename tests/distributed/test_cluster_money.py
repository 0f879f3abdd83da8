"""Runs of several workers keep to one cap, whatever lengths their jobs turn out to have."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator

import pytest

from heygen_async import (
    AssetUrl,
    BudgetExceeded,
    HeyGen,
    VideoAgentRequest,
    VideoTranslationRequest,
)
from heygen_async.distributed import Cluster, HeartbeatTimes
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.contract import LANGUAGES

from ..batch.test_kill import Account, account
from ..patience import PATIENCE
from ..postgres import Postgres
from ..valkey import Valkey
from .test_cluster_crash import KILLS, SEED, Workers, outcomes, postgres, status, valkey

__all__ = ["account", "postgres", "valkey"]  # fixtures

BEATS = HeartbeatTimes(every=0.3, timeout=1.5)
UNKNOWN = "https://example.com/launch.mp4"  # tells nobody its length

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
    pytest.mark.sandbox(
        speed=600, concurrency=50, durations={"agent": 60.0, "agent_thinking": 6.0}
    ),
    pytest.mark.heygen(
        jobs=50, expected=dict.fromkeys(("video_agent_session", "video_translation"), 0.1)
    ),
]


@pytest.fixture
async def cluster(postgres_database: str, heygen: HeyGen) -> AsyncIterator[Cluster]:
    async with Cluster(postgres_database, heygen=heygen, heartbeats=BEATS) as cluster:
        yield cluster


@contextlib.asynccontextmanager
async def working(cluster: Cluster, workers: int) -> AsyncIterator[None]:
    """Let so many workers work while the block runs."""
    every = [await cluster.worker() for _ in range(workers)]
    tasks = [asyncio.create_task(worker.run()) for worker in every]
    try:
        yield
    finally:
        for worker in every:
            worker.stop()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


@pytest.mark.crash
async def test_a_cap_holds_over_workers_whatever_the_lengths(
    cluster: Cluster, sandbox: Sandbox
) -> None:
    """Sessions of unknown length, of up to half an hour: one at a time goes beyond the cap."""
    cap, outcomes = 3.0, []
    for part in range(4):  # a shard for each worker
        requests = [VideoAgentRequest(prompt=f"Part {number}") for number in range(5 * part + 5)]
        run = await cluster.submit_requests(requests, name="spring", max_cost=cap)

    async def consume() -> None:
        async for outcome in run.outcomes():
            outcomes.append(outcome)  # noqa: PERF401

    async with working(cluster, 4), asyncio.timeout(PATIENCE):
        with pytest.raises(BudgetExceeded, match="were not submitted"):
            await consume()
    jobs = sandbox.ledger.jobs
    assert len(jobs) == len(outcomes)
    costs = [job.usd for job in jobs]
    assert cap <= sum(costs) <= cap + max(costs)


@pytest.mark.sandbox(durations={"translation": 300.0})
@pytest.mark.crash
async def test_one_scout_of_a_source_goes_first_of_all_workers(
    cluster: Cluster, sandbox: Sandbox
) -> None:
    names = list(LANGUAGES)[:8]
    for first in (0, 4):  # a shard for each worker
        part = names[first : first + 4]
        run = await cluster.submit_translate(UNKNOWN, part, name="spring", max_cost=10_000)
    async with working(cluster, 2), asyncio.timeout(PATIENCE):
        outcomes = [outcome async for outcome in run.outcomes()]
    assert [outcome.ok for outcome in outcomes] == [True] * 8
    scout, *others = sorted(job.created_at for job in sandbox.ledger.jobs)
    # Several would have fitted at the longest that their kind allows.
    assert min(others) - scout >= 300


@pytest.mark.crash
def test_a_cap_holds_while_workers_are_killed(
    account: Account, postgres: Postgres, valkey: Valkey
) -> None:
    """Two sources of unknown length; a job that was sent counts, whoever waits for it."""
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance, cap = random.Random(SEED), 20.0

    async def submit() -> None:
        async with (
            HeyGen(account.api_key, base_url=account.base_url) as heygen,
            Cluster(postgres.url, heygen=heygen) as cluster,
        ):
            for part in range(4):  # a shard for each worker
                names = list(LANGUAGES)[: 10 * part + 10]
                for number in range(2):
                    requests = [
                        VideoTranslationRequest(
                            video=AssetUrl(url=f"{UNKNOWN}?{number}"), output_languages=[name]
                        )
                        for name in names
                    ]
                    await cluster.submit_requests(requests, name="spring", max_cost=cap)

    asyncio.run(submit())
    workers = Workers(account, postgres.url, valkey.url, 4)
    try:
        for _ in range(min(KILLS, 20)):  # with more of them there is soon nothing left to send
            time.sleep(chance.random() * 2)
            workers.kill(chance.randrange(4))
        until = time.monotonic() + PATIENCE
        while not asyncio.run(status(postgres.url)).at_rest:
            assert time.monotonic() < until
            time.sleep(0.5)
        with pytest.raises(BudgetExceeded, match="were not submitted"):
            asyncio.run(outcomes(postgres.url))
    finally:
        workers.end()
    jobs = account.jobs()
    costs = [job["usd"] for job in jobs]
    print(f"{len(jobs)} jobs, {sum(costs):.2f} USD of {cap}, at most {max(costs):.2f} each")
    assert len({job["id"] for job in jobs}) == len(jobs)
    assert cap / 2 < sum(costs) <= cap + max(costs)
