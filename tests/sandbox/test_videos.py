from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heygen_async.sandbox import Faults, Sandbox

from .api import Api

pytestmark = pytest.mark.anyio


async def test_a_video_moves_through_its_states(api: Api, sandbox: Sandbox) -> None:
    created = await api.post(
        "/v3/videos",
        {
            "type": "avatar",
            "avatar_id": sandbox.avatar_id,
            "script": "Good morning everyone. " * 10,
            "title": "Morning",
            "caption": {},
            "callback_id": "mine",
        },
    )
    assert created.data["status"] == "waiting"
    path = f"/v3/videos/{created.data['video_id']}"
    seen = []
    for _ in range(4):
        seen.append((await api.get(path)).data["status"])
        await asyncio.sleep(34)
    assert seen == ["pending", "processing", "processing", "completed"]
    video = (await api.get(path)).data
    assert video["title"] == "Morning"
    assert video["completed_at"] == video["created_at"] + 100
    assert video["duration"] == pytest.approx(230 / 15, abs=0.1)
    (job,) = sandbox.ledger.jobs
    assert (job.kind, job.title, job.callback_id) == ("video", "Morning", "mine")
    assert sandbox.ledger.usd == pytest.approx(0.0667 * video["duration"])


async def test_all_four_types_are_made(api: Api, sandbox: Sandbox) -> None:
    image = {"type": "url", "url": "https://example.com/face.png"}
    bodies: list[dict[str, Any]] = [
        {"type": "image", "image": image, "script": "Hi", "voice_id": sandbox.voice_id},
        {
            "type": "cinematic_avatar",
            "avatar_id": [sandbox.avatar_id],
            "prompt": "On a roof",
            "duration": 5,
        },
        {
            "type": "studio",
            "scenes": [
                {
                    "type": "avatar_video",
                    "input": {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"},
                },
                {"type": "image", "source": image, "duration": 4.5},
                {"type": "video", "source": {"type": "url", "url": "https://example.com/a.mp4"}},
            ],
        },
    ]
    for body in bodies:
        identifier = (await api.post("/v3/videos", body)).data["video_id"]
        sandbox.clock.advance(100)
        assert (await api.get(f"/v3/videos/{identifier}")).data["status"] == "completed"
    cinematic = sandbox.ledger.jobs[1]
    assert (cinematic.seconds, cinematic.usd) == (5.0, 7.0)
    assert sandbox.ledger.jobs[2].seconds >= 4.5 + 20


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"script": None}, "script"),
        ({"audio_url": "https://example.com/a.mp3"}, "audio_url"),
        (
            {"output_format": "webm", "background": {"type": "color", "value": "#000000"}},
            "background",
        ),
        ({"background": {"type": "color", "value": "red"}}, "background.value"),
        ({"background": {"type": "image"}}, "background.url"),
        (
            {"background": {"type": "image", "url": "https://a.example", "asset_id": "b"}},
            "background.asset_id",
        ),
        ({"expressiveness": "high"}, "expressiveness"),
        ({"motion_prompt": "wave"}, "motion_prompt"),
        ({"title": 7}, "title"),
        ({"resolution": "8k"}, "resolution"),
        ({"engine": {"type": "avatar_ix"}}, "engine.type"),
        ({"engine": {"type": "avatar_iv", "reference_look_id": "x"}}, "engine.reference_look_id"),
        ({"voice_settings": {"speed": 1.6}}, "voice_settings.speed"),
        ({"script": "x" * 5001}, "script"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_rules_between_fields_name_the_field(
    api: Api, sandbox: Sandbox, fields: dict[str, Any], param: str
) -> None:
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi", **fields}
    reply = await api.post("/v3/videos", body)
    assert reply.refusal == (400, "invalid_parameter", param)
    assert sandbox.ledger.count() == 0


async def test_rules_of_the_other_types(api: Api, sandbox: Sandbox) -> None:
    image = {"type": "url", "url": "https://example.com/face.png"}

    async def param_of(body: dict[str, Any]) -> str | None:
        reply = await api.post("/v3/videos", body)
        assert reply.refusal[:2] == (400, "invalid_parameter")
        return reply.refusal[2]

    speaking = {"type": "image", "image": image, "script": "Hi"}
    assert await param_of(speaking) == "voice_id"
    cinematic = {"type": "cinematic_avatar", "avatar_id": [sandbox.avatar_id], "prompt": "x"}
    assert await param_of({**cinematic, "duration": 5, "auto_duration": True}) == "duration"
    scene = {"type": "image", "source": image}
    studio = {"type": "studio", "scenes": [{**scene, "duration": 3}, scene]}
    assert await param_of(studio) == "scenes.1.duration"
    assert await param_of({"type": "studio", "scenes": [scene]}) == "scenes.0.duration"
    video = {"type": "video", "source": image, "script": "a", "audio_url": "https://e.com/a"}
    assert await param_of({"type": "studio", "scenes": [video]}) == "scenes.0.audio_url"
    silent = {**video, "audio_url": None}
    assert await param_of({"type": "studio", "scenes": [silent]}) == "scenes.0.voice_id"
    twin = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi", "motion_prompt": "x"}
    inner = {"type": "avatar_video", "input": twin}
    assert await param_of({"type": "studio", "scenes": [inner]}) == "scenes.0.input.motion_prompt"
    assert await param_of({"type": "hologram"}) == "type"
    assert await param_of({}) == "type"


async def test_sources_of_a_video_must_exist(api: Api, sandbox: Sandbox) -> None:
    missing = {"type": "asset_id", "asset_id": "none"}
    avatar = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    cinematic = {"type": "cinematic_avatar", "avatar_id": [sandbox.avatar_id], "prompt": "x"}
    bodies: list[dict[str, Any]] = [
        {**avatar, "watermark": {"image": missing}},
        {**avatar, "background": {"type": "image", "asset_id": "none"}},
        {**cinematic, "auto_duration": True, "references": [missing]},
        {"type": "image", "image": missing, "script": "Hi", "voice_id": sandbox.voice_id},
        {"type": "studio", "scenes": [{"type": "image", "source": missing, "duration": 1}]},
    ]
    for body in bodies:
        assert (await api.post("/v3/videos", body)).refusal[:2] == (400, "asset_not_found")
    url = {**avatar, "background": {"type": "image", "url": "//example.com"}}
    reply = await api.post("/v3/videos", url)
    assert reply.refusal == (400, "download_failed", "background.url")
    look = {**avatar, "engine": {"type": "avatar_v", "reference_look_id": "none"}}
    reply = await api.post("/v3/videos", look)
    assert reply.refusal == (400, "invalid_parameter", "engine.reference_look_id")
    base64 = {"type": "base64", "media_type": "video/mp4", "data": "AAAA"}
    scene = {"type": "video", "source": base64}
    assert (await api.post("/v3/videos", {"type": "studio", "scenes": [scene]})).status == 200


async def test_prices_follow_engine_and_resolution(api: Api, sandbox: Sandbox) -> None:
    photo = sandbox.add_look(avatar_type="photo_avatar")
    await api.video()
    await api.video(engine={"type": "avatar_iii"})
    await api.video(resolution="4k")
    await api.video(avatar_id=photo)
    rates = [job.usd / job.seconds for job in sandbox.ledger.jobs]
    assert rates == pytest.approx([0.0667, 0.0433, 0.0667 * 1.25, 0.05])


async def test_the_old_status_call(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video(caption={}, callback_id="mine")
    path = f"/v1/video_status.get?video_id={identifier}"
    assert (await api.get(path)).data["status"] == "waiting"
    sandbox.clock.advance(100)
    done = (await api.get(path)).data
    assert (done["status"], done["callback_id"]) == ("completed", "mine")
    assert (await api.raw("GET", done["video_url"]))[0] == 200
    assert f"{identifier}.srt?" in done["caption_url"]
    assert (await api.get("/v1/video_status.get")).status == 400


async def test_unknown_ids_are_404_in_a_path_and_400_in_a_body(api: Api, sandbox: Sandbox) -> None:
    body = {"type": "avatar", "avatar_id": "nobody", "script": "Hi"}
    assert (await api.post("/v3/videos", body)).refusal == (400, "invalid_parameter", "avatar_id")
    body["avatar_id"] = sandbox.avatar_id
    reply = await api.post("/v3/videos", {**body, "voice_id": "nobody"})
    assert reply.refusal == (400, "invalid_parameter", "voice_id")
    del body["script"]
    reply = await api.post("/v3/videos", {**body, "audio_asset_id": "nothing"})
    assert reply.refusal == (400, "asset_not_found", "audio_asset_id")
    reply = await api.post("/v3/videos", {**body, "audio_url": "ftp://example.com/a.mp3"})
    assert reply.refusal == (400, "download_failed", "audio_url")
    gone = await api.get("/v3/videos/none")
    assert gone.refusal[:2] == (404, "not_found")
    assert gone.body["error"]["message"] == "Video not found."
    assert (await api.get("/v1/video_status.get?video_id=none")).status == 404


async def test_failed_jobs_say_why_and_cost_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("video", code="avatar_broken", message=None)
    failing, fine = await api.video(), await api.video()
    await asyncio.sleep(100)
    video = (await api.get(f"/v3/videos/{failing}")).data
    assert (video["status"], video["failure_code"]) == ("failed", "avatar_broken")
    assert video["failure_message"] is None
    statuses = (await api.get(f"/v3/videos/statuses?video_ids={fine},none,{failing}")).data
    assert [entry["status"] for entry in statuses] == ["completed", "not_found", "failed"]
    assert [entry["video_id"] for entry in statuses] == [fine, "none", failing]
    assert [job.charged for job in sandbox.ledger.jobs] == [False, True]
    legacy = (await api.get(f"/v1/video_status.get?video_id={failing}")).data
    assert legacy["status"] == "failed"
    assert isinstance(legacy["error"]["code"], int)


async def test_statuses_takes_a_hundred_ids(api: Api) -> None:
    many = ",".join(f"id{number}" for number in range(100))
    assert len((await api.get(f"/v3/videos/statuses?video_ids={many}")).data) == 100
    reply = await api.get(f"/v3/videos/statuses?video_ids={many},more")
    assert reply.refusal == (400, "invalid_parameter", "video_ids")
    assert (await api.get("/v3/videos/statuses")).status == 400


async def test_pages_neither_repeat_nor_hide(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 100
    for folder_id in "ab":
        sandbox.add_folder(folder_id=folder_id)
    made = [await api.video(title=f"Take {n}", folder_id="ab"[n % 2]) for n in range(25)]
    first = await api.get("/v3/videos?limit=10")
    assert first.body["has_more"] is True
    await api("DELETE", f"/v3/videos/{made[14]}")
    await api.video()
    seen = [video["id"] for video in first.data]
    token = first.body["next_token"]
    while token is not None:
        page = await api.get(f"/v3/videos?limit=10&token={token}")
        seen += [video["id"] for video in page.data]
        token = page.body["next_token"]
    assert seen == [identifier for identifier in reversed(made) if identifier != made[14]]
    found = await api.get("/v3/videos?title=take%202&folder_id=a")
    assert [video["title"] for video in found.data] == ["Take 24", "Take 22", "Take 20", "Take 2"]
    assert (await api.get("/v3/videos?token=nonsense")).refusal[2] == "token"
    assert (await api.get("/v3/videos?limit=0")).refusal[2] == "limit"
    assert (await api.get("/v3/videos?limit=many")).refusal[2] == "limit"
    assert (await api.get("/v3/videos?page=2")).refusal[2] == "page"


async def test_deleted_videos_are_gone_and_free_their_slot(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video()
    assert sandbox.running == 1
    assert (await api("DELETE", f"/v3/videos/{identifier}")).data["deleted"] is True
    assert sandbox.running == 0
    assert (await api("DELETE", f"/v3/videos/{identifier}")).status == 404


async def test_video_url_may_be_late() -> None:
    async with (
        Sandbox(speed=1, faults=Faults(null_video_url=1.0), durations={"video": 10.0}) as sandbox,
        Api(sandbox) as api,
    ):
        identifier = await api.video()
        await asyncio.sleep(10.5)
        video = (await api.get(f"/v3/videos/{identifier}")).data
        assert (video["status"], video["video_url"]) == ("completed", None)
        await asyncio.sleep(1)
        assert (await api.get(f"/v3/videos/{identifier}")).data["video_url"]
