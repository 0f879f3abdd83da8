"""The plan of faults: its settings, its frequencies, and its replacement."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import Any

import aiohttp
import pytest

from heygen_async.sandbox import Fault, Faults, Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

ME = "/v3/users/me"


async def asked(api: Api, count: int = 200, path: str = ME) -> Counter[int]:
    """Send so many requests; return the answers by status, those without one under 0."""
    seen: Counter[int] = Counter()
    for _ in range(count):
        try:
            status, _, _ = await api.raw(
                "GET", api.sandbox.base_url + path, headers={"x-api-key": api.sandbox.api_key}
            )
        except aiohttp.ServerDisconnectedError:
            status = 0
        seen[status] += 1
    return seen


async def test_each_request_meets_one_fault_at_most(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(drop=0.2, drop_answer=0.1, status={503: 0.2, 429: 0.1})
    await asked(api, 400)
    # Including those that the client repeated.
    requests = sandbox.ledger.requests
    names = Counter(name for _, name in sandbox.faults.struck)
    for name, share in (("drop", 0.2), ("drop_answer", 0.1), ("status 503", 0.2)):
        assert names[name] == pytest.approx(share * requests, rel=0.3)
    assert sandbox.requests.by_status == {200: requests - names.total(), 0: names.total()}


async def test_shares_of_one_leave_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(status={500: 0.1, 502: 0.2, 503: 0.3, 504: 0.4})
    assert (await asked(api, 50))[200] == 0


@pytest.mark.parametrize(
    ("faults", "jobs"),
    [
        (Faults(drop=1), 0),
        (Faults(drop_answer=1), 1),
        (Faults(status={500: 1}), 0),
        (Faults(error_after_work=1), 1),
    ],
)
async def test_the_work_is_done_or_not(
    api: Api, sandbox: Sandbox, faults: Faults, jobs: int
) -> None:
    sandbox.faults = faults
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    try:
        reply = await api.post("/v3/videos", body, key="one")
        assert reply.refusal[:2] == (500, "internal_error")
    except aiohttp.ServerDisconnectedError:
        pass
    assert sandbox.ledger.count() == jobs


async def test_the_draws_come_from_the_seed() -> None:
    async def course(seed: int) -> tuple[Counter[int], list[tuple[str, str]], float]:
        faults = Faults(drop=0.3, status={500: 0.2}, latency=(0, 1))
        async with Sandbox(speed=1, seed=seed, faults=faults) as sandbox, Api(sandbox) as api:
            begun = asyncio.get_running_loop().time()
            seen = await asked(api, 40)
            took = asyncio.get_running_loop().time() - begun
            return seen, sandbox.faults.struck, round(took, 6)

    assert await course(1) == await course(1)
    assert await course(1) != await course(2)


async def test_an_operation_has_its_own(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(
        status={503: 1},
        operations={"users.me": Faults(), "voices.list": Faults(status={500: 1})},
    )
    assert await asked(api, 3) == {200: 3}
    assert await asked(api, 3, "/v3/voices") == {500: 3}
    assert await asked(api, 3, "/v3/templates") == {503: 3}


async def test_the_media_host_is_spared_unless_it_is_named(api: Api, sandbox: Sandbox) -> None:
    url = (await api.get("/v3/voices")).body["data"][0]["preview_audio_url"]
    sandbox.faults = Faults(status={503: 1}, latency=10)
    assert (await api.raw("GET", url))[0] == 200
    assert asyncio.get_running_loop().time() < 10
    sandbox.faults = Faults(operations={"media": Faults(status={503: 1})})
    assert (await api.raw("GET", url))[0] == 503
    sandbox.faults = Faults(operations={"media": Faults(latency=10)})
    assert (await api.raw("GET", url))[0] == 200
    assert asyncio.get_running_loop().time() >= 10


async def test_a_request_that_is_worked_on_refuses_its_repetition(
    api: Api, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(operations={"videos.create": Faults(latency=(5, 9))})
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    first = asyncio.create_task(api.post("/v3/videos", body, key="one"))
    await asyncio.sleep(4)
    refusal = (await api.post("/v3/videos", body, key="one")).refusal
    assert refusal[:2] == (409, "request_in_progress")
    assert not first.done()
    made = (await first).data
    assert 5 <= asyncio.get_running_loop().time() <= 9
    assert (await api.post("/v3/videos", body, key="one")).data == made
    assert sandbox.ledger.count() == 1


async def test_a_plan_is_replaced_and_never_changed(api: Api, sandbox: Sandbox) -> None:
    assert sandbox.faults == Faults()
    sandbox.faults = Faults(status={500: 1})
    with pytest.raises(FrozenInstanceError):
        sandbox.faults.drop = 0.5  # type: ignore[misc]
    sandbox.faults.add("users.me", Fault.status(404, body="empty"))
    assert await asked(api, 3) == {404: 1, 500: 2}  # the script goes first
    sandbox.faults.add("users.me", Fault.status(404, body="empty"))
    sandbox.faults.clear()
    assert await asked(api, 1) == {500: 1}
    sandbox.faults.add("users.me", Fault.status(404, body="empty"))
    sandbox.faults = replace(sandbox.faults, status={503: 1})
    assert await asked(api, 2) == {503: 2}
    assert len(sandbox.faults.struck) == 2
    sandbox.faults = Faults()
    assert await asked(api, 2) == {200: 2}


async def test_jobs_that_fail_and_jobs_that_never_end(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 200
    sandbox.faults = Faults(fail_jobs={"video": 0.3}, stuck_jobs=0.2)
    videos = [await api.video() for _ in range(150)]
    sandbox.clock.advance(1e6)
    states = Counter([(await api.get(f"/v3/videos/{video}")).data["status"] for video in videos])
    assert set(states) == {"completed", "failed", "processing"}
    assert 25 < states["failed"] < 65
    assert 15 < states["processing"] < 45
    # Neither is paid for, and one that is stuck keeps its slot until it is deleted.
    assert sum(job.charged for job in sandbox.ledger.jobs) == states["completed"]
    sandbox.concurrency = states["processing"]
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hi"}
    full = await api.post("/v3/videos", body)
    assert (full.status, full.headers["Retry-After"]) == (429, "30")
    for video in videos:
        await api("DELETE", f"/v3/videos/{video}")
    assert (await api.post("/v3/videos", body)).status == 200


async def test_some_urls_come_late(api: Api, sandbox: Sandbox) -> None:
    sandbox.concurrency = 100
    sandbox.faults = Faults(null_video_url=0.5)
    videos = [await api.video() for _ in range(60)]
    now = sandbox.clock.now()
    sandbox.clock.advance(100.5 - now)
    late = [v for v in videos if (await api.get(f"/v3/videos/{v}")).data["video_url"] is None]
    assert 15 < len(late) < 45
    again = [v for v in videos if (await api.get(f"/v3/videos/{v}")).data["video_url"] is None]
    assert again == late  # not another half of them
    sandbox.clock.advance(1)
    for video in late:
        assert (await api.get(f"/v3/videos/{video}")).data["video_url"]


async def test_some_media_addresses_are_no_good(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(expire_urls=0.5)

    async def statuses() -> list[int]:
        voices = (await api.get("/v3/voices?limit=100")).body["data"]
        urls = [voice["preview_audio_url"] for voice in voices]
        for url in urls:  # the same address stays as it is
            assert (await api.raw("HEAD", url))[0] == (await api.raw("HEAD", url))[0]
        return [(await api.raw("HEAD", url))[0] for url in urls]

    first, second = await statuses(), await statuses()
    assert set(first) == set(second) == {200, 403}
    assert (403, 403) not in zip(first, second, strict=True)
    sandbox.faults = Faults()
    assert set(await statuses()) == {200}


JSON: list[tuple[Faults, Any]] = [
    (Faults(), {}),
    (Faults(drop=0.1, delay=3), {"drop": 0.1, "delay": 3}),
    (Faults(status={503: 0.02}, latency=(0.1, 2)), {"status": {"503": 0.02}, "latency": [0.1, 2]}),
    (Faults(fail_jobs={"video": 0.5}), {"fail_jobs": {"video": 0.5}}),
    (
        Faults(hide_assets=(1, 2), list_lag=3, gateway_timeout=30.5, lost_sessions=0.5),
        {"hide_assets": [1, 2], "list_lag": 3, "gateway_timeout": 30.5, "lost_sessions": 0.5},
    ),
    (
        Faults(duplicate=0.3, operations={"media": Faults(drop=1), "users.me": Faults()}),
        {"duplicate": 0.3, "operations": {"media": {"drop": 1}, "users.me": {}}},
    ),
]


@pytest.mark.parametrize(("faults", "plan"), JSON, ids=repr)
def test_a_plan_as_json(faults: Faults, plan: Any) -> None:
    text = json.dumps(faults.to_json())
    assert json.loads(text) == plan
    assert Faults.from_json(text) == Faults.from_json(plan) == faults


WRONG: list[tuple[Any, str]] = [
    ("{", "Expecting"),
    ([], "expected an object"),
    ({"dorp": 0.1}, "faults: unknown names: dorp"),
    ({"struck": []}, "faults: unknown names: struck"),
    ({"drop": 1.1}, "more than 1"),
    ({"drop": -0.1}, "expected a share"),
    ({"drop": True}, "expected a share"),
    ({"lose": "often"}, "lose: expected a share"),
    ({"drop": 0.6, "status": {"500": 0.5}}, "more than 1"),
    ({"status": {"200": 0.5}}, "status: expected 400 to 599, got 200"),
    ({"status": {"often": 0.5}}, "status: expected 400 to 599, got 'often'"),
    ({"status": [500]}, "status: expected an object"),
    ({"operations": {"users.me": [1]}}, "expected an object"),
    ({"operations": {"users.you": {}}}, "unknown operation users.you"),
    ({"operations": {"users.me": {"fail_jobs": 1}}}, "fail_jobs cannot be set for users.me alone"),
    (
        {"operations": {"users.me": {"operations": {"media": {}}}}},
        "operations cannot be set for users.me alone",
    ),
    ({"latency": [1]}, "latency: expected seconds"),
    ({"gateway_timeout": [1, 2]}, "gateway_timeout: expected seconds"),
    ({"gateway_timeout": -1}, "gateway_timeout: expected seconds"),
    (
        {"operations": {"media": {"gateway_timeout": 1}}},
        "gateway_timeout cannot be set for media alone",
    ),
    ({"list_lag": True}, "list_lag: expected seconds"),
    ({"hide_assets": [2, 1]}, "hide_assets: expected seconds"),
    ({"lost_sessions": 2}, "lost_sessions: the shares add up to more than 1"),
    ({"latency": [2, 1]}, "latency: expected seconds"),
    ({"delay": "1"}, "delay: expected seconds"),
    ({"delay": -1}, "delay: expected seconds"),
    ({"delay": float("inf")}, "delay: expected seconds"),
    ({"fail_jobs": {"vidoe": 0.1}}, "unknown kind of job: vidoe"),
    ({"fail_jobs": 0.6, "stuck_jobs": {"video": 0.5}}, "more than 1"),
    ({"fail_jobs": [0.6]}, "expected a share"),
]


@pytest.mark.parametrize(("plan", "why"), WRONG, ids=str)
def test_what_is_no_plan_is_refused(plan: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Faults.from_json(plan)


def test_the_attributes_of_webhooks_are_plain() -> None:
    faults = Faults(duplicate=0.1, lose=0.2, reorder=0.3, delay=(1, 2))
    shares = (faults.duplicate, faults.lose, faults.reorder, faults.delay)
    assert shares == (0.1, 0.2, 0.3, (1, 2))
