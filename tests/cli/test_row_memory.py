"""Commands read their rows in bounded memory, from anything, and check all before they pay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.sandbox import Faults, Sandbox

from ..patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no getrusage and no FIFOs")

PAID = ("templates.generate", "voices.speech", "video_translations.create")
TEXT = "x" * 300
MEASURED = """
import re, resource, sys
from pathlib import Path
from heygen_async.cli import main
try:
    main()
finally:
    if sys.platform == "linux":  # where getrusage also counts the process that has started this one
        peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(peak, file=sys.stderr)
"""


@pytest.fixture
def refusing(sandbox_thread: Sandbox) -> Sandbox:
    """A sandbox that refuses the key at the first paid call, which ends a run."""
    refused = {name: Faults(status={401: 1.0}) for name in PAID}
    sandbox_thread.faults = Faults(operations=refused)
    return sandbox_thread


def arguments(sandbox: Sandbox, command: str, rows: str) -> list[str]:
    name, *further = command.split()
    variables = {"name": "text", **({"greeting": "audio"} if name == "personalize" else {})}
    template = sandbox.add_template(variables=variables)
    words = {
        "render": [template, rows],
        "narrate": [rows, "--avatar", sandbox.avatar_id, "--voice", sandbox.voice_id],
        "personalize": [template, rows, "--speak", "greeting", "--voice", sandbox.voice_id],
        "translate": [rows, "--to", "French (France)", "--no-probe"],
    }[name]
    return [name, *words, *further]


def lines(command: str, count: int) -> Iterator[str]:
    kind = command.partition(" ")[0]
    yield {
        "render": "key,name",
        "narrate": "key,text",
        "personalize": "key,name,greeting",
        "translate": "key,video,length",
    }[kind]
    for number in range(count):
        url = f"https://files.example/{number}/{TEXT}.mp4,30"
        text = f"{number} {TEXT}"
        told = {"translate": url, "personalize": f"{number},{text}"}.get(kind, text)
        yield f"guest-{number},{told}"


def started(*words: str, stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MEASURED, *words],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def peak(command: str, sandbox: Sandbox, folder: Path, count: int) -> int:
    """Return the peak memory in KB of a command that reads so many rows."""
    path = folder / "rows.csv"
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in lines(command, count))
    ended = started(*arguments(sandbox, command, str(path)))
    _, said = ended.communicate(timeout=PATIENCE)
    assert ended.returncode in (0, 3), said
    return int(said.split()[-1])


@pytest.mark.parametrize(
    "command",
    [
        "render --dry-run",
        *(
            pytest.param(command, marks=pytest.mark.crash)  # as long again for each
            for command in (
                "personalize",
                "render",
                "translate",
                "narrate",
                "narrate --dry-run",
                "personalize --dry-run",
            )
        ),
    ],
)
def test_many_rows_take_little_more_memory_than_10(
    refusing: Sandbox, tmp_path: Path, command: str
) -> None:
    few = peak(command, refusing, tmp_path, 10)
    many = peak(command, refusing, tmp_path, 8_000)
    assert many - few < 8_000, "KB; rows that are kept take 12 MB"


@pytest.mark.parametrize(
    "source",
    [
        "-",
        *(
            pytest.param(source, marks=pytest.mark.crash)  # as long again for each
            for source in ("/dev/stdin", "fifo", "fifo.jsonl")
        ),
    ],
)
def test_rows_come_from_a_pipe_and_leave_no_file(
    sandbox_thread: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """More than the megabyte that is kept in memory."""
    spool = tmp_path / "tmp"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    assert tempfile.gettempdir()
    template = sandbox_thread.add_template()
    json = source.endswith(".jsonl")
    rows = (
        [f'{{"name": "{line[:280]}"}}' for line in lines("render", 4_000)]
        if json
        else [*lines("render", 4_000)]
    )
    text = "\n".join(rows) + "\n"
    fifo = tmp_path / source
    piped = source.startswith("fifo")
    if piped:
        os.mkfifo(fifo)
    command = started(
        "render",
        template,
        str(fifo) if piped else source,
        "--dry-run",
        stdin=None if piped else subprocess.PIPE,
    )
    if piped:
        writer = threading.Thread(target=fifo.write_text, args=(text,), daemon=True)
        writer.start()
        said, errors = command.communicate(timeout=PATIENCE)
        writer.join(PATIENCE)
    else:
        said, errors = command.communicate(text, timeout=PATIENCE)
    assert command.returncode == 0, errors
    assert f'"items":{4_001 if json else 4_000}' in said
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("command", ["render", "translate", "narrate", "personalize"])
def test_the_last_row_is_checked_before_the_first_paid_call(
    sandbox_thread: Sandbox, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "rows.csv"
    wrong = {
        "render": "guest-0,again",
        "translate": "guest-x,no/such/file.mp4,3",
        "narrate": "guest-x," + "y" * 5_001,
        "personalize": "guest-x,Ada," + "y" * 5_001,
    }
    path.write_text("\n".join([*lines(command, 600), wrong[command]]))
    ended = CliRunner().invoke(app, arguments(sandbox_thread, command, str(path)))
    assert ended.exit_code == 2, ended.stderr
    assert "line 602" in ended.stderr
    assert sandbox_thread.ledger.count() == 0
