"""Results beside the rows: while a run goes on, at its end, and from its journal."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from heygen_async import Failed, JobFailed, Outcome, Succeeded, Video
from heygen_async.cli.cluster.submit import submit
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.results import results
from heygen_async.cli.commands.translate import translate
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.results.item_rows import ItemRow, ItemRows
from heygen_async.cli.results.live import LiveResults
from heygen_async.cli.results.table_files import write_table
from heygen_async.cli.run_locations import run_in_database
from heygen_async.cli.run_options import RunOptions
from heygen_async.journal import journal_store
from heygen_async.sandbox import Sandbox
from tests.cli.waiting import until

pytestmark = pytest.mark.anyio

HEADER = ["ID", "Name", "product", "Owner"]
COLUMNS = ["status", "job_id", "url", "file", "seconds", "usd", "error"]


def write_rows(folder: Path, count: int = 4) -> Path:
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([f"+{n}", f"Name {n}", "Tea", "=A1" if n else ""] for n in range(count))
    return path


def table(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(newline="", encoding=encoding) as file:
        return list(csv.DictReader(file))


async def render_rows(
    sandbox: Sandbox, source: Path, *, key: str | None = "id", **how: Any
) -> Exit:
    return await render(
        sandbox.template_id("Welcome"),
        source,
        display=Lines(),
        out=how.pop("out", None),
        concurrency=None,
        base_url=None,
        test=False,
        key=key,
        choices=how.pop("choices", None),
        options=RunOptions(**how),
    )


async def test_results_stand_beside_the_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail_next("video", code="internal_error", message="=cmd()")
    path, out = write_rows(tmp_path), tmp_path / "out.csv"
    code = await render_rows(sandbox, path, results=out, out=tmp_path / "videos")
    assert code == Exit.SOME_FAILED
    rows = table(out)
    assert list(rows[0]) == [*HEADER, *COLUMNS]
    # The input columns are unchanged and in order.
    assert [{name: row[name] for name in HEADER} for row in rows] == table(path)
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert failed["error"]
    assert not failed["error"].startswith("=")
    done = [row for row in rows if row["status"] == "completed"]
    assert len(done) == 3
    for row in done:
        assert row["url"].startswith("http")
        assert row["file"] == str(tmp_path / "videos" / f"{row['ID']}.mp4")
        assert float(row["usd"]) > 0
    assert set(os.listdir(tmp_path)) == {"rows.csv", "out.csv", "videos"}


@pytest.mark.parametrize("ending", ["jsonl", "xlsx"])
async def test_results_in_other_kinds_of_files(
    sandbox: Sandbox, tmp_path: Path, ending: str
) -> None:
    path, out = write_rows(tmp_path, 2), tmp_path / f"out.{ending}"
    assert await render_rows(sandbox, path, results=out) == Exit.DONE
    if ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        book = pytest.importorskip("openpyxl").load_workbook(out)
        header, *cells = book.active.iter_rows()
        assert cells[1][3].data_type == "s"  # a text that looks like a formula
        rows = [
            dict(zip([cell.value for cell in header], [c.value for c in row], strict=True))
            for row in cells
        ]
    assert [list(row) for row in rows] == [[*HEADER, *COLUMNS]] * 2
    assert [(row["ID"], row["Owner"], row["status"]) for row in rows] == [
        ("+0", None, "completed"),
        ("+1", "=A1", "completed"),
    ]


async def test_rows_without_a_key_get_a_column_for_it(sandbox: Sandbox, tmp_path: Path) -> None:
    path, out = write_rows(tmp_path, 2), tmp_path / "out.csv"
    assert await render_rows(sandbox, path, key=None, results=out) == Exit.DONE
    assert [row["key"] for row in table(out)] == ["1", "2"]


@pytest.mark.parametrize("key", ["id", None])
async def test_results_from_the_journal(sandbox: Sandbox, tmp_path: Path, key: str | None) -> None:
    path, journal = write_rows(tmp_path), tmp_path / "launch.db"
    live, out = tmp_path / "live.csv", tmp_path / "out.csv"
    code = await render_rows(
        sandbox,
        path,
        key=key,
        journal=journal,
        results=live,
        out=tmp_path / "videos",
        also=("thumbnail",),
    )
    assert code == Exit.DONE
    assert await results(journal, out, display=Lines()) == Exit.DONE
    told, found = table(live), table(out)
    same = [name for name in told[0] if name not in ("seconds", "url")]
    assert [[row[name] for name in same] for row in found] == [
        [row[name] for name in same] for row in told
    ]
    names = {file.stem for file in (tmp_path / "videos").iterdir()}
    if key is None:  # people can tell the files apart
        assert {name.rpartition("-")[0] for name in names} == {f"Name {n}" for n in range(4)}


async def test_only_some_rows_and_a_second_start(sandbox: Sandbox, tmp_path: Path) -> None:
    path, out, journal = write_rows(tmp_path), tmp_path / "out.csv", tmp_path / "launch.db"
    choices = RowChoices.of(where=["id=+2"])
    await render_rows(sandbox, path, choices=choices, results=out, journal=journal)
    assert [row["ID"] for row in table(out)] == ["+2"]
    await render_rows(sandbox, path, results=out, journal=journal)
    assert [row["ID"] for row in table(out)] == ["+0", "+1", "+2", "+3"]
    assert sandbox.ledger.count("templates.generate") == 4


async def test_dubs_have_a_row_for_each_language(sandbox: Sandbox, tmp_path: Path) -> None:
    path, out, journal = tmp_path / "films.csv", tmp_path / "out.csv", tmp_path / "dubs.db"
    path.write_text("video,Client\nhttps://example.com/a.mp4,X\nhttps://example.com/b.mp4,Y\n")
    languages = ["French (France)", "Spanish (Spain)"]
    code = await translate(
        str(path),
        languages,
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        options=RunOptions(results=out, journal=journal, measure=False),
    )
    assert code == Exit.DONE
    assert [(row["Client"], row["language"]) for row in table(out)] == [
        (client, language) for client in "XY" for language in languages
    ]
    assert {row["status"] for row in table(out)} == {"completed"}
    again = tmp_path / "again.csv"
    await results(journal, again, display=Lines())
    assert [row["job_id"] for row in table(again)] == [row["job_id"] for row in table(out)]


async def test_chains_have_results_too(sandbox: Sandbox, tmp_path: Path) -> None:
    path, out, journal = tmp_path / "texts.csv", tmp_path / "out.csv", tmp_path / "film.db"
    path.write_text("id,text\na,Good morning.\nb,Good evening.\n")
    voice = sandbox.add_voice(starfish=True)
    code = await narrate(
        path,
        avatar=sandbox.add_look(),
        voice=voice,
        display=Lines(),
        options=RunOptions(results=out, journal=journal),
    )
    assert code == Exit.DONE
    again = tmp_path / "again.csv"
    await results(journal, again, display=Lines())
    for file in (out, again):
        assert [(row["id"], row["status"]) for row in table(file)] == [
            ("a", "completed"),
            ("b", "completed"),
        ]
    assert [row["usd"] for row in table(out)] == [row["usd"] for row in table(again)]


@pytest.mark.parametrize("name", ["out.txt", "rows.csv", "nowhere/out.csv"])
async def test_files_that_cannot_be_written_cost_nothing(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    path = write_rows(tmp_path)
    before = path.read_bytes()
    with pytest.raises(CommandError, match=name):
        await render_rows(sandbox, path, results=tmp_path / name)
    assert path.read_bytes() == before
    assert sandbox.ledger.count() == 0


def item_rows(count: int) -> ItemRows:
    def rows() -> Any:
        return (ItemRow(str(n), {"id": n}) for n in range(count))

    return ItemRows(["id"], count, rows, names=True)


async def test_a_file_is_written_at_intervals_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    live = LiveResults(path, item_rows(5))
    await live.open()
    assert [row["status"] for row in table(path)] == ["pending"] * 5
    video = Video(id="v", status="completed")
    done: Outcome[Video] = Succeeded(key="3", index=3, item=None, result=video)
    failed = Failed(key="0", index=0, item=None, error=JobFailed("no", job_id="0"))
    live.add(done)
    await until(lambda: table(path)[3]["status"] == "completed")
    live.add(failed)
    live.add(failed)
    assert table(path)[0]["status"] == "pending"
    await live.aclose()
    assert [row["status"] for row in table(path)] == [
        "failed",
        "pending",
        "pending",
        "completed",
        "pending",
    ]
    assert os.listdir(tmp_path) == ["out.csv"]


def test_values_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    rows = [{"id": "+49 1", "text": 'a "b"\r\nc', "more": {"a": [1]}, "error": "=x"}]
    write_table(path, ["id", "text", "more", "error"], rows)
    assert table(path) == [
        {"id": "+49 1", "text": 'a "b"\r\nc', "more": '{"a": [1]}', "error": "'=x"}
    ]


async def test_a_journal_without_rows_beside_it(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = write_rows(tmp_path, 2), tmp_path / "launch.db"
    await render_rows(sandbox, path, journal=journal)
    await asyncio.to_thread((tmp_path / "launch.db.rows").unlink)
    capsys.readouterr()
    await results(journal, None, display=Lines())
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["key"], row["status"]) for row in rows] == [
        ("+0", "completed"),
        ("+1", "completed"),
    ]


@pytest.mark.parametrize("key", ["id", None])
async def test_results_of_a_run_in_a_database(
    sandbox: Sandbox, tmp_path: Path, postgres_database: str, key: str | None
) -> None:
    path, out = write_rows(tmp_path), tmp_path / "out.csv"
    journal = journal_store(f"{postgres_database}?run=launch")
    with pytest.raises(CommandError, match="no such run"):
        await results(journal, out, display=Lines())
    for _ in range(2):  # the rows of a second start replace those of the first
        how = {"journal": journal, "out": tmp_path / "videos"}
        assert await render_rows(sandbox, path, key=key, **how) == Exit.DONE
    await results(journal, out, display=Lines())
    rows = table(out)
    assert list(rows[0]) == [*HEADER, *(["key"] if key is None else []), *COLUMNS]
    assert [{name: row[name] for name in HEADER} for row in rows] == table(path)
    assert {row["status"] for row in rows} == {"completed"}


def item_keys(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        query = "SELECT key FROM heygen_async.items ORDER BY position"
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])  # the server answers in real time
@pytest.mark.parametrize("key", ["id", None])
async def test_results_of_a_run_of_workers(
    sandbox: Sandbox, tmp_path: Path, postgres_database: str, key: str | None
) -> None:
    """They have the rows from the start, under the keys of the items."""
    path, out = write_rows(tmp_path), tmp_path / "out.csv"
    await submit(
        "welcome",
        path,
        dsn=postgres_database,
        name="spring",
        max_cost=None,
        until_empty=False,
        retry_failed=False,
        key=key,
        choices=None,
        test=False,
        telemetry=False,
        base_url=None,
        display=Lines(),
    )
    await results(run_in_database(postgres_database, "spring"), out, display=Lines())
    rows = table(out)
    assert [{name: row[name] for name in HEADER} for row in rows] == table(path)
    assert {row["status"] for row in rows} == {"pending"}
    keys = await asyncio.to_thread(item_keys, postgres_database)
    assert [(row["ID" if key else "key"],) for row in rows] == keys
