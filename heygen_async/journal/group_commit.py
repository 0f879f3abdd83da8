"""``GroupCommit``: write the queued calls of coroutines in consecutive transactions.

The event loop never waits for a database. Calls are queued while one transaction is in progress,
and the next transaction takes the queue. So a single item waits for one commit only, a thousand
transitions share a few commits, and no timer is needed to collect them. Transactions run one at a
time in a dedicated thread, and each wakes all its waiters at once.

Items that begin in one transaction are sent together, and jobs of one length also end together. If
the next items all began together again, each would wait while the event loop works on all others
and the disk is idle, and then for one long transaction. So where transactions are quick, the first
ones after a pause take only some of many items that wait to begin, and the starts of the items
spread out. Without pauses, the loop or the disk is the limit, and whole queues cost least.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from heygen_async.errors import JournalError
from heygen_async.journal.rules import journal_error
from heygen_async.journal.store import SAMPLE_EVERY
from heygen_async.journal.transaction import Results, Transaction
from heygen_async.session.tasks import in_thread

# Number of transactions after a pause that may take a part of the queue.
_PARTIAL = 8


class Database(Protocol):
    """An open database that transactions are written to. All methods block."""

    @property
    def name(self) -> str:
        """The name of the journal, for messages."""

    def apply(self, transaction: Transaction) -> Results:
        """Write a transaction: intents, then job ids, outcomes, and commands.

        Raises:
            JournalError: The database has failed. Nothing of this or any later transaction is
                stored.
        """

    def sample_slots(self, now: float, running: int, slot_limit: int | None) -> None:
        """Store a sample of the slots; a command of a transaction."""

    def close(self) -> None:
        """Close it. Closing twice is fine.

        Raises:
            JournalError: Some of the written data may be missing.
        """


class GroupCommit:
    """Group queued calls into transactions, and carry them out in a thread.

    Args:
        database: The store, open. Its methods are called in the thread, one at a time.
        clock: Returns Unix seconds.
        loop: The event loop of all callers.
        portion: Number of ``begin`` calls that always fit in one transaction. Of a longer queue,
            the first transactions after a pause take a quarter. Default: all.

    Attributes:
        loop: The same.
        commits: Number of transactions so far.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        *,
        portion: int = sys.maxsize,
    ) -> None:
        self.loop = loop
        self.commits: int = 0
        self._database = database
        self._clock = clock
        self._portion = portion
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heygen-journal")
        self._next = Transaction()
        self._queued = False  # whether the next transaction has content
        self._busy = False
        self._in_a_row = 0  # transactions since the thread was idle
        self._failure: JournalError | None = None
        self._closing = asyncio.Lock()
        self._closed = False
        self._sampled_at = float("-inf")
        self._latest_sample: tuple[float, int, int | None] | None = None

    def queue(self) -> Transaction:
        """Return the transaction that will be carried out next."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise journal_error(self._database.name, "closed", "it is closed")
        self._queued = True
        if not self._busy:
            self._busy = True
            # Wait until the end of this round of the loop, so that its other callers join the
            # commit.
            self.loop.call_soon(self._commit)
        return self._next

    def do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Call a method of the database with the next transaction."""
        transaction = self.queue()
        answer = self.loop.create_future()
        transaction.commands.append((function, arguments))
        transaction.answers.append(answer)
        return answer

    def sample(self, running: int, limit: int | None) -> None:
        """Store a sample of the slots, if the latest sample is at least one second old."""
        now = self._clock()
        self._latest_sample = now, running, limit
        if now - self._sampled_at >= SAMPLE_EVERY and not self._closed and self._failure is None:
            self._sampled_at = now
            self._write_sample(self.queue())

    async def aclose(self) -> None:
        """Write the queue, end the thread, and close the file."""
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            transaction, self._next = self._next, Transaction()
            if self._failure is None:
                self._write_sample(transaction)
            queued = self._queued or bool(transaction.commands)
            self._queued = False
            results: list[Results] = []
            failures: list[JournalError] = []

            def finish() -> None:
                self._thread.shutdown(wait=True)  # after the commit in progress
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

    def _write_sample(self, transaction: Transaction) -> None:
        sample, self._latest_sample = self._latest_sample, None
        if sample is not None:
            transaction.commands.append((type(self._database).sample_slots, sample))
            transaction.answers.append(None)

    def _commit(self) -> None:
        if not self._queued:
            self._busy, self._in_a_row = False, 0
            return
        self._in_a_row += 1
        transaction, self._next, self._queued = self._next, Transaction(), False
        begins = transaction.begins
        portion = max(self._portion, len(begins) // 4)
        if self._in_a_row <= _PARTIAL and len(begins) > portion:
            self._next.begins, self._queued = begins[portion:], True
            del begins[portion:]
        # Use run_in_executor rather than a thread with a queue: it costs nothing when idle, and a
        # loop with a simulated clock knows that it has to wait.
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
                self._database.name, "io_error", f"it failed: {failure!r}"
            )
            self._failure.__cause__ = failure
        transaction.fail(self._failure)
        following, self._next = self._next, Transaction()
        following.fail(self._failure)
