"""Items from any iterable, pulled one by one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sized
from typing import Generic, TypeVar

T = TypeVar("T")


class Exhausted(Exception):
    """There are no more items."""


class Source(Generic[T]):
    """Hands out the items of a sync or async iterable, with their positions.

    Args:
        items: Any iterable. A sync one is advanced on the event loop.

    Attributes:
        total: How many items there are, or None where the iterable does not tell.
        stopped: Whether it was closed.
        ended: Whether all items were handed out.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self.total: int | None = len(items) if isinstance(items, Sized) else None
        self.stopped: bool = False
        self._async = aiter(items) if isinstance(items, AsyncIterable) else None
        self._sync = None if isinstance(items, AsyncIterable) else iter(items)
        self._next = 0
        self.ended: bool = False

    async def pull(self) -> tuple[int, T]:
        """The next item and its position, from 0; for one caller at a time.

        Raises:
            Exhausted: There are no more items, or the source was closed.
        """
        if self._async is None:
            return self.pull_nowait()
        if self.ended or self.stopped:
            raise Exhausted
        try:
            item = await anext(self._async)
        except StopAsyncIteration:
            self.ended = True
            raise Exhausted from None
        return self._counted(item)

    @property
    def waits(self) -> bool:
        """Whether the items come from an async iterable, which has to be waited for."""
        return self._async is not None

    def pull_nowait(self) -> tuple[int, T]:
        """As ``pull``, of a sync iterable.

        Raises:
            Exhausted: There are no more items, or the source was closed.
        """
        if self.ended or self.stopped:
            raise Exhausted
        assert self._sync is not None
        try:
            item = next(self._sync)
        except StopIteration:
            self.ended = True
            raise Exhausted from None
        return self._counted(item)

    def _counted(self, item: T) -> tuple[int, T]:
        index = self._next
        self._next += 1
        return index, item

    def close(self) -> None:
        """Hand out nothing more."""
        self.stopped = True
