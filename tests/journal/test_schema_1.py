"""Journals of version 0.1.0 are read as they are, and upgraded by the next run or not at all."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heygen_async import Batch, HeyGen
from heygen_async.cli.commands.report import report
from heygen_async.cli.commands.status import status
from heygen_async.cli.display import Lines
from heygen_async.errors import JournalError
from heygen_async.journal import FINISHED, ItemRecord, Opened, RunSpec, SqliteJournal, open_reader
from heygen_async.journal.keys import canonical_json, fingerprint
from tests.journal.disks import Disk
from tests.journal.journals import files, records, viewed
from tests.journal.legacy import (
    FOLDER,
    JOURNALS,
    OPERATIONS,
    TEMPLATE_ID,
    copy_of,
    items_of,
    old_items,
    run_of,
)

pytestmark = pytest.mark.anyio

every_journal = pytest.mark.parametrize("name", JOURNALS)


def all_records(path: Path) -> list[ItemRecord]:
    with open_reader(path) as reader:
        return list(reader.records())


async def upgraded(path: Path) -> tuple[Opened, list[ItemRecord]]:
    """Open a journal for writing, which upgrades it, and return what it holds."""
    run = await viewed(path, lambda reader: reader.run)
    store = SqliteJournal(path)
    opened = await store.open(RunSpec(kind=run.kind, subject=run.subject))
    async with aclosing(store):
        return opened, await records(store)


def tables(path: Path) -> set[str]:
    """Return the definitions of the tables of a file."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        definitions = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {str(version), *(" ".join(row[0].split()) for row in definitions)}


@every_journal
async def test_readers_leave_it_alone(
    heygen: HeyGen, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = copy_of(name, tmp_path)
    items = items_of(name)
    await status(path, display=Lines())
    states = [item.state for item in old_items(FOLDER / name)]
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["counts"]["completed"] == states.count("completed")
    left = (await run_of(name, Batch(heygen), items, path).estimate()).left
    assert left is not None
    assert (left.new, left.left_out, left.changed) == (0, 0, 0)
    assert (left.completed, left.failed, left.again) == (states.count("completed"), 1, 1)
    in_flight, unanswered, uncertain = 1, states.count("intended"), states.count("uncertain")
    if "speech" in name:  # speeches cannot be waited for: all are sent again
        in_flight, unanswered, uncertain = 0, in_flight + unanswered + uncertain, 0
    assert (left.in_flight, left.unanswered, left.uncertain) == (in_flight, unanswered, uncertain)
    page = tmp_path / "page" / "report.html"
    page.parent.mkdir()
    await report(path, page, display=Lines())
    assert page.stat().st_size > 1000
    assert files(tmp_path) == sorted([name, "page"])
    assert path.read_bytes() == (FOLDER / name).read_bytes()


@every_journal
async def test_it_is_upgraded_with_all_that_it_holds(tmp_path: Path, name: str) -> None:
    path = copy_of(name, tmp_path)
    before = await asyncio.to_thread(all_records, path)
    old_totals = await viewed(path, lambda reader: reader.totals())
    samples = await viewed(path, lambda reader: list(reader.slots()))
    opened, found = await upgraded(path)
    assert opened.legacy
    assert opened.resumed
    assert opened.totals == old_totals
    assert (opened.run.sdk_version, opened.run.schema_version) == ("0.1.0", 2)
    assert found == before  # a reader reports the same before and after
    assert found == await asyncio.to_thread(all_records, path)
    assert await viewed(path, lambda reader: list(reader.slots())) == samples
    assert tuple(record.operation for record in found) == OPERATIONS[name]
    for record, old in zip(found, old_items(FOLDER / name), strict=True):
        kept = msgspec.structs.asdict(record)
        for field in old._fields:
            if field not in ("run_id", "fingerprint"):
                assert kept[field] == getattr(old, field), field
        assert record.legacy_fingerprint == old.fingerprint
        assert record.callback_id == old.callback_id
        assert (record.callback_id == record.idempotency_key) == (name != "batched.requests.db")
        assert record.fingerprint == fingerprint(
            record.operation or "", record.path_arguments, canonical_json(old.payload)
        )
        assert (record.owner, record.reserved_usd, record.resends) == (None, None, 0)
    if name.startswith("render"):
        assert {record.path_arguments for record in found} == {(TEMPLATE_ID,)}
    fresh = SqliteJournal(tmp_path / "fresh.db")
    await fresh.open(RunSpec(kind="render", subject="t"))
    await fresh.aclose()
    assert tables(path) == tables(tmp_path / "fresh.db")
    assert files(tmp_path) == sorted(["fresh.db", name])
    assert (await upgraded(path))[1] == found  # once


async def test_a_request_of_no_known_kind_is_kept(tmp_path: Path) -> None:
    path = copy_of("launch.requests.db", tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE items SET fingerprint = 'x' WHERE position = 0")
        connection.execute("UPDATE items SET payload = x'ff00' WHERE position = 1")
    before = await asyncio.to_thread(all_records, path)
    _, found = await upgraded(path)
    assert found == before
    for record in found[:2]:
        assert (record.operation, record.fingerprint, record.path_arguments) == (None, "", ())
    assert found[1].payload == b"\xff\x00"
    assert found[2].operation == "videos.create"


@every_journal
async def test_a_full_disk_leaves_it_as_it_was(disk: Disk, tmp_path: Path, name: str) -> None:
    path = copy_of(name, tmp_path)
    before = await asyncio.to_thread(all_records, path)
    disk.pages = path.stat().st_size // 4096 + 1
    with pytest.raises(JournalError, match="the disk is full") as caught:
        await upgraded(path)
    assert caught.value.reason == "disk_full"
    assert tables(path) == tables(FOLDER / name)
    assert old_items(path) == old_items(FOLDER / name)
    assert files(tmp_path) == [name]
    disk.pages = None
    assert (await upgraded(path))[1] == before


@pytest.mark.parametrize(
    "name",
    # The statements are the same whatever the journal holds.
    [JOURNALS[0], *(pytest.param(name, marks=pytest.mark.crash) for name in JOURNALS[1:])],
)
async def test_a_process_that_ends_in_the_middle_leaves_the_one_or_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Yield copies of the files before each statement of the upgrade."""
    path = copy_of(name, tmp_path)
    before = await asyncio.to_thread(all_records, path)
    copies: list[Path] = []
    connect = sqlite3.connect

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)

        def copy(statement: str) -> None:
            folder = tmp_path / f"{len(copies)}"
            folder.mkdir()
            for beside in tmp_path.glob(f"{name}*"):
                shutil.copy(beside, folder)
            copies.append(folder / name)

        connection.set_trace_callback(copy)
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", watched)
        await upgraded(path)
    assert len(copies) > 20
    versions = []
    for copied in copies:
        versions.append(await viewed(copied, lambda reader: reader.run.schema_version))
        assert await asyncio.to_thread(all_records, copied) == before
        assert (await upgraded(copied))[1] == before
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}


async def test_a_journal_in_use_is_not_upgraded(tmp_path: Path) -> None:
    path = copy_of("render.db", tmp_path)
    store = SqliteJournal(path)
    await store.open(RunSpec(kind="render", subject=TEMPLATE_ID))
    async with aclosing(store):
        with pytest.raises(JournalError, match="is using it"):
            await upgraded(path)


async def test_the_journal_of_another_run_is_not_upgraded(tmp_path: Path) -> None:
    path = copy_of("render.db", tmp_path)
    with pytest.raises(JournalError, match="belongs to another run"):
        await SqliteJournal(path).open(RunSpec(kind="render", subject="another"))
    assert path.read_bytes() == (FOLDER / "render.db").read_bytes()
    assert files(tmp_path) == ["render.db"]


async def test_reading_goes_on_while_it_is_upgraded(tmp_path: Path) -> None:
    path = copy_of("launch.requests.db", tmp_path)
    before = await asyncio.to_thread(all_records, path)
    reader = await asyncio.to_thread(open_reader, path)
    store = SqliteJournal(path)
    await store.open(RunSpec(kind="requests", subject=""))
    async with aclosing(store):
        assert await asyncio.to_thread(lambda: list(reader.records())) == before
    assert await asyncio.to_thread(lambda: list(reader.records())) == before
    await asyncio.to_thread(reader.close)


@every_journal
async def test_nothing_was_delivered_before_the_upgrade(name: str, tmp_path: Path) -> None:
    """Read a file of this version from before deliveries were recorded."""
    path = copy_of(name, tmp_path)

    def nothing_is_delivered() -> bool:
        with open_reader(path) as reader:
            left = list(reader.undelivered("folder", FINISHED))
            return left == list(reader.records(FINISHED)) and not list(reader.deliveries())

    assert await asyncio.to_thread(nothing_is_delivered)
    await upgraded(path)
    assert await asyncio.to_thread(nothing_is_delivered)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE deliveries")
    assert await asyncio.to_thread(nothing_is_delivered)
