"""Kills of a run's processes and its server: no job is lost or paid for twice."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from heygen_async.journal import RunSpec
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.sandbox import SandboxThread
from tests.patience import PATIENCE
from tests.postgres import Postgres

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("HEYGEN_KILLS") or 5)
SEED = int(os.environ.get("HEYGEN_KILL_SEED") or random.randrange(10**6))
ITEMS = 60


class Worker:
    """A process that renders all items, beside others; one whose journal fails starts again."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self._log = log
        self._command = [sys.executable, "-m", "tests.batch.crash_run", *arguments]
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=log)

    def kill(self) -> None:
        """Kill it, and start another one."""
        self.close()
        self._process = self._start()

    def ended(self) -> bool:
        """Return whether it has seen all items end."""
        code = self._process.poll()
        if code:
            told = self._log.read_text()
            assert "JournalError" in told, told
            self._process = self._start()
        return code == 0

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def test_processes_and_the_server_are_killed_at_random(tmp_path: Path) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    chosen = random.Random(SEED)
    killed: Counter[str] = Counter()
    with (
        Postgres() as server,
        SandboxThread(speed=60, concurrency=20, durations={"video": (60.0, 0.4)}) as sandbox,
    ):
        template_id = sandbox.add_template()
        url = f"{server.url}?run=launch"
        arguments = (sandbox.base_url, sandbox.api_key, template_id, url, str(ITEMS))
        workers = [Worker(tmp_path / f"{number}", *arguments) for number in range(3)]
        try:
            for _ in range(KILLS):
                time.sleep(chosen.uniform(0.5, 4.0))
                if chosen.random() < 0.4:
                    server.kill()
                    time.sleep(chosen.uniform(0.0, 1.0))
                    server.start()
                    killed["server"] += 1
                else:
                    chosen.choice(workers).kill()
                    killed["process"] += 1
            until = time.monotonic() + 4 * PATIENCE + 60
            while sum(worker.ended() for worker in workers) < len(workers):
                assert time.monotonic() < until
                time.sleep(0.2)
        finally:
            for worker in workers:
                worker.close()
        paid = Counter(job.id for job in sandbox.ledger.jobs)
        recorded = asyncio.run(job_ids(url, template_id))
    print(f"killed: {dict(killed)}")
    assert len(recorded) == ITEMS
    assert set(recorded) == set(paid)
    assert set(paid.values()) == {1}


async def job_ids(url: str, template_id: str) -> list[str | None]:
    journal = PostgresJournal(url)
    await journal.open(RunSpec(kind="render", subject=template_id))
    found = [record.job_id async for record in journal.iterate(["completed"])]
    await journal.aclose()
    return found
