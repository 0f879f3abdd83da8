"""Reading a journal: while it is written, after it is finished, from a copy."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tracemalloc
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from heygen_async.errors import JournalError
from heygen_async.journal import JournalReader, SqliteJournal, open_reader
from tests.journal.journals import complete, files, find, intend, opened, run_spec, viewed

pytestmark = pytest.mark.anyio


def counted(view: JournalReader) -> tuple[int, int]:
    """Completed items by the totals, and all items by iteration."""
    return view.totals().counts["completed"], sum(1 for _ in view.records())


async def test_reading_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    journal = SqliteJournal(path)
    run = (await journal.open(run_spec(settings={"concurrency": 3}))).run
    async with aclosing(journal):
        before = files(tmp_path)
        for done in range(1, 6):
            await asyncio.gather(*(complete(journal, f"{done} {i}", i) for i in range(20)))
            assert await viewed(path, counted) == (done * 20, done * 20)
        assert files(tmp_path) == before
        journal.sample_slots(2, 10)
        await intend(journal, "last")
        assert await viewed(path, lambda view: view.run) == run
        (sample,) = await viewed(path, lambda view: list(view.slots()))
        assert (sample.running, sample.slot_limit) == (2, 10)
        (last,) = await viewed(path, lambda view: list(view.records(["intended"])))
        assert last == await find(journal, "last")
        assert await viewed(path, lambda view: view.totals()) == await journal.totals()


async def test_readers_and_the_writer_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    over = False

    def keep_looking() -> list[int]:
        seen = []
        while not over:
            with open_reader(path) as view:
                seen.append(counted(view)[0])
        return seen

    async with aclosing(await opened(path)) as journal:
        readers = [asyncio.ensure_future(asyncio.to_thread(keep_looking)) for _ in range(2)]
        for start in range(0, 1000, 50):
            await asyncio.gather(*(complete(journal, f"{i}", i) for i in range(start, start + 50)))
        over = True
        for seen in await asyncio.gather(*readers):
            assert seen == sorted(seen)
            assert all(count <= 1000 for count in seen)


async def test_reading_a_finished_journal_makes_no_files(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path)) as journal:
        await complete(journal, "a")
    content = path.read_bytes()
    items, beside = await viewed(path, lambda view: (view.totals().items, files(tmp_path)))
    assert (items, beside) == (1, ["run.db"])
    assert files(tmp_path) == ["run.db"]
    assert path.read_bytes() == content


async def test_a_view_of_a_finished_journal_notices_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path)) as journal:
        await asyncio.gather(*(complete(journal, f"{i}", i) for i in range(10)))
    view = await asyncio.to_thread(open_reader, path)
    assert await asyncio.to_thread(counted, view) == (10, 10)
    async with aclosing(await opened(path)) as journal:
        await asyncio.gather(*(complete(journal, f"new {i}", i) for i in range(500)))
        assert await asyncio.to_thread(counted, view) == (510, 510)
    assert await asyncio.to_thread(counted, view) == (510, 510)
    await asyncio.to_thread(view.close)
    async with aclosing(await opened(path)) as journal:  # which tidies up after the reader
        pass
    assert files(tmp_path) == ["run.db"]


@pytest.mark.parametrize("endings", [("",), ("", "-wal"), ("", "-wal", "-shm")])
async def test_a_copy_taken_during_a_run(tmp_path: Path, endings: tuple[str, ...]) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await asyncio.gather(*(complete(journal, f"{i}", i) for i in range(50)))
        for ending in endings:
            shutil.copy(f"{tmp_path / 'run.db'}{ending}", copies)
    before = {name: (copies / name).read_bytes() for name in files(copies)}
    subject, items = await viewed(
        copies / "run.db", lambda view: (view.run.subject, view.totals().items)
    )
    assert (subject, items) == ("template", 50 if "-wal" in endings else 0)
    after = {name: (copies / name).read_bytes() for name in files(copies)}
    for content in (before, after):
        content.pop("run.db-shm", None)  # where readers note which part they are at
    assert after == before


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no such file") as caught:
        open_reader(tmp_path / "run.db")
    assert caught.value.reason == "missing"
    assert files(tmp_path) == []
    (tmp_path / "empty.db").touch()
    with pytest.raises(JournalError, match="the file is empty"):
        open_reader(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("name,age\n" * 500)
    with pytest.raises(JournalError, match="not an SQLite file"):
        open_reader(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE items (key TEXT)")
    with pytest.raises(JournalError, match="another program's"):
        open_reader(tmp_path / "other.db")


FILL = """
WITH RECURSIVE counter(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counter WHERE i < 29999)
INSERT INTO items
    (key, key_digest, position, attempt, state, idempotency_key, fingerprint, intended_at, payload)
SELECT 'item ' || i, i, i, 1, 'intended', 'k', 'f', 0.0, '{"title":"' || i || '"}' FROM counter
"""


async def test_thirty_thousand_items_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await (await opened(path)).aclose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(FILL)
        connection.commit()
    async with aclosing(await opened(path)) as journal:
        assert (await journal.totals()).counts["intended"] == 30_000
        tracemalloc.start()
        try:
            position = -1
            async for record in journal.iterate():
                position += 1
                assert record.position == position
            assert position == 29_999
            assert await viewed(path, counted) == (0, 30_000)
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()
