"""Measure the deliveries per second that one core handles.

*In memory*: signed deliveries through ``WebhookReceiver.handle``, each verified, checked for
duplicates, parsed, announced to the client and handed to a handler that does nothing; and its
parts alone. It is CPU time that counts. ``limit_ratio`` compares all of it with the least that any
receiver must do: the HMAC of the body and its decoding. *Over HTTP*: the same behind a web server
in a process of its own, on 32 kept connections that send the next delivery when the last one is
answered.

    python benchmarks/webhooks.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hmac
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import msgspec
import uvicorn
from aiohttp import web
from tables import report

from heygen_async import HeyGen, WebhookReceiver
from heygen_async.webhooks import AvatarVideoSuccess, VerifiedBody, parse, verify

SECRET = "whsec_benchmark"
EVENTS = 20_000
CONNECTIONS = 32


def prepared() -> list[tuple[bytes, dict[str, str]]]:
    """Return all deliveries, as objects that the garbage collector does not visit.

    A server holds a few deliveries at a time. To visit 20,000 of them again and again would count
    against every measure that makes objects.
    """
    deliveries = [delivery(number) for number in range(EVENTS)]
    gc.collect()
    gc.freeze()
    return deliveries


def delivery(number: int) -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of one signed delivery, as from HeyGen."""
    body = json.dumps(
        {
            "event_id": f"{number:032x}",
            "event_type": "avatar_video.success",
            "event_data": {
                "video_id": f"{number:032x}",
                "url": f"https://files.heygen.ai/{number:032x}.mp4?Expires=1&Signature={'a' * 300}",
                "gif_download_url": None,
                "video_page_url": f"https://app.heygen.com/videos/{number:032x}",
                "video_share_page_url": f"https://app.heygen.com/share/{number:032x}",
                "folder_id": None,
                "callback_id": f"order-{number}",
            },
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    ).encode()
    return body, {
        "Host": "app.example",
        "Content-Type": "application/json",
        "User-Agent": "HeyGen-Webhook",
        "Accept": "*/*",
        "Heygen-Signature": hmac.new(SECRET.encode(), body, "sha256").hexdigest(),
        "Heygen-Timestamp": str(int(time.time())),
        "Heygen-Event-Id": f"{number:032x}",
    }


def make_receiver() -> WebhookReceiver:
    receiver = WebhookReceiver(HeyGen("sk_V2_benchmark"), SECRET, backlog=1_000_000)

    @receiver.on(AvatarVideoSuccess)
    async def handler(event: AvatarVideoSuccess) -> None:
        """Do nothing."""

    return receiver


async def handle_all() -> float:
    """Return the events per second through a new receiver, including handlers."""
    deliveries = prepared()
    receiver = make_receiver()
    began = time.process_time()
    async with receiver:
        for number, (body, headers) in enumerate(deliveries):
            answer = await receiver.handle(body, headers)
            assert answer.status == 200
            if number % 100 == 99:
                await asyncio.sleep(0)  # a server would be back on the loop by now
    seconds = time.process_time() - began
    assert receiver.counts.events == EVENTS
    return EVENTS / seconds


def verify_all() -> float:
    """Return the verifications per second."""
    deliveries = prepared()
    began = time.process_time()
    for body, headers in deliveries:
        verify(body, headers, SECRET)
    return EVENTS / (time.process_time() - began)


def parse_all() -> float:
    """Return the events parsed per second."""
    bodies = [VerifiedBody(content) for content, _ in prepared()]
    began = time.process_time()
    for body in bodies:
        parse(body)
    return EVENTS / (time.process_time() - began)


def check_all() -> float:
    """Return the deliveries per second whose HMAC is compared and whose body is decoded."""
    deliveries = prepared()
    key, decode = SECRET.encode(), msgspec.json.Decoder(AvatarVideoSuccess).decode
    began = time.process_time()
    for body, headers in deliveries:
        digest = hmac.digest(key, body, "sha256").hex()
        assert hmac.compare_digest(digest, headers["Heygen-Signature"])
        decode(body)
    return EVENTS / (time.process_time() - began)


def serve_aiohttp(ready: Connection) -> None:
    async def serve() -> None:
        runner = web.AppRunner(make_receiver().aiohttp_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def serve_uvicorn(ready: Connection) -> None:
    # asyncio turns off Nagle's algorithm only if it sees that the protocol is TCP; otherwise each
    # answer would wait 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    ready.send(listener.getsockname()[1])
    config = uvicorn.Config(make_receiver().asgi_app(), log_config=None)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def over_http(serve: Callable[[Connection], None]) -> float:
    """Return the deliveries per second that a server in another process answers."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    try:
        return asyncio.run(_load(here.recv()))
    finally:
        process.terminate()
        process.join()


async def _load(port: int) -> float:
    requests = iter([_request(number) for number in range(EVENTS // 4)])

    async def connection() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            answered += 1
        writer.close()
        return answered

    began = time.perf_counter()
    answered = sum(await asyncio.gather(*(connection() for _ in range(CONNECTIONS))))
    return answered / (time.perf_counter() - began)


def _request(number: int) -> bytes:
    body, headers = delivery(number)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = ["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()

    measures: dict[str, Callable[[], float]] = {
        "verify": verify_all,
        "parse": parse_all,
        "HMAC and decode by hand": check_all,
        "handle: verify, parse, dispatch": lambda: asyncio.run(handle_all()),
        "under aiohttp": lambda: over_http(serve_aiohttp),
        "under uvicorn": lambda: over_http(serve_uvicorn),
    }
    rounds: dict[str, list[float]] = {what: [] for what in measures}
    for _ in range(options.rounds):
        for what, measure in measures.items():
            rounds[what].append(measure())
    measured = {what: statistics.median(rates) for what, rates in rounds.items()}
    rows = [
        {"what": what, "a second": rate, "µs each": round(1e6 / rate, 1)}
        for what, rate in measured.items()
    ]
    pairs = zip(
        rounds["HMAC and decode by hand"], rounds["handle: verify, parse, dispatch"], strict=True
    )
    figures = {
        "events_per_second": round(measured["handle: verify, parse, dispatch"]),
        "limit_ratio": round(statistics.median(alone / all_of_it for alone, all_of_it in pairs), 3),
    }
    report("Webhook deliveries taken in by one core", rows, figures, options.json)


if __name__ == "__main__":
    main()
