"""``heygen.videos`` on the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AvatarIIIEngine,
    AvatarInput,
    AvatarIVEngine,
    AvatarScene,
    AvatarVEngine,
    AvatarVideoRequest,
    BadRequest,
    CinematicAvatarVideoRequest,
    HeyGen,
    ImageVideoRequest,
    InvalidRequest,
    NotFound,
    StudioVideoRequest,
    Video,
    VideoRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio


def _avatar(sandbox: Sandbox, **fields: Any) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there.", **fields)


def _requests(sandbox: Sandbox) -> list[VideoRequest]:
    scene = AvatarScene(input=AvatarInput(avatar_id=sandbox.avatar_id, script="A scene."))
    return [
        _avatar(sandbox),
        _avatar(sandbox, engine=AvatarIIIEngine()),
        _avatar(sandbox, engine=AvatarIVEngine()),
        _avatar(sandbox, engine=AvatarVEngine()),
        ImageVideoRequest(
            image=AssetUrl(url="https://example.com/face.png"),
            script="Hello from a picture.",
            voice_id=sandbox.voice_id,
        ),
        CinematicAvatarVideoRequest(avatar_id=[sandbox.avatar_id], prompt="A walk", duration=5),
        StudioVideoRequest(scenes=[scene, scene]),
    ]


@pytest.mark.parametrize("index", range(7))
async def test_each_type_and_engine_renders(heygen: HeyGen, sandbox: Sandbox, index: int) -> None:
    job = await heygen.videos.create(_requests(sandbox)[index])
    assert job.created.status == "waiting"
    video = await job.wait(timeout=900)
    assert (video.id, video.status) == (job.id, "completed")
    assert video.video_url is not None
    assert video.duration is not None
    assert sandbox.ledger.count("videos.create") == 1


async def test_a_video_is_read_in_all_ways(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_avatar(sandbox, callback_id="mine"))
    assert (await heygen.videos.get(job.id)).status in ("waiting", "pending", "processing")
    entries = await heygen.videos.statuses([job.id, "unknown"])
    assert [entry.video_id for entry in entries] == [job.id, "unknown"]
    assert entries[1].status == "not_found"
    assert (await heygen.videos.status_v1(job.id)).callback_id == "mine"
    await job.wait()
    assert (await heygen.videos.status_v1(job.id)).status == "completed"


@pytest.mark.parametrize("ids", [[], "video-id", ["id"] * 101, ["a,b"], [""], [7]])
async def test_statuses_refuses_what_is_no_list_of_ids(
    heygen: HeyGen, sandbox: Sandbox, ids: Sequence[str]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await heygen.videos.statuses(ids)
    assert caught.value.param == "video_ids"
    assert sandbox.ledger.requests == 0


async def test_statuses_takes_a_hundred_ids(heygen: HeyGen) -> None:
    assert len(await heygen.videos.statuses([f"id-{n}" for n in range(100)])) == 100


async def test_statuses_of_batches_are_asked_for(heygen: HeyGen, sandbox: Sandbox) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await heygen.videos.statuses(batch_ids=["a,b"])
    assert caught.value.param == "batch_ids"
    await heygen.videos.statuses(batch_ids=["some-batch"])
    assert sandbox.requests.by_status[200] == 1


async def _seven_videos(heygen: HeyGen, sandbox: Sandbox) -> list[str]:
    jobs = [await heygen.videos.create(_avatar(sandbox, title=f"Clip {n}")) for n in range(7)]
    return [job.id for job in jobs]


async def test_a_list_pages_itself(heygen: HeyGen, sandbox: Sandbox) -> None:
    ids = await _seven_videos(heygen, sandbox)
    videos = heygen.videos.list(limit=3)
    seen = [video.id async for video in videos]
    assert sorted(seen) == sorted(ids)
    assert sandbox.requests.by_operation["videos.list"] == 3
    pages = [page async for page in videos.pages()]
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert [page.has_more for page in pages] == [True, True, False]
    first = await videos.first_page()
    assert [video.id for video in first.items] == seen[:3]
    assert first.next_token is not None
    assert sandbox.requests.by_operation["videos.list"] == 7


async def test_a_list_fetches_pages_as_they_are_needed(heygen: HeyGen, sandbox: Sandbox) -> None:
    await _seven_videos(heygen, sandbox)
    async for _ in heygen.videos.list(limit=3):
        break
    assert sandbox.requests.by_operation["videos.list"] == 1


async def test_a_list_takes_its_filters(heygen: HeyGen, sandbox: Sandbox) -> None:
    await _seven_videos(heygen, sandbox)
    sandbox.add_folder(folder_id="here")
    await heygen.videos.create(_avatar(sandbox, title="Clip 5 again", folder_id="here"))
    assert len([video async for video in heygen.videos.list(title="clip 5", limit=1)]) == 2
    found: list[Video] = [video async for video in heygen.videos.list(folder_id="here")]
    assert [video.title for video in found] == ["Clip 5 again"]
    with pytest.raises(BadRequest) as caught:
        await heygen.videos.list(limit=101).first_page()
    assert caught.value.param == "limit"


async def test_delete_and_what_is_gone(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_avatar(sandbox))
    deleted = await heygen.videos.delete(job.id)
    assert (deleted.id, deleted.deleted) == (job.id, True)
    with pytest.raises(NotFound) as caught:
        await heygen.videos.delete(job.id)
    assert caught.value.code == "not_found"


async def test_a_delete_whose_answer_was_lost_has_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_avatar(sandbox))
    sandbox.faults.add("videos.delete", Fault.drop_answer())
    assert (await heygen.videos.delete(job.id)).deleted
    assert sandbox.requests.by_operation["videos.delete"] == 2
    with pytest.raises(NotFound):
        await heygen.videos.get(job.id)


async def test_the_same_key_gives_the_same_video(heygen: HeyGen, sandbox: Sandbox) -> None:
    first = await heygen.videos.create(_avatar(sandbox), idempotency_key="launch-1")
    again = await heygen.videos.create(_avatar(sandbox), idempotency_key="launch-1")
    assert first.id == again.id
    assert sandbox.ledger.count() == 1


async def test_extra_reaches_the_api(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_avatar(sandbox, extra={"title": "By extra"}))
    assert (await job.status()).title == "By extra"
    with pytest.raises(BadRequest) as caught:
        await heygen.videos.create(_avatar(sandbox, extra={"hologram": True}))
    assert caught.value.param == "hologram"
    assert "Extra inputs are not permitted" in caught.value.message
