"""Builders of journals for tests."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import heygen_async
from heygen_async.journal import (
    Begin,
    Finish,
    Intent,
    ItemRecord,
    JournalReader,
    JournalStore,
    RunSpec,
    SqliteJournal,
    State,
    open_reader,
)
from heygen_async.journal.keys import fingerprint, idempotency_key, make_run_id
from heygen_async.journal.rules import journal_error
from heygen_async.journal.store import BeginResult
from tests.patience import PATIENCE

T = TypeVar("T")

ROOT = Path(heygen_async.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

OWNER = "tests"


def run_spec(**spec: Any) -> RunSpec:
    """Return the run that these tests open a store for."""
    return RunSpec(**{"kind": "render", "subject": "template", **spec})


async def opened(
    path: Path, *, clock: Callable[[], float] = time.time, **spec: Any
) -> SqliteJournal:
    """Return an open journal; close it with ``contextlib.aclosing``."""
    store = SqliteJournal(path, clock=clock)
    await store.open(run_spec(**spec))
    return store


def intent_of(key: str, position: int = 0, attempt: int = 1, run_id: str = "run") -> Intent:
    payload = b'{"title":"%d"}' % position
    found = fingerprint("videos.create", (), payload)
    sent_under = idempotency_key(run_id, key, found, attempt)
    return Intent(
        key, position, attempt, "videos.create", (), sent_under, sent_under, found, payload
    )


async def intend(
    store: SqliteJournal, key: str, position: int = 0, attempt: int = 1
) -> BeginResult:
    run_id = make_run_id("render", "template", store.path.stem)
    (begun,) = await store.begin([intent_of(key, position, attempt, run_id)], OWNER)
    return begun


async def claim(store: JournalStore, key: str) -> BeginResult:
    """Claim an item without beginning it."""
    (claimed,) = await store.begin([intent_of(key)], OWNER, room=False)
    return claimed


async def complete(store: SqliteJournal, key: str, position: int = 0) -> None:
    assert await intend(store, key, position) is Begin.NEW
    await store.submitted(key, f"job of {key}")
    await store.finish(Finish(key, "completed", result=b'{"id":"1"}', output_seconds=2.0, usd=0.5))


async def records(
    store: JournalStore, states: Sequence[State] | None = None, *, after: int = -1
) -> list[ItemRecord]:
    return [record async for record in store.iterate(states, after=after)]


async def find(store: JournalStore, key: str) -> ItemRecord:
    """Return the record of an item in the journal."""
    (found,) = [record for record in await records(store) if record.key == key]
    return found


class FullDisk(SqliteJournal):
    """A journal whose disk can be declared full."""

    full: bool = False

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        begun: Awaitable[list[BeginResult]] = self._unless_full(
            super().begin, intents, owner, room=room
        )
        return begun

    def submitted(self, key: str, job_id: str) -> Any:
        return self._unless_full(super().submitted, key, job_id)

    def finish(self, outcome: Finish) -> Any:
        return self._unless_full(super().finish, outcome)

    def _unless_full(self, write: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if not self.full:
            return write(*arguments, **options)
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(journal_error(self.name, "disk_full", "the disk is full"))
        failed.exception()  # it is not waited for
        return failed


async def viewed(path: Path, ask: Callable[[JournalReader], T]) -> T:
    """Return the answers of the journal's reader, which blocks and so runs in a thread."""

    def look() -> T:
        with open_reader(path) as reader:
            return ask(reader)

    return await asyncio.to_thread(look)


async def edit(path: Path, *statements: str) -> None:
    """Change a journal's file directly."""

    def change() -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    await asyncio.to_thread(change)


class Journaled:
    """The items in the journal of some runs, and ways to change them."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal

    async def records(self) -> list[ItemRecord]:
        return await viewed(self.journal, lambda reader: list(reader.records()))

    async def states(self) -> Counter[str]:
        return Counter(record.state for record in await self.records())

    async def edit(self, *statements: str) -> None:
        await edit(self.journal, *statements)

    async def make_older(self, seconds: float) -> None:
        """Move the intents back in time by so much."""
        await self.edit(f"UPDATE items SET intended_at = intended_at - {seconds}")


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
