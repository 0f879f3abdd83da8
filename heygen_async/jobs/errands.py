"""A task group whose tasks can be called off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Errands(asyncio.TaskGroup):
    """Tasks that end when the block ends, or before, when they are no longer of use."""

    def __init__(self) -> None:
        super().__init__()
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, errand: Coroutine[Any, Any, None]) -> None:
        """Run this in a task of its own."""
        task = self.create_task(errand)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def call_off(self) -> None:
        """Cancel all that are still under way; the block waits until they have ended."""
        for task in self._under_way:
            task.cancel()
