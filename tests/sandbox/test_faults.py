from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from heygen_async.sandbox import Fault, Sandbox

from ..patience import PATIENCE
from .api import Api, Reply

pytestmark = pytest.mark.anyio


async def create(api: Api) -> Reply:
    body = {"type": "avatar", "avatar_id": api.sandbox.avatar_id, "script": "Hi"}
    return await api.post("/v3/videos", body, key="one")


@pytest.mark.parametrize(
    ("fault", "error", "jobs"),
    [
        (Fault.drop(), aiohttp.ServerDisconnectedError, 0),
        (Fault.drop_answer(), aiohttp.ServerDisconnectedError, 1),
        (Fault.truncate(), aiohttp.ClientPayloadError, 1),
        (Fault.malformed(), ValueError, 1),
        (Fault.body(b"<html>", content_type="text/html"), ValueError, 0),
    ],
)
async def test_spoiled_answers(
    api: Api, sandbox: Sandbox, fault: Fault, error: type[Exception], jobs: int
) -> None:
    sandbox.faults.add("videos.create", fault)
    with pytest.raises(error):
        await create(api)
    assert sandbox.ledger.count() == jobs
    assert (await create(api)).status == 200
    assert sandbox.ledger.count() == 1
    assert sandbox.faults.struck == [("videos.create", fault.name)]


async def test_error_answers(api: Api, sandbox: Sandbox) -> None:
    key = {"x-api-key": sandbox.api_key}
    url = f"{sandbox.base_url}/v3/users/me"
    sandbox.faults.add("users.me", Fault.status(500))
    assert (await api.get("/v3/users/me")).refusal[:2] == (500, "internal_error")
    sandbox.faults.add("users.me", Fault.status(429, retry_after=7, code="quota_exceeded"))
    reply = await api.get("/v3/users/me")
    assert (reply.refusal[1], reply.headers["Retry-After"]) == ("quota_exceeded", "7")
    sandbox.faults.add("users.me", Fault.status(502, body="html"))
    status, headers, body = await api.raw("GET", url, headers=key)
    assert (status, headers["Content-Type"][:9]) == (502, "text/html")
    assert body.startswith(b"<html>")
    sandbox.faults.add("users.me", Fault.status(503, body="empty"))
    assert (await api.raw("GET", url, headers=key))[::2] == (503, b"")
    sandbox.faults.add("templates.list_v2", Fault.status(500))
    assert (await api.get("/v2/templates")).body["data"] is None


async def test_work_can_be_done_before_an_error(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.status(500, work=True))
    assert (await create(api)).status == 500
    assert sandbox.ledger.count() == 1


async def test_a_delay_runs_on_the_loops_clock(api: Api, sandbox: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    started, really = loop.time(), time.monotonic()
    sandbox.faults.add("videos.create", Fault.delay(500))
    assert (await create(api)).status == 200
    assert loop.time() - started == pytest.approx(500)
    assert time.monotonic() - really < PATIENCE
    sandbox.faults.add("users.me", Fault.delay(30, work=False))
    assert (await api.get("/v3/users/me")).refusal[:2] == (504, "gateway_timeout")


async def test_a_redirect_is_given_as_told(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add("users.me", Fault.redirect(f"{sandbox.media_origin}/elsewhere"))
    status, headers, _ = await api.raw(
        "GET", f"{sandbox.base_url}/v3/users/me", allow_redirects=False
    )
    assert (status, headers["Location"]) == (307, f"{sandbox.media_origin}/elsewhere")


async def test_the_plan(api: Api, sandbox: Sandbox) -> None:
    async def statuses(count: int) -> list[int]:
        return [(await api.get("/v3/users/me")).status for _ in range(count)]

    sandbox.faults.add("users.me", Fault.status(500), times=2, after=1)
    assert await statuses(4) == [200, 500, 500, 200]
    sandbox.faults.add("*", Fault.status(503), times=None)
    sandbox.faults.add("videos.get", Fault.status(500), times=None)
    assert await statuses(3) == [503] * 3
    sandbox.faults.clear()
    assert await statuses(1) == [200]
    sandbox.faults.add("users.me", Fault.status(500), times=None, rate=0.3)
    share = (await statuses(200)).count(500) / 200
    assert 0.2 < share < 0.4
