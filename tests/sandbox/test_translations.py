from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

VIDEO = {"type": "url", "url": "https://example.com/launch.mp4"}


async def test_one_job_per_language_with_one_stem(api: Api, sandbox: Sandbox) -> None:
    names = (await api.get("/v3/video-translations/languages")).data["languages"]
    assert len(names) == 178
    body = {"video": VIDEO, "output_languages": ["French", "German"], "title": "Launch"}
    ids = (await api.post("/v3/video-translations", body)).data["video_translation_ids"]
    assert [identifier.partition("-")[2] for identifier in ids] == ["fr", "de"]
    assert len({identifier.partition("-")[0] for identifier in ids}) == 1
    assert sandbox.running == 2
    path = f"/v3/video-translations/{ids[0]}"
    assert (await api.get(path)).data["status"] == "pending"
    await asyncio.sleep(60)
    assert (await api.get(path)).data["status"] == "running"
    await asyncio.sleep(240)
    done = (await api.get(path)).data
    assert (done["status"], done["output_language"]) == ("completed", "French")
    assert (await api.raw("GET", done["video_url"]))[0] == 200
    assert b"French" in (await api.raw("GET", done["srt_caption_url"]))[2]
    assert (await api.raw("GET", done["vtt_caption_url"]))[2].startswith(b"WEBVTT")
    asked = f"/v3/video-translations/statuses?video_translation_ids={ids[1]},none"
    assert [entry["status"] for entry in (await api.get(asked)).data] == ["completed", "not_found"]
    assert sandbox.ledger.usd == pytest.approx(2 * 0.0333 * done["duration"])


async def test_translations_are_listed_renamed_and_deleted(api: Api) -> None:
    body = {"video": VIDEO, "output_languages": ["French"], "translate_audio_only": True}
    (identifier,) = (await api.post("/v3/video-translations", body)).data["video_translation_ids"]
    path = f"/v3/video-translations/{identifier}"
    assert (await api("PATCH", path, {"title": "New"})).data["title"] == "New"
    await asyncio.sleep(300)
    (listed,) = (await api.get("/v3/video-translations")).data
    assert (listed["title"], listed["translate_audio_only"]) == ("New", True)
    assert (await api.raw("GET", listed["audio_url"]))[1]["Content-Type"] == "audio/wav"
    assert (await api("DELETE", path)).data == {"id": identifier}
    assert (await api.get(path)).refusal[:2] == (404, "not_found")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"output_languages": ["French", "Klingon"]}, "output_languages.1"),
        ({"output_languages": ["French", "French"]}, "output_languages.1"),
        ({"output_languages": []}, "output_languages"),
        ({"start_time": 5, "end_time": 5}, "end_time"),
        ({"start_time": 900}, "start_time"),
        ({"video": {"type": "url", "url": "file:///a.mp4"}}, "video.url"),
        ({"video": {"type": "url", "url": "http://["}}, "video.url"),
        ({"video": {"type": "url", "url": "http:a.mp4"}}, "video.url"),
        ({"video": {"type": "base64", "data": "", "media_type": "video/mp4"}}, "video.type"),
        ({"stock_voice_config": {"voice": 1}}, "stock_voice_config.voice"),
    ],
)
async def test_requests_are_checked(api: Api, fields: dict[str, Any], param: str) -> None:
    body = {"video": VIDEO, "output_languages": ["French"], **fields}
    assert (await api.post("/v3/video-translations", body)).refusal[::2] == (400, param)


async def test_failures_have_a_message_only(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("translation", code=None, message="Your video's audio is missing")
    body = {"video": VIDEO, "output_languages": ["French"]}
    (identifier,) = (await api.post("/v3/video-translations", body)).data["video_translation_ids"]
    await asyncio.sleep(300)
    failed = (await api.get(f"/v3/video-translations/{identifier}")).data
    assert failed["status"] == "failed"
    assert failed["failure_message"] == "Your video's audio is missing"


async def make_proofread(api: Api) -> str:
    body = {"video": VIDEO, "output_languages": ["Spanish"], "title": "Check"}
    made = (await api.post("/v3/video-translations/proofreads", body)).data
    assert made["status"] == "processing"
    return f"/v3/video-translations/proofreads/{made['proofread_ids'][0]}"


async def test_a_proofread_is_edited_then_rendered(api: Api, sandbox: Sandbox) -> None:
    path = await make_proofread(api)
    assert (await api.get(f"{path}/srt")).refusal[:2] == (409, "resource_not_ready")
    assert sandbox.running == 0
    sandbox.clock.advance(1_000)
    assert (await api.get(path)).data["status"] == "completed"
    urls = (await api.get(f"{path}/srt")).data
    _, _, text = await api.raw("GET", urls["srt_url"])
    assert b"Spanish" in text
    assert b"Spanish" not in (await api.raw("GET", urls["original_srt_url"]))[2]

    edited = text.replace(b"Spanish", b"Castilian")
    asset = await upload(api, sandbox, edited, "edited.srt")
    update = {"srt": {"type": "asset_id", "asset_id": asset}}
    await api("PUT", f"{path}/srt", update)
    assert (await api.raw("GET", urls["srt_url"]))[2] == edited
    assert sandbox.ledger.usd == 0

    made = (await api.post(f"{path}/generate", {"captions": True})).data
    await asyncio.sleep(300)
    done = (await api.get(f"/v3/video-translations/{made['video_translation_id']}")).data
    assert done["status"] == "completed"
    assert (await api.raw("GET", done["srt_caption_url"]))[2] == edited
    assert sandbox.ledger.usd == pytest.approx((0.0333 + 0.0083) * done["duration"])


async def test_subtitles_come_from_own_addresses_only(api: Api, sandbox: Sandbox) -> None:
    path = await make_proofread(api)
    sandbox.clock.advance(1_000)
    urls = (await api.get(f"{path}/srt")).data
    _, _, before = await api.raw("GET", urls["srt_url"])
    elsewhere = {"srt": {"type": "url", "url": "https://example.com/a.srt"}}
    assert (await api("PUT", f"{path}/srt", elsewhere)).status == 200
    assert (await api.raw("GET", urls["srt_url"]))[2] == before
    ours = {"srt": {"type": "url", "url": urls["original_srt_url"]}}
    assert (await api("PUT", f"{path}/srt", ours)).status == 200
    assert (await api.raw("GET", urls["srt_url"]))[2] != before
    asset = await upload(api, sandbox, b"not a subtitle", "a.srt")
    wrong = {"srt": {"type": "asset_id", "asset_id": asset}}
    assert (await api("PUT", f"{path}/srt", wrong)).refusal[::2] == (400, "srt")


async def test_proofreads_fail_and_expire(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("proofread", message="No speech found")
    path = await make_proofread(api)
    sandbox.clock.advance(1_000)
    failed = (await api.get(path)).data
    assert (failed["status"], failed["failure_message"]) == ("failed", "No speech found")
    assert (await api.post(f"{path}/generate", {})).refusal[:2] == (409, "conflict")
    sandbox.clock.advance(86_400)
    assert (await api.get(path)).status == 404


async def upload(api: Api, sandbox: Sandbox, content: bytes, name: str) -> str:
    """Upload a file by multipart, and return its asset id."""
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name, content_type="application/x-subrip")
    return str((await api("POST", "/v3/assets", data=form)).data["asset_id"])


async def test_lipsyncs(api: Api, sandbox: Sandbox) -> None:
    speech = {"voice_id": sandbox.voice_id, "text": "Words to be put into a mouth."}
    audio = (await api.post("/v3/voices/speech", speech)).data
    body = {"video": VIDEO, "audio": {"type": "url", "url": audio["audio_url"]}, "title": "A"}
    identifier = (await api.post("/v3/lipsyncs", body)).data["lipsync_id"]
    path = f"/v3/lipsyncs/{identifier}"
    assert (await api("PATCH", path, {"title": "B"})).data["status"] == "pending"
    sandbox.clock.advance(2_000)
    done = (await api.get(path)).data
    assert (done["title"], done["duration"]) == ("B", audio["duration"])
    assert (await api.raw("GET", done["video_url"]))[0] == 200
    assert [item["id"] for item in (await api.get("/v3/lipsyncs")).data] == [identifier]
    (status,) = (await api.get(f"/v3/lipsyncs/statuses?lipsync_ids={identifier}")).data
    assert status["status"] == "completed"
    await api("DELETE", path)
    assert (await api.get(path)).status == 404


async def test_a_lipsync_can_fail_or_have_captions(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("lipsync", message="No face found")
    body = {"video": VIDEO, "audio": VIDEO, "enable_caption": True}
    ids = [(await api.post("/v3/lipsyncs", body)).data["lipsync_id"] for _ in range(2)]
    sandbox.clock.advance(2_000)
    failed, done = [(await api.get(f"/v3/lipsyncs/{identifier}")).data for identifier in ids]
    assert failed["failure_message"] == "No face found"
    assert (await api.raw("GET", done["caption_url"]))[0] == 200


async def test_each_language_has_a_code_of_its_own(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 200
    names = (await api.get("/v3/video-translations/languages")).data["languages"]
    body = {"video": VIDEO, "output_languages": names}
    ids = (await api.post("/v3/video-translations", body)).data["video_translation_ids"]
    codes = [identifier.partition("-")[2] for identifier in ids]
    assert len(set(codes)) == len(names)
    assert "None" not in codes
