"""Store resources of one kind by id, and list them in pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..refusals import bad_reference, invalid, not_found

__all__ = ["Store"]

T = TypeVar("T")


class Store(Generic[T]):
    """Resources by id, in the order of their creation.

    A page token holds the position of the last item shown, so items that are created or deleted
    between two pages neither repeat nor hide others.

    Args:
        what: Name of the resource in refusals.
        newest_first: Order of the pages.
        now: Returns the time at which an item is stored.
        lag: Returns the seconds for which a new item is missing from the pages.
    """

    def __init__(
        self,
        what: str,
        *,
        newest_first: bool = True,
        now: Callable[[], float] = lambda: 0.0,
        lag: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._what = what
        self._newest_first = newest_first
        self._now = now
        self._lag = lag
        self._items: dict[str, tuple[int, T, float]] = {}
        self._places: list[int] = []
        self._ids: list[str] = []
        self._next_place = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return (item for _, item, _ in self._items.values())

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._items

    def add(self, identifier: str, item: T) -> T:
        """Store an item; replace one with the same id."""
        if identifier in self._items:
            place, _, stored_at = self._items[identifier]
            self._items[identifier] = (place, item, stored_at)
            return item
        self._items[identifier] = (self._next_place, item, self._now())
        self._places.append(self._next_place)
        self._ids.append(identifier)
        self._next_place += 1
        return item

    def find(self, identifier: str) -> T | None:
        """Return the item, or None."""
        entry = self._items.get(identifier)
        return None if entry is None else entry[1]

    def get(self, identifier: str) -> T:
        """Return the item, or refuse with 404."""
        entry = self._items.get(identifier)
        if entry is None:
            raise not_found(self._what)
        return entry[1]

    def referenced(self, identifier: str, param: str) -> T:
        """Return the item in the field `param` of a body, or refuse with 400."""
        entry = self._items.get(identifier)
        if entry is None:
            raise bad_reference(self._what, identifier, param)
        return entry[1]

    def remove(self, identifier: str) -> T:
        """Remove an item, or refuse with 404."""
        item = self.get(identifier)
        place = self._items.pop(identifier)[0]
        index = bisect_left(self._places, place)
        del self._places[index], self._ids[index]
        return item

    def page(
        self, limit: int, token: str | None, fits: Callable[[T], bool] | None = None
    ) -> tuple[list[T], str | None]:
        """Return one page of matching items, and the token of the next page or None."""
        found: list[T] = []
        place = 0
        lag = self._lag()
        newest = self._now() - lag
        for index in self._walk(token or None):
            place_here, item, stored_at = self._items[self._ids[index]]
            if lag and stored_at > newest:
                continue
            if fits is not None and not fits(item):
                continue
            if len(found) == limit:
                return found, urlsafe_b64encode(b"after:%d" % place).decode().rstrip("=")
            found.append(item)
            place = place_here
        return found, None

    def _walk(self, token: str | None) -> range:
        if self._newest_first:
            start = len(self._ids) - 1
            if token is not None:
                start = bisect_left(self._places, self._place_of(token)) - 1
            return range(start, -1, -1)
        start = 0
        if token is not None:
            start = bisect_left(self._places, self._place_of(token) + 1)
        return range(start, len(self._ids))

    @staticmethod
    def _place_of(token: str) -> int:
        try:
            label, place = urlsafe_b64decode(token + "=" * (-len(token) % 4)).split(b":")
            if label != b"after":
                raise ValueError(token)
            return int(place)
        except ValueError:
            raise invalid("token", "Invalid pagination token") from None
