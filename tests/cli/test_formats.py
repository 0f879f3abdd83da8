"""Output of outcomes: JSON lines by their documented schema, CSV, text on a terminal."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.render import render
from heygen_async.cli.display import LINES_SCHEMA, Item, Lines, display_for
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.run_options import RunOptions
from heygen_async.sandbox import Fault, Sandbox

from ..patience import PATIENCE

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "command_line.md").read_text("utf-8")


def documented() -> list[str]:
    table = PAGE.partition("### JSON lines")[2].partition("The last line")[0]
    names = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    return [name for cell in names for name in re.findall(r"`(\w+)`", cell)]


def test_the_page_has_all_members_of_a_line() -> None:
    assert documented() == list(Item.__struct_fields__)
    assert f"`schema`, at present {LINES_SCHEMA}" in " ".join(PAGE.split())


def write_rows(folder: Path) -> Path:
    path = folder / "rows.csv"
    path.write_text("ID,name,product\na,Ada,Tea\nb,Bo,Tea\n")
    return path


async def render_rows(sandbox: Sandbox, path: Path, display: Any, **how: Any) -> Exit:
    return await render(
        sandbox.template_id("Welcome"),
        path,
        display=display,
        out=None,
        concurrency=None,
        base_url=None,
        test=False,
        key="ID",
        options=RunOptions(**how),
    )


@pytest.mark.anyio
async def test_lines_keep_to_their_schema(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rows(tmp_path)
    assert await render_rows(sandbox, path, Lines(), dry_run=True) == Exit.DONE
    assert await render_rows(sandbox, path, Lines()) == Exit.DONE
    dry, *items, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert dry["dry_run"]["schema"] == last["report"]["schema"] == LINES_SCHEMA
    for item in items:
        assert list(item) == documented()
        assert item["usd_cents"] == round(item["usd"] * 100)
        assert item["stage"] is None
    assert last["report"]["usd_cents"] == round(last["report"]["usd"] * 100)


@pytest.mark.anyio
async def test_lines_of_chains_name_the_stage(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("key,text\na,Good morning.\nb,Good evening.\n")
    sandbox.faults.add("voices.speech", Fault.status(400))
    voice, look = sandbox.add_voice(starfish=True), sandbox.add_look()
    code = await narrate(path, avatar=look, voice=voice, display=Lines())
    assert code == Exit.SOME_FAILED
    *items, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((item["stage"], item["ok"]) for item in items) == [
        ("speech", False),
        ("videos", True),
    ]
    assert last["report"]["stages"] == {"speech": {"completed": 1, "failed": 1}}


@pytest.mark.anyio
async def test_csv(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.fail_next("video", message="=cmd()")
    display = display_for(json=False, format="csv")
    assert await render_rows(sandbox, write_rows(tmp_path), display) == Exit.SOME_FAILED
    captured = capsys.readouterr()
    rows = list(csv.DictReader(captured.out.splitlines()))
    assert list(rows[0]) == [name for name in documented() if name not in ("also", "issues")]
    assert {row["key"] for row in rows} == {"a", "b"}
    assert "1 completed, 1 failed" in captured.err


def test_lists_are_csv_too(sandbox_thread: Sandbox) -> None:
    def listed(*words: str) -> list[dict[str, str]]:
        ended = CliRunner().invoke(app, [*words, "--format", "csv"])
        assert ended.exit_code == 0, ended.output
        return list(csv.DictReader(ended.stdout.splitlines()))

    looks = listed("avatars", "list", "--engine", "avatar_v")
    assert list(looks[0]) == ["id", "name", "avatar_type", "gender", "supported_api_engines"]
    assert looks[0]["id"] == sandbox_thread.avatar_id
    assert looks[0]["supported_api_engines"] == "avatar_iii, avatar_iv, avatar_v"
    assert {"language": "French (France)"} in listed("languages", "list")
    assert listed("assets", "list") == []


@pytest.mark.crash  # four processes, one after the other
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there is no pty here")
def test_the_commands_about_rows_on_a_terminal(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    """Run each command in a real terminal: a bar and text, and no JSON."""
    sandbox_thread.clock.speed = 240
    look, journal = sandbox_thread.add_look(), tmp_path / "run.db"
    path = write_rows(tmp_path)

    def start(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
        ours, theirs = os.openpty()
        command = [sys.executable, "-m", "heygen_async.cli", *arguments]
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        return process, ours

    def said(process: subprocess.Popen[bytes], terminal: int) -> str:
        text = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # on Linux: no process has it open
                break
            if not part:
                break
            text += part
        assert process.wait(PATIENCE) == 0, text
        os.close(terminal)
        return text.decode()

    template = sandbox_thread.template_id("Welcome")
    runs = [
        start("render", template, str(path), "--key", "id", "--journal", str(journal)),
        start("videos", str(path), "--script", "Hi {name}", "--avatar", look),
    ]
    planned = start("agents", str(path), "--prompt", "A teaser for {name}", "--dry-run")
    for run in runs:
        text = said(*run)
        assert "2 done" in text
        assert '{"' not in text
    text = said(*planned)
    assert "2 items, all of them valid" in text
    assert "product: carried along" in text
    text = said(*start("results", str(journal)))
    assert text.splitlines()[0] == "ID,name,product,status,job_id,url,file,seconds,usd,error"
    assert "completed" in text
