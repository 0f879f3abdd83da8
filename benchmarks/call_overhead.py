"""Compare the CPU time of a call through the SDK with the same request written by hand.

``videos.get`` and ``videos.create`` against bare aiohttp with a msgspec decoder, on the same
event loop and the same server, which runs in another process and answers canned bytes. Short
rounds alternate, since a busy machine drifts; each ratio is the median of the rounds' ratios.
A client with an empty hook is compared with one without, and the client on uvloop, if that is
installed, with calls by hand on uvloop. Other SDKs (peers.py), pointed at the same server, are
there for scale: ``peer_ratio`` is that of the leanest of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
from peers import ID, KEY, Call, peers
from tables import report

from heygen_async import AvatarVideoRequest, HeyGen, Hooks
from heygen_async.models.structs import encode
from heygen_async.models.videos import CreatedVideo, Video

CONCURRENCIES = (1, 10, 100)
ROUND_CALLS = 100
REQUEST = AvatarVideoRequest(avatar_id="a1b2c3d4", script="Hello there")


class VideoEnvelope(msgspec.Struct):
    """The answer of ``videos.get``."""

    data: Video


class CreatedEnvelope(msgspec.Struct):
    """The answer of ``videos.create``."""

    data: CreatedVideo


def bare_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"x-api-key": KEY}
    )


def bare_get(session: aiohttp.ClientSession, base_url: str) -> Call:
    decode = msgspec.json.Decoder(VideoEnvelope).decode
    url = f"{base_url}/v3/videos/{ID}"

    async def call() -> Video:
        async with session.get(url) as response:
            body = await response.read()
        return decode(body).data

    return call


def bare_create(session: aiohttp.ClientSession, base_url: str) -> Call:
    decode = msgspec.json.Decoder(CreatedEnvelope).decode
    url = f"{base_url}/v3/videos"

    async def call() -> CreatedVideo:
        headers = {"Content-Type": "application/json"}
        async with session.post(url, data=encode(REQUEST), headers=headers) as response:
            body = await response.read()
        return decode(body).data

    return call


async def measure(call: Call, concurrency: int, calls: int) -> float:
    """CPU seconds per call."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await call()

    each = max(1, calls // concurrency)
    started = time.process_time()
    if concurrency == 1:
        await worker(each)
    else:
        await asyncio.gather(*(worker(each) for _ in range(concurrency)))
    return (time.process_time() - started) / (each * concurrency)


async def compare(
    calls: Sequence[Call], concurrency: int, seconds: float, size: int
) -> tuple[list[float], list[float]]:
    """Medians of CPU seconds per call, and of the ratios to the first one.

    Args:
        calls: What is compared.
        concurrency: Calls in flight.
        seconds: Real seconds to spend.
        size: Calls per round.
    """
    for call in calls:
        await measure(call, concurrency, size // 2)
    times: list[list[float]] = [[] for _ in calls]
    until = time.perf_counter() + seconds
    gc.collect()
    gc.disable()  # else one pays for the garbage of another
    try:
        while time.perf_counter() < until or len(times[0]) < 3:
            # Every other round runs in reverse order, so none always comes last.
            order = range(len(calls)) if len(times[0]) % 2 else range(len(calls) - 1, -1, -1)
            for i in order:
                times[i].append(await measure(calls[i], concurrency, size))
                gc.collect(0)
    finally:
        gc.enable()
    medians = [statistics.median(each) for each in times]
    ratios = [
        statistics.median(ours / bare for ours, bare in zip(each, times[0], strict=True))
        for each in times
    ]
    return medians, ratios


class Case(NamedTuple):
    """One comparison.

    Attributes:
        method: The HTTP method.
        name: What is measured.
        figure: The name of its figure, which is the worst of its ratios, or an empty string.
        calls: The reference, and the call that is measured.
        share: Its share of the time.
    """

    method: str
    name: str
    figure: str
    calls: Sequence[Call]
    share: float


async def run_cases(
    cases: Sequence[Case], seconds: float, rows: list[dict[str, Any]], worst: dict[str, float]
) -> None:
    """Measure each case at each concurrency; add to the table and the figures."""
    for method, name, figure, calls, share in cases:
        for concurrency in CONCURRENCIES:
            spent = seconds * share / len(CONCURRENCIES)
            medians, ratios = await compare(calls, concurrency, spent, ROUND_CALLS)
            rows.append(
                {
                    "client": name,
                    "method": method,
                    "concurrency": concurrency,
                    "us": medians[1] * 1e6,
                    "reference us": medians[0] * 1e6,
                    "ratio": round(ratios[1], 3),
                }
            )
            if figure:
                worst[figure] = max(worst.get(figure, 0.0), round(ratios[1], 3))


async def run(
    base_url: str, seconds: float, rows: list[dict[str, Any]], worst: dict[str, float]
) -> None:
    """Measure the client, with hooks too, and other SDKs on asyncio's own event loop."""
    hooks = Hooks(on_request=lambda event: None)
    async with (
        bare_session() as bare,
        HeyGen(KEY, base_url=base_url, trust_env=False) as heygen,
        HeyGen(KEY, base_url=base_url, trust_env=False, hooks=hooks) as hooked,
        peers(base_url) as others,
    ):
        get, create = bare_get(bare, base_url), bare_create(bare, base_url)
        ours = lambda: heygen.videos.get(ID)  # noqa: E731
        with_hooks = lambda: hooked.videos.get(ID)  # noqa: E731
        post = lambda: heygen.videos.create(REQUEST)  # noqa: E731
        cases = [
            Case("GET", "heygen_async videos.get", "get_ratio", (get, ours), 0.3),
            Case("POST", "heygen_async videos.create", "post_ratio", (create, post), 0.3),
            Case("GET", "with a hook, against none", "hook_ratio", (ours, with_hooks), 0.1),
        ]
        for figure, method, call in others:
            by_hand = get if method == "GET" else create
            cases.append(Case(method, figure, f"peer_ratio_{figure}", (by_hand, call), 0.025))
        await run_cases(cases, seconds, rows, worst)
        if others:
            worst["peer_ratio"] = min(worst[f"peer_ratio_{peer.figure}"] for peer in others)


async def run_on_uvloop(
    base_url: str, seconds: float, rows: list[dict[str, Any]], worst: dict[str, float]
) -> None:
    """Measure the client on uvloop, against the same calls by hand on uvloop."""
    async with (
        bare_session() as bare,
        HeyGen(KEY, base_url=base_url, trust_env=False) as heygen,
    ):
        calls = bare_get(bare, base_url), lambda: heygen.videos.get(ID)
        await run_cases([Case("GET", "on uvloop", "fast_ratio", calls, 0.15)], seconds, rows, worst)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=24.0, help="time to spend, about")
    arguments = parser.parse_args()
    canned = Path(__file__).with_name("canned_server.py")
    server = subprocess.Popen(
        [sys.executable, str(canned)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        rows: list[dict[str, Any]] = []
        figures: dict[str, float] = {}
        asyncio.run(run(base_url, arguments.seconds, rows, figures))
        if find_spec("uvloop") is not None:
            with asyncio.Runner(loop_factory=import_module("uvloop").new_event_loop) as runner:
                runner.run(run_on_uvloop(base_url, arguments.seconds, rows, figures))
    finally:
        server.stdin.close()
        server.wait(10)
    report(
        "CPU time per call in microseconds, and its ratio to bare aiohttp + msgspec",
        rows,
        figures,
        arguments.json,
    )


if __name__ == "__main__":
    main()
