"""Answers that ask for a pause: one of them must not disable a client."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

from heygen_async import Batch, HeyGen
from heygen_async.sandbox import Fault, Sandbox

from ..session.wire import raw_server
from .adversary import KEY, Adversary, Played, counted, outcome_of
from .answers import NO_FIELDS, Fields, json_answer

VIDEO = {"data": {"id": "v", "status": "completed"}}


async def bulk(fault: Fault, times: int, items: int) -> Played:
    """Render items, whose first creates are refused."""
    durations = {"video": (60.0, 0.4)}
    async with Sandbox(speed=1, durations=durations, concurrency=10) as sandbox:
        template = sandbox.add_template()
        sandbox.faults.add("templates.generate", fault, times=times, after=20)
        rows = [{"name": f"Person {number}"} for number in range(items)]
        outcomes = list[str]()
        async with (
            HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10) as heygen,
            Batch(heygen) as batch,
        ):
            async for outcome in batch.render(template, rows):
                outcomes.append("done" if outcome.ok else type(outcome.error).__name__)
        return Played(counted(outcomes), sandbox.requests.by_operation["templates.generate"])


async def reads(first: Sequence[bytes], later: int) -> Played:
    """Read once, while these answers come; then read so many times more, at once."""
    answers = itertools.chain(first, itertools.repeat(json_answer(VIDEO)))

    async def play(head: str, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))
        await writer.drain()

    async with raw_server(play) as server, HeyGen(KEY, base_url=server.base_url) as heygen:
        outcomes = [await outcome_of(heygen.videos.get("v"))]
        calls = (outcome_of(heygen.videos.get("v")) for _ in range(later))
        outcomes += await asyncio.gather(*calls)
        return Played(counted(outcomes), len(server.requests))


def refusal(retry_after: str, status: int = 429, headers: Fields = NO_FIELDS) -> bytes:
    error = {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    return json_answer(error, status, {"Retry-After": retry_after, **headers})


# Asked for, and the seconds within which a call has its answer all the same.
ODD_PAUSES = {
    "a date of the past": ("Fri, 31 Dec 1999 23:59:59 GMT", 2),
    "a date without a zone": ("Fri, 31 Dec 1999 23:59:59", 2),
    "junk": ("soon", 2),
    "nothing": ("", 2),
    "a negative number": ("-5", 2),
    "nan": ("nan", 2),
    "infinity": ("inf", 2),
    "400 digits": ("9" * 400, 2),
    "3.5": ("3.5", 5),
    "59 seconds": ("59", 61),
}

ADVERSARIES = [
    Adversary(
        "pauses: 503 with Retry-After: 3600 on one create of 1,000",
        partial(bulk, Fault.status(503, retry_after=3600), 1, 1_000),
        "1,000 done",
        requests=1_010,
        seconds=20_000,
        megabytes=60,
        turned=True,
    ),
    Adversary(
        "pauses: 429 with Retry-After: 100000 on five creates of 300",
        partial(bulk, Fault.status(429, retry_after=100_000), 5, 300),
        "300 done",
        requests=320,
        seconds=10_000,
        megabytes=60,
        turned=True,
    ),
    Adversary(
        "pauses: 429 with Retry-After: 100000 on one read",
        partial(reads, [refusal("100000")], 50),
        "1 RateLimited, 50 answered",
        requests=51,
        seconds=600,
        turned=True,
    ),
    Adversary(
        "pauses: 429 with Retry-After: 100000 on every read",
        partial(reads, [refusal("100000")] * 10_000, 50),
        "51 RateLimited",
        requests=3,
        seconds=1_300,
        turned=True,
    ),
    Adversary(
        "pauses: 503 with Retry-After: 3600 on one read",
        partial(reads, [refusal("3600", status=503)], 50),
        "1 ServerError, 50 answered",
        requests=51,
        seconds=600,
        turned=True,
    ),
    Adversary(
        "pauses: 429 without end, a second each",
        partial(reads, [refusal("1")] * 10_000, 0),
        "1 RateLimited",
        requests=610,
        seconds=620,
        turned=True,
    ),
    *(
        Adversary(
            f"pauses: Retry-After is {name}",
            partial(reads, [refusal(value)], 5),
            "6 answered",
            requests=7,
            seconds=seconds,
            turned=True,
        )
        for name, (value, seconds) in ODD_PAUSES.items()
    ),
    Adversary(
        "pauses: Retry-After is a date far off by this clock, near by the answer's own",
        partial(
            reads,
            [
                refusal(
                    "Fri, 31 Dec 2100 23:00:10 GMT", 429, {"Date": "Fri, 31 Dec 2100 23:00:00 GMT"}
                )
            ],
            5,
        ),
        "6 answered",
        requests=7,
        seconds=12,
        turned=True,
    ),
]
