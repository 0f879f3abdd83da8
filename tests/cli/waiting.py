"""Wait for conditions without notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; on the turned loop this takes no real time."""
    while not condition():  # noqa: ASYNC110, there is no event to wait for
        await asyncio.sleep(0.5)
