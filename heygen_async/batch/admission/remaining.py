"""``RemainingItems``: the items of a run that were not submitted, and their estimated cost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Any

from heygen_async.batch.admission.scouting import Scouting
from heygen_async.batch.item import ItemProcessor
from heygen_async.batch.resume import RemainingWorkCounter
from heygen_async.batch.submissions import SubmissionBuilder, estimate_items
from heygen_async.errors import JournalError
from heygen_async.journal import Opened
from heygen_async.media.source_lengths import SourceLengths
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.session.sync_iterables import chunks

logger: logging.Logger = logging.getLogger("heygen_async.batch")


class RemainingItems:
    """Items that were not started, and items that were deferred.

    Args:
        items: The items of the run.
        builder: Builds their submissions.
        key: Returns each item's key, or None for default keys.
        lengths: The known lengths of their sources.
        open_counter: Reads the journal, or None without one; blocks.
        scouting: Defers items, or None.

    Attributes:
        next: Position of the first item that was not started.
    """

    def __init__(
        self,
        items: Any,
        builder: SubmissionBuilder[Any],
        key: Callable[[Any], str] | None,
        lengths: SourceLengths,
        open_counter: Callable[[], RemainingWorkCounter | None],
        scouting: Scouting | None,
    ) -> None:
        self.next: int = 0
        self._items = items
        self._builder = builder
        self._key = key
        self._lengths = lengths
        self._open_counter = open_counter
        self._scouting = scouting

    def deferred(self) -> list[tuple[int, Any]]:
        """Return the positions and items that were deferred and not handed out again."""
        return [] if self._scouting is None else self._scouting.deferred()

    async def keys(self, processor: ItemProcessor[Any]) -> list[str]:
        """Return the keys of the items that still have to be submitted.

        Items that were not yet pulled from an iterator are not included.

        Args:
            processor: Looks them up in the journal.
        """
        keys: list[str] = []
        # Look up many at once, so that they share a commit of the journal.
        async with aclosing(self._rest()) as rest:
            async for some in rest:
                claims = await asyncio.gather(
                    *(self._claim(processor, *one) for one in some), return_exceptions=True
                )
                for claim in claims:
                    if isinstance(claim, JournalError):
                        raise claim
                    # Items with errors of their own would not have been submitted anyway.
                    if not isinstance(claim, BaseException) and claim[1]:
                        keys.append(claim[0])
        return keys

    async def estimate(self, positions: Collection[int]) -> RunEstimate | None:
        """Return the estimated remaining cost, or None if the items are not a collection.

        Args:
            positions: Positions of started items that are included in the estimate.
        """
        if not isinstance(self._items, Collection):
            return None
        async with aclosing(self._rest(positions)) as every:
            rest = [item async for some in every for _, item in some]
        return await estimate_items(
            self._builder, rest, self._key, self._lengths, self._open_counter
        )

    def log_changes(self, opened: Opened, processor: ItemProcessor[Any]) -> None:
        """Log how the items differ from those of earlier runs, once all were processed."""
        if self.deferred():
            return
        left_out = opened.totals.items - processor.found
        if left_out > 0:  # other processes may have added some
            logger.warning(
                "items of the journal that are not among those of this run, and were left as "
                "they are: %d",
                left_out,
            )
        if opened.resumed and processor.added:
            logger.info("items of this run that were new to the journal: %d", processor.added)

    async def _rest(
        self, started: Collection[int] = ()
    ) -> AsyncGenerator[Sequence[tuple[int, Any]]]:
        """Yield lists of positions and items, including those at the given positions."""
        yield self.deferred()
        if isinstance(self._items, Collection):
            seen = 0
            async with aclosing(chunks(self._items, self._builder.pull)) as every:
                async for some in every:
                    numbered = enumerate(some, seen)
                    seen += len(some)
                    yield [one for one in numbered if one[0] >= self.next or one[0] in started]

    async def _claim(
        self, processor: ItemProcessor[Any], index: int, item: Any
    ) -> tuple[str, bool]:
        key = self._key(item) if self._key else None
        return await processor.claim(self._builder.submission(index, item, key))
