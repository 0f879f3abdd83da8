"""Authentication, envelopes, idempotency, limits."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest

from heygen_async.sandbox import Fault, Sandbox

from .api import DOCUMENT, Api

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "wrong"},
        {"Authorization": "Bearer wrong"},
        {"x-api-key": "sk_V2_mine", "Authorization": "Bearer sk_V2_mine"},
    ],
)
@pytest.mark.sandbox(api_keys=["sk_V2_mine"])
async def test_a_wrong_or_missing_key_is_401(
    api: Api, sandbox: Sandbox, headers: dict[str, str]
) -> None:
    status, answer_headers, body = await api.raw(
        "GET", f"{sandbox.base_url}/v3/users/me", headers=headers
    )
    assert status == 401
    assert b'"unauthorized"' in body
    assert answer_headers["x-amzn-requestid"]


async def test_a_bearer_token_is_accepted(api: Api, sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    status, _, _ = await api.raw("GET", f"{sandbox.base_url}/v3/users/me", headers=headers)
    assert status == 200


async def test_each_version_refuses_in_its_own_envelope(api: Api, sandbox: Sandbox) -> None:
    v3 = await api.get("/v3/videos/none")
    assert set(v3.body) == {"error"}
    assert v3.body["error"]["doc_url"].endswith("#not-found")
    v2 = await api.get("/v2/template/none")
    assert v2.body["data"] is None
    assert v2.body["error"]["code"] == "template_not_found"
    v1 = await api.get("/v1/video_status.get?video_id=none")
    assert isinstance(v1.body["code"], int)
    assert v1.body["code"] != 100
    assert v1.body["message"]
    assert (await api.get("/v3/nowhere")).refusal[:2] == (404, "not_found")
    assert (await api("PATCH", "/v3/videos")).refusal[:2] == (404, "not_found")


async def test_every_operation_of_the_contract_is_routed(api: Api, sandbox: Sandbox) -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            before = sandbox.requests.by_operation[operation["operationId"]]
            filled = path.replace("{", "").replace("}", "")
            await api.raw(method.upper(), sandbox.base_url + filled)
            assert sandbox.requests.by_operation[operation["operationId"]] == before + 1
    assert sandbox.requests.by_operation["unknown"] == 0


async def test_bodies_must_be_json(api: Api, sandbox: Sandbox) -> None:
    url = f"{sandbox.base_url}/v3/videos"
    key = {"x-api-key": sandbox.api_key}
    for data, kind in [
        (b"{", "application/json"),
        (b"{}", "text/plain"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'{"type": "avatar", "script": "\\ud800"}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"type": ' + b"[" * 500 + b"]" * 500 + b"}", "application/json"),
    ]:
        status, _, _ = await api.raw("POST", url, data=data, headers={**key, "Content-Type": kind})
        assert status == 400


@pytest.mark.parametrize("number", [2**63, -(2**70)])
async def test_numbers_of_any_size_are_judged(api: Api, sandbox: Sandbox, number: int) -> None:
    voice = {"speed": number}
    body = {"type": "avatar", "avatar_id": "a", "script": "Hi", "voice_settings": voice}
    reply = await api.post("/v3/videos", body)
    assert reply.refusal == (400, "invalid_parameter", "voice_settings.speed")


async def test_a_huge_body_is_413(api: Api, sandbox: Sandbox) -> None:
    body = io.BytesIO(bytes(48 * 1024 * 1024 + 1))
    headers = {"x-api-key": sandbox.api_key, "Content-Type": "application/json"}
    status, _, _ = await api.raw(
        "POST", f"{sandbox.base_url}/v3/videos", data=body, headers=headers
    )
    assert status == 413


async def test_lists_in_a_query_are_given_once(api: Api) -> None:
    reply = await api.get("/v3/videos/statuses?video_ids=a&video_ids=b")
    assert reply.refusal == (400, "invalid_parameter", "video_ids")


async def test_long_messages_are_cut(api: Api, sandbox: Sandbox) -> None:
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "x" * 6_000}
    message = (await api.post("/v3/videos", body)).body["error"]["message"]
    assert len(message) < 400
    assert message.endswith("is longer than 5000 characters")


async def test_a_key_replays_the_first_answer_for_24_hours(api: Api, sandbox: Sandbox) -> None:
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    first = await api.post("/v3/videos", body, key="k:1")
    sandbox.clock.advance(86_000)
    again = await api.post("/v3/videos", {**body, "script": "Hi!"}, key="k:1")
    assert again.body == first.body
    assert sandbox.ledger.count() == 1
    assert sandbox.ledger.jobs[0].idempotency_key == "k:1"
    sandbox.clock.advance(401)
    late = await api.post("/v3/videos", body, key="k:1")
    assert late.body != first.body
    assert sandbox.ledger.count() == 2


async def test_a_key_counts_for_one_endpoint_and_its_path(api: Api, sandbox: Sandbox) -> None:
    body: dict[str, object] = {"variables": {}}
    ids = [sandbox.template_id("Welcome"), sandbox.template_id("Product offer")]
    made = {(await api.post(f"/v3/templates/{i}", body, key="same")).data["id"] for i in ids}
    assert len(made) == 2


async def test_refusals_are_not_stored(api: Api, sandbox: Sandbox) -> None:
    body = {"type": "avatar", "avatar_id": "nobody", "script": "Hi"}
    assert (await api.post("/v3/videos", body, key="k")).status == 400
    body["avatar_id"] = sandbox.avatar_id
    assert (await api.post("/v3/videos", body, key="k")).status == 200


async def test_a_key_in_flight_is_409_then_replayed(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.delay(200))
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    slow = asyncio.create_task(api.post("/v3/videos", body, key="k"))
    await asyncio.sleep(10)
    reply = await api.post("/v3/videos", body, key="k")
    assert reply.refusal[:2] == (409, "request_in_progress")
    first = await slow
    assert (await api.post("/v3/videos", body, key="k")).body == first.body
    assert sandbox.ledger.count() == 1


async def test_malformed_keys_are_refused(api: Api, sandbox: Sandbox) -> None:
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    for key in ("white space", "x" * 256, "ü"):
        reply = await api.post("/v3/videos", body, key=key)
        assert reply.refusal == (400, "invalid_parameter", "Idempotency-Key")


async def test_too_many_jobs_are_429_until_one_ends(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 2
    await api.video()
    await asyncio.sleep(80)
    await api.video()
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    refused = await api.post("/v3/videos", body)
    assert refused.refusal[:2] == (429, "rate_limit_exceeded")
    assert refused.headers["Retry-After"] == "20"
    assert sandbox.running == 2
    await asyncio.sleep(20)
    assert (await api.post("/v3/videos", body)).status == 200
    assert (await api.post("/v3/videos", body)).headers["Retry-After"] == "30"
    sandbox.retry_after = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert (await api.post("/v3/videos", body)).headers["Retry-After"].endswith("GMT")
    sandbox.concurrency = 3
    assert (await api.post("/v3/videos", body)).status == 200


async def test_a_clock_that_stands_still_asks_for_a_second() -> None:
    async with Sandbox(speed=0, concurrency=1) as sandbox, Api(sandbox) as api:
        await api.video()
        body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
        assert (await api.post("/v3/videos", body)).headers["Retry-After"] == "1"
        assert sandbox.retry_after is None
        assert sandbox.concurrency == 1


async def test_retry_after_is_in_real_seconds() -> None:
    async with (
        Sandbox(speed=10, concurrency=1, durations={"video": 101.0}) as sandbox,
        Api(sandbox) as api,
    ):
        await api.video()
        body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
        assert (await api.post("/v3/videos", body)).headers["Retry-After"] == "11"


async def test_too_many_requests_a_second_are_429() -> None:
    async with Sandbox(speed=1, requests_per_second=5) as sandbox, Api(sandbox) as api:
        replies = [await api.get("/v3/users/me") for _ in range(7)]
        assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
        assert replies[-1].headers["Retry-After"] == "1"
        await asyncio.sleep(1)
        assert (await api.get("/v3/users/me")).status == 200
        assert sandbox.requests.by_status == {200: 6, 429: 2}
        assert sandbox.ledger.requests == 8


async def test_the_same_seed_makes_the_same_account() -> None:
    async def ids() -> list[str]:
        async with Sandbox(speed=1, seed=7) as sandbox, Api(sandbox) as api:
            return [sandbox.avatar_id, sandbox.voice_id, await api.video()]

    first = await ids()
    assert first == await ids()
    assert all(len(identifier) == 32 for identifier in first)


async def test_closing_cuts_off_what_waits() -> None:
    async with Sandbox(speed=1) as sandbox, aiohttp.ClientSession() as session:
        sandbox.faults.add("users.me", Fault.delay(10_000))
        headers = {"x-api-key": sandbox.api_key}
        waiting = asyncio.create_task(
            session.get(f"{sandbox.base_url}/v3/users/me", headers=headers)
        )
        await asyncio.sleep(1)
        await sandbox.aclose()
        with pytest.raises(aiohttp.ClientError):
            await waiting
    with pytest.raises(RuntimeError, match="was opened before"):
        await sandbox.open()


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="Klingon"):
        Sandbox(languages=["Klingon"])
    with pytest.raises(ValueError, match="key"):
        Sandbox(api_keys=())
    with pytest.raises(ValueError, match="kind of job"):
        Sandbox(durations={"film": 3.0})
    with pytest.raises(ValueError, match="speed"):
        Sandbox(speed=-1)
    with pytest.raises(ValueError, match="kind of job"):
        Sandbox().fail_next("film")
    with pytest.raises(ValueError, match="cannot go back"):
        Sandbox().clock.advance(-1)
    with pytest.raises(KeyError):
        Sandbox().template_id("No such template")
    with pytest.raises(ValueError, match="type of variable"):
        Sandbox().add_template(variables={"x": "smell"})
