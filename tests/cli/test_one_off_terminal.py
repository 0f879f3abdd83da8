"""One-off commands in a real terminal, and from nothing to a first result."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.sandbox import Sandbox, SandboxThread

from ..patience import PATIENCE, wait_for

pytest.importorskip("pty")
from .terminals import Terminal

KEY = "sk_V2_a_key_that_must_not_show"


@pytest.fixture(scope="module")
def fast_sandbox() -> Iterator[Sandbox]:
    with SandboxThread(speed=600, api_keys=[KEY]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture(scope="module")
def terminal(folder: Path, fast_sandbox: Sandbox) -> Iterator[Terminal]:
    access = {"HEYGEN_API_BASE": fast_sandbox.base_url, "HEYGEN_API_KEY": KEY}
    with contextlib.closing(Terminal(folder, access)) as terminal:
        yield terminal


def test_lists_are_tables(terminal: Terminal, fast_sandbox: Sandbox) -> None:
    shown = terminal.run("avatars", "list", "--gender", "female", "--limit", "2")
    assert terminal.code == 0
    assert re.search(r"id +name +avatar type +gender +supported api engines", shown)
    assert fast_sandbox.avatar_id in shown
    assert "avatar_iii, avatar_iv, avatar_v" in shown
    assert "('" not in shown
    assert "the first 2, by --limit" in shown
    assert "Bruno" in terminal.run("voices", "list", "--language", "english")
    assert "Welcome" in terminal.run("templates", "list")
    assert re.search(r"French \(France\)[^$]*\d in all", terminal.run("languages", "list"))
    assert "There are none" in terminal.run("assets", "list", "--name", "nowhere")


def test_things_are_shown_by_field(terminal: Terminal, fast_sandbox: Sandbox) -> None:
    assert re.search(r"account +sandbox\n", terminal.run("whoami"))
    assert re.search(r"name +text +Text", terminal.run("templates", "show", "Welcome"))
    assert terminal.run("templates", "show", "Welcome", "--csv").endswith("key,name,product\n")
    assert re.search(r"kind +voice\n", terminal.run("get", fast_sandbox.voice_id))
    assert '"username": "sandbox"' in terminal.run("api", "GET", "/v3/users/me")


def test_a_video_from_its_beginning_to_its_end(terminal: Terminal, folder: Path) -> None:
    shown = terminal.run("video", "create", "--avatar", "Amara", "--script", "Hi.", "-o", "hi.mp4")
    assert terminal.code == 0, shown
    assert "HeyGen has accepted video" in shown
    assert "1/1" in shown
    assert (folder / "hi.mp4").stat().st_size > 0
    found = re.search(r"\nid +(\w+)\n", shown)
    assert found is not None
    video_id = found[1]
    assert video_id in terminal.run("videos", "list")
    assert re.search(r"status +completed", terminal.run("wait", video_id))
    terminal.run("download", video_id, "-o", "again.mp4")
    assert (folder / "again.mp4").stat().st_size > 0
    question = "Delete this video for good? [y/N]"
    assert "Nothing was deleted" in terminal.run("delete", video_id, answers={question: "n"})
    assert terminal.code == 1
    terminal.run("delete", video_id, answers={question: "y"})
    assert terminal.code == 0
    assert "nothing in this account has the id" in terminal.run("get", video_id)
    assert terminal.code == 1


@pytest.mark.crash  # the agent is slow
def test_a_chat(terminal: Terminal) -> None:
    answers = {"how long should it be?": "A minute, for all.", "Shall I go on?": "Yes."}
    shown = terminal.run("agent", "A teaser", "--chat", answers=answers)
    assert terminal.code == 0
    assert re.search(r"kind +video\n", shown)


def test_speech_and_files(terminal: Terminal, folder: Path) -> None:
    assert "Spoken by Amara" in terminal.run("speech", "Good morning.", "-o", "morning.wav")
    assert (folder / "morning.wav").read_bytes().startswith(b"RIFF")
    assert re.search(r"\w{32}  morning.wav", terminal.run("upload", "morning.wav"))


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(["hello.mp4", "hello.wav"], id="video"),
        pytest.param(["French (France).mp4"], marks=pytest.mark.crash, id="dub"),  # 10 s at least
    ],
)
def test_from_nothing_to_a_first_result(
    wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Get a first video, dub and speech with few commands on a new sandbox."""
    process = subprocess.Popen(
        [sys.executable, "-m", "heygen_async", "sandbox", "--speed", "600"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    monkeypatch.chdir(tmp_path)
    try:
        told = json.loads(process.stdout.readline())
        monkeypatch.setenv("HEYGEN_API_BASE", told["base_url"])
        monkeypatch.setenv("HEYGEN_API_KEY", told["api_key"])

        def run(*words: str) -> str:
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, result.output
            return result.stdout

        if "hello.mp4" in wanted:
            avatar = json.loads(run("avatars", "list", "--limit", "1"))["id"]
            run("video", "create", "--avatar", avatar, "--script", "Hello.", "-o", "hello.mp4")
            run("speech", "Hello.", "-o", "hello.wav")
        else:
            url = "https://example.com/launch.mp4"
            run("translate", url, "--to", "French (France)", "--length", "10", "--download", ".")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == wanted


@pytest.mark.sandbox(api_keys=[KEY])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_stops_it_leaves_the_id_of_the_job(
    sandbox_thread: Sandbox, number: signal.Signals, code: int
) -> None:
    words = ["video", "create", "--avatar", "Amara", "--script", "Hello.", "--wait"]
    process = subprocess.Popen(
        [sys.executable, "-m", "heygen_async", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: sandbox_thread.requests.by_operation["videos.create"] > 0)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    (job,) = sandbox_thread.ledger.jobs
    assert json.loads(out)["interrupted"]["unfinished"] == {"job 1": job.id}
    assert "1 job goes on at HeyGen" in err
