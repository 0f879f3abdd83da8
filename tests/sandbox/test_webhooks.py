from __future__ import annotations

import asyncio

import pytest

from heygen_async.sandbox import Sandbox

from .api import DOCUMENT, Api
from .receiver import Receiver

pytestmark = pytest.mark.anyio

ENDPOINTS = "/v3/webhooks/endpoints"
AWAY = "https://app.example.com/hook"


async def test_the_secret_is_shown_once(api: Api, receiver: Receiver) -> None:
    made = await receiver.register(api, events=["avatar_video.success"])
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["status"]) == (receiver.url, "enabled")
    (listed,) = (await api.get(ENDPOINTS)).data
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert receiver.options == 1


async def test_a_replay_shows_the_same_endpoint(api: Api) -> None:
    first = await api.post(ENDPOINTS, {"url": AWAY}, key="a")
    again = await api.post(ENDPOINTS, {"url": AWAY}, key="a")
    assert again.data == first.data
    assert len((await api.get(ENDPOINTS)).data) == 1


async def test_an_address_is_registered_once(api: Api) -> None:
    first = (await api.post(ENDPOINTS, {"url": AWAY})).data
    again = await api.post(ENDPOINTS, {"url": AWAY}, key="another")
    assert again.refusal[:2] == (409, "conflict")
    second = (await api.post(ENDPOINTS, {"url": f"{AWAY}/2"})).data
    path = f"{ENDPOINTS}/{second['endpoint_id']}"
    assert (await api("PATCH", path, {"url": AWAY})).refusal[:2] == (409, "conflict")
    assert (await api("PATCH", path, {"url": f"{AWAY}/2"})).status == 200
    await api("DELETE", f"{ENDPOINTS}/{first['endpoint_id']}")
    assert (await api("PATCH", path, {"url": AWAY})).status == 200


async def test_an_address_that_is_registered_twice_at_once(api: Api, receiver: Receiver) -> None:
    receiver.slow = 0.5  # while it is asked, the other request comes
    body = {"url": receiver.url}
    replies = await asyncio.gather(*(api.post(ENDPOINTS, body) for _ in range(3)))
    assert sorted(reply.status for reply in replies) == [200, 409, 409]
    assert len((await api.get(ENDPOINTS)).data) == 1


async def test_endpoints_are_listed_page_by_page(api: Api) -> None:
    urls = [f"{AWAY}/{number}" for number in range(3)]
    for url in urls:
        await api.post(ENDPOINTS, {"url": url})
    first = await api.get(f"{ENDPOINTS}?limit=2")
    second = await api.get(f"{ENDPOINTS}?limit=2&token={first.body['next_token']}")
    assert [endpoint["url"] for endpoint in first.data + second.data] == urls
    assert (first.body["has_more"], second.body["has_more"]) == (True, False)


async def test_an_update_replaces_the_events(api: Api) -> None:
    body = {"url": AWAY, "events": ["avatar_video.success", "avatar_video.fail"]}
    path = f"{ENDPOINTS}/{(await api.post(ENDPOINTS, body)).data['endpoint_id']}"
    updated = (await api("PATCH", path, {"events": ["video_agent.fail"]})).data
    assert updated["events"] == ["video_agent.fail"]
    assert "secret" not in updated
    assert (await api("PATCH", path, {"url": f"{AWAY}/2"})).data["events"] == ["video_agent.fail"]
    everything = (await api("PATCH", path, {"events": None, "url": None})).data
    assert (everything["events"], everything["url"]) == (None, f"{AWAY}/2")


async def test_a_rotation_gives_another_secret(api: Api) -> None:
    made = (await api.post(ENDPOINTS, {"url": AWAY})).data
    rotated = (await api.post(f"{ENDPOINTS}/{made['endpoint_id']}/rotate-secret")).data
    assert rotated["endpoint_id"] == made["endpoint_id"]
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]


async def test_a_deleted_endpoint_is_gone(api: Api) -> None:
    path = f"{ENDPOINTS}/{(await api.post(ENDPOINTS, {'url': AWAY})).data['endpoint_id']}"
    assert (await api("DELETE", path)).status == 200
    assert (await api.get(ENDPOINTS)).data == []
    for reply in (
        await api("DELETE", path),
        await api("PATCH", path, {"events": None}),
        await api.post(f"{path}/rotate-secret"),
    ):
        assert reply.refusal[:2] == (404, "webhook_not_found")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "hook", "http://", "http://[", "http://a:b/"])
async def test_only_web_addresses_are_registered(api: Api, url: str) -> None:
    assert (await api.post(ENDPOINTS, {"url": url})).refusal[::2] == (400, "url")


async def test_types_that_do_not_exist_are_refused(api: Api) -> None:
    reply = await api.post(ENDPOINTS, {"url": AWAY, "events": ["lipsync.success"]})
    assert reply.refusal[::2] == (400, "events.0")


@pytest.mark.parametrize("trouble", ["slow", "refusing", "absent"])
async def test_an_address_must_answer_options(api: Api, receiver: Receiver, trouble: str) -> None:
    body = {"url": receiver.url}
    if trouble == "slow":
        receiver.slow = 1.5
    elif trouble == "refusing":
        receiver.options_status = 405
    else:
        body["url"] = "http://127.0.0.1:9/hook"
    started = asyncio.get_running_loop().time()
    assert (await api.post(ENDPOINTS, body)).refusal[::2] == (400, "url")
    assert asyncio.get_running_loop().time() - started < 1.5
    other = (await api.post(ENDPOINTS, {"url": AWAY})).data
    path = f"{ENDPOINTS}/{other['endpoint_id']}"
    assert (await api("PATCH", path, body)).refusal[::2] == (400, "url")
    (listed,) = (await api.get(ENDPOINTS)).data
    assert listed["url"] == AWAY


async def test_the_types_are_those_of_the_contract(api: Api) -> None:
    reply = await api.get("/v3/webhooks/event-types")
    types = [entry["event_type"] for entry in reply.data]
    assert types == DOCUMENT["components"]["schemas"]["WebhookEventName"]["enum"]
    assert all(entry["description"] for entry in reply.data)


async def test_events_are_listed_newest_first(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    await receiver.register(api)
    sandbox.fail_next("video")
    failed = await api.video()
    await asyncio.sleep(1)
    done = await api.video()
    sandbox.clock.advance(200)
    listed = (await api.get("/v3/webhooks/events")).data
    assert [event["event_type"] for event in listed] == [
        "avatar_video.success",
        "avatar_video.fail",
    ]
    await sandbox.deliveries.settled()
    assert [received.event for received in receiver.got] == listed[::-1]
    (of_one,) = (await api.get(f"/v3/webhooks/events?entity_id={failed}")).data
    assert of_one["event_data"]["video_id"] == failed
    (of_type,) = (await api.get("/v3/webhooks/events?event_type=avatar_video.success")).data
    assert of_type["event_data"]["video_id"] == done
    page = await api.get("/v3/webhooks/events?limit=1")
    rest = await api.get(f"/v3/webhooks/events?limit=9&token={page.body['next_token']}")
    assert page.data + rest.data == listed


async def test_events_that_concern_nobody_are_not_listed(api: Api, sandbox: Sandbox) -> None:
    await api.video()
    await asyncio.sleep(200)
    await api.post(ENDPOINTS, {"url": AWAY, "events": ["video_agent.success"]})
    await api.video()
    await asyncio.sleep(200)
    assert (await api.get("/v3/webhooks/events")).data == []
    assert sandbox.deliveries.records == []


async def test_a_close_that_is_cancelled_leaves_no_connection_open(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)  # which is asked, on a connection that is kept
    assert receiver.connections == 1
    closing = asyncio.create_task(sandbox.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    await asyncio.sleep(0.1)
    assert receiver.connections == 0
