"""``render`` and ``translate`` against a sandbox, as JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.translate import translate
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.options import Via
from heygen_async.cli.run_options import RunOptions
from heygen_async.errors import AuthenticationError, InvalidRequest, PermissionDenied
from heygen_async.sandbox import Fault, Sandbox
from tests.cli.waiting import until
from tests.media.samples import sample

pytestmark = pytest.mark.anyio


async def render_rows(
    sandbox: Sandbox, path: Path, *, out: Path | None = None, test: bool = False
) -> Exit:
    return await render(
        sandbox.template_id("Welcome"),
        path,
        display=Lines(),
        out=out,
        concurrency=None,
        base_url=None,
        test=test,
    )


async def translate_into(
    video: str, languages: Sequence[str] = (), *, everything: bool = False, out: Path | None = None
) -> Exit:
    return await translate(
        video,
        languages,
        display=Lines(),
        everything=everything,
        out=out,
        concurrency=None,
        base_url=None,
    )


def write_rows(folder: Path, count: int = 12) -> Path:
    path = folder / "rows.csv"
    rows = "".join(f"k{n},Name {n},Tea\n" for n in range(count))
    path.write_text(f"key,name,product\n{rows}")
    return path


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_rows_are_rendered_and_downloaded(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert await render_rows(sandbox, write_rows(tmp_path), out=out) == Exit.DONE
    *items, last = lines(capsys.readouterr().out)
    assert {item["key"] for item in items} == {f"k{n}" for n in range(12)}
    for item in items:
        assert item["ok"]
        assert item["error"] is None
        assert item["video_url"].startswith(sandbox.media_origin)
        assert item["file"] == str(out / f"{item['key']}.mp4")
        assert item["seconds"] > 0
    assert last["report"]["completed"] == 12
    assert last["report"]["files"] == 12
    assert last["report"]["bytes"] == sum(file.stat().st_size for file in out.iterdir())
    assert last["report"]["exit_code"] == 0
    assert sandbox.ledger.count("templates.generate") == 12
    files = list(out.iterdir())
    assert len(files) == 12
    assert all(file.read_bytes()[4:8] == b"ftyp" for file in files)


async def test_titles_reach_the_account(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"name": "A", "product": "B", "title": "For A"}')
    assert await render_rows(sandbox, path) == Exit.DONE
    assert [job.title for job in sandbox.ledger.jobs] == ["For A"]


async def test_keys_never_lead_out_of_the_folder(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("key,name,product\n../../x,A,B\n")
    out = tmp_path / "deep" / "out"
    assert await render_rows(sandbox, path, out=out) == Exit.DONE
    item, _ = lines(capsys.readouterr().out)
    assert item["key"] == "../../x"
    assert [file.name for file in out.iterdir()] == ["_.._x.mp4"]
    assert set(os.listdir(tmp_path)) == {"rows.csv", "deep"}


async def test_bad_rows_cost_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("name,product\nA,B\nA,\n")
    with pytest.raises(CommandError, match=r"row 2.*'product'"):
        await render_rows(sandbox, path, out=tmp_path / "out")
    assert sandbox.ledger.count() == 0
    assert not (tmp_path / "out").exists()


async def test_one_failed_job(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.fail_next("video", code="internal_error", message="Out of film.")
    code = await render_rows(sandbox, write_rows(tmp_path, 3), out=tmp_path / "out")
    assert code == Exit.SOME_FAILED
    *items, last = lines(capsys.readouterr().out)
    (failed,) = [item for item in items if not item["ok"]]
    assert "Out of film." in failed["error"]
    assert failed["job_id"]
    assert failed["file"] is None
    assert last["report"]["failures"] == {"internal_error": 1}
    assert last["report"]["exit_code"] == 1
    assert len(list((tmp_path / "out").iterdir())) == 2


async def test_a_download_that_fails_leaves_the_job_done(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "k0.mp4").mkdir(parents=True)  # in the way of the file
    assert await render_rows(sandbox, write_rows(tmp_path, 2), out=out) == Exit.SOME_FAILED
    *items, last = lines(capsys.readouterr().out)
    spoilt, saved = sorted(items, key=lambda item: item["key"])
    assert spoilt["ok"]
    assert spoilt["file"] is None
    assert spoilt["error"].startswith("not downloaded: ")
    assert saved["error"] is None
    assert (last["report"]["failed"], last["report"]["files_failed"]) == (0, 1)


@pytest.mark.sandbox(durations={"video": 10_000.0})
async def test_jobs_that_take_too_long(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await render_rows(sandbox, write_rows(tmp_path, 2)) == Exit.TIMEOUT
    *items, last = lines(capsys.readouterr().out)
    assert all(item["job_id"] in item["error"] for item in items)
    assert last["report"]["exit_code"] == 4


async def test_rights_that_are_lost_meanwhile(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.faults.add("templates.generate", Fault.status(403), times=2)
    assert await render_rows(sandbox, write_rows(tmp_path, 2)) == Exit.AUTH
    assert lines(capsys.readouterr().out)[-1]["report"]["exit_code"] == 3


async def test_a_cancelled_run_tells_which_jobs_go_on(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = asyncio.create_task(render_rows(sandbox, write_rows(tmp_path, 3)))
    await until(lambda: sandbox.ledger.count() == 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (line,) = lines(capsys.readouterr().out)
    unfinished = line["interrupted"]["unfinished"]
    assert set(unfinished) == {"k0", "k1", "k2"}
    assert set(unfinished.values()) == {job.id for job in sandbox.ledger.jobs}


async def test_a_video_whose_download_is_cancelled_is_not_lost(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.faults.add("media", Fault.delay(3600.0), times=None)
    task = asyncio.create_task(render_rows(sandbox, write_rows(tmp_path, 1), out=tmp_path / "out"))
    await until(lambda: sandbox.requests.by_operation["media"] > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    item, last = lines(capsys.readouterr().out)
    assert item["ok"]
    assert item["video_url"]
    assert item["error"] == "not downloaded: interrupted"
    assert last == {"interrupted": {"unfinished": {}}}


async def test_renders_for_a_test_are_free(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await render_rows(sandbox, write_rows(tmp_path, 2), test=True) == Exit.DONE
    assert sandbox.ledger.count("templates.generate_v2") == 2
    assert sandbox.ledger.usd == 0


async def test_a_template_that_does_not_exist(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no template has the id or name 'nope'"):
        await render(
            "nope",
            write_rows(tmp_path),
            display=Lines(),
            out=None,
            concurrency=None,
            base_url=None,
            test=False,
        )


async def test_a_wrong_key(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", "sk_V2_another")
    with pytest.raises(AuthenticationError):
        await render_rows(sandbox, write_rows(tmp_path))


async def test_a_local_video_is_uploaded_and_dubbed(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "launch.mp4"
    video.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    out = tmp_path / "out"
    languages = ["Spanish (Spain)", "French (France)", "Spanish (Spain)"]
    assert await translate_into(str(video), languages, out=out) == Exit.DONE
    *items, last = lines(capsys.readouterr().out)
    assert {item["key"] for item in items} == {"Spanish (Spain)", "French (France)"}
    assert {path.name for path in out.iterdir()} == {"Spanish (Spain).mp4", "French (France).mp4"}
    assert last["report"]["completed"] == 2
    assert sandbox.ledger.count("translation") == 2


async def test_many_languages_go_in_one_request(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    languages = ["Spanish (Spain)", "French (France)", "German (Germany)"]
    code = await translate(
        "https://example.com/a.mp4",
        languages,
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        via=Via.API_BATCH,
    )
    assert code == Exit.DONE
    *items, _ = lines(capsys.readouterr().out)
    assert {item["key"] for item in items} == set(languages)
    assert {item["job_id"] for item in items} == {job.id for job in sandbox.ledger.jobs}
    assert sandbox.ledger.count("video_translations.batches.create") == 3
    assert sandbox.requests.by_operation["video_translations.batches.create"] == 1


@pytest.mark.sandbox(languages=["English", "French (France)", "German (Germany)"])
@pytest.mark.usefixtures("sandbox")
async def test_all_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert await translate_into("https://example.com/a.mp4", everything=True) == Exit.DONE
    *items, _ = lines(capsys.readouterr().out)
    keys = {item["key"] for item in items}
    assert keys == {"English", "French (France)", "German (Germany)"}


async def test_languages_are_checked_before_the_upload(sandbox: Sandbox, tmp_path: Path) -> None:
    video = tmp_path / "launch.mp4"
    video.write_bytes(b"\x00\x00\x00\x18ftypmp42")
    with pytest.raises(InvalidRequest, match=r"'Spansh'.*Spanish"):
        await translate_into(str(video), ["Spansh"])
    assert sandbox.requests.by_operation.get("assets.upload", 0) == 0


async def test_a_run_that_cannot_go_on(sandbox: Sandbox) -> None:
    # The command fetches first, then the run.
    sandbox.faults.add("video_translations.languages", Fault.status(403), after=1)
    with pytest.raises(PermissionDenied):
        await translate_into("https://example.com/a.mp4", ["French (France)"])


async def test_more_jobs_at_once_than_by_default(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.concurrency = 1000
    code = await render(
        sandbox.template_id("Welcome"),
        write_rows(tmp_path, 70),
        display=Lines(),
        out=None,
        concurrency=60,
        base_url=None,
        test=False,
    )
    assert code == Exit.DONE
    assert lines(capsys.readouterr().out)[-1]["report"]["most_running"] == 60


@pytest.mark.parametrize(
    ("video", "languages", "everything", "message"),
    [
        ("https://example.com/a.mp4", [], False, "--to LANGUAGE"),
        ("https://example.com/a.mp4", ["English"], True, "--to LANGUAGE"),
        ("nowhere.mp4", ["English"], False, "no such file"),
    ],
)
async def test_translations_that_cannot_begin(
    video: str, languages: list[str], everything: bool, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        await translate_into(video, languages, everything=everything)


@pytest.mark.parametrize(
    ("length", "measure", "seconds"), [(None, True, 4.0), (90.0, True, 90.0), (None, False, None)]
)
@pytest.mark.usefixtures("sandbox")
async def test_the_length_of_a_local_file_goes_into_the_dry_run(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    length: float | None,
    measure: bool,
    seconds: float | None,
) -> None:
    video = tmp_path / "launch.mp4"
    video.write_bytes(sample("mp4", "mpeg4", "aac", 4))
    code = await translate(
        str(video),
        ["French (France)", "German (Germany)"],
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        length=length,
        options=RunOptions(dry_run=True, measure=measure),
    )
    assert code == Exit.DONE
    (line,) = lines(capsys.readouterr().out)
    found = line["dry_run"]
    assert found["unknown"] == (2 if seconds is None else 0)
    expected = None if seconds is None else pytest.approx(2 * seconds * 0.0333, rel=0.1)
    assert found["usd"] == expected


async def test_a_list_tells_lengths(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "videos.csv"
    path.write_text("video,length\nhttps://example.com/a.mp4,60\nhttps://example.com/b.mp4,\n")
    code = await translate(
        str(path),
        ["French (France)"],
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        length=30,
        options=RunOptions(dry_run=True),
    )
    assert code == Exit.DONE
    (line,) = lines(capsys.readouterr().out)
    assert line["dry_run"]["usd"] == pytest.approx(90 * 0.0333)
    path.write_text("video,length\nhttps://example.com/a.mp4,long\n")
    with pytest.raises(CommandError, match="line 2: length: expected seconds, got 'long'"):
        await translate_into(str(path), ["French (France)"])
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("until_empty", [False, True])
async def test_a_run_that_the_wallet_cannot_pay_for_is_refused_unless_asked_for(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], until_empty: bool
) -> None:
    code = await translate(
        "https://example.com/a.mp4",
        ["French (France)"],
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        length=1e7,
        options=RunOptions(until_empty=until_empty),
    )
    told = capsys.readouterr().err
    if until_empty:
        assert code == Exit.DONE
        assert sandbox.ledger.count() == 1
    else:
        assert code == Exit.SOME_FAILED
        assert "1 of 1 not submitted" in told
        assert "100,000.00 USD" in told
        assert "--until-empty" in told
        assert sandbox.ledger.count() == 0
