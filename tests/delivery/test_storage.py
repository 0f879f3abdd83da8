"""Files on a storage: complete or absent, and delivered later when it was down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, ConfigurationError, HeyGen, InvalidRequest, Outcome
from heygen_async.delivery.queue import deliver_each
from heygen_async.journal import open_reader
from heygen_async.sandbox import Sandbox
from tests.delivery.storage import FaultyStorage

pytestmark = pytest.mark.anyio

TO = "faulty://bucket/{company}/{key}.mp4"


def rows(count: int) -> list[dict[str, str]]:
    return [{"name": f"Person {n}", "company": f"c{n % 3}"} for n in range(count)]


def variables(row: dict[str, str]) -> dict[str, str]:
    return {"name": row["name"]}


def undelivered(journal: Path, target: str) -> int:
    with open_reader(journal) as reader:
        return len(list(reader.undelivered(target)))


def recorded(journal: Path) -> tuple[dict[str, Any], set[tuple[str, str, str | None]]]:
    with open_reader(journal) as reader:
        found = {(key, one.target, one.location) for key, one in reader.deliveries()}
        return reader.run.settings, found


async def deliver(
    heygen: HeyGen,
    template_id: str,
    to: str = TO,
    *,
    items: Any = None,
    journal: Path | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> list[Outcome[Any]]:
    async with Batch(heygen, journal=journal, **(settings or {})) as batch:
        run = batch.render(
            template_id, rows(6) if items is None else items, variant=variables, key="name"
        )
        return [outcome async for outcome in batch.download(run, to, **options)]


async def test_files_are_streamed_below_columns(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage], journal: Path
) -> None:
    outcomes = await deliver(
        heygen, template_id, journal=journal, public_base="https://cdn.example.com"
    )
    assert len(outcomes) == 6
    assert storage.files() == {
        f"bucket/c{n % 3}/Person {n}.mp4": pytest.approx(50_000, rel=0.99) for n in range(6)
    }
    for outcome in outcomes:
        n = outcome.index
        assert outcome.file == f"faulty://bucket/c{n % 3}/Person {n}.mp4"
        assert outcome.public_url == f"https://cdn.example.com/c{n % 3}/Person%20{n}.mp4"
        row = outcome.to_row()
        assert (row["file"], row["url"]) == (outcome.file, outcome.public_url)
    opened = storage.opened
    again = await deliver(heygen, template_id, journal=journal)
    assert {one.file for one in again} == {one.file for one in outcomes}
    assert storage.opened == opened
    settings, found = await asyncio.to_thread(recorded, journal)
    assert settings["deliveries"] == {TO: "file"}
    assert found == {(one.key, TO, one.file) for one in outcomes}


async def test_another_storage_gets_its_files_too(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage], journal: Path
) -> None:
    elsewhere = "faulty://elsewhere/{key}.mp4"
    await deliver(heygen, template_id, journal=journal)
    assert await asyncio.to_thread(undelivered, journal, TO) == 0
    assert await asyncio.to_thread(undelivered, journal, elsewhere) == 6
    await deliver(heygen, template_id, elsewhere, journal=journal)
    assert await asyncio.to_thread(undelivered, journal, elsewhere) == 0
    assert len(storage.files()) == 12


async def test_a_dead_storage_holds_no_slots(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, storage: type[FaultyStorage], journal: Path
) -> None:
    """It is down for an hour; all is rendered meanwhile, and delivered when it is back."""
    storage.error = ConnectionRefusedError("the storage is down")
    loop = asyncio.get_running_loop()
    started, rendered = loop.time(), list[float]()

    async def back() -> None:
        while sandbox.ledger.count() < 30 or heygen.slots.held:  # noqa: ASYNC110
            await asyncio.sleep(5)
        rendered.append(loop.time() - started)
        await asyncio.sleep(3600 - rendered[0])
        storage.error = None

    back_again = asyncio.ensure_future(back())
    outcomes = await deliver(
        heygen,
        template_id,
        items=rows(30),
        journal=journal,
        settings={"give_up_after": 7200},
    )
    await back_again
    assert rendered[0] < 1200
    assert loop.time() - started < 3600 + 180
    assert len(outcomes) == len(storage.files()) == 30
    assert not [one for one in outcomes if one.download_error]
    assert sandbox.ledger.count() == 30
    assert storage.opened < 30 + 250  # half a minute apart on average, whatever waits


async def test_what_could_not_be_delivered_is_delivered_by_the_next_run(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, storage: type[FaultyStorage], journal: Path
) -> None:
    storage.error = ConnectionRefusedError("the storage is down")
    settings = {"give_up_after": 300}
    outcomes = await deliver(heygen, template_id, journal=journal, settings=settings)
    assert all(one.ok and one.file is None and one.public_url is None for one in outcomes)
    for one in outcomes:
        assert "cannot write to faulty://bucket" in str(one.download_error)
        assert "the storage is down" in str(one.download_error)
    assert await asyncio.to_thread(undelivered, journal, TO) == 6
    storage.error = None
    await asyncio.sleep(8 * 86_400)  # signed URLs have expired
    again = await deliver(heygen, template_id, journal=journal, settings=settings)
    assert len(storage.files()) == 6
    assert not [one for one in again if one.download_error]
    assert sandbox.ledger.count() == 6


@pytest.mark.parametrize("error", [PermissionError("Access Denied"), FileNotFoundError("bucket")])
async def test_a_refusal_is_not_repeated(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage], error: Exception
) -> None:
    storage.error = error
    outcomes = await deliver(heygen, template_id)
    assert all(type(error).__name__ in str(one.download_error) for one in outcomes)
    assert storage.opened <= 6 * 2  # a missing folder is created once


async def test_a_broken_upload_leaves_nothing_and_is_repeated(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage]
) -> None:
    storage.breaks_at = 1000
    outcomes = await deliver(heygen, template_id, settings={"give_up_after": 60})
    assert not storage.files()
    assert all("ConnectionResetError" in str(one.download_error) for one in outcomes)
    storage.breaks_at = None
    assert all(one.file for one in await deliver(heygen, template_id))


async def test_one_file_that_fails_among_many_is_given_up(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage]
) -> None:
    storage.refuses = "Person 1.mp4"
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcomes = await deliver(heygen, template_id, items=rows(30))
    assert [one.index for one in outcomes if one.download_error] == [1]
    assert len(storage.files()) == 29
    assert loop.time() - started < 1800


async def test_paths_are_checked_before_anything_is_paid_for(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, storage: type[FaultyStorage]
) -> None:
    to = "faulty://bucket/{company}.mp4"
    with pytest.raises(InvalidRequest, match=r"items 1 and 4 \(Person 3\) have the same file"):
        await deliver(heygen, template_id, to)
    with pytest.raises(InvalidRequest, match="item Person 0 has no value in column 'city'"):
        await deliver(heygen, template_id, "faulty://bucket/{city}/{key}.mp4")
    with pytest.raises(ConfigurationError, match=r"nosuch://bucket/.* cannot be used"):
        await deliver(heygen, template_id, "nosuch://bucket/{key}.mp4")
    assert sandbox.ledger.count() == 0


async def test_items_of_a_stream_with_the_same_file_are_told(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage]
) -> None:
    async def stream() -> AsyncIterator[dict[str, str]]:
        for row in rows(4):
            yield row

    outcomes = await deliver(heygen, template_id, "faulty://bucket/{company}.mp4", items=stream())
    assert len(storage.files()) == 3
    (clash,) = [one for one in outcomes if one.download_error]
    assert "'Person 0' and 'Person 3'" in str(clash.download_error) or (
        "'Person 3' and 'Person 0'" in str(clash.download_error)
    )


async def test_a_run_waits_when_ten_thousand_do() -> None:
    """Outcomes that wait are bounded, and a consumer that is busy holds the source."""
    read = 0

    async def numbers() -> AsyncIterator[int]:
        nonlocal read
        for number in range(1000):
            read = number + 1
            yield number

    released = asyncio.Event()

    async def work(number: int) -> int:
        await released.wait()
        return number

    delivering = deliver_each(numbers(), work, parallel=4, waiting=100)
    first = asyncio.ensure_future(anext(delivering))
    await asyncio.sleep(10)
    assert read == 100
    released.set()
    found = {await first}
    await asyncio.sleep(10)
    assert read < 120  # the consumer is busy
    found |= {number async for number in delivering}
    assert found == set(range(1000))


async def test_what_has_ended_waits_for_the_first_in_bounded_memory() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    async def work(number: int) -> int:
        await asyncio.sleep(0 if number else 3600)
        return number

    read: list[int] = []
    delivering = deliver_each(numbers(), work, parallel=4, ordered=True, waiting=100)
    first = asyncio.ensure_future(anext(delivering))
    await asyncio.sleep(600)
    assert len(read) == 100
    assert [await first, *[number async for number in delivering]] == list(range(1000))


async def test_the_order_is_kept(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage]
) -> None:
    outcomes = await deliver(heygen, template_id, items=rows(20), settings={"ordered": True})
    assert [one.index for one in outcomes] == list(range(20))


async def test_leaving_early_ends_all(
    heygen: HeyGen, template_id: str, storage: type[FaultyStorage], journal: Path
) -> None:
    storage.error = ConnectionRefusedError("down")
    async with Batch(heygen, journal=journal) as batch:
        run = batch.render(template_id, rows(6), variant=variables, key="name")
        task = asyncio.ensure_future(anext(batch.download(run, TO)))
        await asyncio.sleep(600)
        assert not task.done()
        assert len(run.unfinished) == 6  # nobody has got them
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    storage.error = None
    assert len(await deliver(heygen, template_id, journal=journal)) == 6
    assert len(storage.files()) == 6
