"""Work on many items, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from heygen_async.session.scopes import shield

T = TypeVar("T")
R = TypeVar("R")


async def in_parallel(
    items: AsyncIterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    *,
    parallel: int,
    ordered: bool = False,
) -> AsyncGenerator[R]:
    """What comes of each item, as it ends.

    Leaving the iteration, or cancelling it, ends the work under way; items that come from an
    async generator are closed then.

    Args:
        items: The items. What their iteration raises is raised once the work under way has ended.
        work: What is done with each; what it raises ends everything.
        parallel: Items that are worked on at once at most; the iteration waits for a place.
        ordered: Keep the order of the items.
    """
    source = aiter(items)
    following: asyncio.Task[T] | None = asyncio.ensure_future(_next(source))
    running: deque[asyncio.Task[R]] = deque()
    failure: Exception | None = None
    try:
        while following is not None or running:
            waited: set[asyncio.Task[Any]] = set(running)
            if following is not None and len(running) < parallel:
                waited.add(following)
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if following is not None and following.done() and len(running) < parallel:
                try:
                    item = following.result()
                except StopAsyncIteration:
                    following = None
                except Exception as error:  # its own, raised below
                    following, failure = None, error
                else:
                    running.append(asyncio.ensure_future(work(item)))
                    following = asyncio.ensure_future(_next(source))
            for task in _ended(running, ordered=ordered):
                running.remove(task)
                yield task.result()
        if failure is not None:
            raise failure
    finally:
        left: list[asyncio.Task[Any]] = [*running] if following is None else [*running, following]
        for unfinished in left:
            unfinished.cancel()
        with shield():
            try:
                await asyncio.gather(*left, return_exceptions=True)
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()


def _ended(running: deque[asyncio.Task[R]], *, ordered: bool) -> list[asyncio.Task[R]]:
    """Those that can be handed on now."""
    if not ordered:
        return [task for task in running if task.done()]
    ended = []
    for task in running:
        if not task.done():
            break
        ended.append(task)
    return ended


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)
