"""The status of a run, read again and again while it goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from heygen_async.cli.commands.status import status
from heygen_async.cli.display import Lines
from heygen_async.journal import Delivery, Finish, JournalStore, Review, open_reader
from heygen_async.journal.chains import stages_of
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.reports.standing import Standing, StandingReader
from tests.journal.journals import intend, intent_of, opened, run_spec

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0


def watching(store: Path | JournalStore) -> Callable[[float], Awaitable[Standing]]:
    reader = StandingReader()

    def look(now: float) -> Standing:
        with open_reader(store) as view:
            return reader.read(view, now)

    return lambda now: asyncio.to_thread(look, now)


async def test_a_run_from_its_first_item_to_its_last(tmp_path: Path) -> None:
    path, clock = tmp_path / "run.db", [NOW]
    look = watching(path)
    async with aclosing(
        await opened(path, clock=lambda: clock[0], settings={"items": 4, "title": "Welcome"})
    ) as journal:
        found = await look(NOW)
        assert (found.state, found.waiting, found.title) == ("running", 4, "Welcome")
        assert found.seconds_left is None  # nothing is known
        for number in range(2):
            await intend(journal, f"{number}", number)
            await journal.submitted(f"{number}", f"job{number}")
        journal.sample_slots(2, 2)
        clock[0] += 60
        await journal.finish(Finish("0", "completed", usd=0.5))
        found = await look(clock[0])
        assert (found.ended, found.running, found.waiting, found.limit) == (1, 1, 2, 2)
        assert found.usd == 0.5
        await journal.finish(Finish("1", "failed", error_code="moderated"))
        found = await look(clock[0])  # what was read of the ended items is old, their number is not
        assert (found.ended, found.running, found.waiting) == (2, 0, 2)
        journal.sample_slots(0, 0)
        await journal.totals()
        clock[0] += 5
        found = await look(clock[0])
        assert (found.state, found.paused_for) == ("paused", 5)
    found = await look(clock[0] - 1)
    assert found.state == "paused"  # between two items of a run in a database, none is open
    found = await look(clock[0] + 10)
    assert (found.state, found.elapsed) == ("stopped", 60.0)
    assert found.failures == {"moderated": 1}


async def test_deliveries_are_counted_until_the_process_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    look = watching(path)
    targets = {"out": "file", "out gif": "also", "hook": "hook"}
    journal = await opened(path, settings={"items": 4, "deliveries": targets})
    for number, state in enumerate(("completed", "completed", "completed", "failed")):
        await intend(journal, f"{number}", number)
        await journal.submitted(f"{number}", f"job{number}")
        await journal.finish(Finish(f"{number}", "failed" if state == "failed" else "completed"))
    await asyncio.to_thread(journal.review, [Review("2", "rejected", "Ada")])

    async def counts() -> dict[str, tuple[int, int | None, int]]:
        found = (await look(NOW)).deliveries
        return {name: (one.delivered, one.waiting, one.failed) for name, one in found.items()}

    # The file of an item that was rejected is not wanted; receivers are told of all items.
    assert await counts() == {"out": (0, 2, 0), "out gif": (0, None, 0), "hook": (0, 4, 0)}
    await journal.delivered("0", [Delivery("out", "0.mp4"), Delivery("out gif", error="full")])
    await journal.delivered("1", [Delivery("out", error="full"), Delivery("elsewhere")])
    await journal.delivered("3", [Delivery("hook")])
    await journal.aclose()
    assert await counts() == {"out": (1, 0, 1), "out gif": (0, None, 1), "hook": (1, 3, 0)}
    assert (await look(NOW)).deliveries["out"].error == "full"


async def test_a_run_whose_last_items_were_refused_has_not_ended(tmp_path: Path) -> None:
    path, clock = tmp_path / "run.db", [NOW]
    look = watching(path)
    async with aclosing(
        await opened(path, clock=lambda: clock[0], settings={"items": 2})
    ) as journal:
        await intend(journal, "a", 0)
        await journal.finish(Finish("a", "completed"))
        assert (await look(NOW)).state == "running"
        await intend(journal, "b", 1)
        refused = Finish("b", "failed", error_type="PaymentRequired", error_code="no_credit")
        await journal.finish(refused)
    found = await look(NOW + 60)
    assert (found.state, found.not_submitted) == ("stopped", {"no_credit": 1})


async def test_a_run_in_a_database_is_interrupted_when_its_lease_has_ended(
    postgres_database: str,
) -> None:
    store = PostgresJournal(postgres_database, "spring")
    look = watching(PostgresJournal(postgres_database, "spring"))
    assert await asyncio.to_thread(stages_of, store) == []
    await store.open(run_spec(settings={"items": 2}))
    assert await asyncio.to_thread(stages_of, store) == [store]
    await store.heartbeat("owner", 60.0)
    await store.begin([intent_of("a")], "owner")
    await store.submitted("a", "job")
    assert (await look(1e12)).state == "running"
    await store.heartbeat("owner", 0.0)  # the rest of the lease has passed
    assert (await look(1e12)).state == "interrupted"
    await store.aclose()


async def test_the_stages_of_a_chain_in_a_database(
    postgres_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = PostgresJournal(postgres_database, "spring")
    for stage in ("renders", "proofreads"):
        store = chain.beside(stage)
        await store.open(run_spec(subject=stage, settings={"items": 1}))
        await store.aclose()
    assert await status(chain, display=Lines()) == 0
    shown = [json.loads(line)["subject"] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["proofreads", "renders"]
