"""The recipe of the guide in workers of Celery, one of which is killed."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE, wait_for
from .recipe import SHARDS, VARIANTS, recipe

pytestmark = [
    pytest.mark.filterwarnings("default"),  # Celery's own
    pytest.mark.sandbox(durations={"video": 2.0}, speed=1),
]
ROOT = Path(__file__).parents[2]


@contextmanager
def workers(folder: Path) -> Iterator[None]:
    """Run a worker of Celery with two processes."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "2", "-l", "WARNING"]
    path = os.pathsep.join([str(folder), str(ROOT)])
    process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": path})
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def children() -> list[int]:
    """The processes in which tasks run, of the worker that this process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            parent = int(fields[1])
            above = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(above[1]) == os.getpid() and b"celery" in command:
            found.append(int(stat.parent.name))
    return found


def test_the_recipe(
    account: Sandbox,
    postgres_database: str,
    valkey_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    function, code = recipe("celery", postgres_database, valkey_url)
    (tmp_path / "tasks.py").write_text(f"{function}\n\n{code}")
    monkeypatch.syspath_prepend(str(tmp_path))
    tasks: Any = importlib.import_module("tasks")
    with workers(tmp_path):
        started = [tasks.render.delay(number, rows) for number, rows in enumerate(SHARDS)]
        wait_for(lambda: account.ledger.count() > 0)
        os.kill(children()[0], signal.SIGKILL)
        job_ids = [job_id for task in started for job_id in task.get(timeout=PATIENCE)]
        again = [tasks.render.delay(0, SHARDS[0]) for _ in range(2)]
        for task in again:
            assert sorted(task.get(timeout=PATIENCE)) == sorted(job_ids[: len(SHARDS[0])])
    assert len(job_ids) == len(VARIANTS)
    assert sorted(job.id for job in account.ledger.jobs) == sorted(job_ids)
