"""``localize``, ``narrate`` and ``personalize`` against a sandbox, as JSON lines."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from heygen_async import ConfigurationError, InvalidVariants
from heygen_async.captions import parse_srt
from heygen_async.cli.commands.localize import SourceVideo, localize
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.personalize import personalize
from heygen_async.cli.commands.report import report
from heygen_async.cli.commands.status import status
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.run_options import RunOptions
from heygen_async.sandbox import Sandbox
from tests.cli.waiting import until
from tests.reports.test_report_page import Page

pytestmark = pytest.mark.anyio

VIDEO = SourceVideo(video="https://example.com/launch.mp4")
LANGUAGES = ["French (France)", "German (Germany)"]


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_a_video_in_two_languages(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out {1}"
    assert await localize(VIDEO, LANGUAGES, display=Lines(), out=out) == Exit.DONE
    *items, last = lines(capsys.readouterr().out)
    assert {item["key"] for item in items} == set(LANGUAGES)
    assert {Path(item["file"]) for item in items} == set(out.iterdir())
    assert (last["report"]["completed"], last["report"]["files"]) == (2, 2)
    assert last["report"]["usd"] > 0
    assert sandbox.ledger.count("proofreads.create") == 0


async def test_further_files_of_a_chain(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(also=["subtitles", "captioned"])
    code = await localize(VIDEO, LANGUAGES, display=Lines(), out=tmp_path / "out", options=options)
    assert code == Exit.DONE
    *items, last = lines(capsys.readouterr().out)
    for item in items:
        assert item["also"] == {"subtitles": str(tmp_path / "out" / f"{item['key']}.srt")}
    assert last["report"]["files"] == len(list((tmp_path / "out").iterdir())) == 4


async def test_on_a_terminal(sandbox: Sandbox, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    code = await localize(
        VIDEO, LANGUAGES, display=Terminal(console), program="true", out=tmp_path / "out"
    )
    assert code == Exit.SOME_FAILED  # there is nothing left of the subtitles
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "proofreads: 2 done" in shown
    assert "French (France)" in shown
    assert "0 done, 2 failed" in shown
    assert "0 files in" in shown


async def test_a_program_corrects_the_subtitles(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, told = tmp_path / "correct.py", tmp_path / "original.srt"
    program.write_text(
        "import os, sys\n"
        "if 'German' in sys.argv[1]: sys.exit(3)\n"
        f"with open(os.environ['HEYGEN_ORIGINAL_SRT']) as file: original = file.read()\n"
        f"with open({str(told)!r}, 'w') as file: file.write(original)\n"
        "sys.stdout.write(sys.stdin.read().replace('said', 'SAID'))\n"
    )
    code = await localize(
        VIDEO, LANGUAGES, display=Lines(), program=f"{sys.executable} -S {program}"
    )
    assert code == Exit.SOME_FAILED
    *items, _ = lines(capsys.readouterr().out)
    errors = {item["key"]: item["error"] for item in items}
    assert errors["French (France)"] is None
    assert "ended with 3" in errors["German (Germany)"]
    assert sandbox.requests.by_operation["proofreads.update_srt"] == 1
    assert "-->" in told.read_text()


async def test_a_person_corrects_the_subtitles(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "sed -i s/said/SAID/")
    assert await localize(VIDEO, LANGUAGES, display=Lines(), edit=True) == Exit.DONE
    assert sandbox.requests.by_operation["proofreads.update_srt"] == 2


async def test_a_local_video_is_uploaded_once(sandbox: Sandbox, tmp_path: Path) -> None:
    video = tmp_path / "launch.mp4"
    video.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    options = RunOptions(journal=tmp_path / "run.db")
    source = SourceVideo(video=str(video))
    for _ in range(2):
        assert await localize(source, LANGUAGES, display=Lines(), options=options) == Exit.DONE
    assert sandbox.requests.by_operation["assets.upload"] == 1
    assert sandbox.ledger.count("translation") == 2


async def test_a_prompt_is_resumed(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(journal=tmp_path / "run.db")

    async def run() -> Exit:
        source = SourceVideo(prompt="A teaser about the sea")
        return await localize(source, LANGUAGES, display=Lines(), options=options)

    task = asyncio.create_task(run())
    await until(lambda: sandbox.ledger.count("video_translations.create") == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (line,) = lines(capsys.readouterr().out)
    jobs = {job.id for job in sandbox.ledger.jobs}
    assert set(line["interrupted"]["unfinished"].values()) == jobs
    assert await run() == Exit.DONE
    captured = capsys.readouterr()
    assert "going on with it" in captured.err
    assert len(lines(captured.out)) == 3
    assert sandbox.ledger.count("video_agents.create") == 1
    assert sandbox.ledger.count("translation") == 2


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)],
)
async def test_signals_stop_it_at_once(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: Exit
) -> None:
    task = asyncio.create_task(localize(VIDEO, LANGUAGES, display=Lines(), program="cat -"))
    await until(lambda: sandbox.ledger.count("proofreads.create") == 2)
    os.kill(os.getpid(), number)
    assert await task == code
    captured = capsys.readouterr()
    (line,) = lines(captured.out)
    assert set(line["interrupted"]["unfinished"]) == set(LANGUAGES)
    assert "2 jobs go on at HeyGen" in captured.err


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (SourceVideo(), {}, "give VIDEO"),
        (SourceVideo(video="a", prompt="b"), {}, "give VIDEO"),
        (SourceVideo(script="Hello"), {}, "give VIDEO"),
        (VIDEO, {"everything": True}, "--to LANGUAGE"),
        (VIDEO, {"edit": True, "program": "cat"}, "--edit and --correct"),
        (VIDEO, {"program": " "}, "expected a program"),
        (VIDEO, {"program": "sed 's/a"}, "--correct: No closing quotation"),
        (VIDEO, {"program": "nowhere/correct --fast"}, "no program nowhere/correct"),
        (SourceVideo(video="nowhere.mp4"), {}, "no such file"),
        (VIDEO, {"options": RunOptions(resume=True)}, "--resume needs the journal"),
        (
            VIDEO,
            {"options": RunOptions(resume=True, journal=Path("nowhere.db"))},
            "no journal to resume",
        ),
    ],
)
async def test_what_cannot_begin(
    sandbox: Sandbox, source: SourceVideo, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        await localize(source, LANGUAGES, display=Lines(), **arguments)
    assert sandbox.ledger.count() == 0


async def test_texts_become_videos_with_captions(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "texts.csv", tmp_path / "out"
    voice = sandbox.voice_id
    path.write_text(f"key,text,voice\nmonday,Good morning.,\ntuesday,Good evening.,{voice}\n")
    avatar = sandbox.avatar_id
    code = await narrate(path, avatar=avatar, voice=voice, display=Lines(), out=out)
    assert code == Exit.DONE
    *_, last = lines(capsys.readouterr().out)
    assert last["report"]["files"] == 2
    names = {file.name for file in out.iterdir()}
    assert names == {"monday.mp4", "monday.srt", "tuesday.mp4", "tuesday.srt"}
    assert [cue.text for cue in parse_srt((out / "monday.srt").read_text())] == ["Good morning."]
    (out / "monday.srt").unlink()
    (out / "monday.srt").mkdir()
    code = await narrate(path, avatar=avatar, voice=voice, display=Lines(), out=out)
    assert code == Exit.SOME_FAILED
    *items, last = lines(capsys.readouterr().out)
    errors = {item["key"]: item["error"] for item in items}
    assert errors["monday"] == f"not downloaded: {out / 'monday.srt'}: Is a directory"
    assert errors["tuesday"] is None
    assert [last["report"][name] for name in ("completed", "files", "files_failed")] == [2, 2, 1]
    options = RunOptions(also=["subtitles", "thumbnail"])
    (out / "monday.srt").rmdir()
    code = await narrate(
        path, avatar=avatar, voice=voice, display=Lines(), out=out, options=options
    )
    assert code == Exit.DONE
    *items, last = lines(capsys.readouterr().out)
    assert [list(item["also"]) for item in items] == [["thumbnail"], ["thumbnail"]]
    assert last["report"]["files"] == 4
    assert [cue.text for cue in parse_srt((out / "monday.srt").read_text())] == ["Good morning."]
    plain = tmp_path / "hello.txt"
    plain.write_text("Hello.\n")
    assert await narrate(plain, avatar=avatar, voice=voice, display=Lines()) == Exit.DONE
    assert lines(capsys.readouterr().out)[0]["key"] == "hello"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("texts.csv", "key,words\na,b\n", "no column fills 'text'"),
        ("texts.csv", "text\nHello.\n", "line 2: no voice"),
        ("texts.txt", None, "No such file"),
    ],
)
async def test_texts_that_do_not_fit(
    sandbox: Sandbox, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=message):
        await narrate(path, avatar=sandbox.avatar_id, voice=None, display=Lines())


async def test_rows_with_voices(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    path = tmp_path / "rows.csv"
    path.write_text("key,title,name,greeting\na,For A,Anna,Hello Anna.\nb,,Bob,\n")

    async def run(**arguments: Any) -> Exit:
        arguments = {"speak": ["greeting"], "voice": sandbox.voice_id, **arguments}
        return await personalize(template_id, path, display=Lines(), **arguments)

    assert await run() == Exit.DONE
    *items, _ = lines(capsys.readouterr().out)
    assert {item["key"] for item in items} == {"a", "b"}
    assert sandbox.ledger.count("speech") == 1
    assert {job.title for job in sandbox.ledger.jobs if job.kind == "video"} >= {"For A"}
    with pytest.raises(CommandError, match="line 2: no voice"):
        await run(voice=None)
    with pytest.raises(CommandError, match="no such audio variable"):
        await run(speak=["name"])
    with pytest.raises(InvalidVariants):
        await run(speak=[])
    assert await run(options=RunOptions(max_jobs=0)) == Exit.DONE
    assert sandbox.ledger.count() == 3
    assert "Stopped before the end" in capsys.readouterr().err


async def test_status_and_report_know_the_stages_of_a_chain(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "run.db"
    options = RunOptions(journal=journal)
    done = await localize(
        SourceVideo(prompt="A teaser"),
        LANGUAGES,
        display=Lines(),
        program="sh -c cat",
        options=options,
    )
    assert done == Exit.DONE
    capsys.readouterr()
    assert await status(journal, display=Lines()) == Exit.DONE
    stages = lines(capsys.readouterr().out)
    assert [stage["counts"]["completed"] for stage in stages] == [1, 2, 2]
    console = Console(file=io.StringIO(), width=200)
    await status(journal, display=Terminal(console))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    order = [shown.index(f"run.{stage}.db") for stage in ("source", "proofreads", "renders")]
    assert order == sorted(order)
    assert await report(journal, None, display=Lines()) == Exit.DONE
    page = Page(await asyncio.to_thread(journal.with_suffix(".html").read_text))
    assert "A teaser" in page.text
    assert all(f"All about {stage}" in page.text for stage in ("source", "proofreads", "renders"))
    with pytest.raises(CommandError, match="no such journal"):
        await status(tmp_path / "walk.db", display=Lines())


async def test_without_captions_nothing_is_paid_for_that_needs_them(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysubs2", None)
    with pytest.raises(ConfigurationError, match="captions"):
        await localize(VIDEO, LANGUAGES, display=Lines(), edit=True)
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("chain", ["prompt", "script", "file", "narrate", "personalize"])
async def test_a_dry_run_submits_nothing(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], chain: str
) -> None:
    film = tmp_path / "launch.mp4"
    film.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    source = {
        "prompt": SourceVideo(prompt="A teaser"),
        "script": SourceVideo(script="Hello there.", avatar=sandbox.avatar_id),
        "file": SourceVideo(video=str(film)),
    }
    texts = tmp_path / "texts.csv"
    texts.write_text("key,text\na,Good morning\nb,Good night\n")
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,greeting\na,Ada,Hello Ada\nb,Bob,Hello Bob\n")
    voice, speak = sandbox.voice_id, ["greeting"]

    async def run(*, dry_run: bool) -> Any:
        options = RunOptions(
            journal=tmp_path / "run.db", dry_run=dry_run, max_cost=1000, measure=False
        )
        given: dict[str, Any] = {"display": Lines(), "options": options}
        if chain == "narrate":
            code = await narrate(texts, avatar=sandbox.avatar_id, voice=voice, **given)
        elif chain == "personalize":
            code = await personalize(template_id, rows, speak=speak, voice=voice, **given)
        else:
            code = await localize(source[chain], LANGUAGES, program="sh -c cat", **given)
        assert code == Exit.DONE
        return lines(capsys.readouterr().out)[-1]

    before = (await run(dry_run=True))["dry_run"]
    stages = {
        "prompt": {"source": 1, "proofreads": 2, "renders": 2},
        "script": {"source": 1, "proofreads": 2, "renders": 2},
        "file": {"proofreads": 2, "renders": 2},
        "narrate": {"speech": 2, "videos": 2},
        "personalize": {"voices": 2, "renders": 2},
    }[chain]
    assert {name: stage["items"] for name, stage in before["stages"].items()} == stages
    assert before["items"] == sum(stages.values())
    assert (before["left"], before["journal"]) == (None, None)
    assert before["usd_low"] <= before["usd_high"]
    assert (before["usd"] is None) == (chain == "file")
    assert bool(before["unknown"]) == (chain in ("file", "prompt"))
    assert sandbox.ledger.count() == 0
    assert sandbox.requests.by_operation.get("assets.upload", 0) == 0
    assert "run" not in "".join(os.listdir(tmp_path))
    report = (await run(dry_run=False))["report"]
    assert report["resent"] == 0
    after = (await run(dry_run=True))["dry_run"]
    assert after["left"]["completed"] == after["items"]
    assert after["left"]["usd"] == 0
    assert "going on with it" in after["journal"]


async def test_any_column_names_the_rows_of_chains(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, rows = tmp_path / "texts.csv", tmp_path / "rows.csv"
    texts.write_text("Record ID,text\n7,Hello.\n9,Hi.\n")
    rows.write_text("Record ID,name,greeting\n7,Ada,Hello.\n9,Bo,Hi.\n")
    common: dict[str, Any] = {"display": Lines(), "voice": "Amara", "key": "record id"}
    assert await narrate(texts, avatar="Amara", **common) == Exit.DONE
    assert await personalize("Spoken greeting", rows, speak=["greeting"], **common) == Exit.DONE
    keys = [item["key"] for item in lines(capsys.readouterr().out) if "key" in item]
    assert sorted(keys) == ["7", "7", "9", "9"]
    for path in (texts, rows):
        path.write_text(path.read_text().replace("9,", ","))
    with pytest.raises(CommandError, match=r"line 3: there is no key"):
        await narrate(texts, avatar="Amara", **common)
    with pytest.raises(CommandError, match=r"line 3: there is no key"):
        await personalize("Spoken greeting", rows, speak=["greeting"], **common)
