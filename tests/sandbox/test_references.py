"""Requests with unusable references, and texts that cannot be spoken."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

SOURCE = {"type": "url", "url": "https://files.example/film.mp4"}
TRANSLATION = {"video": SOURCE, "output_languages": ["French (France)"]}


def creates(sandbox: Sandbox) -> dict[str, tuple[str, dict[str, Any]]]:
    look = sandbox.avatar_id
    scene = {"type": "avatar_video", "input": {"type": "avatar", "avatar_id": look, "script": "Hi"}}
    return {
        "avatar": ("/v3/videos", {"type": "avatar", "avatar_id": look, "script": "Hi"}),
        "image": ("/v3/videos", {"type": "image", "image": SOURCE, "audio_url": SOURCE["url"]}),
        "studio": ("/v3/videos", {"type": "studio", "scenes": [scene]}),
        "template": (f"/v3/templates/{sandbox.template_id('Welcome')}", {"variables": {}}),
        "agent": ("/v3/video-agents", {"prompt": "A film"}),
        "translation": ("/v3/video-translations", TRANSLATION),
        "proofread": ("/v3/video-translations/proofreads", {**TRANSLATION, "title": "T"}),
        "lipsync": ("/v3/lipsyncs", {"video": SOURCE, "audio": SOURCE}),
    }


@pytest.mark.parametrize(
    ("field", "kinds"),
    [
        (
            "folder_id",
            ("avatar", "image", "studio", "template", "translation", "proofread", "lipsync"),
        ),
        (
            "brand_glossary_id",
            ("avatar", "image", "studio", "template", "agent", "translation", "proofread"),
        ),
        ("brand_kit_id", ("agent",)),
        ("style_id", ("agent",)),
    ],
)
async def test_an_unknown_reference_is_400_and_named(
    api: Api, sandbox: Sandbox, field: str, kinds: tuple[str, ...]
) -> None:
    for kind in kinds:
        path, body = creates(sandbox)[kind]
        reply = await api.post(path, {**body, field: "nothing"})
        assert reply.refusal == (400, "invalid_parameter", field), kind
        assert reply.body["error"]["message"].startswith(f"Invalid {field}: 'nothing'."), kind
        assert (await api.post(path, {**body, field: None})).status == 200, kind


async def test_a_folder_that_is_there_and_the_root(api: Api, sandbox: Sandbox) -> None:
    folder_id = sandbox.add_folder("Launch")
    here = await api.video(folder_id=folder_id)
    for folder in ("", None):
        identifier = await api.video(folder_id=folder)
        assert (await api.get(f"/v3/videos/{identifier}")).data["folder_id"] is None
    listed = (await api.get(f"/v3/videos?folder_id={folder_id}")).data
    assert [video["id"] for video in listed] == [here]
    assert len((await api.get("/v3/videos?folder_id=")).data) == 2


async def test_a_deleted_glossary_fails_nothing(api: Api, sandbox: Sandbox) -> None:
    made = (await api.post("/v3/brand-glossaries", {"name": "Names"})).data["brand_glossary_id"]
    path, body = creates(sandbox)["avatar"]
    body["brand_glossary_id"] = made
    assert (await api.post(path, body)).status == 200
    assert (await api("DELETE", f"/v3/brand-glossaries/{made}")).status == 200
    assert (await api.post(path, body)).status == 200
    assert (await api.get(f"/v3/brand-glossaries/{made}")).status == 404


async def test_a_voice_that_is_listed_and_not_usable(api: Api, sandbox: Sandbox) -> None:
    voice_id = sandbox.add_voice("Gone Astray", usable=False)
    listed = [v["voice_id"] for v in (await api.get("/v3/voices?limit=100")).data]
    assert voice_id in listed
    path, body = creates(sandbox)["avatar"]
    for where, what in (
        (path, {**body, "voice_id": voice_id}),
        ("/v3/voices/speech", {"voice_id": voice_id, "text": "Hi"}),
        ("/v3/video-agents", {"prompt": "A film", "voice_id": voice_id}),
    ):
        reply = await api.post(where, what)
        assert reply.refusal == (403, "voice_not_usable", "voice_id")
        assert "Gone Astray" in reply.body["error"]["message"]
    assert sandbox.ledger.count() == 0


async def test_an_avatar_that_is_listed_and_not_usable(api: Api, sandbox: Sandbox) -> None:
    look_id = sandbox.add_look("Gone Astray", usable=False)
    listed = [look["id"] for look in (await api.get("/v3/avatars/looks?limit=50")).data]
    assert look_id in listed
    body = {"type": "avatar", "avatar_id": look_id, "script": "Hi"}
    reply = await api.post("/v3/videos", body)
    assert reply.refusal == (403, "resource_access_denied", "avatar_id")
    assert "Gone Astray" in reply.body["error"]["message"]
    # In a batch its item fails alone.
    good = {**body, "avatar_id": sandbox.avatar_id}
    made = (await api.post("/v3/videos/batches", {"videos": [good, body]})).data["batch_id"]
    items = (await api.get(f"/v3/videos/batches/{made}")).data["items"]
    assert [item["status"] for item in items] == ["processing", "failed"]
    assert "Gone Astray" in items[1]["error"]["message"]


async def test_other_refusals_name_the_voice_or_avatar_too(api: Api, sandbox: Sandbox) -> None:
    path, body = creates(sandbox)["avatar"]

    async def refused(**fields: Any) -> tuple[str, str]:
        error = (await api.post(path, {**body, **fields})).body["error"]
        return error["code"], error["message"]

    clone = {"voice_name": "My clone", "audio": SOURCE}
    sandbox.fail_next("voice_clone")
    voice_id = (await api.post("/v3/voices/clone", clone)).data["voice_clone_id"]
    assert await refused(voice_id=voice_id) == (
        "voice_unavailable",
        "Voice 'My clone' is not ready.",
    )
    twin = {"type": "digital_twin", "name": "My twin", "file": SOURCE}
    look = (await api.post("/v3/avatars", twin)).data["avatar_item"]["id"]
    code, message = await refused(avatar_id=look)
    assert (code, message.startswith("Avatar 'My twin'")) == ("avatar_consent_required", True)
    sandbox.fail_next("avatar", code=None, message=None)
    photo = {"type": "photo", "name": "My photo", "file": SOURCE}
    item = (await api.post("/v3/avatars", photo)).data["avatar_item"]
    assert await refused(avatar_id=item["id"]) == (
        "resource_not_ready",
        "Avatar 'My photo' is not ready.",
    )
    sandbox.clock.advance(10_000)
    assert (await refused(avatar_id=item["id"]))[1] == "Avatar 'My photo' could not be made."
    assert (await refused(voice_id=voice_id))[1] == "Voice 'My clone' could not be made."
    # All members of a failure can be null.
    assert (await api.get(f"/v3/avatars/looks/{item['id']}")).data["error"] is None
    speech = {"voice_id": sandbox.add_voice("Old", starfish=False), "text": "Hi"}
    reply = await api.post("/v3/voices/speech", speech)
    assert reply.refusal == (400, "invalid_parameter", "voice_id")
    assert "Old" in reply.body["error"]["message"]


@pytest.mark.parametrize("locale", ["klingon", "xx-YY", "en_US", "en-", "", "EN", "english (US)"])
async def test_junk_locales_are_refused(api: Api, sandbox: Sandbox, locale: str) -> None:
    path, body = creates(sandbox)["avatar"]
    reply = await api.post(path, {**body, "voice_settings": {"locale": locale}})
    assert reply.refusal == (400, "invalid_parameter", "voice_settings.locale")
    speech = {"voice_id": sandbox.voice_id, "text": "Hi", "locale": locale}
    assert (await api.post("/v3/voices/speech", speech)).refusal[2] == "locale"
    design = {"prompt": "Warm", "locale": locale}
    assert (await api.post("/v3/voices", design)).refusal[2] == "locale"


@pytest.mark.parametrize(
    "locale", ["en", "en-US", "pt-BR", "zh-Hant-TW", "es-419", "zh-CN-sichuan"]
)
async def test_locales_that_are_some(api: Api, sandbox: Sandbox, locale: str) -> None:
    path, body = creates(sandbox)["avatar"]
    assert (await api.post(path, {**body, "voice_settings": {"locale": locale}})).status == 200


async def test_input_languages_are_names(api: Api) -> None:
    path = "/v3/video-translations"
    reply = await api.post(path, {**TRANSLATION, "input_language": "Klingon"})
    assert reply.refusal == (400, "invalid_parameter", "input_language")
    assert (await api.post(path, {**TRANSLATION, "input_language": "English"})).status == 200


@pytest.mark.parametrize(
    "text",
    [
        "<speak>Hello",
        "Hello</speak>",
        'Wait <break time="1s">here',
        "Wait <break time=1s/> here",
        '<prosody rate="fast">Hello',
        '<prosody rate="fast"><emphasis>Hello</prosody></emphasis>',
        "<speak>Hello</speak> and more",
        '<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>',
    ],
)
async def test_ssml_that_is_not_well_formed(api: Api, sandbox: Sandbox, text: str) -> None:
    speech = {"voice_id": sandbox.voice_id, "text": text}
    for body in (speech, {**speech, "input_type": "ssml"}):
        reply = await api.post("/v3/voices/speech", body)
        assert reply.refusal == (400, "tts_text_invalid", "text")
    path, body = creates(sandbox)["avatar"]
    reply = await api.post(path, {**body, "script": text})
    assert reply.refusal == (400, "tts_text_invalid", "script")
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize(
    "text",
    [
        'Tom & Jerry, <break time="1.5s"/> 2 < 3',
        "I <3 you",
        "a<b and c>d",
        '<speak>Hello <prosody rate="slow">there</prosody></speak>',
        "<p>One</p>",
        "Broken <b>bold",
        "<breakfast>",
    ],
)
async def test_texts_that_can_be_spoken(api: Api, sandbox: Sandbox, text: str) -> None:
    speech = {"voice_id": sandbox.voice_id, "text": f"Hello {text}"}
    assert (await api.post("/v3/voices/speech", speech)).status == 200


async def test_ssml_is_taken_by_its_letter(api: Api, sandbox: Sandbox) -> None:
    speech = {"voice_id": sandbox.voice_id, "text": "Tom & Jerry", "input_type": "ssml"}
    assert (await api.post("/v3/voices/speech", speech)).refusal[1] == "tts_text_invalid"
    good = {**speech, "text": 'Tom &amp; Jerry <break time="1s"/>'}
    assert (await api.post("/v3/voices/speech", good)).status == 200


async def test_rules_of_video_requests(api: Api, sandbox: Sandbox) -> None:
    path, body = creates(sandbox)["avatar"]

    def eleven(stability: float) -> dict[str, Any]:
        engine = {"engine_type": "elevenlabs", "model": "eleven_v3", "stability": stability}
        return {**body, "voice_settings": {"engine_settings": engine}}

    assert (await api.post(path, eleven(0.5))).status == 200
    reply = await api.post(path, eleven(0.3))
    assert reply.refusal[2] == "voice_settings.engine_settings.stability"
    hex_colour = {"type": "color", "value": "#1a2b3c\n"}
    assert (await api.post(path, {**body, "background": hex_colour})).refusal[
        2
    ] == "background.value"
    cinematic = {"type": "cinematic_avatar", "avatar_id": [sandbox.avatar_id], "prompt": "x"}
    picture = {"type": "url", "url": "https://files.example/a.png"}
    for references, status in (
        ([SOURCE] * 3 + [picture] * 8, 200),
        ([SOURCE] * 4, 400),
        ([picture] * 9, 400),
    ):
        reply = await api.post(path, {**cinematic, "references": references})
        assert reply.status == status, references
        assert status == 200 or reply.refusal[2] == "references"
    speech = {"voice_id": sandbox.voice_id, "text": 'Hello <break time="600s"/>'}
    long = (await api.post("/v3/voices/speech", speech)).data["audio_url"]
    spoken = {**body, "script": None, "audio_url": long}
    assert (await api.post(path, spoken)).refusal == (400, "invalid_parameter", "audio_url")


async def test_sources_of_another_kind(api: Api) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"\x89PNG", filename="a.png", content_type="image/png")
    uploaded = (await api("POST", "/v3/assets", data=form)).data["asset_id"]
    source = {"type": "asset_id", "asset_id": uploaded}
    reply = await api.post("/v3/filler-word-removals", {"video": source})
    assert reply.refusal == (400, "no_audio_track", "video")
    reply = await api.post("/v3/hyperframes/renders", {"project": source})
    assert reply.refusal == (400, "invalid_parameter", "project")


@pytest.mark.parametrize("checksum", ["", "abc", "0" * 63, "g" * 64, "0" * 64 + "\n"])
async def test_checksums_are_hexadecimal(api: Api, checksum: str) -> None:
    file = {"filename": "a.png", "content_type": "image/png", "size_bytes": 3}
    reply = await api.post("/v3/assets/direct-uploads", {**file, "checksum_sha256": checksum})
    assert reply.refusal == (400, "invalid_parameter", "checksum_sha256")
