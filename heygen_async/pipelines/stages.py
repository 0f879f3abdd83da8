"""Connect the runs of a chain."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from heygen_async.batch import Batch, Progress, Run
from heygen_async.batch.outcome import Ended
from heygen_async.errors import HeyGenError
from heygen_async.journal import FINISHED, JournalStore, Review
from heygen_async.journal.rules import latest
from heygen_async.session.tasks import in_thread, run_bounded

T = TypeVar("T")
NextT = TypeVar("NextT")

StageProgress: TypeAlias = Callable[[str, Progress], None]
"""Called with the name and progress of a stage after each of its outcomes. The last stage of a
chain reports to the batch's own ``progress``."""


@dataclass(frozen=True, slots=True)
class Step(Generic[NextT]):
    """An item between two stages.

    Attributes:
        before: Its outcome so far.
        made: The input of the next stage, or None if it failed.
        error: Its exception, or None.
    """

    before: Ended[Any]
    made: NextT | None = None
    error: HeyGenError | None = None

    def key(self) -> str:
        """Return the item's key, the same in all stages."""
        return self.before.key

    def unwrap(self) -> NextT:
        """Return the input of the next stage, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.made is not None
        return self.made


class StageLink(Generic[T, NextT]):
    """Converts the outcomes of one stage to the items of the next.

    A failed item is passed on and fails in the next stage too, so the last stage has an outcome for
    each item.

    Args:
        run: The run of the previous stage.
        work: Returns the input of the next stage; a ``HeyGenError`` fails only its item.
        at_once: The most items to work on at the same time.
        ordered: Keep their order.
        recovers: Whether ``work`` also gets failed items; it raises the error of those that stay
            failed.
    """

    def __init__(
        self,
        run: Run[T],
        work: Callable[[Ended[T]], Awaitable[NextT]],
        *,
        at_once: int,
        ordered: bool,
        recovers: bool = False,
    ) -> None:
        self._recovers = recovers
        self._run = run
        self._work = work
        self._at_once = at_once
        self._ordered = ordered

    async def steps(self) -> AsyncGenerator[Step[NextT]]:
        """Yield all items. Call it once, and close the generator.

        Jobs stay in the run's ``unfinished`` until the run is notified that they were taken.
        """
        outcomes = self._run.with_finished(until_taken=True)
        made = run_bounded(outcomes, self._step, parallel=self._at_once, ordered=self._ordered)
        async with aclosing(made) as steps:
            async for step in steps:
                yield step

    async def _step(self, outcome: Ended[T]) -> Step[NextT]:
        if outcome.error is not None and not self._recovers:
            return Step(outcome, error=outcome.error)
        try:
            return Step(outcome, await self._work(outcome))
        except HeyGenError as error:
            return Step(outcome, error=error)


class Counted(Generic[T]):
    """An async iterable whose length is known, so that progress has a total."""

    def __init__(self, items: AsyncIterator[T], total: int) -> None:
        self._items = items
        self._total = total

    def __aiter__(self) -> AsyncIterator[T]:
        return self._items

    def __len__(self) -> int:
        return self._total


class Remade(Collection[T]):
    """Items of a known number that are made again for each iteration instead of being kept.

    Args:
        make: Returns all items.
        total: Their number.
    """

    def __init__(self, make: Callable[[], Iterable[T]], total: int) -> None:
        self._make = make
        self._total = total

    def __iter__(self) -> Iterator[T]:
        return iter(self._make())

    def __len__(self) -> int:
        return self._total

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)


def final_outcome(outcome: Ended[Any], first: str, last: str) -> Ended[Any]:
    """Return the outcome of the last stage with the item from the start of the chain.

    Args:
        outcome: The outcome, whose item is a ``Step``.
        first: Name of the previous stage.
        last: Name of the last stage.
    """
    before: Ended[Any] = outcome.item.before
    costs = [usd for usd in (before.usd, outcome.usd) if usd is not None]
    return msgspec.structs.replace(
        outcome,
        index=before.index,
        item=before.item,
        job_id=outcome.job_id or (before.job_id if not outcome.ok else None),
        seconds=before.seconds + outcome.seconds,
        usd=sum(costs) if costs else None,
        resends=before.resends + outcome.resends,
        resent_usd=before.resent_usd + outcome.resent_usd,
        stage=last if outcome.item.error is None else first,
    )


def stage_of(batch: Batch, name: str, progress: StageProgress | None) -> Batch:
    """Return the batch of a stage, which reports under the stage's name."""
    return batch.stage(name, progress=None if progress is None else partial(progress, name))


async def count_earlier(batch: Batch, *names: str) -> None:
    """Count the spending of earlier runs of all stages before the first stage starts.

    Args:
        batch: The batch of the chain.
        *names: Names of its stages.
    """
    for name in names:
        await batch.stage(name).count_earlier()


async def submitted(
    store: JournalStore | None, payload: type[T], *, retry_failed: bool = False
) -> dict[str, T]:
    """Return the payloads that earlier runs of a stage have submitted, by key.

    Those of items that a person wants to be made again are left out.

    Assets and signed URLs that pass from one stage to the next differ each time they are made.
    The submissions contain those that were used; without them, the same item would have another
    request.

    Args:
        store: The journal of the stage, or None.
        payload: The type to which each payload is decoded.
        retry_failed: Leave out failed items that are submitted again.
    """
    if store is None:
        return {}

    def look() -> dict[str, T]:
        if not store.exists():
            return {}
        again = retaken(store)
        with store.reader() as reader:
            return {
                record.key: msgspec.json.decode(record.payload, type=payload)
                for record in reader.records()
                if not (retry_failed and record.resubmits(retry_failed=True))
                and record.key not in again
            }

    return await in_thread(look)


def retaken(store: JournalStore | None) -> dict[str, Review]:
    """Return the decisions of a stage that items are made again, and were not yet. Blocks.

    Args:
        store: The journal of the stage, or None.
    """
    if store is None or not store.exists():
        return {}
    with store.reader() as reader:
        reviews = latest(reader.reviews())
        if not any(one.decision == "retake" for one in reviews.values()):
            return {}
        found = ((one.key, reviews.get((one.key, one.attempt))) for one in reader.records())
        return {key: one for key, one in found if one is not None and one.decision == "retake"}


async def retake_parts(store: JournalStore | None, parts: Mapping[str, Review]) -> None:
    """Have an earlier stage make its parts of items again that the last stage makes again.

    Each decision is passed on once, however often the chain is started.

    Args:
        store: The journal of the earlier stage.
        parts: The decisions about the items, by the key of a part in the earlier stage.
    """

    def pass_on(store: JournalStore) -> None:
        if not store.exists():
            return
        with store.reader() as reader:
            ended = {record.key for record in reader.records(FINISHED)} & parts.keys()
            for one in reader.reviews():
                if one.key in ended and one.decision == "retake" and one.at >= parts[one.key].at:
                    ended.discard(one.key)
        store.review([Review(key, "retake", parts[key].by) for key in ended])

    if store is not None and parts:
        await in_thread(pass_on, store)
