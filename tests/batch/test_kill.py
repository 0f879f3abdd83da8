"""Whole processes, killed at any moment: nothing is lost, and nothing is paid for twice.

``HEYGEN_KILLS`` says how often, 5 times by default; ``HEYGEN_KILL_SEED`` repeats a session.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from heygen_async import HeyGen
from heygen_async.batch.journal import Entry, read
from tests.batch.journals import ENVIRONMENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

KILLS = int(os.environ.get("HEYGEN_KILLS", "5"))
SEED = int(os.environ.get("HEYGEN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


class Account:
    """A sandbox in a process of its own, seen through its API."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", "300"]
        self.process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.base_url, self.api_key = told["base_url"], told["api_key"]
        self.template_id = asyncio.run(self._first_template())
        self._before = asyncio.run(self._videos())

    def jobs(self) -> list[str]:
        """Ids of all videos that were rendered since the sandbox has begun."""
        return [video for video in asyncio.run(self._videos()) if video not in self._before]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    async def _first_template(self) -> str:
        async with HeyGen(self.api_key, base_url=self.base_url) as heygen:
            return (await heygen.templates.list().first_page()).items[0].id

    async def _videos(self) -> list[str]:
        async with HeyGen(self.api_key, base_url=self.base_url) as heygen:
            return [video.id async for video in heygen.videos.list(limit=100)]


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.stop()


class Life:
    """A process that renders, from its start to its end."""

    def __init__(self, account: Account, journal: Path, items: int) -> None:
        command = [sys.executable, "-m", "tests.batch.crash_run"]
        command += [account.base_url, account.api_key, account.template_id]
        self.process = subprocess.Popen(
            [*command, str(journal), str(items)], env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self._output = self.process.stdout
        assert self._output.readline() == b"begun\n"

    def outcomes(self) -> dict[int, str]:
        """By position the job, or the error, of what it has told; at its end or death."""
        found: dict[int, str] = {}
        with self._output:
            for line in self._output.read().decode().splitlines(keepends=True):
                if line.endswith("\n"):
                    position, job = line.rstrip().split(maxsplit=1)
                    assert int(position) not in found, "one outcome for each item"
                    found[int(position)] = job
        return found

    def kill(self) -> dict[int, str]:
        assert self.process.poll() is None, "it was to live longer"
        self.process.kill()
        found = self.outcomes()
        assert self.process.wait() == -signal.SIGKILL
        return found

    def finish(self) -> dict[int, str]:
        found = self.outcomes()
        assert self.process.wait() == 0
        return found


def entries(journal: Path) -> list[Entry]:
    with read(journal) as view:
        return list(view.entries())


def test_killed_at_any_moment(account: Account, tmp_path: Path) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance = random.Random(SEED)
    journal, items = tmp_path / "run.db", 40 + 20 * KILLS
    told: dict[int, str] = {}
    for _ in range(KILLS):
        life = Life(account, journal, items)
        time.sleep(chance.random() * 0.5)
        for position, job in life.kill().items():
            assert told.setdefault(position, job) == job
    assert len(told) < items
    outcomes = Life(account, journal, items).finish()
    assert sorted(outcomes) == list(range(items))
    assert told.items() <= outcomes.items()
    assert sorted(outcomes.values()) == sorted(account.jobs())
    ended = entries(journal)
    assert {entry.state for entry in ended} == {"completed"}
    assert sorted(entry.job_id or "" for entry in ended) == sorted(outcomes.values())


def test_the_power_fails_at_any_moment(account: Account, tmp_path: Path) -> None:
    """Copies of the files, each as of one instant; what was submitted later is not in them."""
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance = random.Random(SEED)
    items = 80
    life = Life(account, tmp_path / "run.db", items)
    copies: list[Path] = []
    for number in range(4):
        time.sleep(chance.random() * 0.35)
        life.process.send_signal(signal.SIGSTOP)
        os.waitpid(life.process.pid, os.WUNTRACED)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for name in ("run.db", "run.db-wal"):
            if (tmp_path / name).exists():
                shutil.copy(tmp_path / name, folder)
        copies.append(folder / "run.db")
        life.process.send_signal(signal.SIGCONT)
    outcomes = life.finish()
    assert sorted(outcomes.values()) == sorted(account.jobs())
    for copy in copies:
        assert Life(account, copy, items).finish() == outcomes
        assert {entry.state for entry in entries(copy)} == {"completed"}
    assert sorted(outcomes.values()) == sorted(account.jobs())
