"""The demo from end to end, and its display on a terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import av
import pytest
from rich.console import Console
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.cli.commands.demo import shipped_rows
from heygen_async.cli.commands.demo_display import DemoDisplay, Step, Summary
from heygen_async.cli.display import Terminal

SUMMARY = Summary(
    steps=[
        Step(
            name="Videos",
            jobs=1200,
            seconds=60.0,
            ideal=50.0,
            requests=2400,
            rate_limited=3,
            usd=99.5,
        ),
        Step(name="Agent", jobs=1, seconds=4.0, ideal=3.5, requests=10, rate_limited=0, usd=0.5),
    ],
    seconds=66.0,
    files=1201,
    size=2_500_000,
    folder="made",
    exit_code=0,
)


def test_everything_is_made_and_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)  # as without the extra sandbox-media: quickly
    out = tmp_path / "made"
    arguments = ["demo", "--rows", "12", "--speed", "2000", "--out", str(out)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    *lines, last = [json.loads(line) for line in done.stdout.splitlines()]
    summary = last["summary"]
    assert [line["step"]["name"] for line in lines if "step" in line] == [
        "Template videos",
        "Speech and its avatar",
        "Translations",
        "Video Agent",
    ]
    assert summary["jobs"] == 12 + 2 + 20 + 1
    assert summary["files"] == 12 + 2 + 20 + 1
    assert 0 < summary["ideal"] <= sum(step["seconds"] for step in summary["steps"])
    assert summary["usd"] > 0
    assert summary["requests"] > summary["jobs"]
    assert len(list((out / "videos").glob("*.mp4"))) == 12
    assert len(list((out / "dubbed").glob("*.mp4"))) == 20
    assert (out / "speech.wav").read_bytes()[:4] == b"RIFF"
    assert (out / "agent.mp4").stat().st_size > 0


@pytest.mark.crash
def test_who_opens_the_folder_sees_each_person_greeted(tmp_path: Path) -> None:
    arguments = ["demo", "--rows", "3", "--speed", "2000", "--out", str(tmp_path / "made")]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    stills = []
    for path in sorted((tmp_path / "made" / "videos").glob("*.mp4")):
        with av.open(str(path)) as video:
            assert (video.streams.video[0].width, len(video.streams.audio)) == (640, 1)
            frames = [frame.to_ndarray().tobytes() for frame in video.decode(video=0)]
        stills.append(frames[2])
    assert len(set(stills)) == 3


def test_the_rows_that_ship_are_the_examples() -> None:
    assert shipped_rows() == Path(__file__).parents[2] / "examples" / "greetings.csv"


def test_steps_and_sums_on_a_terminal() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, color_system=None)
    show = DemoDisplay(Terminal(console))
    show.opening("http://127.0.0.1:1", 120)
    show.step(
        "Make it",
        """
        await heygen.videos.list()
        """,
    )
    with show.waiting("Speaking") as now:
        now("Uploading")
    show.done("made")
    show.summary(SUMMARY)
    shown = [line.rstrip() for line in text.getvalue().splitlines()]
    assert "1  Make it" in shown
    assert "   await heygen.videos.list()" in shown
    assert any(line.endswith("✓ made") for line in shown)
    (together,) = [line.split() for line in shown if "Together" in line]
    assert " ".join(together) == "Together 1,201 64.0 s 53.5 s 2,410 2.0 3 $100.00"
    assert "✓ 1,201 files, 2.5 MB, in 66.0 s. Look at them: made" in shown
