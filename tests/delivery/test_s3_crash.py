"""An S3 server that is down for a while, in real time; with moto and s3fs (group ``storage``)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, HeyGen, Outcome
from heygen_async.sandbox import Sandbox

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

pytestmark = [pytest.mark.anyio, pytest.mark.crash]

BUCKET = "films"


class Server:
    """An S3 server in a process, which keeps its objects while it is stopped."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)

    def suspend(self) -> None:
        """Let it answer nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = Server(tmp_path)
    try:
        yield server
    finally:
        server.resume()
        server.process.kill()
        server.process.wait()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}  # the server and s3fs have a clock of their own


def options(server: Server) -> dict[str, Any]:
    timeouts = {"connect_timeout": 2, "read_timeout": 2, "retries": {"max_attempts": 0}}
    return {"endpoint_url": server.url, "config_kwargs": timeouts, "skip_instance_cache": True}


def bucket(server: Server) -> Any:
    import s3fs

    return s3fs.S3FileSystem(**options(server))


def rows(count: int) -> list[dict[str, str]]:
    return [{"name": f"Person {n}", "company": f"c{n % 3}"} for n in range(count)]


async def deliver(
    heygen: HeyGen, template_id: str, journal: Path, server: Server, *, patience: float
) -> list[Outcome[Any]]:
    async with Batch(heygen, journal=journal, give_up_after=patience) as batch:
        run = batch.render(
            template_id, rows(12), variant=lambda row: {"name": row["name"]}, key="name"
        )
        to = f"s3://{BUCKET}/{{company}}/{{key}}.mp4"
        outcomes = batch.download(run, to, storage_options=options(server))
        return [outcome async for outcome in outcomes]


@pytest.mark.sandbox(speed=100)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_s3_that_does_not_answer_for_a_while(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, journal: Path, server: Server
) -> None:
    files = await asyncio.to_thread(bucket, server)
    await asyncio.to_thread(files.mkdir, BUCKET)
    server.suspend()
    outcomes = await deliver(heygen, template_id, journal, server, patience=3)
    assert all(one.ok and one.download_error for one in outcomes)
    assert heygen.slots.held == 0
    loop = asyncio.get_running_loop()
    loop.call_later(8, server.resume)
    outcomes = await deliver(heygen, template_id, journal, server, patience=120)
    assert not [one.download_error for one in outcomes if one.download_error]
    sizes = await asyncio.to_thread(files.du, BUCKET, total=False)
    assert {name.partition("/")[2] for name in sizes} == {
        f"{row['company']}/{row['name']}.mp4" for row in rows(12)
    }
    assert min(sizes.values()) > 500
    assert sandbox.ledger.count() == 12
