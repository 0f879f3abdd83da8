from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

VIDEO = {"type": "url", "url": "https://example.com/launch.mp4"}


def _videos(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    return [
        {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": f"Hello {number}"}
        for number in range(count)
    ]


async def _create(api: Api, product: str, **body: Any) -> str:
    reply = await api.post(f"/v3/{product}/batches", body)
    assert reply.status == 202
    return f"/v3/{product}/batches/{reply.data['batch_id']}"


async def test_items_begin_as_slots_become_free(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 2
    path = await _create(api, "videos", videos=_videos(sandbox, 5), title="Launch")
    seen = []
    for _ in range(4):
        batch = (await api.get(path)).data
        seen.append([item["status"][0] for item in batch["items"]])
        await asyncio.sleep(100)
    assert seen == [list("ppqqq"), list("ccppq"), list("ccccp"), list("ccccc")]
    assert (batch["status"], batch["title"], batch["total_items"]) == ("completed", "Launch", 5)
    assert batch["counts_by_status"] == {"completed": 5}
    assert sandbox.ledger.count("videos.batches.create") == 5


async def test_turns_are_taken_while_nobody_looks(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 2
    path = await _create(api, "videos", videos=_videos(sandbox, 5))
    created_at = (await api.get(path)).data["created_at"]
    await asyncio.sleep(10_000)
    items = (await api.get(path)).data["items"]
    videos = [(await api.get(f"/v3/videos/{item['video_id']}")).data for item in items]
    begun = [video["created_at"] - created_at for video in videos]
    assert begun == [0, 0, 100, 100, 200]
    assert [video["completed_at"] - video["created_at"] for video in videos] == [100] * 5


async def test_what_waits_is_on_no_shelf(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 1
    path = await _create(api, "videos", videos=_videos(sandbox, 3))
    items = (await api.get(path)).data["items"]
    assert [item["video_id"] is None for item in items] == [False, True, True]
    assert [video["id"] for video in (await api.get("/v3/videos")).data] == [items[0]["video_id"]]
    assert sandbox.running == 1
    hidden = sandbox.ledger.jobs[2].id
    assert (await api.get(f"/v3/videos/{hidden}")).status == 404
    await asyncio.sleep(250)
    assert (await api.get(f"/v3/videos/{hidden}")).data["status"] == "processing"


async def test_single_requests_are_refused_while_a_batch_waits(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 1
    await _create(api, "videos", videos=_videos(sandbox, 2))
    body = _videos(sandbox, 1)[0]
    assert (await api.post("/v3/videos", body)).refusal[:2] == (429, "rate_limit_exceeded")
    await asyncio.sleep(100)
    # The slot went to the one that waited for it.
    assert (await api.post("/v3/videos", body)).status == 429
    await asyncio.sleep(100)
    assert (await api.post("/v3/videos", body)).status == 200


async def test_more_room_and_a_deletion_let_others_begin(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 1
    path = await _create(api, "videos", videos=_videos(sandbox, 4))
    await asyncio.sleep(50)
    sandbox.concurrency = 2
    await asyncio.sleep(10)
    items = (await api.get(path)).data["items"]
    assert [item["status"] for item in items] == ["processing", "processing", "queued", "queued"]
    second = (await api.get(f"/v3/videos/{items[1]['video_id']}")).data
    await api("DELETE", f"/v3/videos/{items[0]['video_id']}")
    items = (await api.get(path)).data["items"]
    third = (await api.get(f"/v3/videos/{items[2]['video_id']}")).data
    assert third["created_at"] - second["created_at"] == 10
    assert items[3]["status"] == "queued"


async def test_an_item_that_breaks_a_rule_refuses_its_batch(api: Api, sandbox: Sandbox) -> None:
    silent = {"type": "avatar", "avatar_id": sandbox.avatar_id}
    refused = await api.post("/v3/videos/batches", {"videos": [*_videos(sandbox, 1), silent]})
    assert refused.refusal == (400, "invalid_parameter", "videos")
    assert refused.body["error"]["message"] == "Invalid payload(s) at index 1."
    klingon = {"video": VIDEO, "output_languages": ["Klingon"]}
    path = "/v3/video-translations/batches"
    refused = await api.post(path, {"video_translations": [klingon]})
    assert refused.refusal == (400, "invalid_parameter", "video_translations")
    assert sandbox.ledger.count() == 0


async def test_items_that_name_what_is_not_there_fail_alone(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("video", code="tts_text_invalid", message="Nothing to say")
    speaking = {"type": "avatar", "avatar_id": sandbox.avatar_id}
    bad = [
        {"type": "avatar", "avatar_id": "nobody", "script": "Hi"},
        {**speaking, "audio_url": "ftp://example.com/a.mp3"},
    ]
    videos = [*bad, *_videos(sandbox, 2)]
    path = await _create(api, "videos", videos=videos)
    items = (await api.get(path)).data["items"]
    assert [item["status"] for item in items] == ["failed", "failed", "processing", "processing"]
    codes = [item["error"]["code"] for item in items[:2]]
    assert codes == ["invalid_parameter", "download_failed"]
    assert [item["error"]["param"] for item in items[:2]] == ["avatar_id", "audio_url"]
    await asyncio.sleep(100)
    batch = (await api.get(path)).data
    assert batch["items"][2]["error"] == {"code": "tts_text_invalid", "message": "Nothing to say"}
    assert (batch["status"], batch["counts_by_status"]) == (
        "completed",
        {"failed": 3, "completed": 1},
    )
    assert sandbox.ledger.count() == 2


async def test_a_batch_fails_where_no_item_ends_well(api: Api, sandbox: Sandbox) -> None:
    path = await _create(
        api, "videos", videos=[{"type": "avatar", "avatar_id": "nobody", "script": "Hi"}]
    )
    assert (await api.get(path)).data["status"] == "failed"


@pytest.mark.parametrize(
    ("product", "body", "param"),
    [
        ("videos", {"videos": []}, "videos"),
        ("videos", {"videos": [{"type": "avatar"}]}, "videos"),
        ("videos", {"videos": [{"type": "hologram"}]}, "videos"),
        ("videos", {}, "videos"),
        ("videos", {"videos": [{"type": "avatar", "avatar_id": "a"}] * 101}, "videos"),
        ("lipsyncs", {"lipsyncs": [{"video": VIDEO}]}, "lipsyncs"),
        (
            "video-translations",
            {"video_translations": [{"video": VIDEO, "output_languages": ["French"] * 51}] * 2},
            "video_translations",
        ),
    ],
)
async def test_what_breaks_the_contract_is_refused_whole(
    api: Api, sandbox: Sandbox, product: str, body: dict[str, Any], param: str
) -> None:
    reply = await api.post(f"/v3/{product}/batches", body)
    assert reply.refusal == (400, "invalid_parameter", param)
    assert sandbox.ledger.count() == 0


async def test_translations_count_per_language(api: Api, sandbox: Sandbox) -> None:
    requests = [
        {"video": VIDEO, "output_languages": ["French", "German"], "title": "A"},
        {"video": {"type": "url", "url": "nowhere"}, "output_languages": ["French", "German"]},
        {"video": VIDEO, "output_languages": ["French"], "title": "B"},
    ]
    path = await _create(api, "video-translations", video_translations=requests)
    batch = (await api.get(path)).data
    assert batch["total_items"] == 5
    assert [item["status"] for item in batch["items"]] == [
        *("processing", "processing"),
        *("failed", "failed"),
        "processing",
    ]
    ids = [item["video_id"] for item in batch["items"]]
    first, second, last = ids[0], ids[1], ids[4]
    assert [first.partition("-")[2], second.partition("-")[2]] == ["fr", "de"]
    assert first.partition("-")[0] == second.partition("-")[0] != last.partition("-")[0]
    await asyncio.sleep(300)
    done = (await api.get(f"/v3/video-translations/{second}")).data
    assert (done["status"], done["output_language"], done["title"]) == ("completed", "German", "A")
    assert (await api.raw("GET", done["video_url"]))[0] == 200


async def test_lipsyncs_come_in_batches_of_their_own(api: Api, sandbox: Sandbox) -> None:
    path = await _create(api, "lipsyncs", lipsyncs=[{"video": VIDEO, "audio": VIDEO}] * 2)
    sandbox.clock.advance(5_000)
    batch = (await api.get(path)).data
    assert batch["counts_by_status"] == {"completed": 2}
    done = (await api.get(f"/v3/lipsyncs/{batch['items'][0]['video_id']}")).data
    assert (await api.raw("GET", done["video_url"]))[0] == 200
    elsewhere = path.replace("lipsyncs", "videos")
    assert (await api.get(elsewhere)).refusal[:2] == (404, "not_found")


async def test_statuses_tell_of_all_items(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 1
    single = await api.video()
    videos = [*_videos(sandbox, 1), {"type": "avatar", "avatar_id": "nobody", "script": "Hi"}]
    path = await _create(api, "videos", videos=videos)
    batch_id = path.rpartition("/")[2]
    asked = f"/v3/videos/statuses?video_ids={single}&batch_ids={batch_id},none"
    entries = (await api.get(asked)).data
    assert [(entry.get("item_index"), entry["status"]) for entry in entries] == [
        (None, "queued"),
        (0, "queued"),
        (1, "failed"),
        (None, "not_found"),
    ]
    assert [entry.get("batch_id") for entry in entries] == [None, batch_id, batch_id, "none"]
    assert entries[2]["error"]["param"] == "avatar_id"


async def test_items_are_paged_in_order(api: Api, sandbox: Sandbox) -> None:
    path = await _create(api, "videos", videos=_videos(sandbox, 5))
    found, token = [], ""
    while True:
        page = (await api.get(f"{path}?limit=2{token}")).data
        found.append([item["item_index"] for item in page["items"]])
        assert (page["total_items"], page["status"]) == (5, "processing")
        if not page["has_more"]:
            break
        token = f"&token={page['next_token']}"
    assert found == [[0, 1], [2, 3], [4]]


async def test_the_same_key_gives_the_same_batch(api: Api, sandbox: Sandbox) -> None:
    body = {"videos": _videos(sandbox, 2)}
    first = await api.post("/v3/videos/batches", body, key="mine")
    again = await api.post("/v3/videos/batches", body, key="mine")
    assert first.data == again.data
    assert sandbox.ledger.count() == 2
    assert {job.idempotency_key for job in sandbox.ledger.jobs} == {"mine"}


async def test_items_take_the_folder_of_their_batch(api: Api, sandbox: Sandbox) -> None:
    videos = _videos(sandbox, 2)
    own = [videos[0], {**videos[1], "folder_id": "own"}]
    refused = await api.post("/v3/videos/batches", {"videos": own})
    assert refused.refusal == (400, "invalid_parameter", "videos")
    assert refused.body["error"]["message"] == "Invalid payload(s) at index 1."
    stray = await api.post("/v3/videos/batches", {"videos": videos, "folder_id": "shared"})
    assert stray.refusal == (400, "invalid_parameter", "folder_id")
    sandbox.add_folder(folder_id="shared")
    path = await _create(api, "videos", videos=videos, folder_id="shared")
    ids = [item["video_id"] for item in (await api.get(path)).data["items"]]
    folders = [(await api.get(f"/v3/videos/{identifier}")).data["folder_id"] for identifier in ids]
    assert folders == ["shared", "shared"]
