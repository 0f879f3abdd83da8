"""``Scouting``: run one job per source of unknown length first, and price the others by it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from heygen_async.batch.item import ItemProcessor
from heygen_async.batch.operations import Submission
from heygen_async.batch.outcome import ItemResult
from heygen_async.batch.submitter import SubmissionCancelled
from heygen_async.batch.worker_pool import Exhausted, Source
from heygen_async.errors import JournalError
from heygen_async.journal import JournalStore
from heygen_async.journal.keys import ItemKeys
from heygen_async.pricing.charges import length_told
from heygen_async.pricing.scouts import JobSource, SourceScouts, job_source
from heygen_async.session.slots import SlotLease, SlotPool
from heygen_async.session.sync_iterables import Pull

T = TypeVar("T")

# Seconds between two checks of another process's scout.
_ASK_AGAIN = 1.0


class ItemDeferred(Exception):
    """The item is handed out again after the scout of its source has ended."""


class DeferringSource(Source[T]):
    """A source that takes back items that cannot be processed yet and hands them out again later.

    The source is not exhausted until they are handed out again. Meanwhile it hands out later items,
    1,000 at most. It takes the arguments of ``Source``.
    """

    _MOST = 1000

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._deferred = 0
        self._resumed: deque[tuple[int, T]] = deque()
        self._changed = asyncio.Event()
        self._pulling: asyncio.Task[tuple[int, T]] | None = None  # from the original items

    def waits(self) -> bool:
        """Whether getting the next item requires a wait."""
        return self._deferred > 0 or super().waits()

    @property
    def resumed(self) -> list[tuple[int, T]]:
        """Items that can be processed now and were not handed out again yet."""
        return list(self._resumed)

    def defer(self) -> None:
        """Note that an item cannot be processed yet; ``resume`` makes it available again."""
        self._deferred += 1

    def resume(self, items: Iterable[tuple[int, T]]) -> None:
        """Hand out the given items again, before all new ones."""
        self._resumed.extend(items)
        self._changed.set()

    def close(self) -> None:
        """Stop handing out items."""
        super().close()
        self._changed.set()

    async def aclose(self) -> None:
        """Stop handing out items, and end all background work."""
        self.close()
        if self._pulling is not None and self._pulling.cancel():
            await asyncio.wait([self._pulling])
        await super().aclose()

    async def pull(self) -> tuple[int, T]:
        """Return the next item and its position; deferred items come before new ones."""
        while not self.closed:
            if self._resumed:
                self._deferred -= 1
                return self._resumed.popleft()
            if self._pulling is not None and self._pulling.done():
                pulled, self._pulling = self._pulling, None
                if not (self.exhausted and isinstance(pulled.exception(), Exhausted)):
                    return pulled.result()
            if self.exhausted and not self._deferred:
                raise Exhausted
            self._changed.clear()
            if not (self.exhausted or self._pulling or self._deferred >= self._MOST):
                self._pulling = asyncio.create_task(super().pull())
                self._pulling.add_done_callback(lambda _: self._changed.set())
            await self._changed.wait()
        if self._pulling is not None:
            await asyncio.wait([self._pulling])
        raise Exhausted


class Scouting:
    """Run one item of each source of unknown length first, and price the others by its result.

    The others are deferred. In an ordered run they wait instead, since the outcomes of later items
    come after theirs anyway.

    Args:
        items: The items of the run.
        pull: Where a sync iterable of items is read.
        slots: The pool from which an item takes a slot after a wait.
        ordered: Whether outcomes are yielded in the order of the items.

    Attributes:
        source: Hands out the items.
    """

    def __init__(self, items: Any, pull: Pull, slots: SlotPool, *, ordered: bool) -> None:
        self._deferring = None if ordered else DeferringSource[Any](items, pull)
        self.source: Source[Any] = self._deferring or Source(items, pull)
        self._slots = slots
        self._scouts: SourceScouts[tuple[int, Any, asyncio.Event]] = SourceScouts()
        self._store: JournalStore
        self._owner: str
        self._in_flight: set[str] = set()  # record keys of items submitted by earlier runs

    async def open(self, store: JournalStore, owner: str) -> None:
        """Read from a journal the lengths of sources and the items in flight.

        Args:
            store: The journal; other processes claim their scouts in it, too.
            owner: The owner of the items.
        """
        self._store, self._owner = store, owner
        async for record in store.iterate(("completed", "submitted", "intended")):
            if record.state != "completed":
                self._in_flight.add(record.key)
            elif record.output_seconds:
                source = job_source(record.operation, record.payload)
                if source is not None:
                    self._scouts.learn(source, record.output_seconds)

    def deferred(self) -> list[tuple[int, Any]]:
        """Return the items that were deferred and not handed out again."""
        resumed = [] if self._deferring is None else self._deferring.resumed
        return [*((index, item) for index, item, _ in self._scouts.waiting), *resumed]

    async def process(
        self,
        processor: ItemProcessor[T],
        keys: ItemKeys,
        submission: Submission[T],
        item: Any,
        slot: SlotLease,
    ) -> ItemResult[T]:
        """Process a submission of unknown length, as the scout of its source or after the scout.

        Args:
            processor: Processes the submission.
            keys: How items are named.
            submission: The submission.
            item: Its item.
            slot: The slot of its job.

        Raises:
            ItemDeferred: The item waits for the scout of its source.
            SubmissionCancelled: Submissions stopped during the wait for another process.
            HeyGenError: As for ``ItemProcessor.process``.
        """
        is_scout = False
        source = job_source(submission.operation, submission.payload)
        if source is None:
            return await processor.process(submission, slot)
        while (seconds := self._scouts.seconds(source)) is None:
            # Items submitted by an earlier run continue whatever they cost.
            if submission.identity(keys).record_key in self._in_flight:
                break
            ended = asyncio.Event()
            if self._scouts.start(source, (submission.index, item, ended)):
                slot, is_scout = await self._claim(source, slot)
                if is_scout:
                    break
                continue
            if self._deferring is not None:
                self._deferring.defer()
                raise ItemDeferred
            slot.release()  # the scout needs it if refused and queued again
            await ended.wait()
            slot = await self._slots.acquire()
        scouted = seconds is not None
        submission = msgspec.structs.replace(submission, seconds=seconds, scouted=scouted)
        try:
            result = await processor.process(submission, slot)
            if seconds := length_told(result.result):
                self._scouts.learn(source, seconds)
        finally:
            self._end(source)
            if is_scout:
                seconds = self._scouts.seconds(source)
                with contextlib.suppress(JournalError):  # others that write to it get the error
                    await self._store.end_scout(source.name, self._owner, seconds)
        return result

    async def _claim(self, source: JobSource, slot: SlotLease) -> tuple[SlotLease, bool]:
        """Claim a source in the journal, or wait until another process knows its length.

        Returns:
            The slot of the item, and whether it is the scout.
        """
        try:
            while (claimed := await self._store.scout(source.name, self._owner)) is False:
                if self.source.closed:
                    raise SubmissionCancelled
                slot.release()
                await asyncio.sleep(_ASK_AGAIN)
                slot = await self._slots.acquire()
        except BaseException:
            slot.release()  # it may be another one than the caller's
            self._end(source)
            raise
        if claimed is not True:
            self._scouts.learn(source, claimed - source.skipped)
            self._end(source)
        return slot, claimed is True

    def _end(self, source: JobSource) -> None:
        """Release the other items of a source."""
        for index, item, ended in self._scouts.end(source):
            ended.set()
            if self._deferring is not None:
                self._deferring.resume([(index, item)])
