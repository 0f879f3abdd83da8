"""A sandbox in another process is steered and read over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heygen_async.sandbox import Faults, Sandbox

from .api import Api

pytestmark = pytest.mark.anyio


async def control(
    api: Api, method: str, name: str, body: bytes | None = None
) -> tuple[int, dict[str, Any]]:
    url = f"{api.sandbox.base_url}/_sandbox/{name}"
    headers = {"x-api-key": api.sandbox.api_key}
    status, received, answer = await api.raw(method, url, headers=headers, data=body)
    assert received["Content-Type"].startswith("application/json")
    return status, json.loads(answer)


async def test_faults_are_read_replaced_and_ended(api: Api, sandbox: Sandbox) -> None:
    assert await control(api, "GET", "faults") == (200, {})
    plan = {"status": {"503": 1.0}, "operations": {"voices.list": {"status": {"500": 1.0}}}}
    assert await control(api, "PUT", "faults", json.dumps(plan).encode()) == (200, plan)
    assert sandbox.faults == Faults.from_json(plan)
    assert (await api.get("/v3/voices")).status == 500
    assert (await api.get("/v3/users/me")).status == 503
    # The way back is not spoiled.
    assert await control(api, "GET", "faults") == (200, plan)
    assert await control(api, "DELETE", "faults") == (200, {})
    assert (await api.get("/v3/users/me")).status == 200


async def test_a_plan_that_is_none_changes_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(drop=0.5)
    for body in (b"", b"\xff", b"[]", b'{"drop": 2}', b'{"dorp": 0.1}'):
        status, answer = await control(api, "PUT", "faults", body)
        assert (status, answer["error"]["code"]) == (400, "invalid_parameter")
    assert sandbox.faults == Faults(drop=0.5)


async def test_the_ledger(api: Api, sandbox: Sandbox) -> None:
    assert await control(api, "GET", "ledger") == (200, {"usd": 0.0, "jobs": []})
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi", "title": "One"}
    video_id = (await api.post("/v3/videos", body, key="k1")).data["video_id"]
    await api.post("/v3/videos", body, key="k1")
    status, ledger = await control(api, "GET", "ledger")
    (job,) = ledger["jobs"]
    assert status == 200
    assert (job["id"], job["kind"], job["title"]) == (video_id, "video", "One")
    assert (job["operation"], job["idempotency_key"]) == ("videos.create", "k1")
    assert job["usd"] == ledger["usd"] == sandbox.ledger.usd > 0


async def test_the_requests(api: Api, sandbox: Sandbox) -> None:
    await api.get("/v3/users/me")
    sandbox.faults = Faults(status={503: 1})
    await api.get("/v3/users/me")
    await api.get("/v3/users/me")
    _, seen = await control(api, "GET", "requests")
    # Its own paths are not among them.
    assert seen == {
        "by_operation": {"users.me": 3},
        "by_status": {"200": 1, "0": 2},
        "struck": {"users.me": {"status 503": 2}},
    }
    assert sandbox.ledger.requests == 3


async def test_the_key_is_asked_for(api: Api, sandbox: Sandbox) -> None:
    url = f"{sandbox.base_url}/_sandbox/faults"
    for headers in ({}, {"x-api-key": "sk_V2_other"}):
        status, _, answer = await api.raw("PUT", url, headers=headers, data=b'{"drop": 1}')
        assert (status, json.loads(answer)["error"]["code"]) == (401, "unauthorized")
    assert sandbox.faults == Faults()
    bearer = {"Authorization": f"Bearer {sandbox.api_key}"}
    assert (await api.raw("GET", url, headers=bearer))[0] == 200


async def test_other_paths_and_methods(api: Api) -> None:
    assert (await control(api, "GET", "anything"))[0] == 404
    assert (await control(api, "PUT", "ledger"))[0] == 405
    assert (await control(api, "POST", "faults"))[0] == 405
