"""Limits and faults: no item fails, and exactly as many jobs are paid for as there are items."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from heygen_async import (
    AuthenticationError,
    Batch,
    BatchStopped,
    HeyGen,
    HeyGenError,
    Outcome,
    PaymentRequired,
    QuotaExceeded,
    Video,
)
from heygen_async.sandbox import Fault, Sandbox

from .conftest import names

pytestmark = pytest.mark.anyio

FAULTS = {
    "dropped": Fault.drop(),
    "answer dropped": Fault.drop_answer(),
    "500": Fault.status(500),
    "500 after the work": Fault.status(500, work=True),
    "502 with HTML": Fault.status(502, body="html"),
    "503 empty": Fault.status(503, body="empty"),
    "429 with seconds": Fault.status(429, retry_after=2),
    "429 with a date": Fault.status(429, retry_after="Thu, 01 Jan 2026 00:00:00 GMT"),
    "429 without": Fault.status(429),
    "cut short": Fault.truncate(),
    "malformed": Fault.malformed(),
    "slow": Fault.delay(150),
}


async def render(heygen: HeyGen, template_id: str, count: int) -> list[Outcome[Any]]:
    async with Batch(heygen) as batch:
        return [outcome async for outcome in batch.render(template_id, names(count))]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_faults_lose_nothing_and_pay_nothing_twice(
    sandbox: Sandbox, template_id: str, fault: Fault
) -> None:
    sandbox.faults.add("templates.generate", fault, times=None, rate=0.2)
    sandbox.faults.add("videos.statuses", fault, times=None, rate=0.2)
    # One in five fails, so that now and then all of five attempts would.
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10, retry=15) as heygen:
        outcomes = await render(heygen, template_id, 40)
    assert [outcome.error for outcome in outcomes if not outcome.ok] == []
    assert len(outcomes) == sandbox.ledger.count() == 40
    assert len(sandbox.faults.struck) > 4
    assert (heygen.slots.held, heygen.slots.running) == (0, 0)


async def test_all_faults_together(sandbox: Sandbox, template_id: str) -> None:
    for fault in FAULTS.values():
        sandbox.faults.add("*", fault, times=None, rate=0.03)
    # One in four or five fails, so that now and then all of five attempts would.
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10, retry=15) as heygen:
        outcomes = await render(heygen, template_id, 100)
    assert [outcome.error for outcome in outcomes if not outcome.ok] == []
    assert len(outcomes) == sandbox.ledger.count() == 100
    assert len({name for _, name in sandbox.faults.struck}) > 5


async def test_the_slots_settle_at_the_limit_of_the_account(
    sandbox: Sandbox, template_id: str
) -> None:
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=50) as heygen:
        batch = Batch(heygen)
        run = batch.render(template_id, names(120))
        limits = []
        async for outcome in run:
            assert outcome.ok
            limits.append(heygen.slots.limit)
        assert sandbox.ledger.count() == 120
        assert set(limits[20:]) <= {10, 11}
        assert run.report.most_running <= 11
        # One burst at the beginning, then a probe a minute.
        assert run.report.rate_limited <= 40 + 2 * run.report.elapsed / 60


async def test_a_limit_on_requests_is_not_taken_for_one_on_jobs() -> None:
    async with (
        Sandbox(speed=1, concurrency=20, requests_per_second=2.0) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=50) as heygen,
    ):
        run = Batch(heygen).render(sandbox.add_template(), names(60))
        async for outcome in run:
            assert outcome.ok
        report = run.report
        # One after the other they would take more than an hour.
        assert report.elapsed < 1500
        assert report.most_running >= 8


async def test_two_runs_share_the_slots(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, heygen.slots.held)
            await asyncio.sleep(1)

    watcher = asyncio.create_task(watch())
    runs = [asyncio.create_task(render(heygen, template_id, 30)) for _ in range(2)]
    await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
    # Neither run starves: both end at about the same time.
    ended = asyncio.get_running_loop().time()
    await asyncio.gather(*runs)
    assert asyncio.get_running_loop().time() < 1.4 * ended
    watcher.cancel()
    assert all(outcome.ok for run in runs for outcome in run.result())
    assert most == 10
    assert sandbox.ledger.count() == 60
    assert sandbox.requests.by_status[429] == 0


async def test_a_failing_submission_frees_its_slot(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.faults.add("templates.generate", Fault.status(403), times=15)
    outcomes = await render(heygen, template_id, 30)
    assert sum(outcome.ok for outcome in outcomes) == sandbox.ledger.count() == 15
    assert heygen.slots.held == 0


async def test_memory_stays_flat(heygen: HeyGen, template_id: str) -> None:
    """Keep nothing of finished items."""

    class Row(dict[str, str]):
        """A dict that can be watched."""

    rows: list[weakref.ref[Row]] = []

    def variants() -> Iterator[Row]:
        for variant in names(120):
            row = Row(variant)
            rows.append(weakref.ref(row))
            yield row

    async for outcome in Batch(heygen).render(template_id, variants()):
        assert outcome.ok
        # Running jobs, outcomes that were not taken yet, and items read ahead.
        assert sum(row() is not None for row in rows) <= 3 * 10 + 32
    assert len(rows) == 120


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "unauthorized", AuthenticationError),
        (402, "insufficient_credit", PaymentRequired),
        (429, "quota_exceeded", QuotaExceeded),
    ],
)
async def test_what_all_items_would_meet_stops_a_run(
    sandbox: Sandbox,
    heygen: HeyGen,
    template_id: str,
    status: int,
    code: str,
    error: type[HeyGenError],
) -> None:
    fault = Fault.status(status, code=code)
    sandbox.faults.add("templates.generate", fault, times=None, after=20)
    outcomes: list[Outcome[Video]] = []

    async def render_all() -> None:
        async for outcome in Batch(heygen).render(template_id, names(500)):
            outcomes.append(outcome)  # noqa: PERF401, those before the error count too

    with pytest.raises(BatchStopped) as stopped:
        await render_all()
    assert isinstance(stopped.value.error, error)
    assert sum(outcome.ok for outcome in outcomes) == sandbox.ledger.count() == 20
    assert len(outcomes) <= 20 + 10, "those on their way, and no more"
