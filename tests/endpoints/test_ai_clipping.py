"""``heygen.ai_clipping`` on the sandbox."""

from __future__ import annotations

import io

import pytest

from heygen_async import (
    AiClippingJob,
    AiClippingRequest,
    AiClippingSettings,
    AssetUrl,
    HeyGen,
    JobFailed,
    NotFound,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

VIDEO = AssetUrl(url="https://example.com/interview.mp4")


async def test_a_video_is_cut_into_clips(heygen: HeyGen, sandbox: Sandbox) -> None:
    settings = AiClippingSettings(aspect_ratio="square", duration_types=["30"], prompt="Jokes")
    job = await heygen.ai_clipping.create(
        AiClippingRequest(video=VIDEO, output_settings=settings, title="Talk", callback_id="mine")
    )
    assert (await job.status()).status == "pending"
    done = await job.wait()
    assert isinstance(done, AiClippingJob)
    assert (done.title, done.callback_id, done.progress) == ("Talk", "mine", 100)
    assert done.output_settings is not None
    assert done.output_settings.duration_types == ("30",)
    assert done.output_settings.prompt == "Jokes"
    assert done.clips
    for clip in done.clips:
        assert clip.aspect_ratio == "square"
        assert clip.duration_seconds is not None
        assert 0 < clip.duration_seconds <= 30
        assert clip.video_url is not None
        assert await heygen.download(clip.video_url, io.BytesIO()) > 0
    assert sandbox.ledger.usd == pytest.approx(0.15 * len(done.clips))


async def test_clipping_jobs_are_listed_and_deleted(heygen: HeyGen) -> None:
    titles = ["a", "b", "c"]
    made = [AiClippingRequest(video=VIDEO, title=title) for title in titles]
    ids = [(await heygen.ai_clipping.create(request)).id for request in made]
    assert [job.title async for job in heygen.ai_clipping.list(limit=2)] == ["c", "b", "a"]
    assert (await heygen.ai_clipping.get(ids[1])).title == "b"
    assert (await heygen.ai_clipping.delete(ids[1])).id == ids[1]
    assert [job.id async for job in heygen.ai_clipping.list()] == [ids[2], ids[0]]
    with pytest.raises(NotFound):
        await heygen.ai_clipping.delete(ids[1])


async def test_a_lost_answer_starts_no_second_job(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("ai_clipping.create", Fault.drop_answer())
    job = await heygen.ai_clipping.create(AiClippingRequest(video=VIDEO))
    assert [made.id for made in sandbox.ledger.jobs] == [job.id]


async def test_a_cancelled_job_has_failed(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.ai_clipping.create(AiClippingRequest(video=VIDEO))
    body = b'{"data": {"id": "%s", "status": "cancelled"}}' % job.id.encode()
    sandbox.faults.add("ai_clipping.get", Fault.body(body))
    with pytest.raises(JobFailed, match="it was cancelled"):
        await job.wait()


async def test_clips_without_their_urls_are_asked_for_again(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    job = await heygen.ai_clipping.create(AiClippingRequest(video=VIDEO))
    body = (
        b'{"data": {"id": "%s", "status": "completed", "brand_new": 1, "output_settings": '
        b'{"aspect_ratio": "round"}, "clips": [{"id": "1", "status": "completed"}]}}'
    ) % job.id.encode()
    sandbox.faults.add("ai_clipping.get", Fault.body(body))
    sandbox.clock.advance(400)
    done = await job.wait()
    assert all(clip.video_url for clip in done.clips)
    assert sandbox.requests.by_operation["ai_clipping.get"] == 2


async def test_its_deliveries_can_be_told_from_made_up_ones(heygen: HeyGen) -> None:
    request = AiClippingRequest(video=VIDEO, callback_url="http://127.0.0.1:9/hook")
    first, second = [await heygen.ai_clipping.create(request) for _ in range(2)]
    assert first.callback_id != second.callback_id
    assert (await first.status()).callback_id == first.callback_id
