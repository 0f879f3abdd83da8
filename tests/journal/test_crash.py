"""After a kill at any moment, the file holds all acknowledged steps.

``HEYGEN_KILLS`` says how often a writer is killed, 3 times by default.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from heygen_async.journal import ItemRecord, open_reader
from tests.journal.journals import ENVIRONMENT, opened
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.kills,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]

KILLS = int(os.environ.get("HEYGEN_KILLS", "3"))
STEPS = ("i", "s", "e")
STATES = ("intended", "submitted", "completed")


class Writer:
    """The process, and the last acknowledged step of each item."""

    def __init__(self, path: Path, workers: int) -> None:
        command = [sys.executable, "-m", "tests.journal.journal_writer", str(path), str(workers)]
        self.process = subprocess.Popen(
            [*command, "10000000"], env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout.fileno()
        os.set_blocking(self.output, False)
        self.acknowledged: dict[int, int] = {}
        self._rest = b""

    def listen(self, lines: int) -> None:
        """Wait until so many more lines have come."""
        until = time.monotonic() + PATIENCE
        while lines > 0:
            assert time.monotonic() < until
            assert self.process.poll() is None
            lines -= self.catch_up()
            time.sleep(0.001)

    def catch_up(self) -> int:
        """Return how many lines have come so far."""
        data = self._rest
        while True:
            try:
                chunk = os.read(self.output, 1 << 16)
            except BlockingIOError:
                break
            if not chunk:
                break
            data += chunk
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if line != b"open":
                step, position = line.decode().split()
                known = self.acknowledged.get(int(position), -1)
                self.acknowledged[int(position)] = max(known, STEPS.index(step))
        return len(lines)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.catch_up()
        assert self.process.stdout is not None
        self.process.stdout.close()


def everything(path: Path) -> dict[int, ItemRecord]:
    with open_reader(path) as reader:
        return {record.position: record for record in reader.records()}


async def taken_up(path: Path) -> int:
    async with aclosing(await opened(path)) as journal:
        return (await journal.totals()).items


def holds(path: Path, acknowledged: dict[int, int]) -> None:
    found = everything(path)
    for position, step in acknowledged.items():
        record = found[position]
        assert STATES.index(record.state) >= step
        if step >= 1:
            assert record.job_id == f"job {position}"
        if step == 2:
            assert record.result == b'{"id":"%d"}' % position


def test_killed_at_any_moment_and_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    acknowledged: dict[int, int] = {}
    chance = random.Random()
    for _ in range(KILLS):
        workers = chance.choice([1, 7, 60])
        writer = Writer(path, workers)
        try:
            writer.listen(chance.randint(1, 40 + workers * 20))
            time.sleep(chance.random() * 0.005)
        finally:
            writer.kill()
        for position, step in writer.acknowledged.items():
            acknowledged[position] = max(acknowledged.get(position, -1), step)
        holds(path, acknowledged)
        assert asyncio.run(taken_up(path)) >= len(acknowledged)
        holds(path, acknowledged)
    assert len(acknowledged) > 5


def test_the_power_fails_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    chance = random.Random()
    writer = Writer(path, workers=30)
    copies: list[tuple[Path, dict[int, int]]] = []
    try:
        for number in range(8):
            writer.listen(chance.randint(1, 900))
            time.sleep(chance.random() * 0.003)
            # A copy of all files at one instant, even during a commit or a checkpoint.
            writer.process.send_signal(signal.SIGSTOP)
            os.waitpid(writer.process.pid, os.WUNTRACED)
            writer.catch_up()
            folder = tmp_path / f"{number}"
            folder.mkdir()
            for ending in ("", "-wal", "-shm") if number % 2 else ("", "-wal"):
                shutil.copy(f"{path}{ending}", folder)
            copies.append((folder / "run.db", dict(writer.acknowledged)))
            writer.process.send_signal(signal.SIGCONT)
    finally:
        writer.kill()
    for copy, acknowledged in copies:
        holds(copy, acknowledged)
        assert asyncio.run(taken_up(copy)) >= len(acknowledged)
        holds(copy, acknowledged)
