"""Deliveries through real web servers: aiohttp, and ASGI apps under uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Route

from heygen_async import HeyGen, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.webhooks import Event

from ..web_servers import under_aiohttp, under_uvicorn
from .conftest import video_request
from .signing import SECRET, event_body, signed

pytestmark = pytest.mark.anyio

BODY = event_body()
LIMIT = 1_000_000


@asynccontextmanager
async def aiohttp_route(receiver: WebhookReceiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/hooks/heygen", receiver.aiohttp_handler)
    async with under_aiohttp(app) as address:
        yield f"{address}/hooks/heygen"


@asynccontextmanager
async def aiohttp_sub_app(receiver: WebhookReceiver) -> AsyncIterator[str]:
    app = web.Application()
    app.add_subapp("/hooks/heygen", receiver.aiohttp_app())
    async with under_aiohttp(app) as address:
        yield f"{address}/hooks/heygen"


@asynccontextmanager
async def aiohttp_alone(receiver: WebhookReceiver) -> AsyncIterator[str]:
    async with under_aiohttp(receiver.aiohttp_app()) as address:
        yield f"{address}/any/path"


@asynccontextmanager
async def asgi_alone(receiver: WebhookReceiver) -> AsyncIterator[str]:
    async with under_uvicorn(receiver.asgi_app()) as address:
        yield f"{address}/any/path"


@asynccontextmanager
async def starlette_route(receiver: WebhookReceiver) -> AsyncIterator[str]:
    routes = [Route("/hooks/heygen", receiver.asgi_app())]
    app = Starlette(routes=routes, lifespan=receiver.lifespan)
    async with under_uvicorn(app) as address:
        yield f"{address}/hooks/heygen"


@asynccontextmanager
async def fastapi_route(receiver: WebhookReceiver) -> AsyncIterator[str]:
    app = FastAPI(lifespan=receiver.lifespan)
    app.add_route("/hooks/heygen", receiver.asgi_app())  # type: ignore[arg-type]
    async with under_uvicorn(app) as address:
        yield f"{address}/hooks/heygen"


@asynccontextmanager
async def fastapi_mounted(receiver: WebhookReceiver) -> AsyncIterator[str]:
    app = FastAPI(lifespan=receiver.lifespan)
    app.mount("/hooks", receiver.asgi_app())
    async with under_uvicorn(app) as address:
        yield f"{address}/hooks/heygen"


APPS = [
    aiohttp_route,
    aiohttp_sub_app,
    aiohttp_alone,
    asgi_alone,
    starlette_route,
    fastapi_route,
    fastapi_mounted,
]
every_app = pytest.mark.parametrize("serve", APPS, ids=lambda serve: serve.__name__)
both_kinds = pytest.mark.parametrize(
    "serve", [aiohttp_route, asgi_alone], ids=lambda serve: serve.__name__
)


class Answer:
    """Send on a new connection; return status, headers, and whether it was closed."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        self.status = int(first.split()[1])
        pairs = (line.split(": ", 1) for line in lines)
        self.headers = {name.lower(): value for name, value in pairs}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


def head(url: str, verb: str = "POST", /, **headers: object) -> bytes:
    """The start of a request."""
    path = "/" + url.split("/", 3)[3]
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{verb} {path} HTTP/1.1", "Host: app", *lines, "", ""]).encode()


async def send(url: str, request: bytes) -> Answer:
    """Send bytes, and read the head of what is answered."""
    async with connected(url) as (reader, writer):
        writer.write(request)
        await writer.drain()
        return Answer(await reader.readuntil(b"\r\n\r\n"))


async def deliver(url: str, body: bytes = BODY, secret: str = SECRET) -> Answer:
    headers = {**signed(body, secret), "Content-Length": str(len(body))}
    return await send(url, head(url, **headers) + body)


@every_app
async def test_a_delivery_arrives(heygen: HeyGen, serve: Any) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    seen: list[Event] = []
    receiver.on(Event)(seen.append)
    async with serve(receiver) as url:
        assert (await deliver(url)).status == 200
        assert (await deliver(url)).status == 200
        assert (await deliver(url, secret="whsec_forged")).status == 401
        assert (await deliver(url, b"[]")).status == 400
        await asyncio.sleep(0.1)
    assert [event.event_id for event in seen] == ["event-1"]


@every_app
async def test_what_needs_no_body_is_answered_without(heygen: HeyGen, serve: Any) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    async with serve(receiver) as url:
        options = await send(url, head(url, "OPTIONS"))
        assert (options.status, options.headers["allow"]) == (200, "OPTIONS, POST")
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            refused = await send(url, head(url, method, Content_Length=0))
            assert (refused.status, refused.headers["allow"]) == (405, "OPTIONS, POST")
        # Only the head is sent: the answer does not wait for a body.
        length: dict[str, object] = {"Content_Length": 100}
        for wrong in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
            answer = await send(url, head(url, Content_Type=wrong, **length))
            assert (answer.status, answer.headers["connection"]) == (415, "close")
        json = "application/json"
        for size in (LIMIT + 1, 100 * LIMIT, "9" * 5_000):
            answer = await send(url, head(url, Content_Type=json, Content_Length=size))
            assert answer.status in (413, 400)  # a server may refuse the absurd by itself
    assert receiver.counts.events == 0


@every_app
@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "a/b+json"])
async def test_json_by_any_name(heygen: HeyGen, serve: Any, content_type: str | None) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    async with serve(receiver) as url:
        headers: dict[str, object] = {**signed(BODY), "Content-Length": len(BODY)}
        del headers["Content-Type"]
        if content_type is not None:
            headers["Content-Type"] = content_type
        assert (await send(url, head(url, **headers) + BODY)).status == 200


@both_kinds
async def test_a_long_body_of_unknown_length_is_cut_off(heygen: HeyGen, serve: Any) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    total = 100 * LIMIT // 0x10000
    tracemalloc.start()
    try:
        async with serve(receiver) as url, connected(url) as (_, writer):
            started = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            writer.write(head(url, Content_Type="application/json", Transfer_Encoding="chunked"))
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < total:
                    writer.write(chunk)
                    await writer.drain()
                    sent += 1
            peak = tracemalloc.get_traced_memory()[1] - started
    finally:
        tracemalloc.stop()
    assert sent < total / 4
    assert peak < 10 * LIMIT


@both_kinds
async def test_a_body_that_trickles_is_given_up(heygen: HeyGen, serve: Any) -> None:
    receiver = WebhookReceiver(heygen, SECRET, body_timeout=10)
    async with serve(receiver) as url, connected(url) as (reader, writer):
        headers = {**signed(BODY), "Content-Length": str(len(BODY))}
        writer.write(head(url, **headers))
        began = asyncio.get_running_loop().time()
        trickle = asyncio.create_task(_trickle(writer))
        answer = Answer(await reader.readuntil(b"\r\n\r\n"))
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert asyncio.get_running_loop().time() - began == pytest.approx(10, abs=0.5)
        trickle.cancel()
        with contextlib.suppress(ConnectionError):
            while await reader.read(100):
                pass  # up to the end: the connection is closed


async def _trickle(writer: asyncio.StreamWriter) -> None:
    for byte in BODY:
        writer.write(bytes([byte]))
        await asyncio.sleep(1)


@both_kinds
async def test_a_sender_that_hangs_up_leaves_no_trace(
    heygen: HeyGen, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    async with serve(receiver) as url:
        headers = {**signed(BODY), "Content-Length": str(len(BODY))}
        async with connected(url) as (_, writer):
            writer.write(head(url, **headers) + BODY[:10])
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        assert (await deliver(url)).status == 200
    assert receiver.counts.events == 1
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.no_cover
@both_kinds
async def test_many_connections_at_once(heygen: HeyGen, serve: Any) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    async with serve(receiver) as url:
        bodies = [event_body(event_id=str(number)) for number in range(400)]
        answers = await asyncio.gather(*(deliver(url, body) for body in bodies))
    assert {answer.status for answer in answers} == {200}
    assert receiver.counts.events == 400


@pytest.mark.parametrize(
    "serve",
    [app for app in APPS if app is not aiohttp_route],
    ids=lambda serve: serve.__name__,
)
async def test_an_app_ends_its_work_and_its_client(
    sandbox: Sandbox, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
    receiver = WebhookReceiver(heygen, SECRET)
    done: list[Event] = []

    @receiver.on(Event)
    async def slow(event: Event) -> None:
        await heygen.users.me()
        await asyncio.sleep(5)
        done.append(event)

    async with serve(receiver) as url:
        assert (await deliver(url)).status == 200
        assert not done
    assert len(done) == 1
    assert (await receiver.handle(BODY, signed(BODY))).status == 503
    # An object that stays open fails the test with a ResourceWarning.


async def test_a_delivery_of_the_sandbox_settles_a_job_of_the_app(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen)
    got: list[Event] = []
    receiver.on(Event)(got.append)
    async with asgi_alone(receiver) as url:
        await receiver.ensure_registered(url)
        job = await heygen.videos.create(video_request(sandbox))
        video = await job.wait()
        await sandbox.deliveries.settled()
        await asyncio.sleep(0)
    assert video.status == "completed"
    assert [event.event_type for event in got] == ["avatar_video.success"]
    assert {delivery.status for delivery in sandbox.deliveries.records} == {200}


async def test_a_client_lives_as_long_as_its_app(sandbox: Sandbox) -> None:
    heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
    app = Starlette(lifespan=heygen.lifespan)
    async with under_uvicorn(app):
        assert await heygen.users.me()
    # As above: nothing is left open.


async def test_asgi_refuses_web_sockets(heygen: HeyGen) -> None:
    sent: list[Any] = []

    async def note(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await WebhookReceiver(heygen).asgi_app()({"type": "websocket"}, receive, note)
    assert sent == [{"type": "websocket.close"}]
