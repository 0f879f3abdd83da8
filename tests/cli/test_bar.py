"""The bar of a run, at any width."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from heygen_async.batch import Progress
from heygen_async.cli.display.bar import RunBar
from heygen_async.reports.figures import figures_of


def shown(width: int, *, later: float = 0.0, plain: bool = False, **progress: Any) -> list[str]:
    """The lines of a bar for a progress, some seconds after it was reported."""
    now = [100.0]
    figures = figures_of(
        Progress(**{"failed": 0, "limit": 10, "at_once": 10, "job_seconds": 60.0} | progress)
    )
    bar = RunBar("Rendering", figures, plain=plain, clock=lambda: now[0])
    now[0] += later
    text = io.StringIO()
    Console(file=text, width=width, force_terminal=True, color_system=None).print(bar)
    return text.getvalue().splitlines()


AMID: dict[str, Any] = {
    "total": 12040,
    "running": 7,
    "completed": 9000,
    "failed": 1,
    "elapsed": 1250.0,
}


@pytest.mark.parametrize(("width", "lines"), [(160, 1), (120, 2), (60, 3), (40, 4)])
def test_everything_is_shown_in_as_many_lines_as_it_takes(width: int, lines: int) -> None:
    found = shown(width, usd=1234.5, **AMID)
    assert len(found) == lines
    assert all(len(line) <= width - 4 for line in found)
    for words in (
        *("Rendering", "9,001/12,040", "20 min 50 s", "1 failed", "7 running"),
        *("3,032 waiting", "7.2/s", "~1,234.50 USD", "7 min 02 s left"),
    ):
        assert any(words in line for line in found), words


@pytest.mark.parametrize("width", [12, 16, 20, 30])
def test_the_counts_are_cut_last(width: int) -> None:
    assert "9/40" in shown(width, total=40, running=3, completed=9, elapsed=9.0)[0]


def test_it_lives_before_the_first_end() -> None:
    start: dict[str, Any] = {
        "total": 40,
        "running": 10,
        "completed": 0,
        "elapsed": 0.4,
        "youngest": 0.0,
    }
    (line,) = shown(100, **start)
    assert "0/40 0 s · 10 running · 30 waiting · 4 min 00 s left" in line
    (line,) = shown(100, later=30.0, **start)
    assert "0/40 30 s · 10 running · 30 waiting · 3 min 30 s left" in line
    (line,) = shown(100, **start | {"total": None})
    assert "0/? 0 s · 10 running" in line


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        ({"resumes_in": 20.0}, "paused: HeyGen asked to wait 20 s more"),
        ({"paused": 61.0}, "paused for 1 min 01 s: HeyGen accepts nothing"),
        ({"paused": 61.0, "no_credit": True}, "paused for 1 min 01 s: the account has no credit"),
        ({}, ""),
    ],
)
def test_pauses_are_explained(pause: dict[str, Any], words: str) -> None:
    lines = shown(100, total=40, running=3, completed=9, elapsed=9.0, **pause)
    assert words in " ".join(lines[1:])
    assert bool(words) == (len(lines) == 2)


def test_the_end_and_plain_terminals() -> None:
    done: dict[str, Any] = {"total": 4, "running": 0, "completed": 4, "elapsed": 9.0}
    assert shown(80, **done)[0].startswith("✓ Rendering ━")
    (line,) = shown(80, plain=True, **done)
    assert line.startswith("+ Rendering")
    assert "left" not in line
