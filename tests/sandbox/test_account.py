"""Voices, assets, avatars and other objects of the account."""

from __future__ import annotations

import hashlib
import io
import wave
from typing import Any

import aiohttp
import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio


async def test_the_balance_falls_with_what_is_made(api: Api, sandbox: Sandbox) -> None:
    before = (await api.get("/v3/users/me")).data["wallet"]["remaining_balance"]
    await api.video("Some words that cost something")
    after = (await api.get("/v3/users/me")).data["wallet"]["remaining_balance"]
    assert before - after == pytest.approx(sandbox.ledger.usd, abs=0.001)
    assert len((await api.get("/v3/brand-glossaries")).data) == 3


async def test_voices_are_filtered(api: Api, sandbox: Sandbox) -> None:
    first = await api.get("/v3/voices")
    assert (len(first.data), first.body["has_more"]) == (20, True)
    every = (await api.get("/v3/voices?limit=100")).data
    starfish = (await api.get("/v3/voices?limit=100&engine=starfish")).data
    assert 20 <= len(starfish) < len(every)
    found = (await api.get("/v3/voices?limit=100&language=french&gender=male")).data
    assert found
    assert {(voice["language"], voice["gender"]) for voice in found} == {("French", "male")}
    mine = sandbox.add_voice("Mine", private=True)
    private = (await api.get("/v3/voices?type=private")).data
    assert [voice["voice_id"] for voice in private] == [mine]
    assert (await api.get("/v3/voices?type=secret")).refusal[2] == "type"


async def test_speech_checks_voice_and_text(api: Api, sandbox: Sandbox) -> None:
    old = sandbox.add_voice(starfish=False)

    async def refusal(**body: Any) -> tuple[int, str, str | None]:
        good = {"voice_id": sandbox.voice_id, "text": "Hello"}
        return (await api.post("/v3/voices/speech", {**good, **body})).refusal

    assert await refusal(voice_id=old) == (400, "invalid_parameter", "voice_id")
    assert await refusal(voice_id="none") == (400, "invalid_parameter", "voice_id")
    assert await refusal(text=" ") == (400, "tts_text_invalid", "text")
    assert await refusal(text='a <break time="50ms"/>') == (400, "tts_text_invalid", "text")
    assert (await refusal(speed=2.5))[2] == "speed"
    assert sandbox.ledger.count() == 0
    slow = {"voice_id": sandbox.voice_id, "text": "Hello to everyone", "speed": 0.5}
    fast = {**slow, "speed": 2.0, "input_type": "ssml", "text": "<p>Hello to everyone</p>"}
    durations = [(await api.post("/v3/voices/speech", b)).data["duration"] for b in (slow, fast)]
    assert durations[0] == pytest.approx(4 * durations[1], rel=0.01)
    assert sandbox.ledger.count("speech") == 2


async def test_a_voice_is_cloned_used_and_deleted(api: Api, sandbox: Sandbox) -> None:
    body = {"audio": {"type": "url", "url": "https://example.com/me.wav"}, "voice_name": "Me"}
    identifier = (await api.post("/v3/voices/clone", body)).data["voice_clone_id"]
    path = f"/v3/voices/{identifier}"
    assert (await api.get(path)).data["status"] == "processing"
    speech = {"voice_id": identifier, "text": "Hello"}
    assert (await api.post("/v3/voices/speech", speech)).refusal[:2] == (400, "voice_unavailable")
    assert (await api.get("/v3/voices?type=private")).data == []
    sandbox.clock.advance(600)
    assert (await api.get(path)).data["status"] == "complete"
    assert (await api.post("/v3/voices/speech", speech)).status == 200
    assert (await api("DELETE", path)).data == {"voice_id": identifier}
    assert (await api.get(path)).refusal[:2] == (404, "voice_not_found")
    public = f"/v3/voices/{sandbox.voice_id}"
    assert (await api("DELETE", public)).refusal[:2] == (403, "forbidden")
    assert "status" not in (await api.get(public)).data


async def test_a_clone_can_fail(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("voice_clone", message="Too short")
    body = {"audio": {"type": "url", "url": "https://example.com/me.wav"}, "voice_name": "Me"}
    identifier = (await api.post("/v3/voices/clone", body)).data["voice_clone_id"]
    sandbox.clock.advance(600)
    voice = (await api.get(f"/v3/voices/{identifier}")).data
    assert (voice["status"], voice["failure_message"]) == ("failed", "Too short")


async def test_design_follows_its_seed(api: Api) -> None:
    body = {"prompt": "A calm narrator", "gender": "female"}
    first = (await api.post("/v3/voices", body)).data
    assert {voice["gender"] for voice in first["voices"]} == {"female"}
    assert len(first["voices"]) == 3
    assert (await api.post("/v3/voices", body)).data == first
    other = (await api.post("/v3/voices", {**body, "seed": 4})).data
    assert other["seed"] == 4
    assert other["voices"] != first["voices"]


async def test_looks(api: Api, sandbox: Sandbox) -> None:
    photos = (await api.get("/v3/avatars/looks?avatar_type=photo_avatar")).data
    assert photos
    assert {look["avatar_type"] for look in photos} == {"photo_avatar"}
    assert (await api.get("/v3/avatars/looks?ownership=private")).data == []
    look = sandbox.add_look("Mine", engines=["avatar_iii"])
    assert (await api.get(f"/v3/avatars/looks/{look}")).data["name"] == "Mine"
    body = {"type": "avatar", "avatar_id": look, "script": "Hi"}
    assert (await api.post("/v3/videos", body)).refusal[2] == "engine.type"
    photo = {"type": "avatar", "avatar_id": photos[0]["id"], "script": "Hi"}
    lively = {**photo, "expressiveness": "high", "motion_prompt": "wave"}
    assert (await api.post("/v3/videos", lively)).status == 200


async def post_file(
    api: Api, content: bytes, name: str, kind: str | None = None, field: str = "file"
) -> Any:
    form = aiohttp.FormData()
    form.add_field(field, io.BytesIO(content), filename=name, content_type=kind)
    return await api("POST", "/v3/assets", data=form)


async def test_a_file_is_uploaded_listed_and_deleted(api: Api) -> None:
    asset = (await post_file(api, b"\x89PNG picture", "a.png", "image/png")).data
    assert (asset["mime_type"], asset["size_bytes"]) == ("image/png", 12)
    status, headers, content = await api.raw("GET", asset["url"])
    assert (status, headers["Content-Type"], content) == (200, "image/png", b"\x89PNG picture")
    path = f"/v3/assets/{asset['asset_id']}"
    found = (await api.get(path)).data
    assert (found["name"], found["type"]) == ("a.png", "image")
    assert (await api.get("/v3/assets?username=sandbox")).data[0]["id"] == found["id"]
    assert (await api.get("/v3/assets?username=sandbox&folder_id=x")).data == []
    await api("DELETE", path)
    assert (await api.get(path)).refusal[:2] == (404, "asset_not_found")
    assert (await api.raw("GET", asset["url"]))[0] == 404


async def test_uploads_are_checked(api: Api) -> None:
    named = (await post_file(api, b"x", "a.JPEG", "application/octet-stream")).data
    assert named["mime_type"] == "image/jpeg"
    assert (await post_file(api, b"x", "a.exe")).refusal[::2] == (400, "file")
    assert (await post_file(api, b"x", "a.png", field="picture")).refusal[::2] == (400, "picture")
    assert (await api.post("/v3/assets", {"file": "x"})).status == 400
    too_much = bytes(32 * 1024 * 1024 + 1)
    assert (await post_file(api, too_much, "a.mp4")).status == 413
    assert (await api.get("/v3/assets?username=sandbox")).data[0]["id"] == named["asset_id"]


async def test_malformed_multipart_is_refused(api: Api, sandbox: Sandbox) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nabc'
    nested = b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--"
    for kind, data in [
        ("multipart/form-data", part),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", nested),
        ("multipart/form-data; boundary=x", part + b"\r\n" + part + b"\r\n--x--\r\n"),
    ]:
        headers = {"x-api-key": sandbox.api_key, "Content-Type": kind}
        url = f"{sandbox.base_url}/v3/assets"
        status, _, _ = await api.raw("POST", url, data=data, headers=headers)
        assert status == 400
    assert (await api.get("/v3/assets?username=sandbox")).data == []


async def test_a_long_upload_goes_to_disk_and_comes_back(api: Api, sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 4_096
    asset = (await post_file(api, content, "a.mp4", "video/mp4")).data
    assert (await api.raw("GET", asset["url"]))[2] == content
    part = await api.raw("GET", asset["url"], headers={"Range": "bytes=300000-300009"})
    assert part[2] == content[300_000:300_010]


async def test_a_wav_speaks_for_as_long_as_it_lasts(api: Api, sandbox: Sandbox) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(2 * 8_000 * 3))
    asset = (await post_file(api, sound.getvalue(), "a.wav", "audio/wav")).data
    await api.video(script=None, audio_asset_id=asset["asset_id"])
    assert sandbox.ledger.jobs[0].seconds == 3.0


async def test_direct_uploads(api: Api, sandbox: Sandbox) -> None:
    content = b"movie" * 100
    checksum = hashlib.sha256(content).hexdigest()
    announced = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": len(content)}
    made = (await api.post("/v3/assets/direct-uploads", announced)).data
    path = f"/v3/assets/{made['asset_id']}"
    early = await api.post(f"{path}/complete", {})
    assert early.refusal[:2] == (409, "resource_not_ready")
    assert early.body["error"]["message"] == "Uploaded object not found yet"

    async def put(data: bytes, headers: dict[str, str]) -> int:
        return (await api.raw("PUT", made["upload_url"], data=data, headers=headers))[0]

    headers = made["upload_headers"]
    assert await put(content, {}) == 403
    assert await put(content[:-1], headers) == 400
    assert await put(content + b"x", headers) == 400
    assert await put(content, {**headers, "x-api-key": sandbox.api_key}) == 400
    assert sandbox.leaks == 1
    assert (await api.get(path)).status == 404
    assert await put(content, headers) == 200
    wrong = await api.post(f"{path}/complete", {"checksum_sha256": "0" * 64})
    assert wrong.refusal[2] == "checksum_sha256"
    done = (await api.post(f"{path}/complete", {"checksum_sha256": checksum})).data
    assert done["size_bytes"] == len(content)
    assert (await api.raw("GET", done["url"]))[2] == content
    assert (await api.post(f"{path}/complete", {})).data["asset_id"] == made["asset_id"]
    assert await put(content, headers) == 404
    sandbox.clock.advance(3_600)
    assert await put(content, headers) == 403


async def test_direct_uploads_are_checked_when_announced(api: Api) -> None:
    good = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 10}

    async def refusal(**fields: Any) -> tuple[int, str, str | None]:
        return (await api.post("/v3/assets/direct-uploads", {**good, **fields})).refusal

    assert (await refusal(size_bytes=200 * 1024 * 1024 + 1))[0] == 413
    assert (await refusal(size_bytes=0))[2] == "size_bytes"
    assert (await refusal(content_type="text/html"))[2] == "content_type"
