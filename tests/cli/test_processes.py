"""Real processes: signals and pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox, SandboxThread

COMMAND = [sys.executable, "-m", "heygen_async.cli"]
KEY = "sk_V2_a_key_that_must_not_show"


@pytest.fixture(autouse=True)
def ctrl_c_is_heeded() -> Iterator[None]:
    """Shells ignore it in what they run in the background, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """It stands still, so that jobs run for as long as the test likes."""
    with SandboxThread(speed=0, api_keys=[KEY]) as sandbox:
        yield sandbox


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def interrupt(process: subprocess.Popen[str]) -> tuple[list[Any], str]:
    """Ctrl-C; what it has printed, and what it complains of."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert "Traceback" not in err
    assert KEY not in out + err
    return [json.loads(line) for line in out.splitlines()], err


def test_ctrl_c_tells_which_jobs_go_on(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,product\n" + "".join(f"k{n},A,B\n" for n in range(5)))
    process = start(
        "render",
        sandbox.template_id("Welcome"),
        rows,
        "--concurrency",
        "3",
        HEYGEN_API_BASE=sandbox.base_url,
        HEYGEN_API_KEY=KEY,
    )
    deadline = time.monotonic() + 20
    while sandbox.ledger.count() < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    (line,), err = interrupt(process)
    assert process.returncode == 130
    unfinished = line["interrupted"]["unfinished"]
    assert set(unfinished) == {"k0", "k1", "k2"}
    assert set(unfinished.values()) == {job.id for job in sandbox.ledger.jobs}
    assert "3 jobs go on at HeyGen" in err


def test_the_sandbox_serves_until_ctrl_c() -> None:
    process = start("sandbox", "--speed", "600", "--seed", "3")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["base_url"].startswith("http://127.0.0.1:")
    assert first["template_id"]
    assert first["api_key"]
    lines, _ = interrupt(process)
    assert lines == []
    assert process.returncode == 0


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = (
        "from heygen_async.cli.running import run\n"
        "async def talk():\n"
        "    while True: print('a line of output', flush=True)\n"
        "raise SystemExit(run(talk))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.wait(timeout=10) == 1
