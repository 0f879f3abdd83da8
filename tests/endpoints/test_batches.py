"""Batches of videos, translations and lipsyncs on the sandbox."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from heygen_async import (
    AssetId,
    AssetUrl,
    AuthenticationError,
    AvatarVideoRequest,
    BadRequest,
    BatchItem,
    BatchJob,
    BatchStatus,
    HeyGen,
    InvalidRequest,
    InvalidResponse,
    JobFailed,
    JobTimeout,
    Lipsync,
    LipsyncRequest,
    NotFound,
    Video,
    VideoBatchRequest,
    VideoTranslation,
    VideoTranslationBatchRequest,
    VideoTranslationRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

SOURCE = AssetUrl(url="https://example.com/launch.mp4")
LANGUAGES = ["Spanish (Spain)", "French (France)", "German (Germany)"]


def _videos(sandbox: Sandbox, count: int, **fields: Any) -> list[AvatarVideoRequest]:
    return [
        AvatarVideoRequest(
            avatar_id=sandbox.avatar_id, script=f"Hello {number}", title=f"{number}", **fields
        )
        for number in range(count)
    ]


def _unknown_avatar() -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id="nobody", script="Hello")


async def test_results_come_as_they_end(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.concurrency = 4
    batch = await heygen.videos.batches.create(_videos(sandbox, 10))
    assert (await batch.status()).counts_by_status == {"processing": 4, "queued": 6}
    ends: list[float] = []
    titles = {}
    async for done in batch.results():
        assert isinstance(done.result, Video)
        assert done.ok
        assert done.result.id == done.job_id
        assert done.result.video_url is not None
        titles[done.index] = done.result.title
        ends.append(sandbox.clock.now())
    assert titles == {number: f"{number}" for number in range(10)}
    # Three rounds of 100 s, each noticed within five.
    assert [round(end, -1) for end in ends] == [100] * 4 + [200] * 4 + [300] * 2
    assert sandbox.ledger.count("videos.batches.create") == 10
    assert sandbox.requests.by_operation["videos.batches.create"] == 1
    assert sandbox.requests.by_operation["videos.get"] == 10


async def test_those_to_be_called_back_have_ids_that_nobody_can_guess(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    told, plain = _videos(sandbox, 2, callback_url="http://127.0.0.1:9/heygen"), _videos(sandbox, 1)
    await heygen.videos.batches.create([*told, *plain], idempotency_key="mine")
    first, second, third = (job.callback_id for job in sandbox.ledger.jobs)
    assert first
    assert second
    assert first != second
    assert third is None


async def test_the_batch_itself_is_waited_for(heygen: HeyGen, sandbox: Sandbox) -> None:
    batch = await heygen.videos.batches.create(
        VideoBatchRequest(videos=_videos(sandbox, 3), title="Launch")
    )
    with pytest.raises(JobTimeout) as caught:
        await batch.wait(timeout=1)
    assert caught.value.job_id == batch.id
    ended = await batch.wait()
    assert isinstance(ended, BatchStatus)
    assert (ended.status, ended.title, ended.total_items) == ("completed", "Launch", 3)
    assert ended.counts_by_status == {"completed": 3}
    assert await heygen.videos.batches.get(batch.id) == ended
    # The items are jobs like any other.
    for item in ended.items:
        assert item.video_id is not None
        assert (await heygen.jobs.attach(Video, item.video_id).wait()).id == item.video_id


async def test_items_have_ids_once_they_have_begun(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.concurrency = 2
    requests = [*_videos(sandbox, 3), _unknown_avatar()]
    batch = await heygen.videos.batches.create(requests)
    begun: list[tuple[int | float, bool, float]] = []
    async for item in batch.started():
        now = round(sandbox.clock.now(), -1)
        begun.append((item.item_index, item.video_id is not None, now))
    assert begun == [(0, True, 0), (1, True, 0), (3, False, 0), (2, True, 100)]


async def test_one_bad_item_fails_alone(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("video", code="tts_text_invalid", message="Nothing to say")
    requests = [*_videos(sandbox, 2), _unknown_avatar()]
    batch = await heygen.videos.batches.create(requests)
    results = {done.index: done async for done in batch.results()}
    assert [results[index].ok for index in range(3)] == [False, True, False]
    failed, refused = results[0].error, results[2].error
    assert isinstance(failed, JobFailed)
    assert isinstance(refused, JobFailed)
    assert (failed.code, failed.job_id) == ("tts_text_invalid", results[0].job_id)
    assert "item 0: Nothing to say" in str(failed)
    assert (refused.code, refused.job_id) == ("invalid_parameter", batch.id)
    assert results[2].job_id is None
    assert isinstance(refused.last, BatchItem)
    assert (await batch.wait()).status == "completed"
    assert sandbox.ledger.count() == 2


async def test_a_batch_of_failures_is_no_exception(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("video")
    batch = await heygen.videos.batches.create([*_videos(sandbox, 1), _unknown_avatar()])
    ended = await batch.wait()
    assert (ended.status, ended.counts_by_status) == ("failed", {"failed": 2})
    assert [done.ok async for done in batch.results()] == [False, False]


async def test_a_reason_that_the_batch_does_not_give_is_asked_for(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.fail_next("video", code="voice_unavailable", message="No such voice")
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    ended = await batch.wait()
    (item,) = ended.items
    _answer_with(sandbox, batch, items=[{"item_index": 0, "status": "failed", "error": None,
                                         "video_id": item.video_id}], status="failed")  # fmt: skip
    (done,) = [done async for done in heygen.videos.batches.attach(batch.id).results()]
    assert isinstance(done.error, JobFailed)
    assert (done.error.code, done.error.message) == ("voice_unavailable", "No such voice")


@pytest.mark.parametrize(
    ("item", "message", "code"),
    [
        ({"status": "failed", "error": "a bare text"}, "item 0: a bare text", None),
        ({"status": "failed", "error": {"code": 7, "message": None}}, "gives no reason", "7"),
        ({"status": "failed", "error": None}, "gives no reason", None),
    ],
)
async def test_reasons_of_any_shape(
    heygen: HeyGen, sandbox: Sandbox, item: dict[str, Any], message: str, code: str | None
) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    _answer_with(sandbox, batch, items=[{"item_index": 0, **item}], status="failed")
    (done,) = [done async for done in batch.results()]
    assert isinstance(done.error, JobFailed)
    assert message in str(done.error)
    assert done.error.code == code


async def test_items_that_lag_behind_their_batch_are_not_lost(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    (first,) = [item async for item in batch.items()]
    items = [
        {"item_index": 0, "status": "processing", "video_id": first.video_id},
        {"item_index": 1, "status": "queued"},
    ]
    _answer_with(sandbox, batch, items=items, status="completed")
    results = {done.index: done async for done in batch.results()}
    assert results[0].result is not None
    assert results[0].result.status == "completed"
    assert isinstance(results[1].error, InvalidResponse)


def _answer_with(
    sandbox: Sandbox, batch: BatchJob[Any], *, items: list[dict[str, Any]], status: str
) -> None:
    """Make the API report this for a batch from now on."""
    body = {
        "batch_id": batch.id,
        "status": status,
        "total_items": len(items),
        "counts_by_status": {},
        "created_at": 1,
        "items": items,
        "has_more": False,
    }
    answer = Fault.body(json.dumps({"data": body}).encode())
    sandbox.faults.add("videos.batches.get", answer, times=None)


async def test_a_result_that_is_gone_concerns_its_item_alone(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 2))
    ended = await batch.wait()
    assert ended.items[0].video_id is not None
    await heygen.videos.delete(ended.items[0].video_id)
    results = {done.index: done async for done in batch.results()}
    assert isinstance(results[0].error, NotFound)
    assert results[1].ok


async def test_translations_are_items_per_language(heygen: HeyGen, sandbox: Sandbox) -> None:
    requests = [
        VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES),
        VideoTranslationRequest(
            video=AssetId(asset_id="none"), output_languages=["French (France)", LANGUAGES[0]]
        ),
        VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES[:1]),
    ]
    batch = await heygen.video_translations.batches.create(requests)
    results = {done.index: done async for done in batch.results()}
    assert sorted(results) == list(range(6))
    languages = {
        index: done.result.output_language for index, done in results.items() if done.result
    }
    assert languages == {**dict(enumerate(LANGUAGES)), 5: LANGUAGES[0]}
    assert all(isinstance(done.result, VideoTranslation) for done in results.values() if done.ok)
    assert sandbox.ledger.count("translation") == 4


async def test_lipsyncs_come_in_batches(heygen: HeyGen) -> None:
    requests = [LipsyncRequest(video=SOURCE, audio=SOURCE, title=title) for title in "ab"]
    batch = await heygen.lipsyncs.batches.create(requests)
    results = [done.result async for done in batch.results()]
    assert all(isinstance(lipsync, Lipsync) for lipsync in results)
    assert sorted(lipsync.title or "" for lipsync in results if lipsync) == ["a", "b"]


async def test_statuses_tell_of_batches(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.concurrency = 1
    batch = await heygen.videos.batches.create(_videos(sandbox, 2))
    entries = await heygen.videos.statuses(batch_ids=[batch.id, "none"])
    assert [(entry.batch_id, entry.item_index, entry.status) for entry in entries] == [
        (batch.id, 0, "processing"),
        (batch.id, 1, "queued"),
        ("none", None, "not_found"),
    ]
    assert entries[0].video_id is not None
    assert entries[1].video_id is None


async def test_items_come_page_after_page(heygen: HeyGen, sandbox: Sandbox) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 5))
    pages = [page async for page in heygen.videos.batches.items(batch.id, limit=2).pages()]
    assert [[item.item_index for item in page.items] for page in pages] == [[0, 1], [2, 3], [4]]
    assert [item.item_index async for item in batch.items()] == list(range(5))
    first = await heygen.videos.batches.get(batch.id, limit=2)
    second = await heygen.videos.batches.get(batch.id, limit=2, token=first.next_token)
    assert (first.has_more, second.items) == (True, tuple(pages[1].items))


async def test_a_batch_whose_items_take_several_pages_is_followed_whole(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 3))
    await asyncio.sleep(100)
    one = await heygen.videos.batches.get(batch.id, limit=1)
    first_page = {
        **{name: getattr(one, name) for name in ("batch_id", "status", "total_items")},
        "counts_by_status": {},
        "created_at": 1,
        "has_more": True,
        "next_token": one.next_token,
        "items": [{"item_index": 0, "status": "completed", "video_id": one.items[0].video_id}],
    }
    sandbox.faults.add("videos.batches.get", Fault.body(json.dumps({"data": first_page}).encode()))
    assert sorted([done.index async for done in batch.results()]) == [0, 1, 2]


async def test_the_same_key_gives_the_same_batch(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.batches.create", Fault.drop_answer())
    batches = heygen.videos.batches
    first = await batches.create(_videos(sandbox, 3), idempotency_key="mine")
    second = await batches.create(_videos(sandbox, 3), idempotency_key="mine")
    assert first.id == second.id
    assert [job.idempotency_key for job in sandbox.ledger.jobs] == ["mine"] * 3


async def test_a_cancelled_creation_knows_its_batch(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.batches.create", Fault.delay(10.5))
    creation = asyncio.create_task(heygen.videos.batches.create(_videos(sandbox, 2)))
    await asyncio.sleep(10)
    creation.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await creation
    (batch_id,) = caught.value.job_ids  # type: ignore[attr-defined]
    assert (await heygen.videos.batches.attach(batch_id).wait()).total_items == 2
    assert sandbox.ledger.count() == 2


async def test_a_batch_pickles_and_is_made_again_from_its_id(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    copy = pickle.loads(pickle.dumps(batch))
    assert type(copy) is BatchJob
    (done,) = [done async for done in copy.results()]
    assert isinstance(done.result, Video)
    attached = heygen.videos.batches.attach(batch.id)
    assert [again.result async for again in attached.results()] == [done.result]
    with pytest.raises(InvalidRequest):
        heygen.videos.batches.attach("")


async def test_a_batch_is_accepted_while_the_account_is_busy(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.concurrency = 1
    running = await heygen.videos.create(_videos(sandbox, 1)[0])
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    assert (await batch.status()).counts_by_status == {"queued": 1}
    assert heygen.traffic.rate_limited == 0
    await running.wait()
    assert (await batch.wait()).status == "completed"


async def test_leaving_results_early_leaves_nothing_behind(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.concurrency = 1
    batch = await heygen.videos.batches.create(_videos(sandbox, 3))
    results = batch.results()
    assert (await anext(results)).index == 0
    await results.aclose()
    asked = sandbox.requests.by_operation["videos.batches.get"]
    await asyncio.sleep(1_000)
    assert sandbox.requests.by_operation["videos.batches.get"] == asked


async def test_a_refused_key_ends_the_iteration(heygen: HeyGen, sandbox: Sandbox) -> None:
    batch = await heygen.videos.batches.create(_videos(sandbox, 1))
    sandbox.faults.add("videos.batches.get", Fault.status(401), times=None)
    with pytest.raises(AuthenticationError):
        await anext(batch.results())


Create = Callable[[HeyGen, Sandbox], Awaitable[object]]
TOO_MANY: list[Create] = [
    lambda heygen, sandbox: heygen.videos.batches.create(_videos(sandbox, 101)),
    lambda heygen, sandbox: heygen.videos.batches.create([]),
    lambda heygen, _: heygen.video_translations.batches.create(
        [VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES)] * 34
    ),
]


@pytest.mark.parametrize("create", TOO_MANY)
async def test_what_is_no_batch_is_not_sent(
    heygen: HeyGen, sandbox: Sandbox, create: Create
) -> None:
    with pytest.raises(InvalidRequest):
        await create(heygen, sandbox)
    assert sandbox.ledger.requests == 0


async def test_a_body_that_breaks_the_contract_is_refused_whole(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    videos = [*_videos(sandbox, 1), *_videos(sandbox, 1, extra={"colour": "red"})]
    with pytest.raises(BadRequest) as caught:
        await heygen.videos.batches.create(videos)
    assert (caught.value.param, caught.value.message) == (
        "videos",
        "Invalid payload(s) at index 1.",
    )
    assert sandbox.ledger.count() == 0
    request = VideoTranslationBatchRequest(
        video_translations=[VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES[:1])],
        extra={"folder_id": "f"},
    )
    with pytest.raises(BadRequest):
        await heygen.video_translations.batches.create(request)


async def test_a_folder_that_all_videos_share_becomes_that_of_the_batch(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    def video(folder_id: str | None) -> AvatarVideoRequest:
        return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi", folder_id=folder_id)

    sandbox.add_folder(folder_id="mine")
    batch = await heygen.videos.batches.create([video("mine"), video("mine")])
    assert [done.result.folder_id async for done in batch.results() if done.result] == ["mine"] * 2
    with pytest.raises(InvalidRequest, match="a batch has one folder") as caught:
        await heygen.videos.batches.create([video(None), video("mine")])
    assert caught.value.param == "videos[1].folder_id"
