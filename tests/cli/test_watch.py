"""``watch``: a run is followed from another terminal, in a pipe, and on a page."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.run_locations import located
from heygen_async.cli.watching.watch import watch
from heygen_async.errors import JournalError
from heygen_async.journal import Finish
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.sandbox import Fault, Sandbox, SandboxThread
from tests.cli.command import COMMAND
from tests.cli.waiting import until
from tests.journal.journals import files, intend, intent_of, opened, run_spec
from tests.patience import PATIENCE, wait_for

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command in a real terminal of a given width."""

    def __init__(self, *arguments: object, width: int, env: dict[str, str] | None = None) -> None:
        self._screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env={**os.environ, "TERM": "xterm", **(env or {})},
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        self._read = bytearray()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        with contextlib.suppress(OSError):  # closed at the other end
            while data := os.read(self._screen, 65536):
                self._read += data

    @property
    def shown(self) -> str:
        return CONTROL.sub("", self._read.decode(errors="replace")).replace("\r", "\n")

    @property
    def lines(self) -> list[str]:
        return self.shown.splitlines()

    @property
    def words(self) -> str:
        """Everything shown, however its lines are broken."""
        return " ".join(self.shown.split())

    def wait_for(self, words: str) -> None:
        wait_for(lambda: words.strip() in self.words or self.process.poll() is not None)
        assert words.strip() in self.words

    def end(self, *, ctrl_c: bool = False) -> int:
        if ctrl_c:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        os.close(self._screen)
        assert "Traceback" not in self.shown
        return code


@pytest.fixture(scope="module")
def slow() -> Iterator[Sandbox]:
    """A sandbox whose clock stands still, so that jobs take as long as a test likes."""
    with SandboxThread(speed=0, durations={"video": 60.0}, concurrency=4) as sandbox:
        yield sandbox


def rows(folder: Path, count: int) -> Path:
    path = folder / "rows.csv"
    path.write_text(
        "key,name,product\n" + "".join(f"k{n},{folder.name} {n},Tea\n" for n in range(count))
    )
    return path


def run_of(sandbox: Sandbox, folder: Path, *options: object, count: int = 12) -> list[object]:
    template = sandbox.template_id("Welcome")
    return ["render", template, rows(folder, count), "--journal", folder / "run.db", *options]


def environment(sandbox: Sandbox) -> dict[str, str]:
    return {"HEYGEN_API_BASE": sandbox.base_url, "HEYGEN_API_KEY": sandbox.api_key}


def let_pass(sandbox: Sandbox, condition: Any) -> None:
    """Let time pass in the sandbox until a condition holds."""

    def holds() -> bool:
        sandbox.clock.advance(5)
        return bool(condition())

    wait_for(holds)


@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.crash
def test_a_run_is_seen_from_two_terminals(slow: Sandbox, tmp_path: Path, width: int) -> None:
    watcher = Terminal("watch", tmp_path / "run.db", width=width)
    watcher.wait_for("there is no journal yet")
    run = Terminal(*run_of(slow, tmp_path), width=width, env=environment(slow))
    run.wait_for("4 running")  # before the first end
    for terminal in (run, watcher):
        for words in ("0/12", "4 running", "8 waiting"):
            terminal.wait_for(words)
    run.wait_for(" left")
    let_pass(slow, lambda: run.process.poll() is not None)
    assert run.end() == 0
    assert watcher.end() == 0
    for terminal in (run, watcher):
        assert "12/12" in terminal.shown
        assert "USD" in terminal.shown
        # URLs and paths are not broken.
        own = [line for line in terminal.lines if "http" not in line and "run.db" not in line]
        assert max(map(len, own)) <= width, own
    assert "/min" in watcher.shown or "/s" in watcher.shown


@pytest.mark.crash
def test_a_run_that_was_killed_is_told_from_one_that_goes_on(slow: Sandbox, tmp_path: Path) -> None:
    run = Terminal(*run_of(slow, tmp_path), width=100, env=environment(slow))
    watcher = Terminal("watch", tmp_path / "run.db", width=100)
    watcher.wait_for("4 running")
    assert "interrupted" not in watcher.shown
    before = sorted(files(tmp_path))
    run.process.kill()
    run.end()
    watcher.wait_for("interrupted. The process that worked on the run is gone")
    assert sorted(files(tmp_path)) == before  # nothing is written, nothing removed
    again = Terminal(*run_of(slow, tmp_path), width=100, env=environment(slow))
    let_pass(slow, lambda: again.process.poll() is not None)
    assert again.end() == 0
    assert watcher.end() == 0
    assert "12/12" in watcher.shown


@pytest.mark.crash
def test_ctrl_c_ends_a_watch_and_nothing_else(slow: Sandbox, tmp_path: Path) -> None:
    run = Terminal(*run_of(slow, tmp_path), width=100, env=environment(slow))
    watcher = Terminal("watch", tmp_path / "run.db", width=100)
    watcher.wait_for("4 running")
    assert watcher.end(ctrl_c=True) == 0
    assert run.process.poll() is None
    let_pass(slow, lambda: run.process.poll() is not None)
    assert run.end() == 0


@pytest.mark.crash
def test_a_pause_that_heygen_asks_for_is_shown(slow: Sandbox, tmp_path: Path) -> None:
    slow.faults.add("templates.generate", Fault.status(429, retry_after=6), after=2)
    run = Terminal(*run_of(slow, tmp_path, count=6), width=60, env=environment(slow))
    run.wait_for("paused: HeyGen asked to wait")
    let_pass(slow, lambda: run.process.poll() is not None)
    assert run.end() == 0


def piped(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.anyio
async def test_a_pipe_gets_a_line_for_each_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.db"
    lines: list[dict[str, Any]] = []

    def seen(state: str, count: int) -> bool:
        lines.extend(map(json.loads, capsys.readouterr().out.splitlines()))
        return bool(lines) and lines[-1]["counts"][state] == count

    watching = asyncio.create_task(watch(path, display=Lines()))
    journal = await opened(path, settings={"items": 2})
    for number, key in enumerate("ab"):
        await intend(journal, key, number)
        await journal.submitted(key, f"job {key}")
        await until(partial(seen, "submitted", 1))
        assert lines[-1]["state"] == "running"
        await journal.finish(Finish(key, "completed", usd=0.5))
        await until(partial(seen, "completed", number + 1))
    await journal.aclose()
    assert await watching == Exit.DONE
    assert seen("completed", 2)
    assert lines[-1]["state"] == "ended"
    assert lines[-1]["usd"] == 1.0
    assert lines[-1]["journal"] == str(path)
    changes = [(line["state"], line["counts"]) for line in lines]
    assert all(before != after for before, after in itertools.pairwise(changes))


@pytest.mark.crash
def test_a_live_page_is_served_until_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "run.db"

    async def make() -> None:
        async with contextlib.aclosing(await opened(path, settings={"items": 1})) as journal:
            await intend(journal, "a")
            await journal.finish(Finish("a", "completed"))

    asyncio.run(make())
    watcher = piped("watch", path, "--serve")
    assert watcher.stdout is not None
    url = json.loads(watcher.stdout.readline())["url"]
    assert json.loads(watcher.stdout.readline())["state"] == "ended"
    with urllib.request.urlopen(url) as answer:
        assert b"Ended</b>" in answer.read()
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=PATIENCE)
    assert (watcher.returncode, err) == (0, "")


@pytest.mark.anyio
async def test_what_is_not_a_journal_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    path.write_text("not a journal at all, and long enough to be read as one" * 20)
    with pytest.raises(JournalError, match="not a database"):
        await watch(path, display=Lines())


async def finished_run(url: str, name: str) -> None:
    store = PostgresJournal(url, name)
    await store.open(run_spec(settings={"items": 1}))
    async with contextlib.aclosing(store):
        await store.begin([intent_of("a")], "owner")
        await store.finish(Finish("a", "completed", usd=0.5))


@pytest.mark.anyio
async def test_a_run_in_a_database_is_named(
    postgres_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await finished_run(postgres_database, "spring")
    for journal in (
        located(postgres_database, "spring"),
        located(f"{postgres_database}?run=spring", None),
    ):
        assert await watch(journal, display=Lines()) == Exit.DONE
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (line["state"], line["counts"]["completed"], line["usd"]) == ("ended", 1, 0.5)
        assert "password" not in line["journal"]
