"""``heygen.lipsyncs`` on the sandbox."""

from __future__ import annotations

import asyncio
import io

import pytest

from heygen_async import (
    AssetUrl,
    HeyGen,
    InvalidRequest,
    JobFailed,
    Lipsync,
    LipsyncRequest,
    NotFound,
    SpeechRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

VIDEO = AssetUrl(url="https://example.com/launch.mp4")


def _request(title: str | None = None) -> LipsyncRequest:
    return LipsyncRequest(video=VIDEO, audio=VIDEO, title=title)


async def test_a_lipsync_is_made_and_downloaded(heygen: HeyGen, sandbox: Sandbox) -> None:
    speech = await heygen.voices.speech(SpeechRequest(text="Hello", voice_id=sandbox.voice_id))
    request = LipsyncRequest(
        video=VIDEO, audio=AssetUrl(url=speech.audio_url), title="Launch", callback_id="mine"
    )
    job = await heygen.lipsyncs.create(request)
    assert (await job.status()).status == "pending"
    lipsync = await job.wait()
    assert isinstance(lipsync, Lipsync)
    assert (lipsync.title, lipsync.callback_id) == ("Launch", "mine")
    assert lipsync.duration == speech.duration
    sink = io.BytesIO()
    assert await heygen.download(lipsync, sink) == len(sink.getvalue()) > 0
    assert sandbox.ledger.count("lipsyncs.create") == 1
    assert sandbox.leaks == 0


async def test_an_expired_url_of_a_lipsync_is_renewed(heygen: HeyGen, sandbox: Sandbox) -> None:
    lipsync = await (await heygen.lipsyncs.create(_request())).wait()
    asked = sandbox.requests.by_operation["lipsyncs.get"]
    sandbox.clock.advance(8 * 86_400)
    assert await heygen.download(lipsync, io.BytesIO()) > 0
    assert sandbox.requests.by_operation["lipsyncs.get"] == asked + 1


async def test_lipsyncs_are_read_renamed_and_deleted(heygen: HeyGen) -> None:
    lipsyncs = heygen.lipsyncs
    ids = [(await lipsyncs.create(_request(title))).id for title in "abc"]
    assert [item.title async for item in lipsyncs.list(limit=2)] == ["c", "b", "a"]
    assert [entry.video_id for entry in await lipsyncs.statuses(ids)] == ids
    renamed = await lipsyncs.update(ids[0], title="Für Ada")
    assert renamed.title == (await lipsyncs.get(ids[0])).title == "Für Ada"
    assert (await lipsyncs.delete(ids[0])).id == ids[0]
    with pytest.raises(NotFound):
        await lipsyncs.delete(ids[0])
    with pytest.raises(InvalidRequest) as caught:
        await lipsyncs.statuses()
    assert caught.value.param == "lipsync_ids"


async def test_a_delete_whose_answer_was_lost_has_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.lipsyncs.create(_request())
    sandbox.faults.add("lipsyncs.delete", Fault.drop_answer())
    assert (await heygen.lipsyncs.delete(job.id)).id == job.id


async def test_a_lost_answer_starts_no_second_lipsync(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("lipsyncs.create", Fault.drop_answer())
    job = await heygen.lipsyncs.create(_request())
    assert [made.id for made in sandbox.ledger.jobs] == [job.id]


async def test_a_failed_lipsync_says_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("lipsync", code=None, message="No face found")
    job = await heygen.lipsyncs.create(_request())
    with pytest.raises(JobFailed, match="No face found") as caught:
        await job.wait()
    assert caught.value.code is None


async def test_many_lipsyncs_are_watched_together(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.concurrency = 20
    jobs = [await heygen.lipsyncs.create(_request()) for _ in range(12)]
    for lipsync in await asyncio.gather(*(job.wait() for job in jobs)):
        assert lipsync.video_url is not None
    assert sandbox.requests.by_operation["lipsyncs.get"] == len(jobs)
