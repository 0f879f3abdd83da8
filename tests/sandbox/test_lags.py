"""Late answers, and resources that are not visible yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from heygen_async.sandbox import Fault, Faults, Sandbox

from .api import Api

pytestmark = pytest.mark.anyio


async def create(api: Api, key: str | None) -> tuple[int, str, bytes]:
    """Create, and return status, content type and body."""
    body = {"type": "avatar", "avatar_id": api.sandbox.avatar_id, "script": "Hi"}
    headers = {"x-api-key": api.sandbox.api_key}
    if key is not None:
        headers["Idempotency-Key"] = key
    url = f"{api.sandbox.base_url}/v3/videos"
    status, received, answer = await api.raw("POST", url, json=body, headers=headers)
    return status, received["Content-Type"].partition(";")[0], answer


async def test_a_gateway_gives_up_while_the_job_is_made(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(operations={"videos.create": Faults(latency=90, gateway_timeout=30)})
    loop = asyncio.get_running_loop()
    started = loop.time()
    status, kind, page = await create(api, "k")
    assert (status, kind) == (504, "text/html")
    assert page.startswith(b"<html>")
    assert loop.time() - started == pytest.approx(30)
    assert sandbox.ledger.count() == 1
    # Its work goes on: the key is in progress for another minute, and then has its answer.
    assert (await create(api, "k"))[0] == 409
    await asyncio.sleep(61)
    status, kind, answer = await create(api, "k")
    assert (status, kind) == (200, "application/json")
    assert sandbox.ledger.jobs[0].id.encode() in answer
    # Without a key it is made anew.
    assert (await create(api, None))[0] == 504
    assert sandbox.ledger.count() == 2
    assert sandbox.requests.by_status[504] == 2


async def test_a_gateway_lets_quick_answers_pass(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(latency=(1, 29), gateway_timeout=30)
    assert (await create(api, "k"))[0] == 200
    assert (await create(api, "k"))[0] == 200
    assert (await api.get("/v3/videos/none")).status == 404
    assert sandbox.requests.by_status == {200: 2, 404: 1}


async def test_a_gateway_gives_up_one_request(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.gateway_timeout())
    slow = asyncio.create_task(create(api, "k"))
    await asyncio.sleep(29)
    assert (await create(api, "k"))[0] == 409
    assert (await slow)[:2] == (504, "text/html")
    assert (await create(api, "k"))[0] == 200
    assert sandbox.ledger.count() == 1
    assert sandbox.faults.struck == [("videos.create", "gateway_timeout 30")]


async def test_a_body_that_comes_too_slowly(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(gateway_timeout=30)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)
        yield b"}"

    headers = {"x-api-key": sandbox.api_key, "Content-Type": "application/json"}
    url = f"{sandbox.base_url}/v3/videos"
    # The connection may be closed under a body that is still sent.
    with contextlib.suppress(aiohttp.ClientConnectionError):
        assert (await api.raw("POST", url, data=slowly(), headers=headers))[0] == 504
    assert sandbox.requests.by_status[504] == 1
    await asyncio.sleep(60)
    assert sandbox.ledger.count() == 0
    assert (await api.get("/v3/users/me")).status == 200


async def test_work_that_was_given_up_ends_with_the_sandbox() -> None:
    faults = Faults(latency=10_000, gateway_timeout=1)
    async with Sandbox(speed=1, faults=faults) as sandbox, Api(sandbox) as api:
        assert (await create(api, "k"))[0] == 504
        before = asyncio.all_tasks()
        await sandbox.aclose()
        assert len(asyncio.all_tasks()) < len(before)


async def uploaded(api: Api, kind: str) -> str:
    form = aiohttp.FormData()
    form.add_field("file", b"content", filename="a", content_type=kind)
    return str((await api("POST", "/v3/assets", data=form)).data["asset_id"])


async def test_a_fresh_asset_is_not_visible_yet(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(hide_assets=20)
    picture, film = await uploaded(api, "image/png"), await uploaded(api, "video/mp4")

    def named(asset_id: str) -> dict[str, Any]:
        source = {"type": "asset_id", "asset_id": asset_id}
        return {"type": "studio", "scenes": [{"type": "video", "source": source}]}

    for asset_id, refusal in (
        (picture, (400, "asset_not_found")),
        (film, (404, "resource_not_found")),
    ):
        reply = await api.post("/v3/videos", named(asset_id), key=asset_id)
        assert reply.refusal[:2] == refusal
        assert (await api.get(f"/v3/assets/{asset_id}")).status == 200
    assert sandbox.ledger.count() == 0
    await asyncio.sleep(20)
    for asset_id in (picture, film):
        assert (await api.post("/v3/videos", named(asset_id), key=asset_id)).status == 200


async def test_lists_that_lag(api: Api, sandbox: Sandbox) -> None:
    voices = len((await api.get("/v3/voices?limit=100")).data)
    sandbox.faults = Faults(list_lag=60)
    first = await api.video()
    await asyncio.sleep(40)
    second = await api.video()

    async def listed() -> list[str]:
        return [video["id"] for video in (await api.get("/v3/videos")).data]

    assert await listed() == []
    assert (await api.get(f"/v3/videos/{first}")).status == 200
    await asyncio.sleep(20)
    assert await listed() == [first]
    await asyncio.sleep(40)
    assert await listed() == [second, first]
    # Resources from the start are visible.
    assert len((await api.get("/v3/voices?limit=100")).data) == voices
    sandbox.faults = Faults()
    third = await api.video()
    assert await listed() == [third, second, first]


async def test_sessions_get_lost_and_their_videos_go_on(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(lost_sessions=1)
    made = (await api.post("/v3/video-agents", {"prompt": "A film"})).data
    reply = await api.get(f"/v3/video-agents/{made['session_id']}")
    assert reply.refusal[:2] == (404, "not_found")
    assert reply.body["error"]["message"] == "Session not found."
    await asyncio.sleep(10_000)
    assert (await api.get(f"/v3/videos/{made['video_id']}")).data["status"] == "completed"
    chat = (await api.post("/v3/video-agents", {"prompt": "A film", "mode": "chat"})).data
    assert (await api.get(f"/v3/video-agents/{chat['session_id']}")).status == 200
