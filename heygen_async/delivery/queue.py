"""Deliver the items of an async iterable, a few at a time, while others wait in bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine
from typing import Any, TypeVar

from heygen_async.session.tasks import shield

T = TypeVar("T")
R = TypeVar("R")

WAITING = 10_000
"""The most items that wait for their delivery before the source has to wait."""


async def deliver_each(
    items: AsyncIterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    *,
    parallel: int,
    ordered: bool = False,
    waiting: int = WAITING,
) -> AsyncGenerator[R]:
    """Yield the result of each item when its work ends.

    The source is read on while items wait for their turn, so a slow delivery does not slow it
    down. It waits while ``parallel`` results are ready for the consumer.

    Leaving or cancelling the iteration cancels the work in progress and closes an async generator
    of items.

    Args:
        items: The items. An exception of their iteration is raised when the work in progress has
            ended.
        work: Called with each item. An exception that it raises ends the iteration.
        parallel: The most items to work on at once.
        ordered: Keep the order of the items.
        waiting: The most items that are read and not yielded.
    """
    source = aiter(items)
    begun: deque[tuple[int, T]] = deque()
    finished: dict[int, R] = {}
    failures: list[Exception] = []  # of the source
    read, open_items, busy, following = 0, 0, False, 0
    for_reader, for_workers, for_consumer = asyncio.Event(), asyncio.Semaphore(0), asyncio.Event()

    async def read_all() -> None:
        nonlocal read, open_items
        try:
            async for item in source:
                begun.append((read, item))
                read, open_items = read + 1, open_items + 1
                for_workers.release()
                while open_items + len(finished) >= waiting or (
                    len(finished) >= parallel and (busy or not ordered or following in finished)
                ):
                    for_reader.clear()
                    await for_reader.wait()
        except Exception as error:  # of the items themselves; raised below
            failures.append(error)
        finally:
            for_consumer.set()

    async def work_on() -> None:
        nonlocal open_items
        try:
            while True:
                await for_workers.acquire()
                number, item = begun.popleft()
                finished[number] = await work(item)
                open_items -= 1
                for_reader.set()
                for_consumer.set()
        finally:
            for_consumer.set()

    reader = asyncio.ensure_future(read_all())
    workers = [asyncio.ensure_future(work_on()) for _ in range(parallel)]
    try:
        while True:
            number = following if ordered else next(iter(finished), -1)
            if number in finished:
                busy, following = True, following + 1
                yield finished.pop(number)
                busy = False
                for_reader.set()
                continue
            for ended in workers:
                if ended.done():
                    ended.result()
            if reader.done() and not open_items:
                break
            await for_consumer.wait()
            for_consumer.clear()
        if failures:
            raise failures[0]
    finally:
        tasks: list[asyncio.Future[None]] = [reader, *workers]
        for task in tasks:
            task.cancel()
        with shield():
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()
