"""Readers that go away, full disks, closed descriptors, narrow encodings, and real terminals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shlex
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE
from .command import COMMAND

KEY = "sk_V2_a_key_that_must_not_show"
PROGRAM = shlex.join(COMMAND)
NAMES = ["plain", "Zoë 🎉", "Łukasz", "さくら"]

pytestmark = pytest.mark.sandbox(speed=600, api_keys=[KEY])


def slow(*values: str) -> Any:
    """Leave a case to the session `crash`: one more process for what another case nearly proves."""
    return pytest.param(*values, marks=pytest.mark.crash)


def environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    return os.environ | {"HEYGEN_API_BASE": sandbox.base_url, "HEYGEN_API_KEY": KEY} | more


def render(sandbox: Sandbox, folder: Path, count: int = 8, *options: str) -> str:
    rows = folder / "rows.csv"
    rows.write_text("key,name,product\n" + "".join(f"k{n},Ada,Pen\n" for n in range(count)))
    return " ".join(["render", sandbox.template_id("Welcome"), str(rows), *options])


def dub(command: str) -> str:
    return f"{command} https://example.com/a.mp4 --to English --to 'French (France)'"


def shell(
    sandbox: Sandbox, arguments: str, redirection: str, **more: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} {arguments} {redirection}"],
        env=environment(sandbox, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    return done


def ids(sandbox: Sandbox) -> set[str]:
    return {job.id for job in sandbox.ledger.jobs}


def untold(sandbox: Sandbox, *texts: str) -> set[str]:
    return {job for job in ids(sandbox) if not any(job in text for text in texts)}


@pytest.mark.parametrize("redirection", ["<&- >&- 2>&-", ">&-", slow("2>&-"), slow("<&-")])
def test_descriptors_that_are_closed_at_the_start(
    sandbox_thread: Sandbox, tmp_path: Path, redirection: str
) -> None:
    done = shell(sandbox_thread, render(sandbox_thread, tmp_path), redirection)
    assert done.returncode == 0
    assert ids(sandbox_thread)
    if "2>&-" not in redirection:
        assert not untold(sandbox_thread, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("command", "redirection"), [slow("translate", ">&-"), ("localize", "<&- >&- 2>&-")]
)
def test_dubs_go_on_with_descriptors_closed_at_the_start(
    sandbox_thread: Sandbox, command: str, redirection: str
) -> None:
    done = shell(sandbox_thread, dub(command), redirection)
    assert done.returncode == 0
    assert len(ids(sandbox_thread)) == 2


@pytest.mark.parametrize(
    "arguments",
    ["--version", "--help", slow("translate https://example.com/a.mp4"), "status nowhere.db"],
)
def test_without_any_output_the_exit_code_is_the_same(
    sandbox_thread: Sandbox, arguments: str
) -> None:
    usual = CliRunner().invoke(app, arguments).exit_code
    assert shell(sandbox_thread, arguments, "<&- >&- 2>&-").returncode == usual


@pytest.mark.parametrize(
    ("command", "redirection"),
    [
        ("render", "| head -1; exit ${PIPESTATUS[0]}"),
        slow("render", ">/dev/full"),
        slow("localize", ">/dev/full"),
    ],
)
def test_output_that_fails_ends_a_run_and_all_ids_are_told(
    sandbox_thread: Sandbox, tmp_path: Path, command: str, redirection: str
) -> None:
    sandbox_thread.concurrency = 3
    arguments = render(sandbox_thread, tmp_path, 100) if command == "render" else dub(command)
    done = shell(sandbox_thread, arguments, redirection)
    assert done.returncode == 1
    # Lines in the pipe may be unread when its reader leaves, so their jobs are named as well.
    assert not untold(sandbox_thread, done.stderr)
    assert "Standard output cannot be written to" in done.stderr
    if command == "render":
        assert len(ids(sandbox_thread)) < 60
        assert "not submitted" in done.stderr


def test_one_ctrl_c_is_enough_once_the_output_has_failed(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    sandbox_thread.concurrency = 5
    command = f"exec {PROGRAM} {render(sandbox_thread, tmp_path, 200)} >/dev/full"
    process = subprocess.Popen(
        ["bash", "-c", command], env=environment(sandbox_thread), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    while "Nothing more is submitted" not in said:
        said += process.stderr.readline()
        sandbox_thread.clock.speed = 0
    process.send_signal(signal.SIGINT)
    said += process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=PATIENCE) == 130
    assert not untold(sandbox_thread, said)


def test_a_full_disk_fails_commands_that_only_read(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    CliRunner().invoke(app, render(sandbox_thread, tmp_path, 2, "--journal", str(journal)))
    done = shell(sandbox_thread, f"status {journal}", ">/dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: standard output: No space left on device\n"


@pytest.mark.parametrize("encoding", [slow("cp1252"), "ascii"])
def test_characters_that_the_encoding_has_not(
    sandbox_thread: Sandbox, tmp_path: Path, encoding: str
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,product\n" + "".join(f"{n},Ada,Pen\n" for n in NAMES), "utf-8")
    arguments = f"render {sandbox_thread.template_id('Welcome')} {rows}"
    done = subprocess.run(
        [*COMMAND, *arguments.split()],
        env=environment(sandbox_thread, PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *items, _ = [json.loads(line) for line in done.stdout.decode(encoding).splitlines()]
    assert {item["key"] for item in items} == set(NAMES)


@pytest.mark.crash
def test_names_of_dubs_that_the_encoding_has_not(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    videos = tmp_path / "videos.csv"
    videos.write_text("video,key\nhttps://example.com/a.mp4,さくら 🎉\n", "utf-8")
    arguments = f"translate {videos} --to English"
    done = shell(sandbox_thread, arguments, "", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert "さくら 🎉" in json.loads(done.stdout.splitlines()[0])["key"]
    arguments = f"{dub('localize')} --title 'さくら 🎉'"
    done = shell(sandbox_thread, arguments, "", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr


class Terminal:
    """A real pseudo-terminal, read in a thread."""

    def __init__(self, command: str, env: dict[str, str], *, width: int = 60) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {PROGRAM} {command}"],
            env=env | {"TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
        )
        os.close(slave)
        self._read = bytearray()
        self._thread = threading.Thread(target=self._collect)

    def _collect(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._read += data
        except OSError:  # closed at the other end
            return

    def shown(self) -> str:
        """Return all output until the command has ended."""
        self._thread.start()
        assert self.process.stderr is not None
        with self.process.stderr:
            self.complaints = self.process.stderr.read().decode()
        self.process.wait(timeout=PATIENCE)
        self._thread.join(timeout=PATIENCE)
        os.close(self._master)
        assert b"Traceback" not in self._read
        return self._read.decode(errors="replace")

    def hang_up(self) -> str:
        """Close it after the first output, and return the standard error that follows."""
        os.read(self._master, 1)
        os.close(self._master)
        assert self.process.stderr is not None
        with self.process.stderr:
            complaints = self.process.stderr.read().decode()
        self.process.wait(timeout=PATIENCE)
        return complaints


@pytest.mark.parametrize(
    ("command", "encoding"), [slow("translate", "utf-8"), ("localize", "latin-1")]
)
def test_a_terminal_shows_the_address_of_each_result(
    sandbox_thread: Sandbox, command: str, encoding: str
) -> None:
    terminal = Terminal(dub(command), environment(sandbox_thread, PYTHONIOENCODING=encoding))
    shown = terminal.shown()
    assert terminal.process.returncode == 0, shown
    results = [line for line in shown.splitlines() if sandbox_thread.media_origin in line]
    assert len(results) == 2  # whole, however narrow the terminal is
    assert ["English" in line for line in results].count(True) == 1


@pytest.mark.crash
def test_a_terminal_shows_no_addresses_of_what_is_downloaded(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    terminal = Terminal(f"{dub('translate')} --download {tmp_path}", environment(sandbox_thread))
    assert sandbox_thread.media_origin not in terminal.shown()
    assert len(list(tmp_path.glob("*.mp4"))) == 2


def test_a_terminal_that_is_closed(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    terminal = Terminal(render(sandbox_thread, tmp_path), environment(sandbox_thread))
    complaints = terminal.hang_up()
    assert terminal.process.returncode == 1
    assert "Traceback" not in complaints
    assert not untold(sandbox_thread, complaints)


def test_control_characters_reach_no_terminal(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    keys = ["\x1b]52;c;ZXZpbA==\x07", "\x9b2J", "\x1b]0;title\x1b\\", "a\r\nforged", "\u202egpj"]
    written = [{"key": key, "name": "Ada", "product": "Pen"} for key in keys]
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in written))
    message = "\x1b[31mred\x07\nforged"
    sandbox_thread.fail_next("video", times=2, code="moderated\x1b", message=message)
    command = f"render {sandbox_thread.template_id('Welcome')} {rows}"
    terminal = Terminal(command, environment(sandbox_thread), width=200)
    shown = terminal.shown()
    for unsafe in ("\x1b]", "\x07", "\x9b", "\u202e", "\x1b[31mred", "\nforged"):
        assert unsafe not in shown
        assert unsafe not in terminal.complaints
    assert r"\x1b[31mred\x07\nforged" in shown
    assert r"a\r\nforged" in shown


def test_control_characters_reach_no_standard_error(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    rows = tmp_path / "rows\x1b]0;x\x07.csv"
    rows.write_text("key,na\x1bme,product\na,Ada,Pen\n")
    done = subprocess.run(
        [*COMMAND, "render", sandbox_thread.template_id("Welcome"), str(rows)],
        env=environment(sandbox_thread),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr
    assert r"\x1b" in done.stderr
