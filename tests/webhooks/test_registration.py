"""Endpoints of the account: by hand, brought in line, and what was missed read back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from heygen_async import (
    ConfigurationError,
    Conflict,
    HeyGen,
    InvalidRequest,
    NotFound,
    WebhookEvent,
    WebhookReceiver,
)
from heygen_async.sandbox import Fault, Faults, Sandbox
from heygen_async.sandbox.operations import webhooks
from heygen_async.webhooks import AvatarVideoSuccess, Event, UnknownEvent, VideoTranslateFail
from heygen_async.webhooks.events import EVENT_CLASSES

from .conftest import listening_at, video_request
from .signing import SECRET

pytestmark = pytest.mark.anyio


async def test_endpoints_by_hand(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with listening_at(WebhookReceiver(heygen)) as url:
        endpoints = heygen.webhooks.endpoints
        created = await endpoints.create(url, events=["avatar_video.success"])
        assert (created.url, created.status, created.events) == (
            url,
            "enabled",
            ("avatar_video.success",),
        )
        assert created.secret is not None
        assert created.secret not in repr(created)
        (listed,) = [endpoint async for endpoint in endpoints.list()]
        assert (listed.endpoint_id, listed.secret) == (created.endpoint_id, None)
        updated = await endpoints.update(created.endpoint_id, events=["avatar_video.fail"])
        assert updated.events == ("avatar_video.fail",)
        moved = await endpoints.update(created.endpoint_id, url=f"{url}?moved")
        assert (moved.url, moved.events) == (f"{url}?moved", ("avatar_video.fail",))
        assert (await endpoints.update(created.endpoint_id, events="all")).events is None
        rotated = await endpoints.rotate_secret(created.endpoint_id)
        assert rotated.secret != created.secret
        assert rotated.secret not in repr(rotated)
        await endpoints.delete(created.endpoint_id)
        assert [endpoint async for endpoint in endpoints.list()] == []
        with pytest.raises(NotFound):
            await endpoints.delete(created.endpoint_id)
    wrong: Any = ["avatar_video.sucess"]
    for bad in ({"url": "ftp://a/b"}, {"url": url, "events": wrong}):
        with pytest.raises(InvalidRequest, match=r"url|events"):
            await endpoints.create(**bad)


async def test_the_types_of_events(heygen: HeyGen) -> None:
    types = [kind async for kind in heygen.webhooks.event_types()]
    assert {kind.event_type for kind in types} == EVENT_CLASSES.keys()
    assert all(kind.description for kind in types)


async def test_registering_is_idempotent(sandbox: Sandbox, heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        endpoint = await receiver.ensure_registered(
            url, ["avatar_video.success", VideoTranslateFail]
        )
        assert endpoint.secret is not None
        assert endpoint.events == ("avatar_video.success", "video_translate.fail")
        again = await receiver.ensure_registered(url, [VideoTranslateFail, AvatarVideoSuccess])
        assert (again.endpoint_id, again.secret) == (endpoint.endpoint_id, None)
        assert sandbox.requests.by_operation["webhooks.endpoints.update"] == 0
        assert (await receiver.ensure_registered(url)).events is None
        assert sandbox.requests.by_operation["webhooks.endpoints.create"] == 1
        # It accepts what the endpoint signs.
        sandbox.deliveries.emit("avatar_video.success", {"video_id": "v"})
        await sandbox.deliveries.settled()
        assert receiver.counts.events == 1


async def test_an_endpoint_whose_secret_is_not_known(sandbox: Sandbox, heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        endpoint = await heygen.webhooks.endpoints.create(url)
        with pytest.raises(ConfigurationError, match=r"pass secrets=, or pass rotate=True"):
            await receiver.ensure_registered(url)
        rotated = await receiver.ensure_registered(url, rotate=True)
        assert rotated.endpoint_id == endpoint.endpoint_id
        assert rotated.secret not in (None, endpoint.secret)
        sandbox.deliveries.emit("avatar_video.success", {"video_id": "v"})
        await sandbox.deliveries.settled()
        assert receiver.counts.events == 1
        assert receiver.counts.refused == 0


async def test_workers_that_register_together_share_one_secret(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    first, second = WebhookReceiver(heygen), WebhookReceiver(heygen)
    async with listening_at(first) as url:
        both = await asyncio.gather(first.ensure_registered(url), second.ensure_registered(url))
        assert both[0] == both[1]
        assert len([endpoint async for endpoint in heygen.webhooks.endpoints.list()]) == 1


async def test_workers_that_want_other_events_share_the_address(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    first, second = WebhookReceiver(heygen, SECRET), WebhookReceiver(heygen, SECRET)
    async with listening_at(first) as url:
        one, other = await asyncio.gather(
            first.ensure_registered(url, ["avatar_video.success"]),
            second.ensure_registered(url, ["avatar_video.fail"]),
        )
        assert one.endpoint_id == other.endpoint_id
        assert len([endpoint async for endpoint in heygen.webhooks.endpoints.list()]) == 1
        assert sandbox.requests.by_status[409] == 1


async def test_an_address_that_is_taken_and_not_listed(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("webhooks.endpoints.create", Fault.status(409, code="conflict"), times=None)
    with pytest.raises(Conflict):
        await WebhookReceiver(heygen, SECRET).ensure_registered("https://hooks.example.com/a")


SPELLINGS = [
    ("https://hooks.example.com", "https://hooks.example.com/"),
    ("https://Hooks.Example.com/a", "https://hooks.example.com/a"),
    ("https://hooks.example.com:443/a", "https://hooks.example.com/a"),
    (
        "https://hooks.example.com/h\u00e9ygen?b=\u00e9",
        "https://hooks.example.com/h%C3%A9ygen?b=%C3%A9",
    ),
    ("https://b\u00fccher.example/%7Ea#top", "https://xn--bcher-kva.example/~a"),
]


@pytest.mark.parametrize(("written", "kept"), SPELLINGS)
async def test_an_address_is_recognised_in_another_spelling(
    sandbox: Sandbox, heygen: HeyGen, written: str, kept: str
) -> None:
    listed = await _endpoint(sandbox, heygen, kept)
    endpoint = await WebhookReceiver(heygen, SECRET).ensure_registered(written)
    assert endpoint.endpoint_id == listed
    assert sandbox.requests.by_operation["webhooks.endpoints.create"] == 0


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://a.example/hook", "https://a.example/Hook"),
        ("https://a.example/hook", "https://a.example/hook/"),
        ("https://a.example/hook", "http://a.example/hook"),
        ("https://a.example/hook", "https://a.example:8443/hook"),
        ("https://a.example/hook?a=1", "https://a.example/hook?a=2"),
        ("https://a.example/a%2Fb", "https://a.example/a/b"),
        ("https://a.example/hook", "https://[::1"),
    ],
)
async def test_another_address_is_not(
    sandbox: Sandbox, heygen: HeyGen, written: str, kept: str
) -> None:
    await _endpoint(sandbox, heygen, kept)
    new = {"endpoint_id": "new", "url": written, "status": "enabled", "created_at": "now"}
    sandbox.faults.add("webhooks.endpoints.create", Fault.body(_json(new)), times=None)
    endpoint = await WebhookReceiver(heygen, SECRET).ensure_registered(written)
    assert endpoint.endpoint_id == "new"


async def _endpoint(sandbox: Sandbox, heygen: HeyGen, url: str) -> str:
    """Have the API list an endpoint with this address, which nobody serves."""
    entry = {"endpoint_id": "kept", "url": url, "status": "enabled", "created_at": "now"}
    sandbox.faults.add("webhooks.endpoints.list", Fault.body(_json([entry])), times=None)
    return "kept"


def _json(data: object) -> bytes:
    return json.dumps({"data": data}).encode()


async def test_a_deleted_endpoint_is_made_anew(sandbox: Sandbox, heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        first = await receiver.ensure_registered(url)
        await heygen.webhooks.endpoints.delete(first.endpoint_id)
        second = await receiver.ensure_registered(url)
        assert second.endpoint_id != first.endpoint_id
        assert second.secret not in (None, first.secret)


async def test_a_disabled_endpoint_is_no_registration(
    sandbox: Sandbox, heygen: HeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        first = await receiver.ensure_registered(url)

        def disabled(account: Any, endpoint: Any) -> Any:
            status = "disabled" if endpoint.id == first.endpoint_id else "enabled"
            return {**endpoint_json(account, endpoint), "status": status}

        endpoint_json = webhooks.endpoint_json
        monkeypatch.setattr(webhooks, "endpoint_json", disabled)
        # The key of the first creation would bring the first endpoint again.
        second = await receiver.ensure_registered(url)
        assert (second.endpoint_id != first.endpoint_id, second.status) == (True, "enabled")
        assert (await receiver.ensure_registered(url)).endpoint_id == second.endpoint_id


async def test_types_that_cannot_be_registered(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    wrong: Any
    for wrong in (["avatar_video.sucess"], [UnknownEvent], [Event], [], "avatar_video.fail"):
        with pytest.raises(ConfigurationError, match="events: "):
            await receiver.ensure_registered("https://app.example/hooks", wrong)


async def test_missed_deliveries_are_read_back(sandbox: Sandbox, heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    got: list[str | None] = []
    receiver.on(Event)(lambda event: got.append(event.event_id))
    began = sandbox.clock.epoch
    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        await _make(sandbox, heygen, 3)
        assert len(got) == 3
        sandbox.faults = Faults(lose=1.0)
        await _make(sandbox, heygen, 250)
        sandbox.faults = Faults()
        await _make(sandbox, heygen, 1)
        assert len(got) == 4
        assert await receiver.recover() == 250
        assert await receiver.recover(since=began) == 0
        assert receiver.counts.recovered == 250
    assert len(set(got)) == 254
    listed = [event async for event in heygen.webhooks.events(limit=100)]
    assert {event.event_id for event in listed} == set(got)
    assert isinstance(listed[0], WebhookEvent)
    assert [event async for event in heygen.webhooks.events(entity_id="unheard-of")] == []


async def test_how_far_to_read_back(sandbox: Sandbox, heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        with pytest.raises(ConfigurationError, match="since: "):
            await receiver.recover()
        sandbox.faults = Faults(lose=1.0)
        for _ in range(3):
            await _make(sandbox, heygen, 1)
            await asyncio.sleep(3600)
        since = sandbox.clock.epoch + 3600
        assert await receiver.recover(datetime.fromtimestamp(since, UTC)) == 2
        assert await receiver.recover(since) == 0


async def test_what_is_read_back_settles_jobs_and_is_tried_until_it_works(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen, on_handler_error="retry")
    works = False

    @receiver.on(Event)
    async def handler(event: Event) -> None:
        if not works:
            raise LookupError

    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        sandbox.faults = Faults(lose=1.0)
        job = await heygen.videos.create(video_request(sandbox))
        waiting = asyncio.create_task(job.wait())
        await asyncio.sleep(101)
        since = sandbox.clock.epoch
        assert await receiver.recover(since) == 1
        await waiting
        assert sandbox.clock.now() < 101.5
        works = True
        assert await receiver.recover(since) == 1
        assert await receiver.recover(since) == 0
    assert receiver.counts.handler_errors == 1


async def test_a_receiver_that_is_closed_reads_nothing_more_back(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen, workers=1, backlog=2, patience=5)
    got: list[str | None] = []
    slow = True

    @receiver.on(Event)
    async def handler(event: Event) -> None:
        if slow:
            await asyncio.sleep(60)
        got.append(event.event_id)

    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        sandbox.faults = Faults(lose=1.0)
        await _make(sandbox, heygen, 6)
        reading = asyncio.create_task(receiver.recover(since=0))
        await asyncio.sleep(1)
    # One was at work and two waited: they were abandoned. The others were not taken up.
    async with asyncio.timeout(1):
        assert await reading == 3
    assert got == []
    slow = False
    async with receiver:
        assert await receiver.recover(since=0) == 6
    assert len(set(got)) == len(got) == 6


async def test_reading_back_that_is_cancelled_leaves_its_event_for_later(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen, on_handler_error="retry")
    got: list[str | None] = []

    @receiver.on(Event)
    async def handler(event: Event) -> None:
        await asyncio.sleep(60)
        got.append(event.event_id)

    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        sandbox.faults = Faults(lose=1.0)
        await _make(sandbox, heygen, 2)
        reading = asyncio.create_task(receiver.recover(since=0))
        await asyncio.sleep(90)  # into the second
        reading.cancel()
        await asyncio.wait([reading])
        assert await receiver.recover(since=0) == 1
    assert len(set(got)) == len(got) == 2


async def _make(sandbox: Sandbox, heygen: HeyGen, count: int) -> None:
    """Make videos, and let their deliveries arrive."""
    for _ in range(count):
        await heygen.videos.create(video_request(sandbox))
    await asyncio.sleep(101)
    await sandbox.deliveries.settled()
    await asyncio.sleep(0.1)
