"""``SqliteJournal``: a run in one SQLite file; each step is durable."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from heygen_async.errors import InvalidRequest, JournalError
from heygen_async.journal.group_commit import GroupCommit
from heygen_async.journal.keys import check_run_id
from heygen_async.journal.memory import Completed
from heygen_async.journal.records import (
    Delivery,
    Finish,
    Intent,
    ItemRecord,
    Review,
    State,
    Totals,
)
from heygen_async.journal.rules import journal_error
from heygen_async.journal.sqlite import reviews as decisions
from heygen_async.journal.sqlite import schema
from heygen_async.journal.sqlite.database import CHECKPOINT_PAGES, Database
from heygen_async.journal.sqlite.reader import SqliteReader
from heygen_async.journal.store import Begin, BeginResult, Opened, RunSpec
from heygen_async.journal.transaction import (
    BeginCall,
    Written,
)
from heygen_async.session.tasks import in_thread

_PAGE = 1000
# Transactions with a few items take 1 to 2 ms, most of it for the disk.
_PORTION = 8


class SqliteJournal:
    """Store a run in one file, with ``-wal``, ``-shm`` and ``.lock`` files beside it while open.

    An existing file is read completely once when it is opened, to verify its integrity. Only one
    process at a time can open it for writing.

    Args:
        path: The file.
        clock: Returns Unix seconds.
        checkpoint_pages: Pages of the write-ahead log that are copied into the file at a time.

    Attributes:
        path: The file.
        name: The file's path.
        heartbeat_every: None, since the lock of the file shows whether an owner is alive.
        shared: False.
    """

    heartbeat_every: float | None = None
    shared: bool = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], float] = time.time,
        checkpoint_pages: int = CHECKPOINT_PAGES,
    ) -> None:
        self.path: Path = Path(path)
        self.name: str = str(self.path)
        self._clock = clock
        self._checkpoint_pages = checkpoint_pages
        self._writer: GroupCommit | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _closed_journal, (self.path, self._clock, self._checkpoint_pages)

    @property
    def commits(self) -> int:
        """Number of transactions since the journal was opened."""
        return 0 if self._writer is None else self._writer.commits

    def beside(self, name: str) -> SqliteJournal:
        """Return the journal of another run, with ``NAME`` before the suffix of the file name."""
        path = self.path.with_suffix(f".{name}{self.path.suffix}")
        return SqliteJournal(path, clock=self._clock, checkpoint_pages=self._checkpoint_pages)

    def exists(self) -> bool:
        """Return whether the file exists and is not empty. Blocks."""
        return self.path.exists() and self.path.stat().st_size > 0

    def reader(self) -> SqliteReader:
        """Return a reader. Blocks."""
        return SqliteReader(self.path)

    def review(self, reviews: Sequence[Review]) -> None:
        """Record decisions of people. Blocks."""
        decisions.write(self.path, reviews, self._clock())

    async def open(self, spec: RunSpec) -> Opened:
        """Lock and open the file; create it if it does not exist."""
        if spec.run_id is not None:
            check_run_id(spec.run_id)
        database = Database(self.path, spec, self._clock, self._checkpoint_pages)
        try:
            await in_thread(database.open)
        except asyncio.CancelledError:
            with contextlib.suppress(JournalError):
                await in_thread(database.close)
            raise
        loop = asyncio.get_running_loop()
        self._writer = GroupCommit(database, self._clock, loop, portion=_PORTION)
        self.name = str(database.path)
        return database.opened

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        """Claim items, and record the intents of new items, in one transaction."""
        now = self._clock()
        try:
            rows = [schema.intent_row(intent, owner, now) for intent in intents]
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"key: {error.object!r} contains lone surrogates, which are not text", param="key"
            ) from None
        writer = self._writer or self._not_open()
        waiter: asyncio.Future[list[BeginResult]] = writer.loop.create_future()
        writer.queue().begins.append(BeginCall(intents, owner, room, waiter, rows))
        return waiter

    def confirm(self, keys: Sequence[str], owner: str) -> Awaitable[list[BeginResult]]:
        """Return that all items may be submitted: no other process works on the run."""
        return Completed([Begin.NEW] * len(keys))

    def submitted(self, key: str, job_id: str) -> Written:
        """Record an item's job."""
        transaction = (self._writer or self._not_open()).queue()
        transaction.submitted += schema.key_digest(key), key, job_id, self._clock()
        return Written(
            transaction, "submitted", len(transaction.submitted) // schema.SUBMITTED.width
        )

    def finish(self, outcome: Finish) -> Written:
        """Record an item's outcome."""
        key, result = outcome.key, outcome.result
        message = outcome.error_message
        transaction = (self._writer or self._not_open()).queue()
        transaction.finished += (
            schema.key_digest(key),
            key,
            self._clock(),
            outcome.state,
            None if result is None else msgspec.json.encode(result).decode(),
            outcome.error_type,
            outcome.error_code,
            None if message is None else message.encode("utf-8", "replace").decode(),
            outcome.output_seconds,
            outcome.usd,
            outcome.charged_usd,
        )
        return Written(transaction, "finished", len(transaction.finished) // schema.FINISH.width)

    def mark_uncertain(self, key: str) -> Awaitable[None]:
        """Record that it is unknown whether an intended item was accepted."""
        return (self._writer or self._not_open()).do(Database.mark_uncertain, key)

    def count_resend(self, key: str) -> Awaitable[None]:
        """Record that an item is sent again although an earlier attempt may have been paid."""
        return (self._writer or self._not_open()).do(Database.count_resend, key)

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> Awaitable[None]:
        """Record deliveries of an item's outcome, and those that failed."""
        return (self._writer or self._not_open()).do(Database.delivered, key, deliveries)

    def deliveries(self, key: str) -> Awaitable[list[Delivery]]:
        """Return the deliveries of an item's latest attempt, in the order of their targets."""
        return (self._writer or self._not_open()).do(
            Database.read, schema.deliveries, schema.key_digest(key), key
        )

    def members(self, idempotency_key: str) -> Awaitable[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions."""
        return (self._writer or self._not_open()).do(Database.read, schema.members, idempotency_key)

    def matching(self, fingerprint: str) -> Awaitable[list[ItemRecord]]:
        """Return records of schema 1 with this fingerprint that were given no key."""
        return (self._writer or self._not_open()).do(Database.read, schema.matching, fingerprint)

    async def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items after a position, in the order of positions."""
        among = None if states is None else tuple(states)
        while True:
            records: list[ItemRecord] = await (self._writer or self._not_open()).do(
                Database.read, schema.page, among, after, _PAGE
            )
            for record in records:
                yield record
            if len(records) < _PAGE:
                return
            after = records[-1].position

    def totals(self) -> Awaitable[Totals]:
        """Return sums over all items. Reads all of them."""
        return (self._writer or self._not_open()).do(Database.read, decisions.totals)

    def scout(self, source: str, owner: str) -> Awaitable[float | bool]:
        """Return True: no other process works on the run."""
        return Completed(True)

    def end_scout(self, source: str, owner: str, seconds: float | None) -> Awaitable[None]:
        """Do nothing."""
        return Completed(None)

    def sample_slots(self, running: int, limit: int | None) -> None:
        """Store the number of running jobs and the limit; one sample per second is kept."""
        (self._writer or self._not_open()).sample(running, limit)

    def heartbeat(self, owner: str, lease: float) -> Awaitable[None]:
        """Keep an owner alive."""
        return (self._writer or self._not_open()).do(
            Database.heartbeat, owner, self._clock() + lease
        )

    async def aclose(self) -> None:
        """Write the queue, merge the log into the file, and release the lock.

        A cancellation takes effect when this is done.
        """
        if self._writer is not None:
            await self._writer.aclose()

    def _not_open(self) -> NoReturn:
        raise journal_error(self.name, "closed", "it is not open")


def _closed_journal(path: Path, clock: Callable[[], float], checkpoint_pages: int) -> SqliteJournal:
    return SqliteJournal(path, clock=clock, checkpoint_pages=checkpoint_pages)
