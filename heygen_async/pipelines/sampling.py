"""Limit a chain to a sample that a person looks at before the rest is paid for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from heygen_async.batch import Batch, Run
from heygen_async.batch.admission.clips import sample_clips
from heygen_async.batch.admission.sampling import Candidate, select
from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.journal import JournalStore

T = TypeVar("T")


class ChainSample:
    """A sample of a chain, as ``sample`` and ``sample_clips`` make one of a run.

    Pass it as ``sample`` to ``localize``, ``narrate`` or ``personalize``, with a journal. The chain
    makes only the items of the sample, from its first stage to its last. ``approve``, ``reject``
    and ``retake`` take the chain's journal; a chain over all items then makes the rest, and pays
    for nothing of the sample again.

    Args:
        count: Number of rows, texts or languages, chosen as by ``sample``.
        clip: Instead, for ``localize``: make the first so many seconds of the dub in each language,
            directly, without a correction. A video that is made from a request is made as a whole.
        require_approval: Make all items once each item of the sample is approved. Default False:
            only the sample is made.

    Attributes:
        count: The number.
        clip: The length of the clips in seconds, or None.
        require_approval: Whether approval is required.
        keys: Keys of the sample, in the order of the items, once the chain has begun.
        held: Number of items that wait for approval; 0 if the chain makes all items.
        waiting: Keys of the sample that were not approved at the start.

    Raises:
        InvalidRequest: Neither ``count`` nor ``clip`` was given, or both, or one is not positive.
    """

    def __init__(
        self,
        count: int | None = None,
        *,
        clip: float | None = None,
        require_approval: bool = False,
    ) -> None:
        if (count is None) == (clip is None):
            raise InvalidRequest("count: expected a count or a clip, and not both", param="count")
        if count is not None and count < 1:
            raise InvalidRequest(f"count: expected 1 or more, got {count}", param="count")
        if clip is not None and not clip > 0:
            raise InvalidRequest(f"clip: expected more than 0, got {clip}", param="clip")
        self.count: int | None = count
        self.clip: float | None = clip
        self.require_approval: bool = require_approval
        self.keys: list[str] = []
        self.held: int = 0
        self.waiting: list[str] = []

    def noted(self, run: Run[T], positions: Sequence[int] | None = None) -> Run[T]:
        """Return the run of the last stage, which notes the sample in its journal.

        Args:
            run: The run, not yet iterated.
            positions: The positions of its items. Default: from 0.
        """
        return run.over(run.manifest.items, {"sample": self.keys}, positions)

    async def clips(self, run: Run[T]) -> Run[T]:
        """Return the run of the clips; ``held`` is 0 once each of them is approved.

        Args:
            run: The run of the whole dubs, not yet iterated.
        """
        assert self.clip is not None
        found = await sample_clips(run, self.clip, require_approval=self.require_approval)
        self.keys, self.held, self.waiting = found.keys, found.held, found.waiting
        return found.run


async def chosen(
    sample: ChainSample | None, stage: Batch, candidates: Collection[Candidate], total: int
) -> list[int] | None:
    """Return the positions of a sample's items, or None if all items are made.

    Args:
        sample: The sample, or None.
        stage: The last stage of the chain.
        candidates: What the choice depends on.
        total: Number of items.

    Raises:
        ConfigurationError: The chain has no journal.
        InvalidRequest: The chain has no clips.
        JournalError: The journal cannot be read.
    """
    if sample is None:
        return None
    if sample.count is None:
        raise InvalidRequest("clip: only dubs have clips", param="clip")
    positions, sample.keys, sample.waiting = await select(
        candidates, sample.count, journal_of(stage)
    )
    if sample.require_approval and not sample.waiting:
        return None
    sample.held = total - len(positions)
    return positions


def journal_of(stage: Batch) -> JournalStore:
    """Return the journal of a stage, which a sample needs.

    Raises:
        ConfigurationError: The chain has no journal.
    """
    if stage.store is None:
        raise ConfigurationError(
            "sample: the chain needs a journal, or the sample would be paid for again"
        )
    return stage.store
