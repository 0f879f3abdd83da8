"""Direct uploads of many files on the sandbox."""

from __future__ import annotations

import hashlib
import pickle

import aiohttp
import pytest

from heygen_async import (
    Asset,
    BatchJob,
    DirectUpload,
    DirectUploadBatch,
    DirectUploadBatchRequest,
    DirectUploadRequest,
    HeyGen,
    JobFailed,
    NotFound,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

FILES = {"a.png": b"\x89PNG first", "b.png": b"\x89PNG second", "c.png": b"\x89PNG third"}


def _announced(name: str) -> DirectUploadRequest:
    content = FILES[name]
    checksum = hashlib.sha256(content).hexdigest()
    return DirectUploadRequest(
        filename=name,
        content_type="image/png",
        size_bytes=len(content),
        checksum_sha256=checksum,
    )


async def _begin(heygen: HeyGen) -> DirectUploadBatch:
    return await heygen.assets.direct_uploads.batches.create([_announced(name) for name in FILES])


async def _put(upload: DirectUpload, content: bytes) -> None:
    # As long as the test: aiohttp measures by real time what a turned loop passes in no time.
    timeout = aiohttp.ClientTimeout(total=3_600)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.put(upload.upload_url, data=content, headers=upload.upload_headers) as response,
    ):
        assert response.status == 200


async def test_files_become_assets_together(heygen: HeyGen, sandbox: Sandbox) -> None:
    uploads = await _begin(heygen)
    for upload, content in zip(uploads.items, FILES.values(), strict=True):
        await _put(upload, content)
    batch = await heygen.assets.direct_uploads.batches.complete(uploads.batch_id)
    assert isinstance(batch, BatchJob)
    assert batch.id == uploads.batch_id
    done = {result.index: result async for result in batch.results()}
    assert [type(done[index].result) for index in range(3)] == [Asset] * 3
    assert [done[index].job_id for index in range(3)] == [u.asset_id for u in uploads.items]
    names = [done[index].result.name for index in range(3)]  # type: ignore[union-attr]
    assert names == list(FILES)
    assert (await batch.wait()).status == "completed"
    assert sandbox.leaks == 0


async def test_a_file_that_is_not_there_fails_alone(heygen: HeyGen) -> None:
    uploads = await _begin(heygen)
    first, second, third = uploads.items
    await _put(first, FILES["a.png"])
    await _put(third, FILES["c.png"][::-1])
    before = await heygen.assets.batches.get(uploads.batch_id)
    assert before.status == "processing"
    assert [item.status for item in before.items] == ["queued"] * 3
    batch = await heygen.assets.direct_uploads.batches.complete(uploads.batch_id)
    done = {result.index: result async for result in batch.results()}
    assert [done[index].ok for index in range(3)] == [True, False, False]
    for index, reason in ((1, "not found yet"), (2, "checksum")):
        error = done[index].error
        assert isinstance(error, JobFailed)
        assert reason in str(error)
        assert error.job_id == uploads.items[index].asset_id
    with pytest.raises(NotFound):
        await heygen.assets.get(second.asset_id)


async def test_an_asset_is_none_before_it_was_checked(heygen: HeyGen, sandbox: Sandbox) -> None:
    uploads = await _begin(heygen)
    for upload, content in zip(uploads.items, FILES.values(), strict=True):
        await _put(upload, content)
    ids = [upload.asset_id for upload in uploads.items]
    states = [entry.status for entry in await heygen.assets.statuses(ids)]
    assert states == ["queued"] * 3
    with pytest.raises(NotFound):
        await heygen.assets.get(ids[0])
    await heygen.assets.direct_uploads.batches.complete(uploads.batch_id)
    sandbox.clock.advance(0.5)
    entries = await heygen.assets.statuses([*ids, "none"], batch_ids=[uploads.batch_id])
    assert [entry.status for entry in entries[:4]] == ["processing"] * 3 + ["not_found"]
    assert [entry.item_index for entry in entries[4:]] == [0, 1, 2]
    sandbox.clock.advance(1)
    assert {entry.status for entry in await heygen.assets.statuses(ids)} == {"completed"}
    owner = (await heygen.users.me()).username
    assert {asset.name async for asset in heygen.assets.list(owner)} == set(FILES)


async def test_lost_answers_do_no_harm(heygen: HeyGen, sandbox: Sandbox) -> None:
    batches = heygen.assets.direct_uploads.batches
    sandbox.faults.add("assets.direct_uploads.batches.create", Fault.drop_answer())
    request = DirectUploadBatchRequest(files=[_announced("a.png")], title="Launch")
    uploads = await batches.create(request, idempotency_key="mine")
    assert (await batches.create(request, idempotency_key="mine")).batch_id == uploads.batch_id
    await _put(uploads.items[0], FILES["a.png"])
    sandbox.faults.add("assets.direct_uploads.batches.complete", Fault.drop_answer())
    batch = await batches.complete(uploads.batch_id)
    assert (await batch.wait()).title == "Launch"


async def test_a_batch_of_uploads_is_attached_and_pickled(heygen: HeyGen) -> None:
    uploads = await _begin(heygen)
    await _put(uploads.items[0], FILES["a.png"])
    await heygen.assets.direct_uploads.batches.complete(uploads.batch_id)
    attached = heygen.assets.batches.attach(uploads.batch_id)
    copy = pickle.loads(pickle.dumps(attached))
    assert [result.ok async for result in copy.results()].count(True) == 1
    assert [item.status async for item in attached.items()] == ["completed", "failed", "failed"]
