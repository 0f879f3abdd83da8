"""AI clipping, background removals and filler-word removals in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

VIDEO = {"type": "url", "url": "https://example.com/talk.mp4"}
PATHS = {
    "ai_clipping": "/v3/ai-clipping",
    "background_removal": "/v3/background-removals",
    "filler_word_removal": "/v3/filler-word-removals",
}


async def _make(api: Api, kind: str, **fields: Any) -> str:
    made = (await api.post(PATHS[kind], {"video": VIDEO, **fields})).data
    return f"{PATHS[kind]}/{made.get('id') or made[f'{kind}_id']}"


@pytest.mark.parametrize("kind", PATHS)
async def test_they_hold_a_slot_until_they_end(api: Api, sandbox: Sandbox, kind: str) -> None:
    sandbox.concurrency = 1
    await _make(api, kind)
    full = await api.post(PATHS[kind], {"video": VIDEO})
    assert full.refusal[:2] == (429, "rate_limit_exceeded")
    sandbox.clock.advance(86_400)
    await _make(api, kind)
    missing = {"video": {"type": "asset_id", "asset_id": "none"}}
    assert (await api.post(PATHS[kind], missing)).refusal[:2] == (400, "asset_not_found")


@pytest.mark.parametrize("kind", ["ai_clipping", "background_removal"])
async def test_a_deleted_one_gives_up_its_slot(api: Api, sandbox: Sandbox, kind: str) -> None:
    path = await _make(api, kind)
    assert sandbox.running == 1
    await api("DELETE", path)
    assert sandbox.running == 0
    assert (await api("DELETE", path)).refusal[:2] == (404, "not_found")
    assert (await api.get(PATHS[kind])).data == []


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("ai_clipping", "failure_message"),
        ("background_removal", "error"),
        ("filler_word_removal", "failure_message"),
    ],
)
async def test_they_can_fail(api: Api, sandbox: Sandbox, kind: str, field: str) -> None:
    sandbox.fail_next(kind, message="No speech")
    path = await _make(api, kind)
    sandbox.clock.advance(86_400)
    shown = (await api.get(path)).data
    assert (shown["status"], shown[field]) == ("failed", "No speech")


async def test_clips_follow_the_settings(api: Api, sandbox: Sandbox) -> None:
    path = await _make(api, "ai_clipping", output_settings={"aspect_ratio": "landscape"})
    assert (await api.get(path)).data["clips"] == []
    sandbox.clock.advance(86_400)
    shown = (await api.get(path)).data
    assert {clip["aspect_ratio"] for clip in shown["clips"]} == {"landscape"}
    assert shown["output_settings"] == {"aspect_ratio": "landscape", "captions": True}
    assert all(clip["duration_seconds"] <= shown["source_duration"] for clip in shown["clips"])
    status, headers, _ = await api.raw("GET", shown["clips"][0]["thumbnail_url"])
    assert (status, headers["Content-Type"]) == (200, "image/png")


async def test_a_request_id_names_one_job(api: Api, sandbox: Sandbox) -> None:
    first = await _make(api, "background_removal", request_id="mine")
    sandbox.clock.advance(86_400)
    # It is no snapshot: the job is shown as it is now.
    again = (
        await api.post(PATHS["background_removal"], {"video": VIDEO, "request_id": "mine"})
    ).data
    assert first.endswith(again["id"])
    assert again["status"] == "completed"
    keyed = [
        (await api.post(PATHS["background_removal"], {"video": VIDEO}, key="mine")).data["id"]
        for _ in range(2)
    ]
    assert keyed[0] != keyed[1]
    assert sandbox.ledger.count() == 3
