"""``heygen.filler_word_removals`` on the sandbox."""

from __future__ import annotations

import io

import pytest

from heygen_async import (
    AssetUrl,
    FillerWordRemoval,
    FillerWordRemovalRequest,
    HeyGen,
    JobFailed,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

REQUEST = FillerWordRemovalRequest(
    video=AssetUrl(url="https://example.com/talk.mp4"), title="Talk", callback_id="mine"
)


async def test_a_video_loses_its_filler_words(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("filler_word_removals.create", Fault.drop_answer())
    job = await heygen.filler_word_removals.create(REQUEST)
    assert (await job.status()).status == "pending"
    done = await job.wait()
    assert isinstance(done, FillerWordRemoval)
    assert (done.title, done.callback_id) == ("Talk", "mine")
    assert done.num_cuts
    assert done.original_duration is not None
    assert done.output_duration is not None
    assert 0 < done.output_duration < done.original_duration
    assert sandbox.ledger.count("filler_word_removals.create") == 1


async def test_it_is_downloaded_when_its_url_has_expired(heygen: HeyGen, sandbox: Sandbox) -> None:
    done = await (await heygen.filler_word_removals.create(REQUEST)).wait()
    sandbox.clock.advance(8 * 86_400)
    assert await heygen.download(done, io.BytesIO()) > 0


async def test_a_failed_one_says_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("filler_word_removal", code=None, message="No speech")
    with pytest.raises(JobFailed, match="No speech"):
        await (await heygen.filler_word_removals.create(REQUEST)).wait()
