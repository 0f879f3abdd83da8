"""What the tests of the journal share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import heygen_async
from heygen_async.journal import (
    Entry,
    Journal,
    JournalView,
    fingerprint,
    idempotency_key,
    read,
)

T = TypeVar("T")

ROOT = Path(heygen_async.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


async def opened(path: Path, **settings: Any) -> Journal:
    return await Journal.open(path, **{"kind": "render", "subject": "template", **settings})


async def intend(journal: Journal, key: str, position: int = 0, attempt: int = 1) -> None:
    payload = b'{"title":"%d"}' % position
    found = fingerprint("/v3/videos", payload)
    await journal.intend(
        key,
        position=position,
        attempt=attempt,
        idempotency_key=idempotency_key(journal.run_id, key, found, attempt),
        fingerprint=found,
        payload=payload,
    )


async def complete(journal: Journal, key: str, position: int = 0) -> None:
    await intend(journal, key, position)
    await journal.submitted(key, f"job of {key}")
    await journal.ended(key, state="completed", result=b'{"id":"1"}', output_seconds=2.0, usd=0.5)


async def viewed(path: Path, ask: Callable[[JournalView], T]) -> T:
    """What a view of the journal answers; reading blocks, so in a thread."""

    def look() -> T:
        with read(path) as view:
            return ask(view)

    return await asyncio.to_thread(look)


async def edit(path: Path, *statements: str) -> None:
    """Change a journal from outside."""

    def change() -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    await asyncio.to_thread(change)


class Journaled:
    """What the journal of some runs says of their items, and how to change it."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal

    async def entries(self) -> list[Entry]:
        return await viewed(self.journal, lambda view: list(view.entries()))

    async def states(self) -> Counter[str]:
        return Counter(entry.state for entry in await self.entries())

    async def edit(self, *statements: str) -> None:
        await edit(self.journal, *statements)

    async def make_older(self, seconds: float) -> None:
        """Let the intents have been written so much earlier."""
        await self.edit(f"UPDATE items SET intended_at = intended_at - {seconds}")


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
