"""Full disks and removed folders: only steps in the file are acknowledged."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from heygen_async.errors import JournalError
from heygen_async.journal import Begin, SqliteJournal
from tests.journal.disks import Disk
from tests.journal.journals import complete, files, intend, opened, python, viewed

pytestmark = pytest.mark.anyio


async def keys(path: Path) -> set[str]:
    return await viewed(path, lambda view: {record.key for record in view.records()})


async def fill(journal: SqliteJournal) -> tuple[set[str], JournalError]:
    """Intend items until it fails; return the acknowledged ones, and the error."""
    acknowledged: set[str] = set()
    errors: list[JournalError] = []
    positions = iter(range(100_000))

    async def worker() -> None:
        for position in positions:
            try:
                await intend(journal, f"{position}", position)
            except JournalError as error:
                errors.append(error)
                return
            acknowledged.add(f"{position}")

    await asyncio.gather(*(worker() for _ in range(20)))
    assert len(errors) == 20
    assert len({str(error) for error in errors}) == 1
    return acknowledged, errors[0]


async def failed_for_good(journal: SqliteJournal, error: JournalError) -> None:
    with pytest.raises(JournalError) as caught:
        await intend(journal, "later", 10**6)
    assert caught.value.reason == error.reason
    journal.sample_slots(1, 1)
    with pytest.raises(JournalError):
        await journal.totals()
    await journal.aclose()


async def test_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    disk.pages = 60
    journal = await opened(path)
    acknowledged, error = await fill(journal)
    assert error.reason == "disk_full"
    assert "the disk is full" in str(error)
    await failed_for_good(journal, error)
    assert len(acknowledged) > 100
    assert await keys(path) == acknowledged
    disk.pages = None
    async with aclosing(await opened(path)) as again:
        assert await intend(again, "later", 10**6) is Begin.NEW


async def test_the_folder_removed_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    journal = await opened(folder / "run.db")
    await complete(journal, "a")
    await asyncio.to_thread(shutil.rmtree, folder)
    with pytest.raises(JournalError, match="moved or removed") as caught:
        await intend(journal, "b", 1)
    assert caught.value.reason == "gone"
    await failed_for_good(journal, caught.value)


@pytest.mark.parametrize("name", ["run.db", "run.db-wal"])
async def test_a_file_removed_or_replaced_meanwhile(tmp_path: Path, name: str) -> None:
    journal = await opened(tmp_path / "run.db")
    await complete(journal, "a")
    if name == "run.db":
        shutil.copy(tmp_path / name, tmp_path / "copy")
        (tmp_path / "copy").replace(tmp_path / name)
    else:
        (tmp_path / name).unlink()
    with pytest.raises(JournalError, match="moved or removed") as caught:
        await intend(journal, "b", 1)
    await failed_for_good(journal, caught.value)


async def test_sqlite_itself_fails(disk: Disk, tmp_path: Path) -> None:
    journal = await opened(tmp_path / "run.db")
    await complete(journal, "a")
    await asyncio.to_thread(disk.fail)
    acknowledged, error = await fill(journal)
    assert not acknowledged
    assert error.reason == "io_error"
    await failed_for_good(journal, error)
    assert await keys(tmp_path / "run.db") == {"a"}


async def test_a_file_that_becomes_damaged(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "run.db")
    await complete(journal, "a")
    await asyncio.to_thread(tamper, tmp_path / "run.db")
    with pytest.raises(JournalError) as caught:
        await intend(journal, "b", 1)
    await failed_for_good(journal, caught.value)


def tamper(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE items RENAME TO elsewhere")
        connection.commit()


async def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    code = """
import asyncio, resource, sys
from pathlib import Path
from heygen_async.errors import JournalError
from tests.journal.journals import intend, opened

async def main():
    journal = await opened(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    position = 0
    try:
        while True:
            await intend(journal, str(position), position)
            print(position)
            position += 1
    except JournalError as error:
        print("stopped", error.reason)
    try:
        await journal.aclose()
    except JournalError as error:
        print("closing", error.reason)

asyncio.run(main())
"""
    done = await asyncio.to_thread(python, code, tmp_path / "run.db")
    assert done.returncode == 0, done.stderr
    # In development mode the loop also warns on a busy machine.
    assert [line for line in done.stderr.splitlines() if not line.startswith("Executing <")] == []
    *acknowledged, stopped = done.stdout.split("\n")[:-1]
    assert stopped in ("stopped io_error", "stopped disk_full")
    assert len(acknowledged) > 5
    assert await keys(tmp_path / "run.db") == set(acknowledged)


async def test_closing_writes_what_is_queued_and_ends_the_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    journal = await opened(tmp_path / "run.db")
    calls = [asyncio.ensure_future(intend(journal, f"{i}", i)) for i in range(50)]
    await asyncio.sleep(0)
    await asyncio.gather(journal.aclose(), journal.aclose())
    await asyncio.gather(*calls)
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("heygen-journal") for name in names), names
    assert threading.active_count() <= before + 2  # the loop's own, for opening and closing
    with pytest.raises(JournalError, match="it is closed") as caught:
        await intend(journal, "later", 99)
    assert caught.value.reason == "closed"
    assert files(tmp_path) == ["run.db"]
    assert len(await keys(tmp_path / "run.db")) == 50


async def test_a_cancelled_closing_closes(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "run.db")
    call = asyncio.ensure_future(intend(journal, "a"))
    closing_task = asyncio.ensure_future(journal.aclose())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    closing_task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_task
    await call
    await journal.aclose()
    assert files(tmp_path) == ["run.db"]
    assert await keys(tmp_path / "run.db") == {"a"}


async def test_closing_with_a_failing_disk_tells_those_who_wait(disk: Disk, tmp_path: Path) -> None:
    journal = await opened(tmp_path / "run.db")
    await asyncio.to_thread(disk.fail)
    call = asyncio.ensure_future(intend(journal, "a"))
    await asyncio.sleep(0)
    with pytest.raises(JournalError):
        await journal.aclose()
    with pytest.raises(JournalError):
        await call
    await journal.aclose()


async def test_a_journal_that_nobody_closes_does_not_keep_the_process(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from tests.journal.journals import intend, opened

async def main():
    journal = await opened(Path(sys.argv[1]))
    await intend(journal, "a")
    asyncio.ensure_future(intend(journal, "b", 1))
    await asyncio.sleep(0)
    return journal

journal = asyncio.run(main())
print("the end")
"""
    done = await asyncio.to_thread(python, code, tmp_path / "run.db")
    assert (done.returncode, done.stdout) == (0, "the end\n"), done.stderr
    assert "Error" not in done.stderr
    assert await keys(tmp_path / "run.db") >= {"a"}


async def test_a_journal_that_is_dropped_lets_go(tmp_path: Path) -> None:
    code = """
import asyncio, gc, sys
from pathlib import Path
from heygen_async.errors import JournalError
from tests.journal.journals import intend, opened

async def main():
    journal = await opened(Path(sys.argv[1]))
    await intend(journal, "a")
    del journal
    gc.collect()
    for attempt in range(1000):  # its thread may still be on its way out
        try:
            journal = await opened(Path(sys.argv[1]))
        except JournalError as error:
            assert error.reason == "locked"
            await asyncio.sleep(0.01)
        else:
            print((await journal.totals()).counts["intended"])
            await journal.aclose()
            return

asyncio.run(main())
"""
    done = await asyncio.to_thread(python, code, tmp_path / "run.db")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert "unclosed file" in done.stderr  # as Python says of any file that is not closed
