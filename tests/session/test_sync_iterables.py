"""Sync iterables are read in one thread, a little ahead, and hold up neither loop nor process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async.session.sync_iterables import AHEAD, SyncReader, chunks, in_memory

from ..patience import PATIENCE

pytestmark = pytest.mark.anyio

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


class Threads:
    """Records the thread and context in which its items are read."""

    def __init__(self, count: int = 100) -> None:
        self.count = count
        self.seen: list[tuple[str, int, str]] = []

    def note(self, what: str) -> None:
        self.seen.append((what, threading.get_ident(), name.get()))

    def __len__(self) -> int:
        self.note("len")
        return self.count

    def __iter__(self) -> Iterator[int]:
        self.note("iter")
        return self._numbers()

    def _numbers(self) -> Iterator[int]:
        try:
            for number in range(self.count):
                self.note("next")
                yield number
        finally:
            self.note("close")


async def taken(reader: SyncReader[Any], count: int) -> list[Any]:
    return [await anext(reader) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what another thread does is no event
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("left", ["at the end", "early"])
async def test_one_thread_does_all_in_the_context_of_the_reader(left: str) -> None:
    items = Threads()
    name.set("Anna")
    reader = SyncReader(items)
    assert await reader.length() == 100
    if left == "early":
        assert await taken(reader, 3) == [0, 1, 2]
    else:
        assert [item async for item in reader] == list(range(100))
    await reader.aclose()
    await reader.aclose()
    calls = [what for what, _, _ in items.seen]
    assert (calls[:3], calls[-1]) == (["len", "iter", "next"], "close")
    (thread,) = {thread for _, thread, _ in items.seen}
    assert thread != threading.get_ident()
    assert {context for _, _, context in items.seen} == {"Anna"}
    with pytest.raises(StopAsyncIteration):
        await anext(reader)


@pytest.mark.parametrize(
    ("delay", "ahead", "most"), [(0.0, AHEAD, AHEAD), (0.002, AHEAD, 1), (0.0, 0, 0)]
)
async def test_it_reads_32_items_ahead_and_slow_ones_one_by_one(
    delay: float, ahead: int, most: int
) -> None:
    read = 0

    def numbers() -> Iterator[int]:
        nonlocal read
        while True:
            time.sleep(delay)
            read += 1
            yield read

    reader = SyncReader(numbers(), ahead)
    for count in range(1, 100):
        await anext(reader)
        await asyncio.sleep(1)  # of a clock that stands still while the thread reads
        assert count <= read <= count + most
    assert read >= 99
    await reader.aclose()


async def test_an_error_comes_after_the_items_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield from range(40)
        raise ZeroDivisionError("broken")

    reader = SyncReader(numbers())
    assert await taken(reader, 40) == list(range(40))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="broken"):
            await anext(reader)
    await reader.aclose()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, StopAsyncIteration]
)
async def test_errors_that_are_not_exceptions_are_handed_on(error: type[BaseException]) -> None:
    class Items:
        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            raise error

    with pytest.raises(error):
        await anext(SyncReader(Items()))


async def test_what_cannot_be_iterated_over_is_refused_at_once() -> None:
    class Old:
        def __getitem__(self, index: int) -> int:
            return [1, 2, 3][index]

    with pytest.raises(TypeError, match="'int' object is not iterable"):
        SyncReader(5)  # type: ignore[arg-type]
    old: Any = Old()
    assert [item async for item in SyncReader[int](old)] == [1, 2, 3]


@pytest.mark.parametrize("error", [TypeError, NotImplementedError])
async def test_a_length_that_there_is_not_is_none(error: type[Exception]) -> None:
    class Stream:
        def __len__(self) -> int:
            raise error("a stream")

        def __iter__(self) -> Iterator[int]:
            return iter([1])

    reader = SyncReader(Stream())
    assert await reader.length() is None
    assert await SyncReader(iter([1])).length() is None
    assert await anext(reader) == 1
    await reader.aclose()


async def test_an_object_of_another_thread_names_the_way_out() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        reader = SyncReader(connection.execute("SELECT 1"))
        with pytest.raises(sqlite3.ProgrammingError) as refused:
            await anext(reader)
    assert any('Batch(pull="loop")' in note for note in refused.value.__notes__)

    def numbers() -> Iterator[Any]:
        with contextlib.closing(sqlite3.connect(":memory:")) as inside:
            yield from inside.execute("SELECT 1 UNION SELECT 2")

    reader = SyncReader(numbers())
    assert await taken(reader, 1) == [(1,)]
    await reader.aclose()

    def of_a_loop() -> Iterator[Any]:
        yield asyncio.get_running_loop()

    with pytest.raises(RuntimeError) as tied:
        await anext(SyncReader(of_a_loop()))
    assert tied.value.__notes__

    def broken() -> Iterator[Any]:
        yield 1 / 0

    with pytest.raises(ZeroDivisionError) as other:
        await anext(SyncReader(broken()))
    assert not hasattr(other.value, "__notes__")


def test_items_that_are_there_are_handed_on_while_next_blocks() -> None:
    """Let the loop go on: it feeds the queue."""
    items: queue.Queue[int | None] = queue.Queue()

    async def main() -> None:
        reader = SyncReader(iter(items.get, None))
        for number in range(5):
            items.put(number)
        assert await taken(reader, 5) == list(range(5))
        waiting = asyncio.create_task(taken(reader, 1))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        items.put(5)
        assert await waiting == [5]
        items.put(None)
        assert [item async for item in reader] == []

    asyncio.run(main())


def test_a_next_that_blocks_for_ever_is_left_after_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unblocked, closed = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield 1
            unblocked.wait()
            yield 2
        finally:
            closed.set()

    async def main() -> None:
        reader = SyncReader(numbers())
        assert await anext(reader) == 1
        started = time.monotonic()
        with caplog.at_level(logging.WARNING, "heygen_async"):
            await reader.aclose()
        assert 0.9 < time.monotonic() - started < PATIENCE
        assert "still blocks" in caplog.text

    caplog.clear()
    asyncio.run(main())
    assert not closed.is_set()
    caplog.clear()
    unblocked.set()  # after the loop has been closed
    assert closed.wait(PATIENCE)
    assert caplog.text == ""


BLOCKED = """
import asyncio, sys, threading
from heygen_async.session.sync_iterables import SyncReader

def numbers():
    yield 1
    threading.Event().wait()

async def main():
    reader = SyncReader(numbers())
    print(await anext(reader), flush=True)
    {ending}

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [("sys.exit(7)", 7), ("await reader.aclose()", 0), ("raise KeyboardInterrupt", -2)],
)
def test_a_next_that_blocks_for_ever_keeps_no_process_alive(ending: str, code: int) -> None:
    script = BLOCKED.format(ending=ending)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout) == (code, "1\n")
    assert "Warning" not in ended.stderr


async def test_no_thread_is_left_of_a_reader_that_is_dropped() -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if "heygen" in thread.name}

    before = threads()
    reader = SyncReader(iter(range(100)))
    await anext(reader)
    (started,) = threads() - before
    del reader
    gc.collect()
    await until(lambda: not started.is_alive())


@pytest.mark.parametrize("pull", ["thread", "loop"])
async def test_chunks_hold_all_items_in_order(pull: Any) -> None:
    every: list[Iterable[int]] = [
        list(range(1_234)),
        range(1_234),
        iter(range(1_234)),
        dict.fromkeys(range(1_234)).keys(),
        Threads(1_234),
    ]
    for items in every:
        read = [some async for some in chunks(items, pull)]
        assert [item for some in read for item in some] == list(range(1_234))
        assert max(map(len, read)) <= 500
    nothing: list[int] = []
    assert [some async for some in chunks(nothing, pull)] == []


def test_what_is_in_memory(tmp_path: Path) -> None:
    assert all(map(in_memory, ([], (), range(3))))
    assert not any(map(in_memory, (iter([]), {}, {}.values(), "", Threads(), set())))
