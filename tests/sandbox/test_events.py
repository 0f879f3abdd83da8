"""Events of AI clipping, avatars and batches of uploads, and jobs without events."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api
from .receiver import Receiver

pytestmark = pytest.mark.anyio

SOURCE = {"type": "url", "url": "https://example.com/talk.mp4"}


async def test_clipping_tells_of_the_whole_job(api: Api, receiver: Receiver) -> None:
    await receiver.register(api)
    body = {"video": SOURCE, "callback_id": "mine", "callback_url": receiver.url}
    job_id = (await api.post("/v3/ai-clipping", body)).data["ai_clipping_id"]
    await asyncio.sleep(10_000)
    assert receiver.types == ["ai_clipping.success"] * 2
    told = receiver.got[0].event["event_data"]
    shown = (await api.get(f"/v3/ai-clipping/{job_id}")).data
    assert told["callback_id"] == "mine"
    assert told.keys() == shown.keys()
    assert [clip["id"] for clip in told["clips"]] == [clip["id"] for clip in shown["clips"]]


async def test_clipping_tells_of_its_failure_unless_it_was_deleted(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.fail_next("ai_clipping", times=2, message="No speech")
    body = {"video": SOURCE, "callback_url": receiver.url}
    ids = [(await api.post("/v3/ai-clipping", body)).data["ai_clipping_id"] for _ in range(2)]
    await api("DELETE", f"/v3/ai-clipping/{ids[0]}")
    await asyncio.sleep(10_000)
    (received,) = receiver.got
    assert received.event["event_type"] == "ai_clipping.fail"
    assert received.event["event_data"]["id"] == ids[1]
    assert received.event["event_data"]["failure_message"] == "No speech"


async def test_avatars_tell_when_they_are_made(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    twin = {"type": "digital_twin", "name": "Ada", "file": SOURCE}
    made = (await api.post("/v3/avatars", twin)).data
    await asyncio.sleep(10_000)
    assert receiver.got == []
    path = f"/v3/avatars/{made['avatar_group']['id']}/consent"
    await api.post(path, {"consent_video": SOURCE})
    await asyncio.sleep(10_000)
    sandbox.fail_next("avatar", message="No face")
    photo = {"type": "photo", "name": "Bea", "file": SOURCE}
    await api.post("/v3/avatars", photo)
    await asyncio.sleep(10_000)
    gone = (await api.post("/v3/avatars", photo)).data["avatar_item"]["id"]
    await api("DELETE", f"/v3/avatars/looks/{gone}")
    await asyncio.sleep(10_000)
    assert receiver.types == ["instant_avatar.success", "photo_avatar_generation.fail"]
    first, second = [received.event["event_data"] for received in receiver.got]
    assert first["avatar_id"] == made["avatar_item"]["id"]
    assert (second["name"], second["message"]) == ("Bea", "No face")


async def test_a_batch_of_uploads_tells_endpoints_of_its_end(api: Api, receiver: Receiver) -> None:
    endpoint = await receiver.register(api)
    file = {"filename": "a.png", "content_type": "image/png", "size_bytes": 4}
    body = {"files": [file, file], "callback_url": receiver.url}
    made = (await api.post("/v3/assets/direct-uploads/batches", body)).data
    item = made["items"][0]
    await api.raw("PUT", item["upload_url"], data=b"good", headers=item["upload_headers"])
    await asyncio.sleep(100)
    assert receiver.got == []
    for _ in range(2):
        await api.post("/v3/assets/complete/batches", {"batch_id": made["batch_id"]})
    await asyncio.sleep(100)
    # Its callback_url is reserved: nothing is sent there.
    (received,) = receiver.got
    assert received.is_signed_with(endpoint["secret"])
    assert received.event["event_type"] == "batch.finished"
    assert received.event["event_data"]["batch_id"] == made["batch_id"]
    assert received.event["event_data"]["counts_by_status"] == {"completed": 1, "failed": 1}


async def test_background_removals_have_no_events(api: Api, receiver: Receiver) -> None:
    await receiver.register(api)
    assert (await api.post("/v3/background-removals", {"video": SOURCE})).status == 200
    await asyncio.sleep(10_000)
    assert receiver.got == []


async def test_hyperframes_renders_tell_of_their_end(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    body = {"project": SOURCE, "callback_id": "mine", "callback_url": receiver.url}
    deleted = (await api.post("/v3/hyperframes/renders", body)).data["render_id"]
    await api("DELETE", f"/v3/hyperframes/renders/{deleted}")
    for end in ("success", "fail"):
        made = await api.post("/v3/hyperframes/renders", body)
        assert made.status == 202
        await asyncio.sleep(10_000)
        assert receiver.types == [f"hyperframes_video.{end}"] * 2
        told = receiver.got[0].event["event_data"]
        assert (told["render_id"], told["callback_id"]) == (made.data["render_id"], "mine")
        receiver.got.clear()
        sandbox.fail_next("hyperframes")


async def test_filler_word_removals_tell_of_their_end(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    body = {"video": SOURCE, "callback_id": "mine", "callback_url": receiver.url}
    for end in ("success", "fail"):
        made = await api.post("/v3/filler-word-removals", body)
        assert made.status == 202
        await asyncio.sleep(10_000)
        assert receiver.types == [f"filler_word_removal.{end}"] * 2
        told = receiver.got[0].event["event_data"]
        assert told["id"] == made.data["filler_word_removal_id"]
        assert told["callback_id"] == "mine"
        assert (told["progress"], "thumbnail_url" in told) == (100, end == "success")
        receiver.got.clear()
        sandbox.fail_next("filler_word_removal")
