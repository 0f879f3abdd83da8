"""Runs of four processes that share slots, while they and Valkey are killed at any moment.

There are twice as many kills as ``HEYGEN_KILLS`` says, 2 by default; the session ``crash`` of nox
kills more often.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.journals import ENVIRONMENT

from ..batch.test_kill import Account, account, entries
from ..patience import PATIENCE
from ..valkey import Valkey

__all__ = ["account"]  # a fixture

pytestmark = [
    pytest.mark.kills,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]

KILLS = 2 * int(os.environ.get("HEYGEN_KILLS", "2"))
SEED = int(os.environ.get("HEYGEN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
PROCESSES = 4


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


class Share:
    """The share of one process, from life to life, and all that it told of."""

    def __init__(self, account: Account, journal: Path, items: int, valkey: Valkey) -> None:
        self._command = [sys.executable, "-m", "tests.distributed.crash_run"]
        self._command += [account.base_url, account.api_key, account.template_id, str(journal)]
        self._command += [str(items), valkey.url, "acme"]
        self.journal, self.items = journal, items
        self.told: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, env=ENVIRONMENT, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"begun\n"

    def end(self, *, kill: bool) -> int:
        """Its exit status, at its end or death."""
        assert self.process is not None
        if kill:
            self.process.kill()
        output, _ = self.process.communicate(timeout=PATIENCE)
        for line in output.decode().splitlines(keepends=True):
            if line.endswith("\n"):
                key, job = line.rstrip().split(maxsplit=1)
                assert self.told.setdefault(key, job) == job
        return self.process.returncode


def test_killed_at_any_moment(account: Account, valkey: Valkey, tmp_path: Path) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance, began = random.Random(SEED), time.monotonic()
    items = 10 + 6 * KILLS // PROCESSES
    shares = [
        Share(account, tmp_path / f"{number}.db", items, valkey) for number in range(PROCESSES)
    ]
    killed = dict.fromkeys(("processes", "valkey"), 0)
    for number in range(KILLS):
        time.sleep(chance.random() * 0.5)
        if number % 4 == 3:
            valkey.kill()
            time.sleep(chance.random() * 0.5)
            valkey.start()
            killed["valkey"] += 1
        else:
            share = chance.choice(shares)
            share.end(kill=True)
            share.start()
            killed["processes"] += 1
    assert [share.end(kill=False) for share in shares] == [0] * PROCESSES
    jobs = account.jobs()
    made = sorted(job["id"] for job in jobs)
    # By the account, no job is lost, and none is paid for twice.
    assert made == sorted(job for share in shares for job in share.told.values())
    assert len({job["idempotency_key"] for job in jobs}) == len(made) == PROCESSES * items
    for share in shares:
        assert {entry.state for entry in entries(share.journal)} == {"completed"}
    refused = account.requests()["by_status"].get("429", 0)
    seconds = time.monotonic() - began
    print(f"{len(made)} items, killed: {killed}, {refused} answers of 429, {seconds:.0f} s")
