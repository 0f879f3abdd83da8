"""A bulk run survives each fault of a plan: nothing lost, nothing paid for twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, HeyGen, JobFailed, JobTimeout, Outcome
from heygen_async.sandbox import Faults, Sandbox
from tests.journal.journals import files

from .conftest import names

pytestmark = pytest.mark.anyio

ITEMS = 40

#: Of each kind, at a quarter of all requests; what test_faults.py meets singly is met together.
EXCHANGES = {
    "status 409": Faults(operations={"templates.generate": Faults(status={409: 0.25})}),
    "latency": Faults(latency=(0, 30)),
    "latency beyond the timeout": Faults(
        operations={"templates.generate": Faults(latency=(60, 180))}
    ),
    "all together": Faults(
        drop=0.05, drop_answer=0.05, error_after_work=0.05, status={503: 0.05}, latency=(0, 5)
    ),
}


def client(sandbox: Sandbox, **settings: Any) -> HeyGen:
    # Up to one in three fails, so that now and then all of five attempts would.
    return HeyGen(
        sandbox.api_key, base_url=sandbox.base_url, **{"jobs": 10, "retry": 15, **settings}
    )


async def rendered(
    heygen: HeyGen, template_id: str, journal: Path | None = None, **settings: Any
) -> list[Outcome[Any]]:
    async with Batch(heygen, journal=journal, **settings) as batch:
        return [outcome async for outcome in batch.render(template_id, names(ITEMS))]


@pytest.mark.parametrize("faults", EXCHANGES.values(), ids=EXCHANGES)
async def test_faults_of_exchanges(
    sandbox: Sandbox, template_id: str, tmp_path: Path, faults: Faults
) -> None:
    sandbox.faults = faults
    async with client(sandbox) as heygen:
        outcomes = await rendered(heygen, template_id, tmp_path / "run.db")
    assert [outcome.error for outcome in outcomes if not outcome.ok] == []
    assert len(outcomes) == sandbox.ledger.count() == ITEMS
    assert {outcome.job_id for outcome in outcomes} == {job.id for job in sandbox.ledger.jobs}
    # Something was there to survive.
    assert faults.struck or sandbox.requests.by_status[409] or faults.latency


async def test_jobs_that_fail_are_told_and_the_rest_completes(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.faults = Faults(fail_jobs=0.3)
    outcomes = await rendered(heygen, template_id)
    failed = {job.id for job in sandbox.ledger.jobs if job.failed}
    assert 4 < len(failed) < 25
    assert {outcome.job_id for outcome in outcomes if not outcome.ok} == failed
    assert all(isinstance(outcome.error, JobFailed) for outcome in outcomes if not outcome.ok)
    assert sandbox.ledger.count() == len(outcomes) == ITEMS
    assert heygen.slots.held == 0


async def test_jobs_that_never_end_are_given_up_in_time(sandbox: Sandbox, template_id: str) -> None:
    sandbox.concurrency = 40  # those that are stuck keep their slots
    sandbox.faults = Faults(stuck_jobs=0.2)
    async with client(sandbox, jobs=40) as heygen:
        outcomes = await rendered(heygen, template_id, job_timeout=1_800)
        given_up = [outcome for outcome in outcomes if not outcome.ok]
        assert 2 < len(given_up) < 18
        assert all(isinstance(outcome.error, JobTimeout) for outcome in given_up)
        assert sandbox.ledger.count() == len(outcomes) == ITEMS
        states = Counter([(await heygen.videos.get(str(o.job_id))).status for o in given_up])
        assert states == {"processing": len(given_up)}
        # Deleted, they give their slots back.
        for outcome in given_up:
            await heygen.videos.delete(str(outcome.job_id))
        sandbox.faults = Faults()
        assert all(outcome.ok for outcome in await rendered(heygen, template_id))
        assert heygen.slots.held == 0


async def test_urls_that_are_null_at_first_are_asked_for_again(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.faults = Faults(null_video_url=1)
    outcomes = await rendered(heygen, template_id)
    assert len(outcomes) == ITEMS
    assert all(outcome.result and outcome.result.video_url for outcome in outcomes)


async def test_media_urls_that_expired_are_signed_anew(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    sandbox.faults = Faults(expire_urls=1)  # the first of each file
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(ITEMS))
        outcomes = [outcome async for outcome in batch.download(run, tmp_path / "{index}.mp4")]
    refused = sum(request.status == 403 for request in sandbox.requests.media)
    assert refused >= ITEMS
    assert [outcome.download_error for outcome in outcomes if outcome.download_error] == []
    assert files(tmp_path) == sorted(f"{index}.mp4" for index in range(ITEMS))


async def test_a_media_host_that_fails(sandbox: Sandbox, template_id: str, tmp_path: Path) -> None:
    media = Faults(drop=0.1, drop_answer=0.1, status={503: 0.1}, latency=(0, 20))
    sandbox.faults = Faults(operations={"media": media})
    async with client(sandbox) as heygen, Batch(heygen) as batch:
        run = batch.render(template_id, names(ITEMS))
        outcomes = [outcome async for outcome in batch.download(run, tmp_path / "{index}.mp4")]
    assert len(sandbox.faults.struck) > 10
    assert [outcome.download_error for outcome in outcomes if outcome.download_error] == []
    assert files(tmp_path) == sorted(f"{index}.mp4" for index in range(ITEMS))
