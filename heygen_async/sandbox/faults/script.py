"""A script of single faults, such as for the next request, two after the third, one in five."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .fault import Fault

__all__ = ["Script"]


@dataclass(slots=True)
class _Entry:
    operation: str
    fault: Fault
    times: int | None
    after: int
    rate: float


class Script:
    """Faults in order, each for certain requests."""

    def __init__(self) -> None:
        self.chance: random.Random = random.Random()  # noqa: S311 - no secret
        self._entries: list[_Entry] = []

    def add(self, operation: str, fault: Fault, times: int | None, after: int, rate: float) -> None:
        """Append a fault."""
        self._entries.append(_Entry(operation, fault, times, after, rate))

    def clear(self) -> None:
        """Remove all faults that were not applied yet."""
        self._entries.clear()

    def take(self, operation: str) -> Fault | None:
        """Return the fault for this request, or None, and use it up."""
        for entry in self._entries:
            fits_all = entry.operation == "*" and operation != "media"
            if not fits_all and entry.operation != operation:
                continue
            if entry.after:
                entry.after -= 1
                continue
            if entry.rate < 1.0 and self.chance.random() >= entry.rate:
                continue
            if entry.times is not None:
                entry.times -= 1
                if entry.times <= 0:
                    self._entries.remove(entry)
            return entry.fault
        return None
