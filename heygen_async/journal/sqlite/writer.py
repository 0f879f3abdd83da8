"""``SqliteJournal``: a run in one SQLite file, durable at every step.

The event loop never touches SQLite. What coroutines want written is queued; while one commit is
on its way to the disk, the queue grows, and the next commit takes all of it. So a single item
waits for one commit only, a thousand items share one, and no clock decides how long to collect.
Commits run in a thread of their own, one at a time, and wake all their waiters at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from heygen_async.errors import InvalidRequest, JournalError
from heygen_async.journal.keys import check_run_id
from heygen_async.journal.records import Finish, Intent, ItemRecord, State, Totals
from heygen_async.journal.rules import journal_error
from heygen_async.journal.sqlite import schema
from heygen_async.journal.sqlite.database import CHECKPOINT_PAGES, Database
from heygen_async.journal.sqlite.reader import SqliteReader
from heygen_async.journal.sqlite.transaction import (
    FINISHED_WIDTH,
    SUBMITTED_WIDTH,
    BeginCall,
    Results,
    Transaction,
    Written,
)
from heygen_async.journal.store import SAMPLE_EVERY, BeginResult, Opened, RunSpec
from heygen_async.session.tasks import in_thread

_PAGE = 1000


class SqliteJournal:
    """Store a run in one file; ``-wal``, ``-shm`` and ``.lock`` files stand beside it while open.

    An existing file is read through once when it is opened, to verify that it is sound. One
    process at a time can open it for writing.

    Args:
        path: The file.
        clock: Returns Unix seconds.
        checkpoint_pages: Pages of the write-ahead log that are copied into the file at a time.

    Attributes:
        path: The file.
        name: The file's path.
        heartbeat_every: None: the lock of the file tells whether an owner is alive.
    """

    heartbeat_every: float | None = None

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
        self._writer: _Writer | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _closed_journal, (self.path, self._clock, self._checkpoint_pages)

    @property
    def commits(self) -> int:
        """Number of transactions since it was opened; each writes all that was queued."""
        return 0 if self._writer is None else self._writer.commits

    def beside(self, name: str) -> SqliteJournal:
        """Return the journal of another run, in ``NAME`` before this file's suffix."""
        path = self.path.with_suffix(f".{name}{self.path.suffix}")
        return SqliteJournal(path, clock=self._clock, checkpoint_pages=self._checkpoint_pages)

    def exists(self) -> bool:
        """Return whether the file exists and is not empty. Blocks."""
        return self.path.exists() and self.path.stat().st_size > 0

    def reader(self) -> SqliteReader:
        """Open a reader. Blocks."""
        return SqliteReader(self.path)

    async def open(self, spec: RunSpec) -> Opened:
        """Lock and open the file, or create it."""
        if spec.run_id is not None:
            check_run_id(spec.run_id)
        database = Database(self.path, spec, self._clock, self._checkpoint_pages)
        try:
            await in_thread(database.open)
        except asyncio.CancelledError:
            with contextlib.suppress(JournalError):
                await in_thread(database.close)
            raise
        self._writer = _Writer(database, self._clock, asyncio.get_running_loop())
        self.name = str(database.path)
        return database.opened

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        """Claim items, and record the intents of those that are new, in one transaction."""
        now = self._clock()
        rows: list[Any] = []
        for intent in intents:
            try:
                row = schema.intent_row(intent, owner, now)
            except UnicodeEncodeError:
                raise InvalidRequest(
                    f"key: {intent.key!r} contains lone surrogates, which are not text", param="key"
                ) from None
            if room:
                rows += row
        writer = self._writer or self._not_open()
        transaction = writer.queue()
        transaction.intents += rows
        waiter: asyncio.Future[list[BeginResult]] = writer.loop.create_future()
        transaction.begins.append(BeginCall(intents, owner, room, waiter))
        return waiter

    def submitted(self, key: str, job_id: str) -> Written:
        """Record an item's job."""
        transaction = (self._writer or self._not_open()).queue()
        transaction.submitted += schema.key_digest(key), key, job_id, self._clock()
        return Written(transaction, "submitted", len(transaction.submitted) // SUBMITTED_WIDTH)

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
        return Written(transaction, "finished", len(transaction.finished) // FINISHED_WIDTH)

    def mark_uncertain(self, key: str) -> Awaitable[None]:
        """Record that nobody can tell whether an intended item was accepted."""
        return (self._writer or self._not_open()).do(Database.mark_uncertain, key)

    def count_resend(self, key: str) -> Awaitable[None]:
        """Record that an item is sent again although an earlier attempt may have been paid."""
        return (self._writer or self._not_open()).do(Database.count_resend, key)

    def members(self, idempotency_key: str) -> Awaitable[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions."""
        return (self._writer or self._not_open()).do(Database.read, schema.members, idempotency_key)

    def matching(self, fingerprint: str) -> Awaitable[list[ItemRecord]]:
        """Return records of schema 1 that have this fingerprint and were given no key."""
        return (self._writer or self._not_open()).do(Database.read, schema.matching, fingerprint)

    async def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items behind a position, in the order of positions."""
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
        """Return sums over all items; reads all of them."""
        return (self._writer or self._not_open()).do(Database.read, schema.totals)

    def sample_slots(self, running: int, limit: int) -> None:
        """Store how many jobs run and how many could; one sample a second is kept."""
        (self._writer or self._not_open()).sample(running, limit)

    def heartbeat(self, owner: str, lease: float) -> Awaitable[None]:
        """Keep an owner alive."""
        return (self._writer or self._not_open()).do(
            Database.heartbeat, owner, self._clock() + lease
        )

    async def aclose(self) -> None:
        """Write what is queued, leave one plain file behind, and release the lock.

        A cancellation takes effect when it is done.
        """
        if self._writer is not None:
            await self._writer.aclose()

    def _not_open(self) -> NoReturn:
        raise journal_error(self.name, "closed", "it is not open")


class _Writer:
    """Group what is queued into commits, and carry them out in a thread."""

    def __init__(
        self, database: Database, clock: Callable[[], float], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self.commits = 0
        self._database = database
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heygen-journal")
        self._next = Transaction()
        self._queued = False  # whether the next transaction contains anything
        self._busy = False
        self._failure: JournalError | None = None
        self._closing = asyncio.Lock()
        self._closed = False
        self._sampled_at = float("-inf")
        self._latest_sample: tuple[int, int] | None = None

    def queue(self) -> Transaction:
        """Return the transaction that will be carried out next."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise journal_error(str(self._database.path), "closed", "it is closed")
        self._queued = True
        if not self._busy:
            self._busy = True
            # At the end of this round of the loop, so that others who run in it join the commit.
            self.loop.call_soon(self._commit)
        return self._next

    def do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Carry out a method of the database with the next transaction."""
        transaction = self.queue()
        answer = self.loop.create_future()
        transaction.commands.append((function, arguments))
        transaction.answers.append(answer)
        return answer

    def sample(self, running: int, limit: int) -> None:
        """Store a sample of the slots, if the latest one is a second old."""
        self._latest_sample = running, limit
        now = self._clock()
        if now - self._sampled_at >= SAMPLE_EVERY and not self._closed and self._failure is None:
            self._sampled_at = now
            self._write_sample(self.queue(), now)

    async def aclose(self) -> None:
        """Write what is queued, end the thread, and close the file."""
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            transaction, self._next = self._next, Transaction()
            if self._failure is None:
                self._write_sample(transaction, self._clock())
            queued = self._queued or bool(transaction.commands)
            self._queued = False
            results: list[Results] = []
            failures: list[JournalError] = []

            def finish() -> None:
                self._thread.shutdown(wait=True)  # after the commit that is on its way
                try:
                    try:
                        if queued:
                            results.append(self._database.apply(transaction))
                    finally:
                        self._database.close()
                except JournalError as failure:
                    failures.append(failure)

            try:
                await in_thread(finish)
            finally:
                if results:
                    transaction.finish(results[0])
                elif failures:
                    transaction.fail(failures[0])
        if failures and failures[0] is not self._failure:
            raise failures[0]

    def _write_sample(self, transaction: Transaction, now: float) -> None:
        sample, self._latest_sample = self._latest_sample, None
        if sample is not None:
            transaction.commands.append((Database.sample_slots, (now, *sample)))
            transaction.answers.append(None)

    def _commit(self) -> None:
        if not self._queued:
            self._busy = False
            return
        transaction, self._next, self._queued = self._next, Transaction(), False
        # run_in_executor, and not a thread with a queue: idle, it costs nothing, and a loop
        # whose clock is turned knows that it has to wait.
        done = self.loop.run_in_executor(self._thread, self._database.apply, transaction)
        done.add_done_callback(functools.partial(self._committed, transaction))

    def _committed(self, transaction: Transaction, done: asyncio.Future[Results]) -> None:
        failure = done.exception()
        if failure is None:
            self.commits += 1
            transaction.finish(done.result())
            self._commit()
            return
        if isinstance(failure, JournalError):
            self._failure = failure
        else:
            self._failure = journal_error(
                str(self._database.path), "io_error", f"it failed: {failure!r}"
            )
            self._failure.__cause__ = failure
        transaction.fail(self._failure)
        following, self._next = self._next, Transaction()
        following.fail(self._failure)


def _closed_journal(path: Path, clock: Callable[[], float], checkpoint_pages: int) -> SqliteJournal:
    return SqliteJournal(path, clock=clock, checkpoint_pages=checkpoint_pages)
