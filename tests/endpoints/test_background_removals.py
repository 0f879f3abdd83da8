"""``heygen.background_removals`` on the sandbox."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    HeyGen,
    JobFailed,
    NotFound,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

VIDEO = AssetUrl(url="https://example.com/ada.mp4")


def _request(**fields: Any) -> BackgroundRemovalRequest:
    return BackgroundRemovalRequest(video=VIDEO, **fields)


async def test_a_video_is_taken_apart(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.background_removals.create(_request(layers=["foreground", "mask"]))
    assert (await job.status()).status == "pending"
    done = await job.wait()
    assert isinstance(done, BackgroundRemovalJob)
    assert set(done.layers) == {"foreground", "mask"}
    assert await heygen.download(done.layers["mask"], io.BytesIO()) > 0
    assert done.completed_at is not None
    assert done.created_at is not None
    assert done.completed_at - done.created_at == 80


@pytest.mark.parametrize("fault", [Fault.drop(), Fault.drop_answer(), Fault.status(503, work=True)])
async def test_it_is_paid_for_once_without_a_key(
    heygen: HeyGen, sandbox: Sandbox, fault: Fault
) -> None:
    sandbox.faults.add("background_removals.create", fault, times=2)
    job = await heygen.background_removals.create(_request())
    assert sandbox.requests.by_operation["background_removals.create"] == 3
    assert [made.id for made in sandbox.ledger.jobs] == [job.id]


async def test_each_call_is_a_job_of_its_own(heygen: HeyGen) -> None:
    request = _request()
    first, second = [await heygen.background_removals.create(request) for _ in range(2)]
    assert first.id != second.id


@pytest.mark.parametrize("fields", [{"request_id": "mine"}, {"extra": {"request_id": "mine"}}])
async def test_the_same_request_id_gives_the_same_job(
    heygen: HeyGen, sandbox: Sandbox, fields: dict[str, Any]
) -> None:
    first, second = [await heygen.background_removals.create(_request(**fields)) for _ in range(2)]
    assert first.id == second.id
    assert [made.idempotency_key for made in sandbox.ledger.jobs] == ["mine"]


async def test_a_cancelled_submission_tells_what_it_created(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.faults.add("background_removals.create", Fault.delay(1.5))
    task = asyncio.ensure_future(heygen.background_removals.create(_request()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    (made,) = sandbox.ledger.jobs
    assert caught.value.job_ids == [made.id]  # type: ignore[attr-defined]


async def test_they_are_listed_and_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    removals = heygen.background_removals
    first, second = [await removals.create(_request()) for _ in range(2)]
    assert [job.id async for job in removals.list(limit=1)] == [second.id, first.id]
    sandbox.faults.add("background_removals.delete", Fault.drop_answer())
    deleted = await removals.delete(first.id)
    assert (deleted.id, deleted.deleted) == (first.id, True)
    assert [job.id async for job in removals.list()] == [second.id]
    assert (await removals.get(first.id)).status == "deleted"
    with pytest.raises(JobFailed, match="it was deleted"):
        await first.wait()
    with pytest.raises(NotFound):
        await removals.delete(first.id)


async def test_a_failed_one_says_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("background_removal", code=None, message="Nobody to be seen")
    with pytest.raises(JobFailed, match="Nobody to be seen"):
        await (await heygen.background_removals.create(_request())).wait()
