"""What runs cost, and what keeps them from costing more than is there."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    Batch,
    BudgetExceeded,
    HeyGen,
    Outcome,
    Retry,
    Run,
    VideoAgentRequest,
)
from heygen_async.journal import ItemRecord, Totals, open_reader
from heygen_async.pricing.prices import PriceTable
from heygen_async.sandbox import Faults, Sandbox

pytestmark = pytest.mark.anyio

TEASER = VideoAgentRequest(prompt="A teaser")
PER_SECOND = PriceTable(video_agent=0.01)


async def test_an_agent_session_costs_what_its_video_costs(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    async def run() -> Any:
        async with Batch(heygen, prices=PER_SECOND, max_cost=100) as batch:
            run = batch.run([TEASER], journal=journal)
            (outcome,) = [outcome async for outcome in run]
        return outcome, run.report

    outcome, report = await run()
    video = await heygen.videos.get(outcome.result.video_id)
    assert video.duration
    assert outcome.usd == pytest.approx(video.duration * 0.01)
    assert report.usd == pytest.approx(outcome.usd, abs=1e-6)
    record, totals = await asyncio.to_thread(read, journal)
    assert (record.usd, record.output_seconds) == (outcome.usd, video.duration)
    assert totals.usd == outcome.usd
    again, _ = await run()
    assert again.usd == outcome.usd


def read(journal: Path) -> tuple[ItemRecord, Totals]:
    with open_reader(journal) as reader:
        (record,) = reader.records()
        return record, reader.totals()


async def test_the_cap_counts_the_real_cost_of_a_session(sandbox: Sandbox, heygen: HeyGen) -> None:
    # 30 minutes would take 18 USD, which leaves no room for a second session.
    async with Batch(heygen, prices=PER_SECOND, max_cost=19) as batch:
        outcomes = [
            outcome
            async for outcome in batch.run([TEASER, VideoAgentRequest(prompt="Another teaser")])
        ]
    assert [outcome.ok for outcome in outcomes] == [True, True]


@pytest.mark.heygen(retry=Retry(attempts=1))
async def test_a_session_whose_video_cannot_be_asked_for_is_done_at_unknown_cost(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults = Faults(operations={"videos.get": Faults(status={500: 1.0})})
    outcomes: list[Outcome[Any]] = []
    with caplog.at_level(logging.WARNING, "heygen_async.batch"):
        async with Batch(heygen, prices=PER_SECOND, max_cost=18) as batch:
            run = batch.run([TEASER, VideoAgentRequest(prompt="Another teaser")])
            with pytest.raises(BudgetExceeded) as exceeded:
                await collect(run, outcomes)
    assert [(outcome.ok, outcome.usd) for outcome in outcomes] == [(True, None)]
    assert exceeded.value.spent == pytest.approx(18)  # the most that it can have cost
    assert "the length of its video is unknown" in caplog.text


async def collect(run: Run[Any], outcomes: list[Outcome[Any]]) -> None:
    async for outcome in run:
        outcomes += [outcome]
