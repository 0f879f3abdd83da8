"""Which events were seen before, so that each is worked on once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class SeenEvents(Protocol):
    """Remembers events; one that all processes of an app share drops duplicates for all of them.

    HeyGen repeats a delivery for up to 24 h, so that is how long a store should remember.
    """

    async def add(self, key: str) -> bool:
        """Note an event, unless it is noted already, in one step.

        Args:
            key: Tells the event from all others; up to a few hundred characters.

        Returns:
            Whether it is new.
        """
        ...

    async def discard(self, key: str) -> None:
        """Forget an event, so that its next delivery is worked on.

        Args:
            key: As for ``add``.
        """
        ...


class MemorySeen:
    """Remembers the latest events of this process.

    Args:
        capacity: How many; the oldest make room. 100,000 take some 17 MB.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._keys: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    async def add(self, key: str) -> bool:
        """Note an event, unless it is noted already.

        Args:
            key: Tells the event from all others.

        Returns:
            Whether it is new.
        """
        return self.note(key)

    def note(self, key: str) -> bool:
        """As ``add``, without an event loop.

        Args:
            key: Tells the event from all others.

        Returns:
            Whether it is new.
        """
        if key in self._keys:
            self._keys.move_to_end(key)
            return False
        self._keys[key] = None
        if len(self._keys) > self.capacity:
            self._keys.popitem(last=False)
        return True

    async def discard(self, key: str) -> None:
        """Forget an event, so that its next delivery is worked on.

        Args:
            key: As for ``add``.
        """
        self._keys.pop(key, None)
