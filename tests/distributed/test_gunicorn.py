"""Workers of gunicorn share an account's slots."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")

WORKERS, VIDEOS, LIMIT = 4, 24, 5


@contextmanager
def gunicorn(sandbox: Sandbox, redis: str, account: str, log: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*free.getsockname())
    settings = {
        "HEYGEN_API_BASE": sandbox.base_url,
        "HEYGEN_API_KEY": sandbox.api_key,
        "AVATAR_ID": sandbox.avatar_id,
        "REDIS": redis,
        "ACCOUNT": account,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "gunicorn", "tests.distributed.web_app:app", "--preload"]
    command += ["--bind", address, "--workers", str(WORKERS), "--timeout", str(int(PATIENCE))]
    command += ["--worker-class", "aiohttp.GunicornWebWorker"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: log.read_text().count("Booting worker") == WORKERS)
        yield f"http://{address}/"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.sandbox(speed=300, concurrency=LIMIT)
def test_its_workers_share_the_slots(
    sandbox_thread: Sandbox, redis_url: str, account: str, tmp_path: Path
) -> None:
    def post(url: str, _: int) -> str:
        with urllib.request.urlopen(url, data=b"", timeout=PATIENCE) as answer:
            text: str = answer.read().decode()
            return text

    log = tmp_path / "log"
    with (
        gunicorn(sandbox_thread, redis_url, account, log) as url,
        ThreadPoolExecutor(VIDEOS) as threads,
    ):
        answers = list(threads.map(lambda number: post(url, number), range(VIDEOS)))
    workers, videos = zip(*(answer.split() for answer in answers), strict=True)
    assert len(set(videos)) == sandbox_thread.ledger.count() == VIDEOS
    assert len(set(workers)) > 1
    # Two slots more than the account has, and some probes.
    assert sandbox_thread.requests.by_status.get(429, 0) < VIDEOS / 2
    assert "Traceback" not in log.read_text()
