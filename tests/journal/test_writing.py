"""What is written is on the disk when the call returns, many items at a time."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from heygen_async.errors import DuplicateKey, InvalidRequest, JournalError
from heygen_async.journal import Entry, Journal
from tests.journal.journals import complete, intend, opened

pytestmark = pytest.mark.anyio


def row(path: Path, key: str, columns: str) -> tuple[object, ...]:
    connection = sqlite3.connect(path)
    try:
        found: tuple[object, ...] = connection.execute(
            f"SELECT {columns} FROM items WHERE key = ?", (key,)
        ).fetchone()
        return found
    finally:
        connection.close()


async def test_each_step_is_in_the_file_when_its_call_returns(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    now = 1000.0
    async with await opened(path, clock=lambda: now) as journal:
        await intend(journal, "a", 7)
        seen = await asyncio.to_thread(row, path, "a", "state, payload, typeof(payload), position")
        assert seen == ("intended", '{"title":"7"}', "text", 7)
        now = 1001.0
        await journal.submitted("a", "job 1")
        assert await asyncio.to_thread(row, path, "a", "state, job_id") == ("submitted", "job 1")
        now = 1002.0
        await journal.ended("a", state="completed", result=b'{"id":"1"}', usd=0.25)
        seen = await asyncio.to_thread(row, path, "a", "state, result, intended_at, ended_at, usd")
        assert seen == ("completed", '{"id":"1"}', 1000.0, 1002.0, 0.25)
        entry = await journal.find("a")
    assert entry is not None
    assert (entry.payload, entry.result, entry.submitted_at) == (
        b'{"title":"7"}',
        b'{"id":"1"}',
        1001.0,
    )


async def test_a_failure_keeps_its_error(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await intend(journal, "a")
        await journal.ended(
            "a",
            state="failed",
            error_type="BadRequest",
            error_code="invalid_parameter",
            error_message="not like \udcff this",
        )
        entry = await journal.find("a")
    assert entry is not None
    assert (entry.state, entry.error_type, entry.error_code) == (
        "failed",
        "BadRequest",
        "invalid_parameter",
    )
    assert entry.error_message == "not like ? this"
    assert entry.job_id is None


async def test_many_transitions_share_a_commit(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await asyncio.gather(*(complete(journal, f"item {i}", i) for i in range(400)))
        assert journal.commits <= 12  # of 1200 transitions
        assert (await journal.totals()).counts["completed"] == 400


async def test_what_queues_during_a_commit_goes_with_the_next(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        first = asyncio.ensure_future(intend(journal, "first"))
        for _ in range(3):  # by then it is on its way
            await asyncio.sleep(0)
        rest = [asyncio.ensure_future(intend(journal, f"{i}", i)) for i in range(50)]
        await asyncio.gather(first, *rest)
        assert journal.commits == 2


async def test_a_cancelled_call_writes_all_the_same(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        call = asyncio.ensure_future(intend(journal, "a"))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await intend(journal, "b", 1)
        assert await journal.find("a") is not None


async def test_the_same_key_twice_is_refused_and_named(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        results = await asyncio.gather(
            *(intend(journal, key, i) for i, key in enumerate(["a", "b", "a", "c"])),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [
            type(None),
            type(None),
            DuplicateKey,
            type(None),
        ]
        error = results[2]
        assert isinstance(error, DuplicateKey)
        assert (error.key, error.reason) == ("a", "duplicate_key")
        assert "'a'" in str(error)
        first = await journal.find("a")
        assert first is not None
        assert first.position == 0
        assert await journal.find("c") is not None


async def test_a_key_can_be_claimed_once_in_each_start(tmp_path: Path) -> None:
    for known in (False, True):
        async with await opened(tmp_path / "run.db") as journal:
            found = await journal.claim("a")
            assert (found is not None) is known
            with pytest.raises(DuplicateKey, match="'a'"):
                await journal.claim("a")
            assert await journal.claim("b") is None
            if not known:
                await complete(journal, "a")


async def test_a_failed_item_can_be_tried_again_and_a_completed_one_cannot(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await intend(journal, "a", 3)
        await journal.submitted("a", "job 1")
        await journal.ended("a", state="failed", error_code="render_failed")
        with pytest.raises(DuplicateKey):
            await intend(journal, "a", 3, attempt=1)
        await intend(journal, "a", 4, attempt=2)
        again = await journal.find("a")
        assert again is not None
        assert (again.state, again.attempt, again.position) == ("intended", 2, 4)
        assert (again.job_id, again.error_code, again.submitted_at, again.ended_at) == (None,) * 4
        assert ":2:" in again.idempotency_key
        await complete(journal, "b", 5)
        with pytest.raises(JournalError, match="'b' cannot be tried again: it is completed"):
            await intend(journal, "b", 5, attempt=2)


async def test_an_outcome_is_written_once(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await complete(journal, "a")
        with pytest.raises(JournalError, match="it is completed") as caught:
            await journal.ended("a", state="failed")
        assert caught.value.reason == "wrong_state"
        with pytest.raises(JournalError, match="no item 'z'") as caught:
            await journal.submitted("z", "job")
        assert caught.value.reason == "unknown_key"
        await intend(journal, "b", 1)  # the file is as good as before


async def test_a_job_id_is_not_replaced_by_another(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await intend(journal, "a")
        await journal.submitted("a", "job 1")
        await journal.submitted("a", "job 1")  # a replayed answer
        with pytest.raises(JournalError, match="submitted as job job 2: it is submitted as job"):
            await journal.submitted("a", "job 2")


async def test_uncertain_items_are_those_without_a_job(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await intend(journal, "a")
        await journal.uncertain("a")
        await journal.uncertain("a")
        await intend(journal, "b", 1)
        await journal.submitted("b", "job 1")
        with pytest.raises(JournalError, match="cannot be uncertain"):
            await journal.uncertain("b")
        await journal.submitted("a", "job 2")  # found in the account after all
        found = await journal.find("a")
        assert found is not None
        assert (found.state, found.job_id) == ("submitted", "job 2")


@pytest.mark.parametrize(
    "key", ["", " ", "naïve ☃ 🎬", "a'; DROP TABLE items --", "x" * 5000, "\0"]
)
async def test_any_text_is_a_key(tmp_path: Path, key: str) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        await complete(journal, key)
        found = await journal.find(key)
        assert found is not None
        assert found.key == key


async def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        with pytest.raises(InvalidRequest, match="lone surrogates"):
            await intend(journal, "\udcff")
        await intend(journal, "a")


async def test_a_payload_that_is_no_text_comes_back_as_it_was(tmp_path: Path) -> None:
    async with await opened(tmp_path / "run.db") as journal:
        payload = bytes(range(256))
        await journal.intend(
            "a", position=0, attempt=1, idempotency_key="k", fingerprint="f", payload=payload
        )
        found = await journal.find("a")
        assert found is not None
        assert found.payload == payload


async def collected(journal: Journal, many: int, states: list[str] | None = None) -> list[Entry]:
    found: list[Entry] = []
    after = -1
    while page := await journal.entries(states, after=after, many=many):  # type: ignore[arg-type]
        found += page
        after = page[-1].position
    return found


async def test_pages_follow_the_positions_and_lose_nothing(tmp_path: Path) -> None:
    positions = [9, 3, 3, 3, 0, 5, 3, 12, 9]
    async with await opened(tmp_path / "run.db") as journal:
        for number, position in enumerate(positions):
            await intend(journal, f"{number}", position)
        await journal.ended("4", state="failed")
        for many in (1, 2, 3, 4, 9, 100):
            pages = await collected(journal, many)
            assert [entry.position for entry in pages] == sorted(positions)
            assert len({entry.key for entry in pages}) == len(positions)
        assert [entry.key for entry in await collected(journal, 2, ["failed"])] == ["4"]
        assert len(await collected(journal, 2, ["intended", "completed"])) == 8
        assert await collected(journal, 2, []) == []


async def test_totals(tmp_path: Path) -> None:
    now = 100.0
    async with await opened(tmp_path / "run.db", clock=lambda: now) as journal:
        empty = await journal.totals()
        assert (empty.items, empty.usd, empty.first_intended_at) == (0, 0.0, None)
        await complete(journal, "a", 0)
        now = 160.0
        await complete(journal, "b", 1)
        await intend(journal, "c", 2)
        totals = await journal.totals()
    assert totals.counts == {
        "intended": 1,
        "submitted": 0,
        "completed": 2,
        "failed": 0,
        "uncertain": 0,
    }
    assert (totals.items, totals.usd, totals.output_seconds) == (3, 1.0, 4.0)
    assert (totals.first_intended_at, totals.last_ended_at) == (100.0, 160.0)


async def test_one_sample_of_the_slots_a_second_and_the_last_one(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "run.db"
    async with await opened(path, clock=lambda: now) as journal:
        for step in range(36):
            now = step / 10
            journal.note_limit(step, 50)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT at, running, slot_limit FROM slots").fetchall()
    connection.close()
    assert rows == [(0.0, 0, 50), (1.0, 10, 50), (2.0, 20, 50), (3.0, 30, 50), (3.5, 35, 50)]


async def test_a_turned_clock_stands_still_while_the_disk_works(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    alarm = asyncio.ensure_future(asyncio.sleep(3600))
    async with await opened(tmp_path / "run.db") as journal:
        await complete(journal, "a")
    assert loop.time() == 0
    await alarm
    assert loop.time() == 3600


async def test_the_loop_goes_on_while_another_program_locks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with await opened(path) as journal:
        shell = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(shell.execute, "BEGIN IMMEDIATE")
        write = asyncio.ensure_future(intend(journal, "a"))
        began = time.perf_counter()
        while time.perf_counter() - began < 0.05:
            await asyncio.sleep(0)
            assert not write.done()
        await asyncio.to_thread(shell.execute, "COMMIT")
        shell.close()
        await write
        assert await journal.find("a") is not None
