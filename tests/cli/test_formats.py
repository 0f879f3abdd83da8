"""Output of outcomes: JSON lines by their documented schema, CSV, text on a terminal."""

from __future__ import annotations

import csv
import json
import re
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

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "command_line.md").read_text("utf-8")


def documented() -> list[str]:
    table = PAGE.partition("### JSON lines")[2].partition("The last line")[0]
    names = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    return [name for cell in names for name in re.findall(r"`(\w+)`", cell)]


def test_the_page_has_all_members_of_a_line() -> None:
    assert documented() == list(Item.__struct_fields__)
    assert f"`schema`, currently {LINES_SCHEMA}" in " ".join(PAGE.split())


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
