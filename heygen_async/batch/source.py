"""Items from any iterable, pulled one by one by many workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Sized
from typing import Generic, TypeVar

T = TypeVar("T")


class Exhausted(Exception):
    """There are no more items."""


class Source(Generic[T]):
    """Hands out the items of a sync or async iterable, with their positions.

    Args:
        items: Any iterable. A sync one is advanced on the event loop.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self.total = len(items) if isinstance(items, Sized) else None
        self._async = aiter(items) if isinstance(items, AsyncIterable) else None
        self._sync = None if isinstance(items, AsyncIterable) else iter(items)
        self._turn = asyncio.Lock()
        self._next = 0
        self._closed = False

    async def pull(self) -> tuple[int, T]:
        """The next item and its position, from 0.

        Raises:
            Exhausted: There are no more items, or the source was closed.
        """
        if self._closed:
            raise Exhausted
        if self._async is None:
            assert self._sync is not None
            try:
                item = next(self._sync)
            except StopIteration:
                self._closed = True
                raise Exhausted from None
            except BaseException:
                self._closed = True
                raise
            return self._numbered(item)
        async with self._turn:  # an async generator cannot be advanced twice at a time
            if self._closed:
                raise Exhausted
            try:
                item = await anext(self._async)
            except StopAsyncIteration:
                self._closed = True
                raise Exhausted from None
            except BaseException:
                self._closed = True
                raise
            return self._numbered(item)

    def close(self) -> None:
        """Hand out nothing more."""
        self._closed = True

    def _numbered(self, item: T) -> tuple[int, T]:
        index = self._next
        self._next += 1
        return index, item
