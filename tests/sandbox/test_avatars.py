"""Avatars in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

FILM = {"type": "url", "url": "https://example.com/ada.mp4"}
TWIN = {"type": "digital_twin", "name": "Ada", "file": FILM}
PHOTO = {"type": "photo", "name": "Ada", "file": FILM}


async def _make(api: Api, body: dict[str, Any], **fields: Any) -> tuple[str, str]:
    """Make an avatar, and return the ids of its group and its look."""
    made = (await api.post("/v3/avatars", {**body, **fields})).data
    return made["avatar_group"]["id"], made["avatar_item"]["id"]


async def _use(api: Api, look: str) -> Any:
    body = {"type": "avatar", "avatar_id": look, "script": "Hi"}
    return await api.post("/v3/videos", body)


async def test_a_public_avatar_has_a_group(api: Api, sandbox: Sandbox) -> None:
    look = (await api.get(f"/v3/avatars/looks/{sandbox.avatar_id}")).data
    group = (await api.get(f"/v3/avatars/{look['group_id']}")).data
    assert (group["name"], group["looks_count"], group["status"]) == (look["name"], 1, "completed")
    path = f"/v3/avatars/{look['group_id']}"
    assert (await api("PATCH", path, {"default_voice_id": "v"})).refusal[:2] == (403, "forbidden")
    assert (await api("DELETE", path)).status == 403
    assert (await api("PATCH", f"/v3/avatars/looks/{look['id']}", {"name": "x"})).status == 403
    assert (await api.post(f"{path}/consent", {})).status == 403
    added = sandbox.add_look("Mine")
    group_id = (await api.get(f"/v3/avatars/looks/{added}")).data["group_id"]
    assert (await api.get(f"/v3/avatars/{group_id}")).data["name"] == "Mine"


async def test_a_look_is_usable_once_it_is_made(api: Api, sandbox: Sandbox) -> None:
    group, look = await _make(api, PHOTO)
    assert (await api.get(f"/v3/avatars/{group}")).data["status"] == "processing"
    assert (await _use(api, look)).refusal == (409, "resource_not_ready", "avatar_id")
    sandbox.clock.advance(3_600)
    assert (await _use(api, look)).status == 200
    assert (await api.get(f"/v3/avatars/{group}")).data["preview_image_url"]
    assert sandbox.ledger.jobs[0].usd == 1.0


async def test_a_twin_waits_for_consent(api: Api, sandbox: Sandbox) -> None:
    group, look = await _make(api, TWIN)
    sandbox.clock.advance(86_400)
    shown = (await api.get(f"/v3/avatars/{group}")).data
    assert (shown["status"], shown["consent_status"]) == ("pending_consent", "pending")
    assert (await _use(api, look)).refusal[:2] == (400, "avatar_consent_required")
    page = (await api.post(f"/v3/avatars/{group}/consent", {"consent_text": "I do"})).data
    assert page["url"]
    sandbox.give_consent(group)
    with pytest.raises(KeyError):
        sandbox.give_consent(group)
    assert (await api.get(f"/v3/avatars/looks/{look}")).data["status"] == "processing"
    assert (await api.post(f"/v3/avatars/{group}/consent", {})).data["url"] is None
    second = (await _make(api, TWIN, avatar_group_id=group))[1]
    assert (await api.get(f"/v3/avatars/looks/{second}")).data["status"] == "processing"
    sandbox.clock.advance(3_600)
    assert (await _use(api, look)).status == 200


async def test_consent_is_only_for_twins(api: Api) -> None:
    group, _ = await _make(api, PHOTO)
    assert (await api.post(f"/v3/avatars/{group}/consent", {})).refusal[::2] == (400, "group_id")
    bad = await api.post(f"/v3/avatars/{group}/consent", {"consent_text": "<b>"})
    assert bad.refusal[2] == "consent_text"


async def test_requests_are_checked(api: Api) -> None:
    async def refusal(**body: Any) -> tuple[int, str, str | None]:
        return (await api.post("/v3/avatars", body)).refusal

    prompt = {"type": "prompt", "name": "Ada", "prompt": "A woman"}
    assert await refusal(**PHOTO, avatar_group_id="none") == (404, "avatar_not_found", None)
    assert (await refusal(**{**PHOTO, "file": {"type": "asset_id", "asset_id": "x"}}))[0] == 400
    assert await refusal(**prompt, avatar_id="none") == (404, "not_found", None)
    bad = {"type": "url", "url": "nowhere"}
    assert (await refusal(**prompt, reference_images=[FILM, bad]))[2] == "reference_images.1.url"
    assert (await refusal(type="sketch", name="x"))[2] == "type"


async def test_a_group_fails_where_all_its_looks_have(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("avatar", code="no_face", message="No face found")
    group, look = await _make(api, PHOTO)
    sandbox.clock.advance(3_600)
    shown = (await api.get(f"/v3/avatars/{group}")).data
    assert (shown["status"], shown["error"]["code"]) == ("failed", "no_face")
    assert (await _use(api, look)).refusal[2] == "avatar_id"
    await _make(api, PHOTO, avatar_group_id=group)
    sandbox.clock.advance(3_600)
    assert (await api.get(f"/v3/avatars/{group}")).data["status"] == "completed"
    assert sandbox.ledger.usd == 1.0


async def test_with_its_last_look_a_group_goes(api: Api) -> None:
    group, first = await _make(api, PHOTO)
    _, second = await _make(api, {**PHOTO, "avatar_group_id": group})
    await api("DELETE", f"/v3/avatars/looks/{first}")
    assert (await api.get(f"/v3/avatars/{group}")).data["looks_count"] == 1
    await api("DELETE", f"/v3/avatars/looks/{second}")
    assert (await api.get(f"/v3/avatars/{group}")).refusal[:2] == (404, "avatar_not_found")
    late = await api.post("/v3/avatars", {**PHOTO, "avatar_group_id": group})
    assert late.refusal[:2] == (404, "avatar_not_found")


async def test_own_avatars_are_listed_changed_and_deleted(api: Api, sandbox: Sandbox) -> None:
    group, look = await _make(api, PHOTO)
    assert [item["id"] for item in (await api.get("/v3/avatars?ownership=private")).data] == [group]
    mine = (await api.get("/v3/avatars/looks?ownership=private")).data
    assert [item["id"] for item in mine] == [look]
    everybody = (await api.get("/v3/avatars/looks?ownership=public&limit=50")).data
    assert look not in [item["id"] for item in everybody]
    path = f"/v3/avatars/{group}"
    wrong = await api("PATCH", path, {"default_voice_id": "none"})
    assert wrong.refusal == (400, "invalid_parameter", "default_voice_id")
    text = "Invalid default_voice_id: 'none'. Voice not found."
    assert wrong.body["error"]["message"] == text
    await api("PATCH", path, {"default_voice_id": sandbox.voice_id})
    renamed = (await api("PATCH", f"/v3/avatars/looks/{look}", {"name": "Bea"})).data
    assert (renamed["name"], renamed["default_voice_id"]) == ("Bea", sandbox.voice_id)
    assert (await api("DELETE", path)).data == {"id": group}
    assert (await api.get(f"/v3/avatars/looks/{look}")).refusal[:2] == (404, "not_found")
    assert (await api.get(path)).refusal[:2] == (404, "avatar_not_found")
