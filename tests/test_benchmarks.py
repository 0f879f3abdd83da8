"""The benchmarks of bulk runs and of transfers, at a reduced size: they run and print figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.crash
@pytest.mark.skipif(sys.platform == "win32", reason="the peak of memory")
@pytest.mark.parametrize(
    ("name", "options", "figures"),
    [
        (
            "bulk",
            "--pairs=1 --items=5 --few=20 --many=40",
            ["http_ratio", "http_ratio_journal", "growth", "memory_growth_mb"],
        ),
        (
            "transfers",
            "--rounds=1 --down=2000000 --up=33000000 --files=4",
            ["down_ratio", "up_ratio", "small_ratio"],
        ),
    ],
)
def test_a_benchmark_prints_its_figures(name: str, options: str, figures: list[str]) -> None:
    command = [sys.executable, f"benchmarks/{name}.py", "--json", *options.split()]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert printed.stderr == ""
    found = json.loads(printed.stdout)
    assert list(found) == [*figures, "title", "rows"]
    assert all(found[figure] > 0 for figure in figures if figure.endswith("ratio"))
    assert all(row["measured"] > 0 for row in found["rows"])
