"""The benchmark of money, at a reduced size: no run passes its cap by more than one item."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.crash  # other tests hold caps
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_no_run_passes_its_cap_by_more_than_one_item() -> None:
    command = [sys.executable, "benchmarks/money.py", "--json", "--items", "12"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    found = json.loads(printed.stdout)
    names = ("one_source", "two_sources", "agents", "chain", "kills")
    assert all(0 <= found[f"overshoot_items_{name}"] <= 1 for name in names)
    assert found["overshoot_items"] <= 1
    assert [row["starts"] for row in found["rows"]] == [1, 1, 5, 2, 6]
    assert [row["kills"] > 0 for row in found["rows"]] == [False] * 4 + [True]
    assert all(row["spent, USD"] > 0 for row in found["rows"])
