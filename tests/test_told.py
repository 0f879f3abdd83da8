"""The benchmark of stopped runs: all jobs are known, and nothing is sent after the stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .patience import PATIENCE

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "told.py"


@pytest.mark.crash  # other tests stop runs in each of these ways
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_paid_jobs_are_known_after_a_stop() -> None:
    ways = ["break, download", "Ctrl-C twice, plain", "kill"]
    only = [option for way in ways for option in ("--only", way)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--json", "--items", "60", *only],
        env=os.environ | {"PYTHONPATH": str(BENCHMARK.parents[1])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["rows"]) == len(ways)
    assert all(row["jobs"] > 12 for row in found["rows"]), found
    assert (found["told"], found["after_stop"]) == (1.0, 0), found
