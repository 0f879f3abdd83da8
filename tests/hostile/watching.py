"""Hostile statuses of awaited jobs, and lists that never end."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from heygen_async import HeyGen, HeyGenError, Video
from heygen_async.jobs.schedule import SHORTEST_TICK

from ..jobs.adversary import Adversary as JobServer
from ..jobs.adversary import Said, listing, most_within, shortest_gap, video
from ..session.wire import raw_server
from .adversary import KEY, Adversary, Played, counted, outcome_of
from .answers import json_answer

Statuses: TypeAlias = Callable[[list[str], float], Said]
Detail: TypeAlias = Callable[[str, float], Said]

DAY = {"Retry-After": "86400"}
REFUSAL: Said = (429, {"error": {"code": "rate_limit_exceeded", "message": "no"}}, DAY)
FAILURE: Said = (500, {"error": {"code": "internal_error", "message": "no"}})
MISSING: Said = (404, {"error": {"code": "not_found", "message": "no"}})


async def watched(count: int, timeout: float, statuses: Statuses, detail: Detail) -> Played:
    """Wait for jobs, and check the load at each moment."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    server = JobServer(
        lambda ids: statuses(ids, loop.time() - began),
        lambda job_id: detail(job_id, loop.time() - began),
    )

    async def wait(heygen: HeyGen, number: int) -> str:
        try:
            return (await heygen.jobs.attach(Video, f"v{number}").wait(timeout=timeout)).status
        except HeyGenError as error:
            return type(error).__name__

    async with server.serving() as base_url, HeyGen(KEY, base_url=base_url) as heygen:
        outcome = counted(
            list(await asyncio.gather(*(wait(heygen, number) for number in range(count))))
        )
    singly = list(server.asked_singly.values())
    if min(map(shortest_gap, singly), default=math.inf) < 0.9:
        outcome = "two details of one job within a second"
    if most_within(server.asked_together, 0.9 * SHORTEST_TICK) > -(-count // 100):
        outcome = "more than one request for each 100 jobs and tick"
    return Played(outcome, len(server.asked_together) + sum(map(len, singly)))


def all_are(word: str) -> Statuses:
    return lambda ids, at: (200, listing((one, word) for one in ids))


def lagging(seconds: float) -> Detail:
    return lambda one, at: (200, video(one, "completed" if at > seconds else "processing"))


def failing_until(seconds: float, failure: Said) -> Detail:
    return lambda one, at: (200, video(one, "completed")) if at > seconds else failure


def refusing_once() -> Statuses:
    answers = iter([REFUSAL])
    lists = all_are("completed")
    return lambda ids, at: next(answers, None) or lists(ids, at)


def flapping() -> tuple[Statuses, Detail]:
    """States that go back and forth for 20 seconds, with other words in between."""
    words = itertools.cycle(["completed", "processing", "daydreaming", "waiting", ""])

    def said(at: float) -> str:
        return next(words) if at < 20 else "completed"

    def detail(one: str, at: float) -> Said:
        return 200, video(one, said(at), video_url=None if at < 20 else "https://m.example/v")

    return lambda ids, at: (200, listing((one, said(at)) for one in ids)), detail


def strangers(ids: list[str], at: float) -> Said:
    """Half of the ids are missing, some come twice, and others were never asked for."""
    listed = [*ids[::2], *ids[::2], *(f"stranger{n}" for n in range(500)), ""]
    word: Any = "processing" if at < 20 else "completed"
    return 200, listing((one, word) for one in listed)


async def flapped(count: int) -> Played:
    return await watched(count, 200, *flapping())


async def paged(more: Callable[[int], dict[str, Any]]) -> Played:
    """List videos, of which every page says that there are more."""
    pages = itertools.count()

    async def play(head: str, reader: Any, writer: asyncio.StreamWriter) -> None:
        number = next(pages)
        items = [{"id": f"v{number}", "status": "completed"}]
        writer.write(json_answer({"data": items, "has_more": True, **more(number)}))
        await writer.drain()

    async def read(base_url: str) -> None:
        async with HeyGen(KEY, base_url=base_url) as heygen:
            async for _ in heygen.videos.list():
                if next(pages) > 1_000:
                    raise AssertionError("no end after 1,000 pages")

    async with raw_server(play) as server:
        outcome = await outcome_of(read(server.base_url))
        return Played(outcome, len(server.requests))


ADVERSARIES = [
    *(
        Adversary(
            f"watching: {count} details lag 6 s behind",
            partial(watched, count, 60, all_are("completed"), lagging(6)),
            f"{count} completed",
            requests=1 + 5 * count,
            seconds=15,
        )
        for count in (1, 10, 50)
    ),
    Adversary(
        "watching: 50 details are 404 for 6 s",
        partial(watched, 50, 60, all_are("completed"), failing_until(6, MISSING)),
        "50 completed",
        requests=1 + 5 * 50,
        seconds=15,
    ),
    Adversary(
        "watching: 50 details are 404 for ever",
        partial(watched, 50, 1_000, all_are("completed"), lambda one, at: MISSING),
        "50 NotFound",
        requests=30 * 50,
        seconds=300,
        turned=True,
    ),
    Adversary(
        "watching: 50 details answer 500 for 6 s",
        partial(watched, 50, 60, all_are("completed"), failing_until(6, FAILURE)),
        "50 completed",
        requests=1 + 10 * 50,
        seconds=40,
    ),
    Adversary(
        "watching: 50 states flap for 20 s",
        partial(flapped, 50),
        "50 completed",
        requests=20 * 5 + 50 * 20,
        seconds=80,
    ),
    Adversary(
        "watching: ids are missing, doubled and strange for 20 s",
        partial(watched, 50, 200, strangers, lagging(20)),
        "50 completed",
        requests=20 * 5 + 50 * 10,
        seconds=60,
    ),
    Adversary(
        "watching: unknown words for 10 min",
        partial(watched, 50, 2_000, all_are("daydreaming"), lagging(600)),
        "50 JobTimeout",
        requests=2_000,
        seconds=2_001,
        turned=True,
    ),
    Adversary(
        "watching: statuses answer 500 for ever",
        partial(watched, 50, 2_000, lambda ids, at: FAILURE, lagging(300)),
        "50 completed",
        requests=2_000,
        seconds=400,
        turned=True,
    ),
    Adversary(
        "watching: statuses ask to wait for a day, once",
        partial(watched, 50, 2_000, refusing_once(), lagging(30)),
        "50 completed",
        requests=300,
        seconds=600,
        turned=True,
    ),
    Adversary(
        "watching: a detail asks to wait for a day",
        partial(watched, 50, 2_000, all_are("completed"), failing_until(6, REFUSAL)),
        "50 completed",
        requests=300,
        seconds=600,
        turned=True,
    ),
    Adversary(
        "watching: states end without a reason",
        partial(watched, 50, 60, all_are("failed"), lambda one, at: (200, video(one, "failed"))),
        "50 JobFailed",
        requests=1 + 2 * 50,
        seconds=8,
    ),
    Adversary(
        "watching: everything answers 500 for ever",
        partial(watched, 50, 2_000, lambda ids, at: FAILURE, lambda one, at: FAILURE),
        "50 JobTimeout",
        requests=4_500,
        seconds=2_001,
        turned=True,
    ),
    Adversary(
        "watching: statuses are of another shape for ever",
        partial(watched, 250, 2_000, lambda ids, at: (200, {"data": 7}), lagging(300)),
        "250 completed",
        requests=250 * 30,
        seconds=400,
        turned=True,
    ),
    Adversary(
        "paging: the same token for ever",
        partial(paged, lambda number: {"next_token": "t"}),
        "InvalidResponse",
        requests=3,
        seconds=5,
    ),
    Adversary(
        "paging: three tokens in a circle",
        partial(paged, lambda number: {"next_token": f"t{number % 3}"}),
        "InvalidResponse",
        requests=6,
        seconds=5,
    ),
]
