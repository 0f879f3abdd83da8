"""A create that the wallet cannot pay is refused with 402."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

SOURCE = {"type": "url", "url": "https://files.example/film.mp4"}
TRANSLATION = {"video": SOURCE, "output_languages": ["French (France)"]}


def paid(sandbox: Sandbox) -> list[tuple[str, dict[str, Any]]]:
    avatar = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello"}
    template = sandbox.template_id("Newsletter 01")
    return [
        ("/v3/videos", avatar),
        (
            "/v3/videos",
            {"type": "cinematic_avatar", "avatar_id": [sandbox.avatar_id], "prompt": "x"},
        ),
        ("/v3/videos/batches", {"videos": [avatar, avatar]}),
        (f"/v3/templates/{template}", {"variables": {}}),
        (f"/v2/template/{template}/generate", {"variables": {}}),
        ("/v3/video-agents", {"prompt": "A film"}),
        ("/v3/video-agents", {"prompt": "A film", "mode": "chat"}),
        ("/v3/video-translations", TRANSLATION),
        ("/v3/video-translations/batches", {"video_translations": [TRANSLATION]}),
        ("/v3/lipsyncs", {"video": SOURCE, "audio": SOURCE}),
        ("/v3/lipsyncs/batches", {"lipsyncs": [{"video": SOURCE, "audio": SOURCE}]}),
        ("/v3/voices/speech", {"voice_id": sandbox.voice_id, "text": "Hello"}),
        ("/v3/avatars", {"type": "prompt", "name": "Ada", "prompt": "A"}),
        ("/v3/ai-clipping", {"video": SOURCE}),
        ("/v3/filler-word-removals", {"video": SOURCE}),
        ("/v3/hyperframes/renders", {"project": SOURCE}),
        ("/v3/background-removals", {"video": SOURCE}),
    ]


@pytest.mark.parametrize("number", range(17))
@pytest.mark.sandbox(balance=0)
async def test_an_empty_wallet_pays_nothing(api: Api, sandbox: Sandbox, number: int) -> None:
    path, body = paid(sandbox)[number]
    groups = len((await api.get("/v3/avatars?ownership=private")).data)
    reply = await api.post(path, body)
    assert reply.status == 402
    assert reply.body["error"]["code"] == "insufficient_credit"
    assert (sandbox.ledger.count(), sandbox.running) == (0, 0)
    assert len((await api.get("/v3/avatars?ownership=private")).data) == groups
    sandbox.balance = 100
    assert (await api.post(path, body)).status < 300


@pytest.mark.sandbox(balance=0)
async def test_what_is_free_needs_no_balance(api: Api, sandbox: Sandbox) -> None:
    template = sandbox.template_id("Newsletter 01")
    test = {"variables": {}, "test": True}
    assert (await api.post(f"/v2/template/{template}/generate", test)).status == 200
    proofread = {**TRANSLATION, "title": "T"}
    (identifier,) = (await api.post("/v3/video-translations/proofreads", proofread)).data[
        "proofread_ids"
    ]
    sandbox.clock.advance(10_000)
    render = f"/v3/video-translations/proofreads/{identifier}/generate"
    assert (await api.post(render, {})).refusal[:2] == (402, "insufficient_credit")


@pytest.mark.sandbox(balance=10)
async def test_the_wallet_shrinks_with_the_ledger(api: Api, sandbox: Sandbox) -> None:
    async def left() -> float:
        return float((await api.get("/v3/users/me")).data["wallet"]["remaining_balance"])

    cinematic = {"type": "cinematic_avatar", "avatar_id": [sandbox.avatar_id], "prompt": "x"}
    assert await left() == 10
    assert (await api.post("/v3/videos", cinematic, key="k")).status == 200
    assert await left() == sandbox.balance == 3
    # A replay costs nothing, so it is answered.
    assert (await api.post("/v3/videos", cinematic, key="k")).status == 200
    assert (await api.post("/v3/videos", cinematic)).refusal[:2] == (402, "insufficient_credit")
    await api.video()
    sandbox.balance = 7
    assert (await api.post("/v3/videos", cinematic)).status == 200
    assert await left() == pytest.approx(0)
    assert sandbox.ledger.usd == pytest.approx(sandbox.ledger.spent)


@pytest.mark.sandbox(balance=1)
async def test_a_batch_that_cannot_be_paid_makes_nothing(api: Api, sandbox: Sandbox) -> None:
    video = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello " * 100}
    reply = await api.post("/v3/videos/batches", {"videos": [video] * 3}, key="k")
    assert reply.refusal == (402, "insufficient_credit", None)
    assert sandbox.ledger.count() == 0
    sandbox.balance = 100
    assert (await api.post("/v3/videos/batches", {"videos": [video] * 3}, key="k")).status == 202


@pytest.mark.sandbox(balance=5)
async def test_failed_jobs_and_stopped_agents_cost_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.fail_next("video")
    await api.video()
    session = (await api.post("/v3/video-agents", {"prompt": "A film"})).data["session_id"]
    assert sandbox.balance < 5
    await api.post(f"/v3/video-agents/{session}/stop")
    assert sandbox.balance == 5
