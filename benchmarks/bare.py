"""A minimal bulk run written by hand, as the reference for the engine's CPU time.

Workers under ``asyncio.gather`` pull from one iterator. With a journal, each item makes the three
durable transitions of the engine in the same tables: its intent is on the disk before the job is
submitted, the job's id before the outcome, the outcome before it counts. A thread writes; while
one commit is on its way to the disk, the next one collects, and one future wakes all who wait for
it. Nothing else is here: no resume, no budget, no slots that adapt, no reports, no errors of items.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from naps import SCHEMA, Naps, key_digest

from heygen_async import Video

_INTENDED = """
INSERT INTO items
    (key, key_digest, position, attempt, state, idempotency_key, fingerprint, intended_at, payload)
VALUES (?, ?, ?, 1, 'intended', ?, ?, ?, ?)
"""
_SUBMITTED = """
UPDATE items SET state = 'submitted', job_id = ?, submitted_at = ? WHERE key_digest = ?
"""
_COMPLETED = """
UPDATE items SET state = 'completed', ended_at = ?, result = ?, output_seconds = ?, usd = ?
WHERE key_digest = ?
"""


async def bare_run(
    items: Iterable[int], workers: int, journal: Path | None = None, *, seconds: float
) -> int:
    """Run one nap for each item.

    Args:
        items: The numbers of the items.
        workers: Jobs that may run at once.
        journal: The file of the journal, or None for a run without one.
        seconds: How long each job takes.

    Returns:
        How many items have completed.
    """
    naps, source = Naps(seconds), enumerate(items)
    if journal is None:
        return sum(await asyncio.gather(*(_work(source, naps) for _ in range(workers))))
    async with BareJournal(journal) as writer:
        return sum(
            await asyncio.gather(*(_work_durably(source, naps, writer) for _ in range(workers)))
        )


async def _work(source: Iterator[tuple[int, int]], naps: Naps) -> int:
    completed = 0
    for _, number in source:
        job = await naps.submit(number)
        video = await job.wait()
        completed += video.status == "completed"
    return completed


async def _work_durably(source: Iterator[tuple[int, int]], naps: Naps, journal: BareJournal) -> int:
    completed = 0
    for position, number in source:
        key = str(number)
        await journal.intended(key, position, naps.payload(number))
        job = await naps.submit(number)
        journal.submitted(key, job.id)
        video = await job.wait()
        await journal.completed(key, video)
        completed += video.status == "completed"
    return completed


class BareJournal:
    """A minimal journal: three statements, one thread, one future for each commit."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(f"{SCHEMA}; COMMIT")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1)
        self._rows: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        self._committed: asyncio.Future[None] = self._loop.create_future()
        self._busy = False

    async def __aenter__(self) -> BareJournal:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        self._database.close()

    def intended(self, key: str, position: int, payload: bytes) -> asyncio.Future[None]:
        """Record that an item is about to be submitted."""
        fingerprint = hashlib.sha256(b"naps\0" + payload).hexdigest()
        digest = hashlib.sha256(f"{key}\0{fingerprint}".encode()).hexdigest()
        values = position, f"bare:1:{digest}", fingerprint, time.time(), payload.decode()
        return self._add(0, (key, key_digest(key), *values))

    def submitted(self, key: str, job_id: str) -> asyncio.Future[None]:
        """Record the job of an item."""
        return self._add(1, (job_id, time.time(), key_digest(key)))

    def completed(self, key: str, video: Video) -> asyncio.Future[None]:
        """Record the outcome of an item."""
        result = msgspec.json.encode(video).decode()
        return self._add(2, (time.time(), result, video.duration, 0.0, key_digest(key)))

    def _add(self, statement: int, row: tuple[Any, ...]) -> asyncio.Future[None]:
        """Queue a row; the future is done when the row is on the disk."""
        self._rows[statement].append(row)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._commit)
        return self._committed

    def _commit(self) -> None:
        rows, self._rows = self._rows, ([], [], [])
        waiting, self._committed = self._committed, self._loop.create_future()
        written = self._loop.run_in_executor(self._thread, self._write, *rows)
        written.add_done_callback(lambda written: self._written(written, waiting))

    def _written(self, written: asyncio.Future[None], waiting: asyncio.Future[None]) -> None:
        self._busy = any(self._rows)
        if self._busy:
            self._commit()
        if (error := written.exception()) is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    def _write(self, intended: list[Any], submitted: list[Any], completed: list[Any]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(_INTENDED, intended)
        self._database.executemany(_SUBMITTED, submitted)
        self._database.executemany(_COMPLETED, completed)
        self._database.execute("COMMIT")
