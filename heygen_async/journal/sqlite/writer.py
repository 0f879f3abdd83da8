"""``Journal``: what a bulk run remembers, durable before anybody acts on it.

The event loop never touches SQLite. What coroutines want written is queued; while one commit is
on its way to the disk, the queue grows, and the next commit takes all of it. So a single item
waits for one commit only, a thousand items share one, and no clock decides how long to collect.
Commits run in a thread of their own, one at a time, and wake all their waiters at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from heygen_async.errors import InvalidRequest, JournalError
from heygen_async.journal.keys import check_run_id, make_run_id
from heygen_async.journal.records import Entry, RunRecord, State, Totals
from heygen_async.journal.sqlite.database import Store
from heygen_async.journal.sqlite.errors import trouble
from heygen_async.journal.sqlite.transaction import Results, Transaction
from heygen_async.session.tasks import in_thread

# Seconds between two samples of the slots.
_SAMPLE_EVERY = 1.0


class Journal:
    """One run's journal, open for writing; made by ``Journal.open``.

    A write that was begun is carried out, even where the coroutine that awaits it is cancelled.
    Once the file has failed, every waiting and later call raises the same ``JournalError``.
    Used on the event loop that opened it.

    Attributes:
        path: The file.
        record: What the run was asked to do, when, and with which settings.
        counts: How many items were in each state when it was opened.
        commits: How many transactions there were so far, each for all that had queued up.
    """

    def __init__(
        self, store: Store, clock: Callable[[], float], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.path: Path = store.path
        self.record: RunRecord = store.record
        self.counts: dict[State, int] = store.totals_at_opening.counts
        self.commits: int = 0
        self._store = store
        self._clock = clock
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heygen-journal")
        self._next = Transaction()
        self._busy = False
        self._failure: JournalError | None = None
        self._closing = asyncio.Lock()
        self._closed = False
        self._sampled_at = float("-inf")
        self._latest_sample: tuple[int, int] | None = None

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        kind: str,
        subject: str,
        run_id: str | None = None,
        settings: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Journal:
        """Open the journal of a run, or make it where there is none.

        An existing one is read through once, to see that it is sound.

        Args:
            path: The file. ``-wal``, ``-shm`` and ``.lock`` files stand beside it while it is
                open.
            kind: Kind of run, such as ``render``.
            subject: What it is about, such as a template's id.
            run_id: Part of all idempotency keys. Default: that of the file, or derived from
                kind, subject and the file's name.
            settings: Written down in place of those of the start before; None leaves those.
            clock: Gives Unix seconds.

        Raises:
            JournalError: The file cannot be used; ``reason`` and message say why.
            InvalidRequest: A run id with characters that cannot be sent.
        """
        where = Path(path)
        store = Store(
            where,
            kind=kind,
            subject=subject,
            run_id=make_run_id(kind, subject, where.stem)
            if run_id is None
            else check_run_id(run_id),
            any_run_id=run_id is None,
            settings=settings,
        )
        try:
            await in_thread(store.open)
        except asyncio.CancelledError:
            with contextlib.suppress(JournalError):
                await in_thread(store.close)
            raise
        return cls(store, clock, asyncio.get_running_loop())

    @property
    def run_id(self) -> str:
        """Part of all idempotency keys of the run."""
        return self.record.run_id

    @property
    def resumed(self) -> bool:
        """Whether it held items when it was opened."""
        return any(self.counts.values())

    async def find(self, key: str) -> Entry | None:
        """The item with this key, or None."""
        found: Entry | None = await self._do(Store.find, self._text(key))
        return found

    async def claim(self, key: str) -> Entry | None:
        """The item with this key, or None; each key can be claimed once while it is open.

        Raises:
            DuplicateKey: It was claimed before, so two items of the run have the same key.
        """
        found: Entry | None = await self._do(Store.claim, self._text(key))
        return found

    async def together(self, idempotency_key: str) -> list[Entry]:
        """All items that were sent under one key, in the order of positions; reads all items."""
        found: list[Entry] = await self._do(Store.together, idempotency_key)
        return found

    def intend(
        self,
        key: str,
        *,
        position: int,
        attempt: int,
        idempotency_key: str,
        fingerprint: str,
        payload: bytes,
    ) -> asyncio.Future[None]:
        """Record that an item is about to be submitted; on the disk once it was awaited.

        Args:
            key: The item's key.
            position: Where it stands among the items, from 0.
            attempt: 1 for a new item; one more than before for an item that failed, or is
                uncertain, and is tried again, which replaces what was known of it. So too for
                the items of a batch that was refused whole.
            idempotency_key: What its request will be sent with.
            fingerprint: Of that request.
            payload: That request's body.

        Raises:
            DuplicateKey: The journal holds the key already.
            JournalError: It is not on the disk: do not submit.
        """
        text = _readable(payload)
        transaction = self._open()
        transaction.intents += (
            self._text(key),
            position,
            attempt,
            idempotency_key,
            fingerprint,
            self._clock(),
            text,
        )
        waiter = self._loop.create_future()
        transaction.intended.append(waiter)
        return waiter

    def submitted(self, key: str, job_id: str) -> Transaction:
        """Record an item's job; on the disk once it was awaited.

        For an item of a batch, ``batch_id#place`` comes first and its own job, once it has
        begun, takes its place.

        Raises:
            JournalError: It is not on the disk, or the item has another job or has ended.
        """
        transaction = self._open()
        transaction.submitted += (key, job_id, self._clock())
        return transaction

    def ended(
        self,
        key: str,
        *,
        state: Literal["completed", "failed"],
        result: bytes | None = None,
        error_type: str | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
        output_seconds: float | None = None,
        usd: float | None = None,
    ) -> Transaction:
        """Record an item's outcome; on the disk once it was awaited.

        Args:
            key: The item's key.
            state: How it ended.
            result: The API's object, as JSON.
            error_type: The class of the error.
            error_code: The API's code of it.
            error_message: Its sentence.
            output_seconds: How long what was made plays.
            usd: What it cost, in US dollars.

        Raises:
            JournalError: It is not on the disk, or the item is unknown or has ended already.
        """
        text = None if result is None else _readable(result)
        errors = error_type, error_code, _clean(error_message)
        transaction = self._open()
        transaction.ended += (key, state, self._clock(), text, *errors, output_seconds, usd)
        return transaction

    async def uncertain(self, key: str) -> None:
        """Record that nobody can tell any more whether an intended item was accepted.

        Raises:
            JournalError: It is not on the disk, or the item's job is known.
        """
        await self._do(Store.uncertain, key)

    def note_limit(self, running: int, limit: int) -> None:
        """Remember how many jobs run and how many could; one sample a second is kept."""
        self._latest_sample = running, limit
        now = self._clock()
        if now - self._sampled_at >= _SAMPLE_EVERY and not self._closed and self._failure is None:
            self._sampled_at = now
            self._latest_sample = None
            self._sample(self._open(), now, running, limit)

    async def entries(
        self, states: Collection[State] | None = None, *, after: int = -1, many: int = 1000
    ) -> list[Entry]:
        """A page of items, in the order of positions.

        Args:
            states: Only items in these states; None for all.
            after: The position of the last item of the page before.
            many: How many items; some more where several share the last position.
        """
        among = None if states is None else tuple(states)
        found: list[Entry] = await self._do(Store.page, among, after, many)
        return found

    async def totals(self) -> Totals:
        """Sums over all items; reads all of them."""
        sums: Totals = await self._do(Store.totals)
        return sums

    async def aclose(self) -> None:
        """Write what is queued, leave one file behind, end the thread, give the lock back.

        Closing twice is fine. A cancellation takes effect when it is done.

        Raises:
            JournalError: What was queued could not be written; the calls that wait for it raise
                too.
        """
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            transaction, self._next = self._next, Transaction()
            if self._latest_sample is not None and self._failure is None:
                self._sample(transaction, self._clock(), *self._latest_sample)
            results: list[Results] = []
            failures: list[JournalError] = []

            def finish() -> None:
                self._thread.shutdown(wait=True)  # after the commit that is on its way
                try:
                    try:
                        if transaction:
                            results.append(self._store.apply(transaction))
                    finally:
                        self._store.close()
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

    async def __aenter__(self) -> Journal:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        transaction = self._open()
        transaction.commands.append((function, arguments))
        answer = self._loop.create_future()
        transaction.answers.append(answer)
        return answer

    def _sample(self, transaction: Transaction, now: float, running: int, limit: int) -> None:
        transaction.commands.append((Store.sample, (now, running, limit)))
        transaction.answers.append(None)

    def _open(self) -> Transaction:
        """The transaction that will be carried out next."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise trouble(self.path, "closed", "it is closed")
        if not self._busy:
            self._busy = True
            # At the end of this round of the loop: others who run in it join the same commit.
            self._loop.call_soon(self._commit)
        return self._next

    def _commit(self) -> None:
        if not self._next:
            self._busy = False
            return
        transaction, self._next = self._next, Transaction()
        # run_in_executor, and not a thread with a queue: idle, it costs nothing, and a loop
        # whose clock is turned knows that it has to wait.
        done = self._loop.run_in_executor(self._thread, self._store.apply, transaction)
        done.add_done_callback(lambda done: self._committed(done, transaction))

    def _committed(self, done: asyncio.Future[Results], transaction: Transaction) -> None:
        failure = done.exception()
        if failure is None:
            self.commits += 1
            transaction.finish(done.result())
            self._commit()
            return
        if isinstance(failure, JournalError):
            self._failure = failure
        else:
            self._failure = trouble(self.path, "io_error", f"it failed: {failure!r}")
            self._failure.__cause__ = failure
        transaction.fail(self._failure)
        following, self._next = self._next, Transaction()
        following.fail(self._failure)

    def _text(self, key: str) -> str:
        try:
            key.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                f"key: {key!r} holds characters that are no text (lone surrogates)", param="key"
            ) from None
        return key


def _clean(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").decode()


def _readable(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
