"""A run of three workers, while they, PostgreSQL and Valkey are killed at any moment.

``HEYGEN_KILLS`` says how often, 3 times by default; the session ``crash`` of nox kills more often.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import HeyGen
from heygen_async.distributed import Cluster, ClusterOutcome, ClusterStatus
from tests.journal.journals import ENVIRONMENT

from ..batch.test_kill import Account, account
from ..patience import PATIENCE, wait_for
from ..postgres import Postgres
from ..valkey import Valkey

__all__ = ["account"]  # a fixture

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]

KILLS = 2 * int(os.environ.get("HEYGEN_KILLS", "3"))
SEED = int(os.environ.get("HEYGEN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
WORKERS = 3


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


class Workers:
    """Processes of the command line, started again whenever one has ended."""

    def __init__(
        self,
        account: Account,
        dsn: str,
        slots: str,
        count: int = WORKERS,
        *,
        videos: Path | None = None,
    ) -> None:
        self._command = [sys.executable, "-m", "heygen_async", "worker", "--on", dsn]
        self._command += ["--slots", slots, "--account", "acme", "--jobs", "10"]
        self._command += ["--heartbeat", "0.5", "--dead-after", "2", "--concurrency", "60"]
        self._command += [] if videos is None else ["--download", str(videos)]
        self._environment = ENVIRONMENT | {
            "HEYGEN_API_KEY": account.api_key,
            "HEYGEN_API_BASE": account.base_url,
        }
        self.processes = [self._start() for _ in range(count)]

    def kill(self, number: int) -> None:
        self.processes[number].kill()
        self.restart()

    def suspend(self, number: int, seconds: float) -> None:
        """Let a worker stand still, as a suspended machine does; it goes on with what it had."""
        process = self.processes[number]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                process.wait()
                self.processes[number] = self._start()

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


async def submit(account: Account, dsn: str, items: int) -> None:
    async with HeyGen(account.api_key, base_url=account.base_url) as heygen:
        names = await heygen.templates.variables(account.template_id)
        rows = [dict.fromkeys(names, f"Item {number}") for number in range(items)]
        async with Cluster(dsn, heygen=heygen) as cluster:
            await cluster.submit_render(account.template_id, rows, name="spring")


async def status(dsn: str) -> ClusterStatus:
    async with Cluster(dsn) as cluster:
        return await (await cluster.run("spring")).status()


async def outcomes(dsn: str) -> list[ClusterOutcome]:
    async with Cluster(dsn) as cluster, asyncio.timeout(PATIENCE):
        return [outcome async for outcome in (await cluster.run("spring")).outcomes()]


def test_killed_at_any_moment(
    account: Account, postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance, began = random.Random(SEED), time.monotonic()
    items = 30 * KILLS
    asyncio.run(submit(account, postgres.url, items))
    workers = Workers(account, postgres.url, valkey.url, videos=tmp_path / "videos")
    killed = Counter[str]()
    try:
        for number in range(KILLS):
            time.sleep(chance.random() * 1.5)
            if number % 10 == 5:  # for longer than until it counts as dead
                workers.suspend(chance.randrange(WORKERS), 2.0 + chance.random())
                killed["suspended"] += 1
            if number % 5 == 3:
                server: Postgres | Valkey = chance.choice((postgres, valkey))
                server.kill()
                time.sleep(chance.random())
                server.start()
                killed[type(server).__name__] += 1
                workers.restart()
            else:
                workers.kill(chance.randrange(WORKERS))
                killed["worker"] += 1
        standing, until = None, 0.0
        while not (run := asyncio.run(status(postgres.url))).at_rest:
            if standing != (standing := (run.counts, run.shards_left)):  # it goes on
                until = time.monotonic() + PATIENCE
            assert time.monotonic() < until, run
            workers.restart()
            time.sleep(0.5)
        told = asyncio.run(outcomes(postgres.url))
    finally:
        workers.end()
    jobs = account.jobs()
    # By the account, no job is lost, and none is paid for twice.
    assert len(told) == len({outcome.key for outcome in told}) == items
    assert sorted(job["id"] for job in jobs) == sorted(str(outcome.job_id) for outcome in told)
    assert all(outcome.ok for outcome in told)
    files = {path.name for path in (tmp_path / "videos").iterdir() if path.suffix == ".mp4"}
    assert files == {f"{outcome.key}.mp4" for outcome in told}
    print(f"{items} items, killed: {dict(killed)}, {time.monotonic() - began:.0f} s")


def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """Return the output of a command."""
    ended = subprocess.run(
        [sys.executable, "-m", "heygen_async", *arguments, "--json"],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_the_commands(account: Account, postgres: Postgres, valkey: Valkey, tmp_path: Path) -> None:
    """Submit twice, work, look, report and cancel; SIGTERM ends a worker."""
    key = {"HEYGEN_API_KEY": account.api_key, "HEYGEN_API_BASE": account.base_url}
    rows, videos, page = tmp_path / "rows.csv", tmp_path / "videos", tmp_path / "page.html"
    names = asyncio.run(variables(account))
    lines = [",".join(["key", *names])]
    lines += [",".join([f"k{number}", *[f"P{number}"] * len(names)]) for number in range(40)]
    rows.write_text("\n".join(lines))
    place = [postgres.url, "--name", "spring"]
    submit_rows = ["submit", account.template_id, str(rows), "--on", *place]
    for more in ([], ["--retry-failed"]):
        assert command(*submit_rows, *more, **key) == {"run": "spring", "items": 40, "shards": 1}
    worker = [sys.executable, "-m", "heygen_async", "worker", "--on", postgres.url]
    worker += ["--slots", valkey.url, "--account", "acme", "--download", str(videos)]
    with subprocess.Popen(
        worker, env=ENVIRONMENT | key, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_for(lambda: len(list(videos.glob("*.mp4"))) == 40)
            status = command("status", *place)
            assert status["counts"]["completed"] == status["items"] == 40
            assert [one["alive"] for one in status["workers"]] == [True]
            process.terminate()
            _, told = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 143
    assert account.api_key not in told
    assert len(account.jobs()) == 40
    command("report", *place, "-o", str(page))
    assert "k39" in page.read_text()
    assert command("cancel", *place) == {"run": "spring", "cancelled": True}


async def variables(account: Account) -> list[str]:
    async with HeyGen(account.api_key, base_url=account.base_url) as heygen:
        return list(await heygen.templates.variables(account.template_id))
