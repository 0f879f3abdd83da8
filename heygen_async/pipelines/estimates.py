"""Estimate the cost of chains by stage, without a paid call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from heygen_async.batch import Run
from heygen_async.journal import FINISHED, JournalStore
from heygen_async.pricing.charges import MAX_OUTPUT_SECONDS
from heygen_async.pricing.estimates import CostRange, RemainingWork, RunEstimate, total_cost
from heygen_async.session.tasks import in_thread

Seconds: TypeAlias = Callable[[Any], float | None]
"""Returns the length of an item's output in seconds, or None."""

RangeT = TypeVar("RangeT", RunEstimate, RemainingWork)

_COUNTS = (
    "new",
    "again",
    "in_flight",
    "unanswered",
    "completed",
    "failed",
    "uncertain",
    "changed",
    "left_out",
    "spent",
    "jobs",
)


class ChainEstimate(RunEstimate, frozen=True, kw_only=True):
    """The estimated cost of a chain: the sum of its stages.

    Attributes:
        stages: The estimate of each stage, by its name.
    """

    stages: dict[str, RunEstimate]


class OutputLength(NamedTuple):
    """The expected length of an output, in seconds.

    Attributes:
        likely: The likely length, or None if it is unknown.
        low: Lower bound.
        high: Upper bound.
        known: Whether it is given, or follows from a text.
    """

    likely: float | None = None
    low: float = 0.0
    high: float = MAX_OUTPUT_SECONDS
    known: bool = False


def exactly(seconds: float) -> OutputLength:
    """Return a known length."""
    return OutputLength(seconds, seconds, seconds, known=True)


def expected_length(estimate: RunEstimate) -> OutputLength:
    """Return the length of each output of a stage whose items are alike, from its estimate."""
    if estimate.seconds is None or not estimate.items:
        return OutputLength()
    likely = estimate.seconds / estimate.items
    if not estimate.complete:
        return OutputLength(likely)
    low = high = likely
    if estimate.usd and estimate.usd_high is not None:
        low *= estimate.usd_low / estimate.usd
        high *= estimate.usd_high / estimate.usd
    return OutputLength(likely, low, high, known=True)


async def with_lengths(
    start: Callable[[Seconds], Run[Any]], length: OutputLength | Callable[[Any], OutputLength]
) -> RunEstimate:
    """Return the estimate of a stage whose output lengths are not exactly known.

    Args:
        start: Returns the run of the stage, from a function that returns the length of each item.
        length: The length of each output, or a function that returns the known length of an item.
    """

    def length_of(item: Any) -> OutputLength:
        return length if isinstance(length, OutputLength) else length(item)

    expected = await start(lambda item: length_of(item).likely or 0.0).estimate()
    low = await start(lambda item: length_of(item).low).estimate()
    high = await start(lambda item: length_of(item).high).estimate()
    guessed = isinstance(length, OutputLength) and not length.known
    nothing = isinstance(length, OutputLength) and length.likely is None
    left = expected.left
    if left is not None and low.left is not None and high.left is not None:
        left = _between(left, low.left, high.left, left.to_pay if guessed else 0, nothing)
    found = _between(expected, low, high, expected.items if guessed else 0, nothing)
    return msgspec.structs.replace(found, left=left)


def _between(
    likely: RangeT, low: CostRange, high: CostRange, unknown: int, nothing: bool
) -> RangeT:
    return msgspec.structs.replace(
        likely,
        usd=None if nothing and unknown else likely.usd,
        usd_low=low.usd_low,
        usd_high=high.usd_high,
        usd_known=low.usd_low if unknown else likely.usd_known,
        unknown=max(unknown, likely.unknown),
    )


def summed(stages: dict[str, RunEstimate]) -> ChainEstimate:
    """Return the estimate of a chain from those of its stages."""
    parts = list(stages.values())
    lefts = [part.left for part in parts]
    left: RemainingWork | None = None
    if any(one is not None for one in lefts):
        # A stage without a journal has not started: all of its work is left.
        work = [one or _all_new(part) for one, part in zip(lefts, parts, strict=True)]
        counts = {name: sum(getattr(one, name) for one in work) for name in _COUNTS}
        left = RemainingWork(**counts, **_amounts(work))
    return ChainEstimate(
        **_amounts(parts),
        items=sum(part.items for part in parts),
        seconds=None,
        basis="; ".join(f"{name}: {part.basis}" for name, part in stages.items()),
        as_of=parts[0].as_of,
        left=left,
        notice=parts[0].notice,
        stages=stages,
    )


def _all_new(stage: RunEstimate) -> RemainingWork:
    counts: dict[str, Any] = dict.fromkeys(_COUNTS, 0) | {"new": stage.items}
    return RemainingWork(**counts, **_amounts([stage]))


def _amounts(parts: list[Any]) -> dict[str, Any]:
    total = total_cost(parts)
    amounts = {name: getattr(total, name) for name in CostRange.__struct_fields__}
    # A part that costs nothing must not hide that the cost of the rest is unknown.
    if all(part.usd is None or part.usd_high == 0 for part in parts) and total.usd_high != 0:
        amounts["usd"] = None
    return {**amounts, "unknown": sum(part.unknown for part in parts)}


async def finished_lengths(store: JournalStore | None) -> dict[str, float]:
    """Return the lengths in seconds of the outputs of earlier runs of a stage, by key."""

    def read(store: JournalStore) -> dict[str, float]:
        if not store.exists():
            return {}
        with store.reader() as reader:
            return {
                record.key: record.output_seconds
                for record in reader.records(FINISHED)
                if record.output_seconds is not None
            }

    return {} if store is None else await in_thread(read, store)
