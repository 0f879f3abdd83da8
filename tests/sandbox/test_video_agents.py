from __future__ import annotations

from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

HOUR = 3_600


async def test_generate_makes_one_video(api: Api, sandbox: Sandbox) -> None:
    body = {"prompt": "A video about bees", "orientation": "portrait", "callback_id": "bee"}
    made = (await api.post("/v3/video-agents", body)).data
    assert (made["status"], sandbox.running) == ("generating", 1)
    path = f"/v3/video-agents/{made['session_id']}"
    session = (await api.get(path)).data
    assert (session["status"], session["progress"]) == ("generating", 0)
    refused = await api.post(path, {"message": "Faster"})
    assert refused.refusal[:2] == (409, "conflict")
    sandbox.clock.advance(HOUR)
    session = (await api.get(path)).data
    assert (session["status"], session["progress"]) == ("completed", 100)
    assert [message["role"] for message in session["messages"]] == ["model", "user"]
    video = (await api.get(f"/v3/videos/{made['video_id']}")).data
    assert video["status"] == "completed"
    assert sandbox.ledger.jobs[0].callback_id == "bee"
    assert sandbox.ledger.usd == pytest.approx(0.0333 * video["duration"])


async def test_a_chat_pauses_and_goes_on(api: Api, sandbox: Sandbox) -> None:
    made = (await api.post("/v3/video-agents", {"prompt": "Bees", "mode": "chat"})).data
    assert (made["status"], made["video_id"]) == ("thinking", None)
    path = f"/v3/video-agents/{made['session_id']}"
    assert (await api.post(path, {"message": "?"})).refusal[:2] == (409, "conflict")
    sandbox.clock.advance(HOUR)
    session = (await api.get(path)).data
    assert session["status"] == "waiting_for_input"
    assert session["messages"][0]["content"].endswith("?")
    assert (sandbox.running, sandbox.ledger.usd) == (0, 0.0)

    run = (await api.post(path, {"message": "For beekeepers"})).data
    assert run["session_id"] == made["session_id"]
    assert (await api.get(path)).data["status"] == "thinking"
    sandbox.clock.advance(HOUR)
    session = (await api.get(path)).data
    assert session["status"] == "reviewing"
    (resource_id,) = session["messages"][0]["resource_ids"]
    resource = (await api.get(f"{path}/resources/{resource_id}")).data
    assert resource["resource_type"] == "storyboard"
    assert (await api.raw("GET", resource["preview_url"]))[2].startswith(b"\x89PNG")
    assert (await api.get(f"{path}/resources/none")).refusal[:2] == (404, "not_found")

    await api.post(path, {"message": "Go on"})
    assert (await api.get(path)).data["status"] == "generating"
    sandbox.clock.advance(HOUR)
    first = (await api.get(path)).data["video_id"]
    await api.post(path, {"message": "And one for children"})
    sandbox.clock.advance(HOUR)
    session = (await api.get(path)).data
    assert session["status"] == "completed"
    assert len(session["messages"]) == 8
    videos = (await api.get(f"{path}/videos")).data
    assert [video["id"] for video in videos] == [session["video_id"], first]
    assert sandbox.ledger.count("agent") == 2
    assert all(job.charged for job in sandbox.ledger.jobs)


async def test_the_newest_forty_messages_are_shown(api: Api, sandbox: Sandbox) -> None:
    made = (await api.post("/v3/video-agents", {"prompt": "Bees", "mode": "chat"})).data
    path = f"/v3/video-agents/{made['session_id']}"
    for number in range(25):
        sandbox.clock.advance(2 * HOUR)
        await api.post(path, {"message": f"Message {number}"})
    messages = (await api.get(path)).data["messages"]
    assert len(messages) == 40
    assert messages[0]["content"] == "Message 24"


async def test_a_failure_ends_the_session(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("agent", message="The prompt was refused")
    made = (await api.post("/v3/video-agents", {"prompt": "Wasps"})).data
    sandbox.clock.advance(HOUR)
    session = (await api.get(f"/v3/video-agents/{made['session_id']}")).data
    assert session["status"] == "failed"
    assert session["messages"][0]["type"] == "error"
    assert session["messages"][0]["content"] == "The prompt was refused"
    video = (await api.get(f"/v3/videos/{made['video_id']}")).data
    assert (video["status"], video["failure_code"]) == ("failed", None)
    assert video["failure_message"] == "The prompt was refused"
    assert sandbox.ledger.usd == 0


async def test_stopping(api: Api, sandbox: Sandbox) -> None:
    single = (await api.post("/v3/video-agents", {"prompt": "Bees"})).data
    chat = (await api.post("/v3/video-agents", {"prompt": "Bees", "mode": "chat"})).data
    for made in (single, chat):
        stopped = await api.post(f"/v3/video-agents/{made['session_id']}/stop", {})
        assert stopped.data == {"session_id": made["session_id"]}
    assert (sandbox.running, sandbox.ledger.usd) == (0, 0.0)
    assert (await api.get(f"/v3/video-agents/{single['session_id']}")).data["status"] == "failed"
    path = f"/v3/video-agents/{chat['session_id']}"
    assert (await api.get(path)).data["status"] == "waiting_for_input"
    assert (await api.post(path, {"message": "Go on"})).status == 200
    listed = (await api.get("/v3/video-agents")).data
    assert [item["session_id"] for item in listed] == [chat["session_id"], single["session_id"]]


async def test_styles_and_checks(api: Api, sandbox: Sandbox) -> None:
    styles = await api.get("/v3/video-agents/styles?tag=social&limit=5")
    assert styles.body["has_more"] is True
    assert all(style["tags"] == ["social"] for style in styles.data)
    style_id = styles.data[0]["style_id"]
    good = {"prompt": "x", "style_id": style_id, "voice_id": sandbox.voice_id}
    assert (await api.post("/v3/video-agents", good)).status == 200
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"style_id": "none"}, "invalid_parameter"),
        ({"avatar_id": "none"}, "invalid_parameter"),
        ({"voice_id": "none"}, "invalid_parameter"),
        ({"files": [{"type": "asset_id", "asset_id": "none"}]}, "asset_not_found"),
    ]
    for wrong, code in wrongs:
        reply = await api.post("/v3/video-agents", {"prompt": "x", **wrong})
        assert reply.refusal[:2] == (400, code)
    reply = await api.post("/v3/video-agents", {"prompt": "x", "auto_proceed": True})
    assert reply.refusal == (400, "invalid_parameter", "auto_proceed")


async def test_a_stop_needs_no_body(api: Api) -> None:
    made = (await api.post("/v3/video-agents", {"prompt": "A film"})).data
    path = f"/v3/video-agents/{made['session_id']}/stop"
    bodies: list[dict[str, Any] | None] = [None, {}]
    for body in bodies:
        assert (await api("POST", path, body)).data == {"session_id": made["session_id"]}
    assert (await api("POST", path, {"now": True})).refusal == (400, "invalid_parameter", "now")
