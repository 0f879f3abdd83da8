"""``render`` and ``translate`` with a journal and a budget; ``status`` and ``report``."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from heygen_async import HeyGen
from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.report import report
from heygen_async.cli.commands.status import status
from heygen_async.cli.commands.translate import translate
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.uploads import Uploads
from heygen_async.cli.run_options import RunOptions
from heygen_async.journal import Finish, RunSpec, SqliteJournal, journal_store, open_reader
from heygen_async.pricing.estimates import dollars
from heygen_async.pricing.prices import PriceTable
from heygen_async.reports.standing import standing
from heygen_async.sandbox import Fault, Sandbox
from tests.cli.test_terminal import Screen
from tests.cli.waiting import until
from tests.journal.journals import intent_of

pytestmark = pytest.mark.anyio

T = TypeVar("T")


async def render_rows(
    sandbox: Sandbox,
    path: Path,
    *,
    display: Lines | Terminal | None = None,
    out: Path | None = None,
    key: str | None = None,
    **options: Any,
) -> Exit:
    return await render(
        sandbox.template_id("Welcome"),
        path,
        display=display or Lines(),
        out=out,
        concurrency=None,
        base_url=None,
        test=False,
        key=key,
        options=RunOptions(**options),
    )


def write_rows(folder: Path, count: int = 6, *, key: str = "key") -> Path:
    path = folder / "rows.csv"
    rows = "".join(f"k{n},Name {n},Tea\n" for n in range(count))
    path.write_text(f"{key},name,product\n{rows}")
    return path


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def viewed(path: Path, ask: Callable[..., T]) -> T:
    def look() -> T:
        with open_reader(path) as view:
            return ask(view)

    return await asyncio.to_thread(look)


async def test_a_run_that_was_cut_off_goes_on(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal, out = write_rows(tmp_path, 12), tmp_path / "run.db", tmp_path / "out"
    sandbox.concurrency = 3
    task = asyncio.create_task(render_rows(sandbox, path, out=out, journal=journal))
    await until(lambda: sandbox.requests.by_operation["media"] >= 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    captured = capsys.readouterr()
    assert "The same command goes on" in captured.err
    assert "going on with it" not in captured.err
    ended = await viewed(journal, lambda view: view.totals().counts["completed"])
    downloads = sandbox.requests.by_operation["media"]

    assert await render_rows(sandbox, path, out=out, journal=journal, resume=True) == Exit.DONE
    captured = capsys.readouterr()
    assert f"{ended} of its " in captured.err
    assert "ended: going on with it." in captured.err
    *items, last = (json.loads(line) for line in captured.out.splitlines())
    assert {item["key"] for item in items} == {f"k{n}" for n in range(12)}
    assert sum(item["resumed"] for item in items) == ended
    assert last["report"]["completed"] == 12
    assert sandbox.ledger.count() == 12
    assert sandbox.requests.by_operation["media"] - downloads <= 12 - ended + 3


async def test_a_run_in_a_database_goes_on_as_one_in_a_file(
    sandbox: Sandbox, tmp_path: Path, postgres_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = write_rows(tmp_path), journal_store(f"{postgres_database}?run=launch")
    with pytest.raises(CommandError, match=r"run=launch: there is no journal to resume"):
        await render_rows(sandbox, path, journal=journal, resume=True)
    assert await render_rows(sandbox, path, journal=journal) == Exit.DONE
    assert await render_rows(sandbox, path, journal=journal, resume=True) == Exit.DONE
    assert "6 of its 6 items ended: going on with it." in capsys.readouterr().err
    assert sandbox.ledger.count() == 6


async def test_a_run_in_a_database_uploads_nothing(
    sandbox: Sandbox, tmp_path: Path, postgres_database: str
) -> None:
    uploads = Uploads(journal_store(f"{postgres_database}?run=launch"))
    await uploads.open()
    video = tmp_path / "film.mp4"
    video.write_bytes(b"film")
    assert await uploads.known(video) is None
    async with HeyGen() as heygen:
        with pytest.raises(CommandError, match="does not remember which asset"):
            await uploads.upload(heygen, video)


async def test_what_is_there_is_not_downloaded_again(sandbox: Sandbox, tmp_path: Path) -> None:
    path, journal, out = write_rows(tmp_path), tmp_path / "run.db", tmp_path / "out"
    for _ in range(2):
        assert await render_rows(sandbox, path, out=out, journal=journal) == Exit.DONE
    assert sandbox.requests.by_operation["media"] == 6
    assert sandbox.ledger.count() == 6


@pytest.mark.parametrize("folder_at_first", [False, True])
async def test_paid_items_are_fetched_by_a_later_start(
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folder_at_first: bool,
) -> None:
    rows, out = write_rows(tmp_path, 65), tmp_path / "out"
    sandbox.faults.add("media", Fault.status(404), times=None)
    code = await render_rows(
        sandbox, rows, out=out if folder_at_first else None, journal=tmp_path / "run.db"
    )
    assert code == (Exit.SOME_FAILED if folder_at_first else Exit.DONE)
    *items, last = lines(capsys)
    assert {item["job_id"] for item in items} == {job.id for job in sandbox.ledger.jobs}
    assert last["report"]["files_failed"] == (65 if folder_at_first else 0)
    sandbox.faults.clear()
    sent = sandbox.requests.by_operation["templates.generate"]
    for _ in range(2):
        assert await render_rows(sandbox, rows, out=out, journal=tmp_path / "run.db") == Exit.DONE
        *items, last = lines(capsys)
        assert all(item["resumed"] and item["file"] for item in items)
        assert last["report"]["files"] == len(list(out.iterdir())) == 65
    assert sandbox.requests.by_operation["templates.generate"] == sent
    assert sandbox.ledger.count() == 65


async def test_further_files_are_downloaded_and_counted(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, out = write_rows(tmp_path, 3), tmp_path / "out"
    also = ["thumbnail", "gif"]  # which the template does not make
    for found in ({"k0.png"}, set[str]()):
        code = await render_rows(sandbox, rows, out=out, also=also, journal=tmp_path / "run.db")
        assert code == Exit.DONE
        *items, last = lines(capsys)
        for item in items:
            assert item["file"] == str(out / f"{item['key']}.mp4")
            assert item["also"] == {"thumbnail": str(out / f"{item['key']}.png")}
        sizes = [file.stat().st_size for file in out.iterdir()]
        assert (last["report"]["files"], last["report"]["bytes"]) == (6, sum(sizes))
        fetched = sandbox.requests.by_operation["media"]
        assert fetched == 6 + (not found)
        (out / "k0.png").unlink()
    assert sandbox.ledger.count() == 3


async def test_rows_without_keys_are_named_by_what_they_say(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = tmp_path / "rows.csv", tmp_path / "run.db"
    path.write_text("name,product\nA,B\nC,D\n")
    await render_rows(sandbox, path, journal=journal)
    *first, _ = lines(capsys)
    path.write_text("name,product\nnew,B\nC,D\nA,B\n")
    await render_rows(sandbox, path, journal=journal)
    *second, _ = lines(capsys)
    keys = {item["key"] for item in first}
    assert {item["key"] for item in second if item["resumed"]} == keys
    assert sandbox.ledger.count() == 3


@pytest.mark.parametrize("column", ["id", "name"])
async def test_any_column_can_be_the_key(
    column: str, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rows(tmp_path, 2, key="id" if column == "id" else "title")
    assert await render_rows(sandbox, path, key=column, journal=tmp_path / "run.db") == Exit.DONE
    *items, _ = lines(capsys)
    expected = {"k0", "k1"} if column == "id" else {"Name 0", "Name 1"}
    assert {item["key"] for item in items} == expected


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("key,name,product\na,A,B\n,C,D\n", None, r"row 2.*has no key"),
        ("id,name,product\na,A,B\n,C,D\n", "id", r"row 2.*has no key"),
        ("name,product\nA,B\n", "id", "no column 'id'"),
        ("id,name,product\na,A,B\na,C,D\n", "id", "same file name as that of row 1"),
    ],
)
async def test_keys_that_do_not_do(
    text: str, key: str | None, message: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        await render_rows(sandbox, path, key=key, journal=tmp_path / "run.db")
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True}, "--resume needs"),
        ({"retry_failed": True}, "--retry-failed needs"),
        ({"resubmit_uncertain": True}, "--resubmit-uncertain needs"),
        ({"resume": True, "journal": Path("nowhere.db")}, "no journal to resume"),
    ],
)
async def test_options_that_do_not_go_together(
    options: dict[str, Any], message: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=message):
        await render_rows(sandbox, write_rows(tmp_path), **options)
    assert sandbox.ledger.count() == 0


async def test_failed_items_are_tried_again_on_demand(sandbox: Sandbox, tmp_path: Path) -> None:
    path, journal = write_rows(tmp_path, 3), tmp_path / "run.db"
    sandbox.fail_next("video", code="internal_error", message="Out of film.")
    assert await render_rows(sandbox, path, journal=journal) == Exit.SOME_FAILED
    assert await render_rows(sandbox, path, journal=journal) == Exit.SOME_FAILED
    assert await render_rows(sandbox, path, journal=journal, retry_failed=True) == Exit.DONE
    assert sandbox.ledger.count() == 4


async def test_a_budget_ends_a_run(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await render_rows(sandbox, write_rows(tmp_path), max_jobs=2)
    assert code == Exit.DONE  # as many as requested
    assert sandbox.ledger.count() == 2
    captured = capsys.readouterr()
    assert "with 4 of 6 not submitted. max_jobs is reached" in captured.err
    assert "Error" not in captured.err
    assert json.loads(captured.out.splitlines()[-1])["report"]["completed"] == 2


async def test_a_run_goes_on_with_more_rows_and_a_higher_cap(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "run.db"
    code = await render_rows(sandbox, write_rows(tmp_path), journal=journal, max_jobs=2)
    assert code == Exit.DONE
    assert "jobs: 2 of at most 2. With a higher cap the same command" in capsys.readouterr().err
    path = write_rows(tmp_path, 9)
    assert await render_rows(sandbox, path, journal=journal, max_jobs=4, max_cost=50) == (Exit.DONE)
    assert "2 of its 6 items ended: going on with it" in capsys.readouterr().err
    found = await viewed(journal, lambda view: standing(view, time.time()))
    assert (found.total, found.total_known, found.max_cost) == (9, True, 50)
    assert found.counts["completed"] == 4


async def test_a_dry_run_costs_nothing(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal, out = write_rows(tmp_path), tmp_path / "run.db", tmp_path / "out"
    code = await render_rows(sandbox, path, out=out, journal=journal, dry_run=True, max_cost=0.01)
    assert code == Exit.DONE
    (line,) = lines(capsys)
    assert line["dry_run"]["items"] == 6
    assert line["dry_run"]["usd"] > 0.01
    assert line["dry_run"]["prices_as_of"] == "2026-06-30"
    assert line["dry_run"]["balance"] is not None
    assert sandbox.ledger.count() == 0
    assert not journal.exists()
    assert not out.exists()

    prices = PriceTable(avatar_iv=1000.0, as_of=datetime.date(2026, 9, 1))
    await render_rows(sandbox, path, dry_run=True, prices=prices)
    (line,) = lines(capsys)
    assert line["dry_run"]["usd"] > 1000
    assert line["dry_run"]["prices_as_of"] == "2026-09-01"

    screen = Screen()
    await render_rows(sandbox, path, display=screen.display, dry_run=True, max_cost=0.01)
    assert "6 items, all of them valid. Nothing was submitted." in screen.text
    assert "USD) at prices of 2026-06-30" in screen.text
    assert "days old" in screen.text
    assert "balance:" in screen.text
    assert "would stop at --max-cost" in screen.text

    screen = Screen()
    await render_rows(sandbox, write_rows(tmp_path, 1), display=screen.display, dry_run=True)
    assert "1 item, which is valid. Nothing was submitted." in screen.text


async def test_a_dry_run_tells_what_is_left_to_pay(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = write_rows(tmp_path), tmp_path / "run.db"
    assert await render_rows(sandbox, path, journal=journal, max_jobs=4) == Exit.DONE
    path.write_text(path.read_text().replace("k0,Name 0", "k0,Another").replace("k1,", "k9,"))
    capsys.readouterr()
    assert await render_rows(sandbox, path, journal=journal, dry_run=True) == Exit.DONE
    (line,) = lines(capsys)
    left = line["dry_run"]["left"]
    assert (left["completed"], left["new"], left["changed"], left["left_out"]) == (2, 3, 1, 1)
    assert left["usd"] == pytest.approx(line["dry_run"]["usd"] / 2, rel=0.2)
    screen = Screen()
    await render_rows(
        sandbox,
        path,
        display=screen.display,
        journal=journal,
        dry_run=True,
        max_cost=left["spent"] + left["usd"] - 0.01,
        max_jobs=6,
    )
    said = " ".join(screen.text.split())
    assert "of these: 2 completed, 3 new, 1 changed" in said
    assert f"left: {dollars(left['usd'])} (" in said
    assert "1 item would fail: something else was submitted" in said
    assert "Not among these, and left as they are: 1 item of the journal." in said
    assert "would stop at --max-cost" in said
    assert "would stop at --max-jobs" in said  # four have run, and three are new
    assert sandbox.ledger.count() == 4


async def dub(
    video: Path | str,
    languages: Sequence[str] = ("French (France)", "German (Germany)"),
    *,
    out: Path | None = None,
    key: str | None = None,
    **options: Any,
) -> Exit:
    return await translate(
        str(video),
        languages,
        display=Lines(),
        everything=False,
        out=out,
        concurrency=None,
        base_url=None,
        key=key,
        options=RunOptions(**options),
    )


def write_video(folder: Path, name: str = "a.mp4", seconds: int = 7) -> Path:
    path = folder / name
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(seconds))
    return path


async def test_translations_are_kept_too(sandbox: Sandbox, tmp_path: Path) -> None:
    journal, url = tmp_path / "run.db", "https://example.com/a.mp4"
    assert await dub(url, dry_run=True) == Exit.DONE
    assert sandbox.ledger.count() == 0
    for _ in range(2):
        assert await dub(url, journal=journal) == Exit.DONE
    assert sandbox.ledger.count() == 2
    assert (await viewed(journal, lambda view: view.run.kind)) == "translate"


async def test_a_local_video_is_uploaded_once(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, journal = write_video(tmp_path), tmp_path / "run.db"
    assert await dub(video, journal=journal, dry_run=True) == Exit.DONE
    assert sandbox.requests.by_operation["assets.upload"] == 0
    assert await dub(video, ["French (France)"], journal=journal) == Exit.DONE
    uploads = tmp_path / "run.db.uploads"
    names = await asyncio.to_thread(os.listdir, tmp_path)
    files = {name: os.stat(tmp_path / name) for name in names if name.startswith("run.")}
    assert set(files) == {"run.db", "run.db.rows", "run.db.uploads"}
    assert os.name == "nt" or {file.st_mode & 0o777 for file in files.values()} == {0o600}
    # A crash leaves a part of a line.
    uploads.write_bytes(uploads.read_bytes() + b'{"sha256":"')
    moved = video.rename(tmp_path / "b.mp4")
    assert await dub(moved, journal=journal, resume=True) == Exit.DONE
    assert sandbox.requests.by_operation["assets.upload"] == 1
    assert sandbox.ledger.count() == 2

    capsys.readouterr()
    assert await dub(moved, journal=journal, dry_run=True) == Exit.DONE
    (line,) = lines(capsys)
    assert line["dry_run"]["left"]["completed"] == 2

    write_video(tmp_path, "b.mp4", seconds=9)
    with pytest.raises(CommandError, match="is about another video"):
        await dub(moved, journal=journal)
    assert sandbox.requests.by_operation["assets.upload"] == 1
    assert await dub(moved, journal=tmp_path / "other.db") == Exit.DONE
    assert sandbox.ledger.count() == 4


async def test_many_videos_and_languages(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "films").mkdir()
    write_video(tmp_path / "films", "one.mp4")
    write_video(tmp_path / "films", "same.mp4")
    path, journal, out = tmp_path / "films" / "list.csv", tmp_path / "run.db", tmp_path / "out"
    rows = "id,video,title\nA,one.mp4,First\nB,same.mp4,\nC,https://example.com/c.mp4,\n"
    path.write_text(rows)
    assert await dub(path, out=out, key="id", journal=journal, max_jobs=4) == Exit.DONE
    path.write_text(f"{rows}D,https://example.com/d.mp4,\n")
    capsys.readouterr()
    assert await dub(path, out=out, key="id", journal=journal, resume=True) == Exit.DONE
    *items, last = lines(capsys)
    names = {
        f"{key} {language}"
        for key in "ABCD"
        for language in ("French (France)", "German (Germany)")
    }
    assert {item["key"] for item in items} == names
    assert sum(item["resumed"] for item in items) == 4
    assert {file.name for file in out.iterdir()} == {f"{name}.mp4" for name in names}
    assert last["report"]["completed"] == 8
    assert sandbox.ledger.count("translation") == 8
    assert sandbox.requests.by_operation["assets.upload"] == 1  # two files, one content
    assert [job.title for job in sandbox.ledger.jobs].count("First") == 2


async def test_a_key_names_a_column_of_a_list(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="this is one video"):
        await dub("https://example.com/a.mp4", key="id")
    with pytest.raises(CommandError, match="no-such-file"):
        await dub("no-such-file.csv")
    assert sandbox.ledger.count() == 0


async def test_the_status_of_a_run_while_it_runs(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = write_rows(tmp_path), tmp_path / "run.db"
    sandbox.concurrency = 2
    sandbox.fail_next("video", code="moderated", message="Not allowed.")
    task = asyncio.create_task(render_rows(sandbox, path, journal=journal))
    await until(lambda: sandbox.ledger.count() == 5)
    await status(journal, display=Lines())
    (line,) = [one for one in lines(capsys) if "counts" in one]
    assert (line["kind"], line["subject"]) == ("render", sandbox.template_id("Welcome"))
    assert line["failures"] == {"moderated": 1}
    assert line["counts"]["failed"] == 1
    assert sum(line["counts"].values()) >= 5
    assert line["oldest"]["key"].startswith("k")
    assert 0 < line["done"] < 1
    assert line["per_minute"] > 0
    assert line["total"] == sum(line["counts"].values()) or line["total_known"]
    await task
    screen = Screen()
    await status(journal, display=screen.display)
    assert "100.0%, 6 of 6 items" in screen.text
    assert ("begun so far" in screen.text) != line["total_known"]
    assert "an estimate at prices of 2026-06-30" in screen.text
    assert "1 moderated" in screen.text
    assert "oldest" not in screen.text


async def test_a_run_without_credit_has_failed_nothing(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = write_rows(tmp_path), tmp_path / "run.db"
    sandbox.faults.add("templates.generate", Fault.status(402), times=None, after=2)
    task = asyncio.create_task(render_rows(sandbox, path, journal=journal, give_up_after=600))
    assert await task == Exit.SOME_FAILED
    written = capsys.readouterr()
    assert "Stopped, with 4 of 6 not submitted. gave up" in written.err
    assert "402 insufficient_credit" in written.err
    await status(journal, display=Lines())
    (line,) = lines(capsys)
    assert (line["failures"], line["not_submitted"]) == ({}, {"insufficient_credit": 4})
    assert (line["counts"]["completed"], line["counts"]["failed"]) == (2, 0)
    assert line["paused_for"] is None
    screen = Screen()
    await status(journal, display=screen.display)
    assert "not submitted" in screen.text


async def test_rate_and_time_left_are_those_of_the_last_minutes(tmp_path: Path) -> None:
    path, now = tmp_path / "run.db", 1_800_000_000.0
    clock = {"now": now}
    store = SqliteJournal(path, clock=lambda: clock["now"])
    await store.open(RunSpec(kind="render", subject="t", settings={"items": 100}))
    for number in range(20):
        clock["now"] = now + 100 * number
        await store.begin([intent_of(f"{number}", number)], "owner")
        await store.submitted(f"{number}", f"v{number}")
        if number not in (3, 19):
            await store.finish(Finish(f"{number}", "completed", usd=0.5))
    await store.aclose()
    found = await viewed(path, lambda view: standing(view, now + 1900))
    assert (found.total, found.done) == (100, 0.18)
    assert found.usd == 9
    assert found.per_minute == pytest.approx(2 / 5)  # those of 1700 and 1800
    assert found.seconds_left == pytest.approx(82 / (2 / 300))
    assert found.oldest is not None
    assert (found.oldest.key, found.oldest.job_id, found.oldest.seconds) == ("3", "v3", 1600)
    later = await viewed(path, lambda view: standing(view, now + 5000))
    assert (later.per_minute, later.seconds_left) == (0, None)


async def test_status_tells_since_when_submissions_are_held_back(tmp_path: Path) -> None:
    path, now = tmp_path / "run.db", 1_800_000_000.0
    clock = {"now": now}
    store = SqliteJournal(path, clock=lambda: clock["now"])
    await store.open(RunSpec(kind="render", subject="t", settings={}))
    for limit in (10, 0, 10, 0, 0):
        clock["now"] += 100
        store.sample_slots(0, limit)
    await store.aclose()
    found = await viewed(path, lambda view: standing(view, now + 600))
    assert found.paused_for == 200


async def test_the_report_stands_beside_the_journal(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "run.db"
    await render_rows(sandbox, write_rows(tmp_path, 2), journal=journal)
    capsys.readouterr()
    assert await report(journal, None, display=Lines()) == Exit.DONE
    assert lines(capsys) == [{"report": str(tmp_path / "run.html")}]
    assert (tmp_path / "run.html").read_text().startswith("<!DOCTYPE html>")
    before = journal.read_bytes()
    with pytest.raises(CommandError, match="the journal itself"):
        await report(journal, journal, display=Lines())
    assert journal.read_bytes() == before
