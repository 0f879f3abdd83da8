"""``proofread show`` and ``proofread edit``, with a script for an editor."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heygen_async import AssetUrl, HeyGen, ProofreadRequest
from heygen_async.captions import parse_srt
from heygen_async.cli import editing
from heygen_async.cli.app import app
from heygen_async.cli.commands.proofread import edit, show
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.errors import ServerError
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

REQUEST = ProofreadRequest(
    video=AssetUrl(url="https://example.com/a.mp4"), output_languages=["French (France)"], title="A"
)


@pytest.fixture
async def proofread_id(sandbox: Sandbox) -> str:
    async with HeyGen() as heygen:
        (job,) = await heygen.proofreads.create(REQUEST)
        return (await job.wait()).id


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files."""
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a factory of editors that change the text by some code."""

    def make(code: str) -> None:
        script = tmp_path / "editor.py"
        script.write_text(
            "import pathlib, sys\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "text = path.read_text()\n"
            f"{code}\n"
            "path.write_text(text)\n"
        )
        command = shlex.join([sys.executable, "-S", str(script)])
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", command)

    return make


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def run(proofread_id: str, *, file: Path | None = None, anyway: bool = False) -> Exit:
    return await edit(proofread_id, display=Lines(), base_url=None, file=file, anyway=anyway)


async def text_of(proofread_id: str) -> str:
    async with HeyGen() as heygen:
        return await heygen.proofreads.srt_text(proofread_id)


async def test_what_was_saved_is_uploaded(
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor("text = text.replace('said', 'SAID')")
    assert await run(proofread_id) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {"proofread": proofread_id, "changed": True}
    assert "SAID" in await text_of(proofread_id)
    assert kept(folder) == []


async def test_nothing_is_sent_where_nothing_changed(
    sandbox: Sandbox,
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor("pass")
    assert await run(proofread_id) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert "proofreads.update_srt" not in sandbox.requests.by_operation
    assert kept(folder) == []


async def test_what_cannot_be_uploaded_stays(
    sandbox: Sandbox,
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor("text = text.replace('said', 'SAID')")
    sandbox.faults.add("proofreads.update_srt", Fault.status(500), times=None)
    with pytest.raises(ServerError):
        await run(proofread_id)
    (saved,) = kept(folder)
    assert "SAID" in saved.read_text()
    assert str(saved) in capsys.readouterr().err
    sandbox.faults.clear()
    editor("pass")
    assert await run(proofread_id, file=saved) == Exit.DONE  # goes on with it
    assert "SAID" in await text_of(proofread_id)
    assert saved.exists()


async def test_what_is_wrong_is_told_and_not_uploaded(
    sandbox: Sandbox,
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor("text = '1\\n00:00:05,000 --> 00:00:02,000\\nHello\\n'")
    with pytest.raises(CommandError, match="what you saved is in") as caught:
        await run(proofread_id)
    (saved,) = kept(folder)
    assert str(saved) in str(caught.value)
    assert "cue 1: it ends at 2.000 s" in capsys.readouterr().err
    assert "proofreads.update_srt" not in sandbox.requests.by_operation
    assert await run(proofread_id, anyway=True) == Exit.DONE
    assert (await text_of(proofread_id)).startswith("1\n00:00:05,000")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Make standard input a terminal, and return a function that types on it."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield lambda text: os.write(ours, text.encode())
    os.close(ours)


@pytest.mark.parametrize(
    ("typed", "editings"), [("\nTake \n", 2), ("what?\ntake\n", 1), ("stop\n", 0), ("\x04", 0)]
)
async def test_on_a_terminal_the_user_decides(
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    keyboard: Callable[[str], int],
    typed: str,
    editings: int,
) -> None:
    editor("text = text + 'x' * 50")
    keyboard(typed)
    if editings:
        assert await run(proofread_id) == Exit.DONE
        text = await text_of(proofread_id)
        assert len(text) - len(text.rstrip("x")) == 50 * editings
    else:
        with pytest.raises(CommandError, match="nothing was sent"):
            await run(proofread_id)
        assert len(kept(folder)) == 1


async def test_ctrl_c_at_the_question_ends_it_and_tells_where_the_file_is(
    proofread_id: str,
    folder: Path,
    editor: Callable[[str], None],
    keyboard: Callable[[str], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    editor("text = text + 'x' * 50")
    task = asyncio.create_task(run(proofread_id))
    told = ""
    while "or stop?" not in told:
        await asyncio.sleep(0.1)
        told += capsys.readouterr().err
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (saved,) = kept(folder)
    assert f"What you saved is in {saved}" in capsys.readouterr().err
    assert not asyncio.get_running_loop().remove_reader(sys.stdin)  # no question is asked


async def test_an_editor_that_fails_loses_nothing(
    proofread_id: str, folder: Path, editor: Callable[[str], None]
) -> None:
    editor("sys.exit(2)")
    with pytest.raises(CommandError, match="your file"):
        await run(proofread_id)
    assert len(kept(folder)) == 1


async def test_a_proofread_that_does_not_exist(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="no proofread 'nope'"):
        await run("nope")


async def test_showing(proofread_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = await show(proofread_id, display=Lines(), base_url=None, original=True)
    assert shown == Exit.DONE
    line = json.loads(capsys.readouterr().out)
    assert "This is what was said" in line["srt"]
    assert line["problems"] == []


async def test_subtitles_in_a_pipe_are_srt(proofread_id: str) -> None:
    """`proofread show > x.srt` makes a file that players read."""
    words = ["proofread", "show", proofread_id]
    said = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert said.exit_code == 0
    assert parse_srt(said.stdout)
    said_as_json = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert json.loads(said_as_json.stdout)["srt"] == said.stdout[:-1]


def test_many_problems_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},000\nHello\n\n" for n in range(1, 31))
    assert len(editing.report_problems(text)) == 30
    assert "and 18 more" in capsys.readouterr().err
