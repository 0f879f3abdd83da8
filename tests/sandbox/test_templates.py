from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio


async def test_both_versions_list_and_describe(api: Api, sandbox: Sandbox) -> None:
    first = await api.get("/v3/templates?limit=20")
    second = await api.get(f"/v3/templates?limit=20&token={first.body['next_token']}")
    v3 = {template["id"] for template in first.data + second.data}
    v2 = {
        template["template_id"] for template in (await api.get("/v2/templates")).data["templates"]
    }
    assert v2 - v3 == {sandbox.template_id("Classic invitation")}
    template = (await api.get(f"/v3/templates/{sandbox.template_id('Product offer')}")).data
    assert {variable["type"] for variable in template["variables"].values()} == {
        "text", "image", "video", "audio", "character", "voice",
    }  # fmt: skip
    assert template["scene_ids"] == [scene["scene_id"] for scene in template["scenes"]]
    assert template["scenes"][0]["variables"] == [{"name": "headline", "variable_type": "text"}]
    legacy = await api.get(f"/v2/template/{template['id']}")
    assert set(legacy.data["variables"]) == set(template["variables"])
    assert legacy.headers["Deprecation"]
    assert "v3" in legacy.body["warning"]["message"]


async def test_the_older_editor_is_served_by_v2_alone(api: Api, sandbox: Sandbox) -> None:
    identifier = sandbox.template_id("Classic invitation")
    assert (await api.get(f"/v3/templates/{identifier}")).refusal[1] == "template_not_found"
    reply = await api.post(f"/v3/templates/{identifier}", {"variables": {}})
    assert reply.refusal[:2] == (404, "template_not_found")
    variables = {"guest": {"name": "guest", "type": "text", "properties": {"content": "Ada"}}}
    made = await api.post(f"/v2/template/{identifier}/generate", {"variables": variables})
    await asyncio.sleep(100)
    video = (await api.get(f"/v3/videos/{made.data['video_id']}")).data
    assert video["status"] == "completed"


async def test_v3_answers_with_the_whole_video(api: Api, sandbox: Sandbox) -> None:
    identifier = sandbox.template_id("Product offer")
    image = {"type": "url", "url": "https://example.com/a.png"}
    body: dict[str, Any] = {
        "title": "Offer 1",
        "variables": {
            "headline": {"type": "text", "content": "Everything must go"},
            "picture": {"type": "video", "asset": image},
            "host": {"type": "character", "character_id": sandbox.avatar_id},
            "host_voice": {"type": "voice", "voice_id": sandbox.voice_id},
        },
        "include_gif": True,
        "caption": True,
        "callback_id": "row-1",
        "dimension": {"width": 640, "height": 360},
    }
    video = (await api.post(f"/v3/templates/{identifier}", body)).data
    assert (video["title"], video["status"]) == ("Offer 1", "pending")
    await asyncio.sleep(100)
    video = (await api.get(f"/v3/videos/{video['id']}")).data
    assert (await api.raw("GET", video["gif_url"]))[2].startswith(b"GIF89a")
    _, _, captions = await api.raw("GET", video["subtitle_url"])
    assert "Everything must go" in captions.decode()
    assert "{{price}}" in captions.decode()
    (job,) = sandbox.ledger.jobs
    assert (job.template_id, job.callback_id, job.charged) == (identifier, "row-1", True)


async def test_test_renders_cost_nothing(api: Api, sandbox: Sandbox) -> None:
    path = f"/v2/template/{sandbox.template_id('Welcome')}/generate"
    await api.post(path, {"variables": {}, "test": True})
    assert (sandbox.ledger.count(), sandbox.ledger.usd) == (1, 0.0)
    await api.post(path, {"variables": {}})
    assert sandbox.ledger.usd > 0
    assert sandbox.ledger.count("video") == sandbox.ledger.count("templates.generate_v2") == 2


async def test_scenes_are_chosen_ordered_and_repeated(api: Api, sandbox: Sandbox) -> None:
    identifier = sandbox.add_template(scripts=["First.", "Second one, much longer."])
    scenes = (await api.get(f"/v3/templates/{identifier}")).data["scene_ids"]
    path = f"/v3/templates/{identifier}"
    await api.post(path, {"variables": {}})
    await api.post(path, {"variables": {}, "scene_ids": [scenes[1], scenes[0], scenes[1]]})
    once, thrice = (job.seconds for job in sandbox.ledger.jobs)
    assert thrice > once
    reply = await api.post(path, {"variables": {}, "scene_ids": [scenes[0], "none"]})
    assert reply.refusal == (400, "invalid_parameter", "scene_ids.1")


@pytest.mark.parametrize(
    ("variables", "status", "param"),
    [
        ({"nickname": {"type": "text", "content": "x"}}, 400, "variables.nickname"),
        ({"headline": {"type": "voice", "voice_id": "x"}}, 400, "variables.headline.type"),
        ({"headline": {"type": "text"}}, 400, "variables.headline.content"),
        ({"headline": {"type": "smell"}}, 400, "variables.headline.type"),
        (
            {"headline": {"type": "text", "content": "x", "bold": True}},
            400,
            "variables.headline.bold",
        ),
        (
            {"picture": {"type": "image", "asset": {"type": "url"}}},
            400,
            "variables.picture.asset.url",
        ),
        (
            {"jingle": {"type": "image", "asset": {"type": "url", "url": "https://e.com"}}},
            400,
            "variables.jingle.type",
        ),
        (
            {"host": {"type": "character", "character_id": "x"}},
            400,
            "variables.host.character_id",
        ),
        (
            {"host_voice": {"type": "voice", "voice_id": "x"}},
            400,
            "variables.host_voice.voice_id",
        ),
        (
            {"picture": {"type": "image", "asset": {"type": "asset_id", "asset_id": "x"}}},
            400,
            "variables.picture.asset.asset_id",
        ),
        ({"headline": {"type": "text", "content": ""}}, 400, "variables.headline.content"),
    ],
)
async def test_variables_are_checked_against_the_template(
    api: Api, sandbox: Sandbox, variables: dict[str, Any], status: int, param: str | None
) -> None:
    path = f"/v3/templates/{sandbox.template_id('Product offer')}"
    reply = await api.post(path, {"variables": variables})
    assert (reply.refusal[0], reply.refusal[2]) == (status, param)
    assert sandbox.ledger.count() == 0


async def test_v2_variables_and_dimensions(api: Api, sandbox: Sandbox) -> None:
    path = f"/v2/template/{sandbox.template_id('Product offer')}/generate"

    async def message(**body: Any) -> str:
        reply = await api.post(path, {"variables": {}, **body})
        assert reply.status == 400
        assert reply.body["error"]["code"] == "invalid_parameter"
        return str(reply.body["error"]["message"])

    wrong = {"headline": {"name": "price", "type": "text", "properties": {"content": "x"}}}
    assert (await message(variables=wrong)).startswith("variables.headline.name")
    empty = {"picture": {"name": "picture", "type": "image", "properties": {}}}
    assert (await message(variables=empty)).startswith("variables.picture.properties.url")
    assert (await message(dimension={"width": 500, "height": 500})).startswith("dimension")
    host = {"character_id": sandbox.avatar_id, "type": "avatar"}
    clip = {"url": "https://example.com/a.mp4"}
    good = {
        "host": {"name": "host", "type": "character", "properties": host},
        "clip": {"name": "clip", "type": "video", "properties": clip},
    }
    assert (await api.post(path, {"variables": good})).status == 200
