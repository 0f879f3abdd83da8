"""Failures of polls: no wait is lost, and failures that concern the caller are raised."""

from __future__ import annotations

import asyncio
import json

import pytest

from heygen_async import (
    AuthenticationError,
    HeyGen,
    InvalidResponse,
    Job,
    QuotaExceeded,
    Video,
)
from heygen_async.sandbox import Fault, Sandbox

from .conftest import video_request

pytestmark = pytest.mark.anyio

PASSING = {
    "500": Fault.status(500),
    "502 with HTML": Fault.status(502, body="html"),
    "503 empty": Fault.status(503, body="empty"),
    "dropped": Fault.drop(),
    "answer dropped": Fault.drop_answer(),
    "cut short": Fault.truncate(),
    "malformed": Fault.malformed(),
    "429": Fault.status(429, retry_after=3),
    "slow": Fault.delay(45),
    "another shape": Fault.body(b'{"data": {"id": 1}}'),
}


async def create(sandbox: Sandbox, heygen: HeyGen, count: int) -> list[Job[Video]]:
    return [await heygen.videos.create(video_request(sandbox)) for _ in range(count)]


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("operation", ["videos.statuses", "videos.get"])
async def test_passing_failures_lose_no_wait(
    sandbox: Sandbox, heygen: HeyGen, operation: str, fault: Fault
) -> None:
    """Fail more often in a row than one call is repeated."""
    jobs = await create(sandbox, heygen, 12)
    sandbox.faults.add(operation, fault, times=7)
    videos = await asyncio.gather(*(job.wait() for job in jobs))
    assert [video.id for video in videos] == [job.id for job in jobs]
    assert len(sandbox.faults.struck) >= 2


async def test_a_single_job_survives_an_outage(sandbox: Sandbox, heygen: HeyGen) -> None:
    (job,) = await create(sandbox, heygen, 1)
    sandbox.faults.add("videos.get", Fault.drop(), times=30)
    assert (await job.wait()).status == "completed"


async def test_retry_after_is_obeyed_between_polls(sandbox: Sandbox, heygen: HeyGen) -> None:
    """Let one poll within ten minutes be the probe that ends a pause of an hour."""
    jobs = await create(sandbox, heygen, 12)
    sandbox.faults.add("videos.statuses", Fault.status(429, retry_after=3_600))
    await asyncio.gather(*(job.wait() for job in jobs))
    assert sandbox.requests.by_operation["videos.statuses"] <= 10
    assert 500 < sandbox.clock.now() < 610


@pytest.mark.parametrize("count", [1, 12])
async def test_a_wrong_key_surfaces(sandbox: Sandbox, heygen: HeyGen, count: int) -> None:
    jobs = await create(sandbox, heygen, count)
    sandbox.faults.add("*", Fault.status(401), times=None)
    results = await asyncio.gather(*(job.wait() for job in jobs), return_exceptions=True)
    assert {type(result) for result in results} == {AuthenticationError}
    sandbox.faults.clear()
    assert (await jobs[0].wait()).status == "completed"  # the handle still works


async def test_a_used_up_quota_surfaces(sandbox: Sandbox, heygen: HeyGen) -> None:
    (job,) = await create(sandbox, heygen, 1)
    sandbox.faults.add("videos.get", Fault.status(429, code="quota_exceeded"), times=None)
    with pytest.raises(QuotaExceeded):
        await job.wait()


async def test_an_answer_that_stays_unreadable_surfaces(sandbox: Sandbox, heygen: HeyGen) -> None:
    (job,) = await create(sandbox, heygen, 1)
    sandbox.faults.add("videos.get", PASSING["another shape"], times=None)
    with pytest.raises(InvalidResponse):
        await job.wait()


@pytest.mark.parametrize("status", [400, 404])
async def test_without_statuses_each_job_is_asked_about(
    sandbox: Sandbox, heygen: HeyGen, status: int
) -> None:
    """Refuse one id: the wait for the others goes on."""
    jobs = await create(sandbox, heygen, 12)
    sandbox.faults.add("videos.statuses", Fault.status(status), times=None)
    videos = await asyncio.gather(*(job.wait() for job in jobs))
    assert len(videos) == 12
    assert sandbox.clock.now() < 130


async def test_ids_that_an_answer_leaves_out_are_asked_about(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    jobs = await create(sandbox, heygen, 12)
    nothing = json.dumps({"data": [], "has_more": False, "next_token": None}).encode()
    sandbox.faults.add("videos.statuses", Fault.body(nothing), times=None)
    assert len(await asyncio.gather(*(job.wait() for job in jobs))) == 12


async def test_a_job_unknown_for_a_moment_is_waited_for(sandbox: Sandbox, heygen: HeyGen) -> None:
    (job,) = await create(sandbox, heygen, 1)
    again = heygen.jobs.attach(Video, job.id)
    sandbox.faults.add("videos.get", Fault.status(404))
    assert (await again.wait()).status == "completed"
