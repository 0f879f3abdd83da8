"""The display of the commands on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from heygen_async.batch import Progress, Report
from heygen_async.cli.commands.render import render
from heygen_async.cli.display import (
    Saved,
    Terminal,
    bytes_in_words,
    display_for,
    duration,
    rate,
    still_running,
)
from heygen_async.cli.exit_codes import Exit
from heygen_async.sandbox import Sandbox


class Screen:
    def __init__(self) -> None:
        self._text = io.StringIO()
        self.display = Terminal(
            Console(file=self._text, force_terminal=True, width=100, color_system=None)
        )

    @property
    def text(self) -> str:
        return self._text.getvalue()


def test_the_bar_shows_counts_rate_and_time_left() -> None:
    screen = Screen()
    with screen.display.bar("Rendering", 40) as show:
        show(Progress(total=40, running=7, completed=9, failed=1, elapsed=20.0, limit=10))
    assert "10/40" in screen.text
    assert "30.0/min" in screen.text
    assert "7 running" in screen.text
    assert "1 min 00 s left" in screen.text


def test_the_bar_shows_an_earlier_stage_of_a_chain() -> None:
    screen = Screen()
    stage = Progress(total=3, running=2, completed=1, failed=0, elapsed=20.0, limit=10)
    with screen.display.bar("Narrating", 40) as show:
        show(stage, "speech")
    assert "Narrating: speech" in screen.text
    assert "1/3" in screen.text


@pytest.mark.anyio
async def test_failures_and_the_sums_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("key,name,product\n[bold]a,A,B\nb,A,B\n")
    sandbox.fail_next("video", times=2, code="moderated", message="Not [allowed].")
    screen = Screen()
    code = await render(
        sandbox.template_id("Welcome"),
        path,
        display=screen.display,
        out=tmp_path / "out",
        concurrency=None,
        base_url=None,
        test=False,
    )
    assert code == Exit.SOME_FAILED
    assert "✗ [bold]a" in screen.text
    assert "Not [allowed]." in screen.text
    assert "0 done, 2 failed (2 moderated)" in screen.text
    assert f"0 files, 0 kB, in {tmp_path}" in screen.text.replace("\n", "")


def test_piped_output_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    display_for(json=False).interrupted({"anna": "v1"})
    captured = capsys.readouterr()
    assert captured.out == '{"interrupted":{"unfinished":{"anna":"v1"}}}\n'
    assert "anna  v1" in captured.err


def test_jobs_that_go_on_are_told_in_short() -> None:
    assert still_running({}) == "No job is left running at HeyGen."
    assert still_running({"a": "v1"}).splitlines()[0].startswith("1 job goes on")
    many = still_running({f"k{n}": f"v{n}" for n in range(50)}).splitlines()
    assert many[0].startswith("50 jobs go on")
    assert many[-1] == "  and 30 more"
    assert len(many) == 22


def test_a_run_that_had_nothing_to_do_has_no_rate() -> None:
    screen = Screen()
    nothing = Report(
        completed=0,
        failed=0,
        failures={},
        elapsed=0.0,
        most_running=0,
        slot_use=0.0,
        requests=0,
        retries=0,
        rate_limited=0,
    )
    screen.display.report(nothing, Saved(folder=None, files=0, failed=0, size=0), Exit.DONE)
    assert screen.text.splitlines()[0].rstrip().endswith("0 done in 0.0 s")


def test_numbers() -> None:
    assert [duration(s) for s in (3.14159, 59.9, 61, 3720)] == [
        "3.1 s",
        "59.9 s",
        "1 min 01 s",
        "1 h 02 min",
    ]
    assert [rate(0, 0), rate(30, 10), rate(1, 10)] == ["", "3.0/s", "6.0/min"]
    assert [bytes_in_words(n) for n in (0, 62_100, 21_400_000)] == ["0 kB", "62 kB", "21.4 MB"]
