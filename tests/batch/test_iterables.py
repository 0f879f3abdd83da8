"""Any iterable can feed a run: none blocks the event loop, and none keeps a run from ending."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, ConfigurationError, HeyGen, InvalidVariants, Outcome
from heygen_async.sandbox import Sandbox
from tests.batch.conftest import names
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio

Variants = list[dict[str, str]]


class Watched(Collection[dict[str, str]]):
    """A collection that notes the threads in which it is used."""

    def __init__(self, count: int) -> None:
        self._items = names(count)
        self.threads: set[int] = set()

    def __len__(self) -> int:
        self.threads.add(threading.get_ident())
        return len(self._items)

    def __iter__(self) -> Iterator[dict[str, str]]:
        for item in self._items:
            self.threads.add(threading.get_ident())
            yield item

    def __contains__(self, item: object) -> bool:
        return item in self._items


class QuerySet:
    """Sized and iterable, as those of an ORM: it asks its database for both."""

    def __init__(self, count: int) -> None:
        self._watched = Watched(count)

    def __len__(self) -> int:
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError("You cannot call this from an async context")
        return len(self._watched)

    def __iter__(self) -> Iterator[dict[str, str]]:
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError("You cannot call this from an async context")
        return iter(self._watched)


@pytest.mark.parametrize(
    "kind",
    [
        *("keys", "map", "file", "query"),
        *(pytest.param(kind, marks=pytest.mark.crash) for kind in ("values", "collection", "set")),
    ],
)
async def test_any_iterable_feeds_a_run(
    heygen: HeyGen, template_id: str, tmp_path: Path, kind: str
) -> None:
    texts = [f"Person {number}" for number in range(70)]
    (tmp_path / "names").write_text("\n".join(texts))
    by_name = {text: {"name": text} for text in texts}
    with (tmp_path / "names").open() as file:
        kinds: dict[str, Iterable[Any]] = {
            "keys": by_name.keys(),
            "values": by_name.values(),
            "map": map(by_name.get, texts),
            "file": file,
            "query": QuerySet(70),
            "collection": Watched(70),
            "set": set(texts),
        }
        totals = set[int | None]()
        batch = Batch(heygen, progress=lambda progress: totals.add(progress.total))
        run = batch.render(
            template_id,
            kinds[kind],
            variant=lambda item: {"name": item.strip()} if isinstance(item, str) else item,
        )
        outcomes = [outcome async for outcome in run]
    assert sorted(outcome.index for outcome in outcomes) == list(range(70))
    assert all(outcome.ok for outcome in outcomes)
    assert totals == ({None} if kind in ("map", "file") else {70})


async def test_all_passes_over_a_collection_are_made_off_the_loop(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    items = Watched(50)
    async with Batch(heygen, journal=journal, max_jobs=30) as batch:
        run = batch.render(template_id, items, key=lambda item: item["name"])
        assert (await run.estimate()).items == 50
        with pytest.raises(Exception, match="max_jobs") as stopped:
            async for _ in run:
                pass
    assert len(stopped.value.not_submitted) == 20  # type: ignore[attr-defined]
    assert sandbox.ledger.count() == 30
    assert threading.get_ident() not in items.threads


async def test_a_collection_is_checked_before_the_first_paid_call(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    items = {number: {"name": "Anna"} for number in range(600)} | {600: {"nmae": "Bob"}}
    with pytest.raises(InvalidVariants, match="row 601"):
        async for _ in Batch(heygen).render(template_id, items.values()):
            pass
    assert sandbox.ledger.count() == 0


async def test_items_read_ahead_are_left_to_the_next_run(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    closed = []

    def variants() -> Iterator[dict[str, str]]:
        try:
            yield from names(60)
        finally:
            closed.append(threading.get_ident())

    async with Batch(heygen, journal=journal) as batch:
        async for _ in batch.render(template_id, variants()):
            break
    assert len(closed) == 1
    assert closed[0] != threading.get_ident()
    sent = sandbox.ledger.count()
    assert 0 < sent < 60
    async with Batch(heygen, journal=journal) as batch:
        outcomes = [outcome async for outcome in batch.render(template_id, variants())]
    assert len(outcomes) == 60
    assert sandbox.ledger.count() == 60


async def test_an_iterator_of_the_loops_thread_is_read_there(
    heygen: HeyGen, template_id: str
) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE people (name)")
    database.executemany("INSERT INTO people VALUES (?)", [("Anna",), ("Bob",)])

    async def outcomes(batch: Batch) -> list[Outcome[Any]]:
        cursor = database.execute("SELECT name FROM people")
        run = batch.render(template_id, cursor, variant=lambda row: {"name": row[0]})
        return [outcome async for outcome in run]

    with pytest.raises(sqlite3.ProgrammingError, match="thread") as refused:
        await outcomes(Batch(heygen))
    assert any('Batch(pull="loop")' in note for note in refused.value.__notes__)
    assert len(await outcomes(Batch(heygen, pull="loop"))) == 2
    database.close()
    watched = Watched(3)
    async for _ in Batch(heygen, pull="loop").render(template_id, watched):
        pass
    assert watched.threads == {threading.get_ident()}
    with pytest.raises(ConfigurationError, match="pull"):
        Batch(heygen, pull="process")  # type: ignore[arg-type]


@pytest.mark.sandbox(speed=1000)
@pytest.mark.parametrize("how", ["break", "stop_submitting", "cancel"])
def test_a_run_whose_iterator_blocks_for_ever_can_be_ended(
    sandbox_thread: Sandbox, how: str
) -> None:
    template = sandbox_thread.add_template()
    unblocked = threading.Event()

    def variants() -> Iterator[dict[str, str]]:
        yield from names(2)
        unblocked.wait()

    async def main() -> int:
        count = 0
        async with HeyGen(sandbox_thread.api_key, base_url=sandbox_thread.base_url) as heygen:
            run = Batch(heygen).render(template, variants())

            async def consume() -> None:
                nonlocal count
                async for _ in run:
                    count += 1
                    if count == 2 and how == "stop_submitting":
                        asyncio.get_running_loop().call_later(0.1, run.stop_submitting)
                    if count == 2 and how == "break":
                        break

            task = asyncio.create_task(consume())
            if how == "cancel":
                while count < 2:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
                task.cancel()
            await asyncio.wait([task], timeout=PATIENCE)
            assert task.done()
            await run.aclose()
        return count

    started = time.monotonic()
    assert asyncio.run(main()) == 2
    assert time.monotonic() - started < PATIENCE
    unblocked.set()
