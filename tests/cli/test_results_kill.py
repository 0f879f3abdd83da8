"""A command that is killed leaves results that join by the rows' own column."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE, wait_for
from .test_results import table, write_rows

pytestmark = pytest.mark.crash


def test_each_row_is_there_once_whenever_it_was_killed(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    sandbox_thread.clock.speed = 60
    path, out, journal = write_rows(tmp_path, 60), tmp_path / "out.csv", tmp_path / "launch.db"
    arguments = ["render", sandbox_thread.template_id("Welcome"), str(path), "--key", "ID"]
    command = [sys.executable, "-m", "heygen_async.cli", *arguments]
    command += ["--results", str(out), "--journal", str(journal)]
    for _ in range(int(os.environ.get("HEYGEN_KILLS") or 5)):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(out.exists)
        try:
            process.wait(random.uniform(0.2, 3))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        rows = table(out)
        assert [row["ID"] for row in rows] == [f"+{n}" for n in range(60)]
        known = {job.id for job in sandbox_thread.ledger.jobs}
        assert {row["job_id"] for row in rows} - {""} <= known
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    assert {row["status"] for row in table(out)} == {"completed"}
    assert sandbox_thread.ledger.count("templates.generate") == 60
