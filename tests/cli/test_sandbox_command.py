"""The sandbox command, on a terminal and piped."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from pathlib import Path

import aiohttp
import anyio
import pytest
from rich.console import Console

from heygen_async.cli.commands.sandbox_command import print_address, serve
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.sandbox import Sandbox
from tests.cli.waiting import until
from tests.page_commands import PageCommands

pytestmark = pytest.mark.anyio


async def serve_until(number: signal.Signals, display: Lines | Terminal) -> Exit:
    task = asyncio.create_task(serve(display=display, port=0, speed=60.0, concurrency=10, seed=0))
    before = signal.getsignal(number)
    await until(lambda: signal.getsignal(number) != before)
    signal.raise_signal(number)
    return await task


async def test_piped_it_prints_where_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    assert await serve_until(signal.SIGTERM, Lines()) == Exit.DONE
    members = json.loads(capsys.readouterr().out)
    ids = {"template_id", "avatar_id", "voice_id"}
    assert set(members) == {"base_url", "api_key", "media_origin"} | ids


async def test_it_takes_keys_names_and_a_balance(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    serving = serve(
        display=Lines(),
        port=0,
        speed=60.0,
        concurrency=10,
        seed=0,
        balance=12.5,
        api_keys=["sk_V2_mine"],
        allowed_hosts=["heygen"],
    )
    task = asyncio.create_task(serving)
    await until(lambda: signal.getsignal(signal.SIGTERM) != before)
    shown = ""

    def has_shown() -> bool:
        nonlocal shown
        shown += capsys.readouterr().out
        return shown.endswith("\n")

    await until(has_shown)
    members = json.loads(shown)
    assert members["api_key"] == "sk_V2_mine"
    headers = {"Host": "heygen", "X-Api-Key": "sk_V2_mine"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{members['base_url']}/v3/users/me") as answer,
    ):
        text = await answer.text()
    assert (answer.status, "12.5" in text) == (200, True)
    signal.raise_signal(signal.SIGTERM)
    assert await task == Exit.DONE


async def test_on_a_terminal_it_prints_what_to_copy() -> None:
    text = io.StringIO()
    # Narrower than the lines to copy, which must not be broken.
    console = Console(file=text, force_terminal=True, width=40, color_system=None)
    assert await serve_until(signal.SIGINT, Terminal(console)) == Exit.DONE
    lines = text.getvalue().splitlines()
    (export,) = [line for line in lines if "export" in line]
    assert "HEYGEN_API_BASE=http://127.0.0.1:" in export
    assert "HEYGEN_API_KEY=" in export
    assert lines[-1] == "Stopped."


@pytest.mark.sandbox(speed=60)
async def test_the_lines_to_copy_run_as_they_are(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    text = io.StringIO()
    print_address(sandbox, Terminal(Console(file=text, force_terminal=True, color_system=None)))
    export, *lines = [line for line in text.getvalue().splitlines() if line.startswith("  ")]
    assert export.startswith("  export HEYGEN_API_BASE=")
    commands = PageCommands(monkeypatch)
    for line in lines:
        await commands.run(line.strip())
    assert await anyio.Path("hello.mp4").exists()
    assert sandbox.ledger.count("video") == 3


@pytest.mark.parametrize("faults", ["{", '{"dorp": 1}', '{"drop": 2}', "[]"])
async def test_faults_that_are_none_are_refused(faults: str) -> None:
    with pytest.raises(CommandError, match="--faults: "):
        await serve(display=Lines(), port=0, speed=60.0, concurrency=10, seed=0, faults=faults)
