"""Opening of files: accepted ones, and the errors for the others."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from heygen_async.errors import InvalidRequest, JournalError
from heygen_async.journal import SqliteJournal
from heygen_async.journal.keys import make_run_id
from tests.journal.journals import (
    ENVIRONMENT,
    claim,
    complete,
    files,
    find,
    intend,
    opened,
    records,
    run_spec,
    viewed,
)
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio


async def refused(path: Path, reason: str, sentence: str, **settings: Any) -> None:
    with pytest.raises(JournalError, match=sentence) as caught:
        await opened(path, **settings)
    assert caught.value.reason == reason
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextmanager
def nobody() -> Iterator[Path]:
    """Return a folder without rights to create files."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            os.chmod(folder, 0o700)


async def test_one_plain_file_is_left_that_tells_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    store = SqliteJournal(path)
    assert not await asyncio.to_thread(store.exists)
    spec = run_spec(settings={"concurrency": 5, "folder": tmp_path})
    async with aclosing(store) as journal:
        run = (opening := await journal.open(spec)).run
        assert files(tmp_path) == ["run.db", "run.db-shm", "run.db-wal", "run.db.lock"]
        assert (opening.resumed, opening.legacy) == (False, False)
        await complete(journal, "a")
    await journal.aclose()
    assert await asyncio.to_thread(store.exists)
    assert files(tmp_path) == ["run.db"]
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT run_id, kind, subject, settings FROM run").fetchall()
        settings = f'{{"concurrency":5,"folder":"{tmp_path}"}}'
        assert row == [(run.run_id, "render", "template", settings)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("PRAGMA application_id").fetchone() == (0x4847414A,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
async def test_payloads_are_for_the_owner_of_the_files_alone(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await complete(journal, "a")
        for name in ("run.db", "run.db-wal", "run.db-shm"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


async def test_a_second_start_finds_what_the_first_left(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.db")
    first = await journal.open(run_spec(settings={"concurrency": 5}))
    async with aclosing(journal):
        await complete(journal, "a")
        await intend(journal, "b", 1)
    again = await journal.open(run_spec(settings={"concurrency": 9}))
    async with aclosing(journal):
        assert again.resumed
        assert again.totals.counts == {
            "intended": 1,
            "submitted": 0,
            "completed": 1,
            "failed": 0,
            "uncertain": 0,
        }
        assert again.run.run_id == first.run.run_id
        assert again.run.settings == {"concurrency": 9}
        assert await records(journal, ["intended"]) == [await find(journal, "b")]
        assert await claim(journal, "b") == await find(journal, "b")
    async with aclosing(journal):  # a start that stores none keeps them
        assert (await journal.open(run_spec())).run.settings == {"concurrency": 9}


async def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / "run.db").touch()
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await complete(journal, "a")


async def test_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path, run_id="spring")):
        pass
    await refused(path, "other_run", "render of 'template', not translate", kind="translate")
    await refused(path, "other_run", "not render of 'other'", subject="other")
    await refused(path, "other_run", "its id is spring, not autumn", run_id="autumn")
    assert files(tmp_path) == ["run.db"]
    async with aclosing(await opened(path)):
        assert await viewed(path, lambda reader: reader.run.run_id) == "spring"


async def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await (await opened(path)).aclose()
    change(path, "PRAGMA user_version = 3")
    await refused(path, "newer", "a newer version .* version 3, and this one knows 2")


async def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    other, text = tmp_path / "other.db", tmp_path / "items.csv"
    change(other, "CREATE TABLE items (key TEXT)")
    text.write_text("name,age\n" * 500)
    before = other.read_bytes(), text.read_bytes()
    await refused(other, "not_a_journal", "another program's SQLite file")
    await refused(text, "not_a_journal", "not an SQLite file")
    assert (other.read_bytes(), text.read_bytes()) == before
    assert files(tmp_path) == ["items.csv", "other.db"]


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path)) as journal:
        await asyncio.gather(*(complete(journal, f"{i}", i) for i in range(500)))
    whole = path.read_bytes()
    for kept in (whole[:-9000], whole[:20_000] + os.urandom(8192) + whole[28_192:], whole[:5000]):
        path.write_bytes(kept)
        await refused(path, "damaged", "the file is damaged")
    path.write_bytes(whole)
    change(path, "DELETE FROM run")
    await refused(path, "damaged", "does not name its run")
    change(path, "DROP TABLE run")
    await refused(path, "damaged", "no such table: run")


async def test_a_missing_folder_and_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    await refused(tmp_path / "no" / "run.db", "missing", "the folder .*/no does not exist")
    await refused(tmp_path, "io_error", "cannot be opened")
    (tmp_path / "file").touch()
    await refused(tmp_path / "file" / "run.db", "missing", "its folder is not a folder")


async def test_read_only_files_and_folders(anyio_backend: object) -> None:
    with nobody() as folder:
        path = folder / "run.db"
        await (await opened(path)).aclose()
        path.chmod(0o444)
        await refused(path, "read_only", "read-only")
        path.chmod(0o600)
        folder.chmod(0o500)
        await refused(path, "read_only", "access to the folder is denied")


async def test_a_second_journal_on_the_file_is_refused(tmp_path: Path) -> None:
    path, alias = tmp_path / "run.db", tmp_path / "alias.db"
    alias.symlink_to(path)
    async with aclosing(await opened(path)) as journal:
        await refused(path, "locked", f"process {os.getpid()} is using it")
        with pytest.raises(JournalError, match="is using it"):
            await opened(alias)
        await complete(journal, "a")
    await (await opened(alias)).aclose()


async def test_another_process_is_refused_until_the_first_one_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    command = [sys.executable, "-m", "tests.journal.journal_writer", str(path), "5", "1000000"]
    process = await asyncio.to_thread(
        subprocess.Popen, command, env=ENVIRONMENT, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        await refused(path, "locked", f"process {process.pid} is using it")
        process.kill()
        await asyncio.to_thread(process.communicate)
    async with aclosing(await opened(path)) as journal:
        await intend(journal, "another")


def hold(path: str, turns: int, marker: str) -> None:
    async def main() -> None:
        done = 0
        while done < turns:
            try:
                journal = await opened(Path(path))
            except JournalError as error:
                if error.reason != "locked":
                    raise
                continue
            descriptor = os.open(marker, os.O_CREAT | os.O_EXCL)  # fails if both are inside
            os.close(descriptor)
            os.unlink(marker)
            await journal.aclose()
            done += 1

    asyncio.run(main())


async def test_two_processes_that_take_turns_are_never_inside_together(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    arguments = (str(tmp_path / "run.db"), 12, str(tmp_path / "inside"))
    both = [spawn.Process(target=hold, args=arguments) for _ in range(2)]
    for process in both:
        await asyncio.to_thread(process.start)
    for process in both:
        await asyncio.to_thread(process.join, PATIENCE)
        assert process.exitcode == 0
    assert files(tmp_path) == ["run.db"]


@pytest.mark.parametrize("plant", ["a link to a file", "a link to nothing", "a pipe"])
async def test_what_somebody_put_in_place_of_the_lock_is_not_written_to(
    tmp_path: Path, plant: str
) -> None:
    precious, lock = tmp_path / "precious", tmp_path / "run.db.lock"
    precious.write_bytes(b"mine")
    if plant == "a pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to(precious if plant == "a link to a file" else tmp_path / "planted")
    with pytest.raises(JournalError, match=r"run\.db\.lock is not a regular file"):
        await opened(tmp_path / "run.db")
    assert files(tmp_path) == ["precious", "run.db.lock"]
    assert precious.read_bytes() == b"mine"


async def test_a_cancelled_opening_leaves_nothing_locked(tmp_path: Path) -> None:
    for turns in range(6):
        opening = asyncio.ensure_future(opened(tmp_path / "run.db"))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    await (await opened(tmp_path / "run.db")).aclose()
    assert files(tmp_path) == ["run.db"]


async def test_the_default_run_id_comes_from_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        path = folder / "launch.db"
        async with aclosing(await opened(path)):
            run_id = await viewed(path, lambda reader: reader.run.run_id)
            assert run_id == make_run_id("render", "template", "launch")
    with pytest.raises(InvalidRequest, match="run_id"):
        await opened(tmp_path / "launch.db", run_id="a b")


async def test_a_person_can_read_the_schema(tmp_path: Path) -> None:
    await (await opened(tmp_path / "run.db")).aclose()
    with closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        (tables,) = connection.execute(
            "SELECT group_concat(sql, char(10)) FROM sqlite_master"
        ).fetchone()
    assert "state TEXT NOT NULL,  -- intended, submitted, completed" in tables
