"""Writes are durable when the call returns, many items at a time."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heygen_async.errors import InvalidRequest, JournalError
from heygen_async.journal import Begin, Finish, ItemRecord, JournalReader, State
from tests.journal.journals import (
    OWNER,
    claim,
    complete,
    find,
    intend,
    intent_of,
    opened,
    records,
    viewed,
)

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
    async with aclosing(await opened(path, clock=lambda: now)) as journal:
        await intend(journal, "a", 7)
        seen = await asyncio.to_thread(row, path, "a", "state, payload, typeof(payload), position")
        assert seen == ("intended", '{"title":"7"}', "text", 7)
        now = 1001.0
        await journal.submitted("a", "job 1")
        assert await asyncio.to_thread(row, path, "a", "state, job_id") == ("submitted", "job 1")
        now = 1002.0
        await journal.finish(Finish("a", "completed", result={"id": "1"}, usd=0.25))
        seen = await asyncio.to_thread(row, path, "a", "state, result, intended_at, ended_at, usd")
        assert seen == ("completed", '{"id":"1"}', 1000.0, 1002.0, 0.25)
        record = await find(journal, "a")
    assert (record.payload, record.result, record.submitted_at) == (
        b'{"title":"7"}',
        b'{"id":"1"}',
        1001.0,
    )


async def test_a_failure_keeps_its_error(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await intend(journal, "a")
        await journal.finish(
            Finish(
                "a",
                "failed",
                error_type="BadRequest",
                error_code="invalid_parameter",
                error_message="not like \udcff this",
            )
        )
        record = await find(journal, "a")
    assert (record.state, record.error_type, record.error_code) == (
        "failed",
        "BadRequest",
        "invalid_parameter",
    )
    assert record.error_message == "not like ? this"
    assert record.job_id is None


async def test_many_transitions_share_a_commit(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await asyncio.gather(*(complete(journal, f"item {i}", i) for i in range(400)))
        assert journal.commits <= 24  # of 1200 transitions
        assert (await journal.totals()).counts["completed"] == 400


async def test_what_queues_during_a_commit_goes_with_the_next(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        first = asyncio.ensure_future(intend(journal, "first"))
        for _ in range(3):  # by then it is in flight
            await asyncio.sleep(0)
        rest = [asyncio.ensure_future(intend(journal, f"{i}", i)) for i in range(8)]
        await asyncio.gather(first, *rest)
        assert journal.commits == 2
        ends = [journal.finish(Finish(f"{i}", "failed")) for i in range(8)]
        await asyncio.gather(*ends)
        assert journal.commits == 3


async def test_the_first_of_many_items_begin_before_the_others(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        begun: list[list[str]] = []

        async def begin(key: str, position: int) -> None:
            assert await intend(journal, key, position) is Begin.NEW
            if len(begun) < journal.commits:
                begun.append([])
            begun[-1].append(key)

        keys = [f"{i}" for i in range(200)]
        await asyncio.gather(*(begin(key, i) for i, key in enumerate(keys)))
        assert [key for some in begun for key in some] == keys
        assert [record.key for record in await records(journal)] == keys
        assert 8 <= len(begun[0]) <= 100
        assert len(begun) <= 12


async def test_closing_writes_all_items_that_wait_to_begin(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "run.db")
    calls = [asyncio.ensure_future(intend(journal, f"{i}", i)) for i in range(200)]
    for _ in range(3):  # by then the first are in flight
        await asyncio.sleep(0)
    await journal.aclose()
    assert await asyncio.gather(*calls) == [Begin.NEW] * 200
    found = await viewed(tmp_path / "run.db", lambda view: [*view.records()])
    assert len(found) == 200


async def test_a_cancelled_call_writes_all_the_same(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        call = asyncio.ensure_future(intend(journal, "a"))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await intend(journal, "b", 1)
        assert (await find(journal, "a")).state == "intended"


async def test_the_same_key_twice_is_told(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        results = await asyncio.gather(
            *(intend(journal, key, i) for i, key in enumerate(["a", "b", "a", "c"]))
        )
        assert results == [Begin.NEW, Begin.NEW, Begin.DUPLICATE, Begin.NEW]
        both = [intent_of("d", 4), intent_of("d", 5), intent_of("e", 6)]
        assert await journal.begin(both, OWNER) == [Begin.NEW, Begin.DUPLICATE, Begin.NEW]
        positions = {record.key: record.position for record in await records(journal)}
        assert positions == {"a": 0, "b": 1, "c": 3, "d": 4, "e": 6}


async def test_a_key_can_be_claimed_once_in_each_start(tmp_path: Path) -> None:
    for known in (False, True):
        async with aclosing(await opened(tmp_path / "run.db")) as journal:
            assert isinstance(await claim(journal, "a"), ItemRecord) is known
            assert await claim(journal, "a") is Begin.DUPLICATE
            assert await claim(journal, "b") is Begin.NO_ROOM
            if not known:
                await complete(journal, "a")
            assert await intend(journal, "a") is Begin.DUPLICATE


async def test_a_failed_item_can_be_tried_again_and_a_completed_one_cannot(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await intend(journal, "a", 3)
        await journal.submitted("a", "job 1")
        await journal.finish(Finish("a", "failed", error_code="render_failed"))
        assert await intend(journal, "a", 3, attempt=1) is Begin.DUPLICATE
        assert await intend(journal, "a", 3, attempt=3) is Begin.DUPLICATE
        assert await intend(journal, "a", 4, attempt=2) is Begin.NEW
        again = await find(journal, "a")
        assert (again.state, again.attempt, again.position) == ("intended", 2, 4)
        assert (again.job_id, again.error_code, again.submitted_at, again.ended_at) == (None,) * 4
        assert ":2:" in again.idempotency_key
        await complete(journal, "b", 5)
        assert await intend(journal, "b", 5, attempt=2) is Begin.DUPLICATE
        assert (await find(journal, "b")).state == "completed"
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        completed = await intend(journal, "b", 5, attempt=2)
        assert isinstance(completed, ItemRecord)
        assert (completed.state, completed.attempt) == ("completed", 1)


async def test_an_outcome_is_written_once(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await complete(journal, "a")
        with pytest.raises(JournalError, match="it is completed") as caught:
            await journal.finish(Finish("a", "failed"))
        assert caught.value.reason == "wrong_state"
        with pytest.raises(JournalError, match="no item 'z'") as caught:
            await journal.submitted("z", "job")
        assert caught.value.reason == "unknown_key"
        await intend(journal, "b", 1)  # the file is unchanged


async def test_one_refused_transition_does_not_fail_those_of_the_same_commit(
    tmp_path: Path,
) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        for position, key in enumerate("abcd"):
            await intend(journal, key, position)
        await journal.submitted("b", "job b")
        commits = journal.commits
        calls: list[Any] = [
            journal.submitted("a", "job a"),
            journal.submitted("b", "another"),
            journal.submitted("c", "job c"),
            journal.finish(Finish("c", "completed")),
            journal.finish(Finish("c", "failed")),
            journal.finish(Finish("d", "failed")),
            journal.finish(Finish("z", "failed")),
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert journal.commits == commits + 1
        refused = [getattr(result, "reason", None) for result in results]
        assert refused == [None, "wrong_state", None, None, "wrong_state", None, "unknown_key"]
        assert [(record.state, record.job_id) for record in await records(journal)] == [
            ("submitted", "job a"),
            ("submitted", "job b"),
            ("completed", "job c"),
            ("failed", None),
        ]


async def test_a_job_id_is_not_replaced_by_another(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await intend(journal, "a")
        await journal.submitted("a", "job 1")
        await journal.submitted("a", "job 1")  # a replayed answer
        with pytest.raises(JournalError, match="submitted as job job 2: it is submitted as job"):
            await journal.submitted("a", "job 2")


async def test_uncertain_items_are_those_without_a_job(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await intend(journal, "a")
        await journal.mark_uncertain("a")
        await journal.mark_uncertain("a")
        await intend(journal, "b", 1)
        await journal.submitted("b", "job 1")
        with pytest.raises(JournalError, match="cannot be uncertain"):
            await journal.mark_uncertain("b")
        await journal.submitted("a", "job 2")  # found in the account after all
        found = await find(journal, "a")
        assert (found.state, found.job_id) == ("submitted", "job 2")


@pytest.mark.parametrize(
    "key", ["", " ", "naïve ☃ 🎬", "a'; DROP TABLE items --", "x" * 5000, "\0"]
)
async def test_any_text_is_a_key(tmp_path: Path, key: str) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await complete(journal, key)
        found = await find(journal, key)
        assert found.key == key


async def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        with pytest.raises(InvalidRequest, match="lone surrogates"):
            await intend(journal, "\udcff")
        await intend(journal, "a")


async def test_a_payload_that_is_no_text_comes_back_as_it_was(tmp_path: Path) -> None:
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        payload = bytes(range(256))
        intent = msgspec.structs.replace(intent_of("a"), payload=payload)
        assert await journal.begin([intent], OWNER) == [Begin.NEW]
        assert (await find(journal, "a")).payload == payload


async def test_iterations_follow_the_positions_and_lose_nothing(tmp_path: Path) -> None:
    """Iterate over items that share positions, across the ends of pages."""
    count, path = 3500, tmp_path / "run.db"
    positions = [number * 7919 % count // 7 for number in range(count)]
    async with aclosing(await opened(path)) as journal:
        intents = [intent_of(f"{number}", position) for number, position in enumerate(positions)]
        await journal.begin(intents, OWNER)
        failed = [f"{number}" for number in range(0, count, 3)]
        await asyncio.gather(*(journal.finish(Finish(key, "failed")) for key in failed))
        cases: list[tuple[list[State] | None, set[str]]] = [
            (None, {f"{number}" for number in range(count)}),
            (["failed"], set(failed)),
            (["intended", "completed"], {f"{n}" for n in range(count)} - set(failed)),
            (["uncertain"], set()),
            ([], set()),
        ]
        for states, wanted in cases:
            found = await records(journal, states)
            assert [record.position for record in found] == sorted(r.position for r in found)
            assert len(found) == len(wanted)
            assert {record.key for record in found} == wanted
            assert await viewed(path, partial(read_all, states=states)) == found
        half = await records(journal, after=249)
        assert {record.position for record in half} == set(range(250, 500))


def read_all(reader: JournalReader, states: list[State] | None) -> list[ItemRecord]:
    return list(reader.records(states))


async def test_totals(tmp_path: Path) -> None:
    now = 100.0
    async with aclosing(await opened(tmp_path / "run.db", clock=lambda: now)) as journal:
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
    async with aclosing(await opened(path, clock=lambda: now)) as journal:
        for step in range(36):
            now = step / 10
            journal.sample_slots(step, 50)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT at, running, slot_limit FROM slots").fetchall()
    connection.close()
    assert rows == [(0.0, 0, 50), (1.0, 10, 50), (2.0, 20, 50), (3.0, 30, 50), (3.5, 35, 50)]


async def test_a_turned_clock_stands_still_while_the_disk_works(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    alarm = asyncio.ensure_future(asyncio.sleep(3600))
    async with aclosing(await opened(tmp_path / "run.db")) as journal:
        await complete(journal, "a")
    assert loop.time() == 0
    await alarm
    assert loop.time() == 3600


async def test_the_loop_goes_on_while_another_program_locks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path)) as journal:
        shell = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(shell.execute, "BEGIN IMMEDIATE")
        write = asyncio.ensure_future(intend(journal, "a"))
        began = time.perf_counter()
        while time.perf_counter() - began < 0.05:
            await asyncio.sleep(0)
            assert not write.done()
        await asyncio.to_thread(shell.execute, "COMMIT")
        shell.close()
        assert await write is Begin.NEW
