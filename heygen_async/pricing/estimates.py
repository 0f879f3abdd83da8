"""What requests will cost, and what their results have cost.

HeyGen answers no prices, so every figure here is an estimate at the prices of a
:class:`PriceTable`. Nothing in this module does I/O.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterable

import msgspec

from heygen_async.errors import InvalidRequest
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.models.structs import Request
from heygen_async.models.templates import Template
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video
from heygen_async.pricing.charges import charges, with_length
from heygen_async.pricing.prices import PRICES, PriceTable

# Different bases that an estimate of a run names at most.
_BASES = 5


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a request will probably cost.

    Attributes:
        usd: USD. Where ``complete`` is False, what is known or guessed of it, possibly 0.
        seconds: Seconds of output, over all languages; None where they are not known.
        basis: What it rests on, and what is missing.
        complete: Whether all that is charged could be told from what was given.
        as_of: The day of the prices.
    """

    usd: float
    seconds: float | None
    basis: str
    complete: bool
    as_of: datetime.date

    def __str__(self) -> str:
        kind = "estimate" if self.complete else "incomplete estimate"
        length = f" for {self.seconds:.1f} s" if self.seconds is not None else ""
        return f"{kind}: {dollars(self.usd)}{length} at prices of {self.as_of} ({self.basis})"


class RemainingWork(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to do of a run, next to what its journal holds.

    Attributes:
        new: Items that the journal does not hold.
        again: Items that are submitted again: they failed, or are uncertain and were asked for.
        in_flight: Items that were submitted; the run waits for them.
        unanswered: Items whose request may have been sent, and whose answer is not known; it is
            sent again under the same key, or looked for where that would not be safe any more.
        completed: Items that have completed; they cost nothing more.
        failed: Items that have failed and are not tried again.
        uncertain: Items of which nobody can tell whether they were submitted. The run looks for
            their jobs, and submits none of them.
        changed: Items whose payload is another than it was; they fail, and nothing is sent.
        left_out: Items that the journal holds and that are not among those of the run.
        usd: USD that the new ones, those again, in flight and unanswered will probably cost.
        incomplete: How many of these have no complete estimate.
        spent: USD that what has ended did cost, an estimate.
        jobs: Jobs that have ended, and those in flight that are not among the run's.
    """

    new: int
    again: int
    in_flight: int
    unanswered: int
    completed: int
    failed: int
    uncertain: int
    changed: int
    left_out: int
    usd: float
    incomplete: int
    spent: float
    jobs: int


class RunEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run will probably cost.

    Attributes:
        items: Its items, those that an earlier run has paid for included.
        usd: USD of all of them, as far as it is known.
        incomplete: Items of which not all that is charged could be told.
        seconds: Seconds of output, or None where those of an item are not known.
        basis: What most of it rests on, and what is missing.
        as_of: The day of the prices.
        left: What of it is left to do and to pay, next to what earlier runs have left in the
            journal; None without a journal, or before it is there.
    """

    items: int
    usd: float
    incomplete: int
    seconds: float | None
    basis: str
    as_of: datetime.date
    left: RemainingWork | None = None

    @property
    def complete(self) -> bool:
        """Whether all that is charged could be told for every item."""
        return self.incomplete == 0

    def __str__(self) -> str:
        kind = "estimate" if self.complete else "incomplete estimate"
        missing = f", {self.incomplete:,} of them not fully known" if self.incomplete else ""
        return (
            f"{kind}: {dollars(self.usd)} for {self.items:,} items{missing}, "
            f"at prices of {self.as_of} ({self.basis})"
        )


def summed(estimates: Iterable[Estimate], as_of: datetime.date) -> RunEstimate:
    """The sum of the estimates of a run's items.

    Args:
        estimates: One for each item.
        as_of: The day of the prices.
    """
    usd: list[float] = []
    lengths: list[float] = []
    bases: Counter[str] = Counter()
    incomplete = 0
    for one in estimates:
        usd.append(one.usd)
        incomplete += not one.complete
        bases[one.basis] += 1
        if one.seconds is not None:
            lengths.append(one.seconds)
    named = [basis for basis, _ in bases.most_common(_BASES)]
    more = f"; and {len(bases) - _BASES} more" if len(bases) > _BASES else ""
    return RunEstimate(
        items=len(usd),
        usd=math.fsum(usd),
        incomplete=incomplete,
        seconds=math.fsum(lengths) if len(lengths) == len(usd) else None,
        basis=("; ".join(named) or "no items") + more,
        as_of=as_of,
    )


def dollars(usd: float) -> str:
    """An amount in words; cents from a dollar on, hundredths of a cent below."""
    return f"{usd:,.2f} USD" if usd >= 1 or usd == 0 else f"{usd:.4f} USD"


def estimate(
    request: Request,
    prices: PriceTable = PRICES,
    *,
    template: Template | None = None,
    proofread: ProofreadRequest | None = None,
    seconds: float | None = None,
    test: bool = False,
) -> Estimate:
    """What a request will probably cost.

    Scripts and texts count at about 15 characters a second, more slowly for Chinese, Japanese
    and Korean. Where several rates are possible (the request does not say whether a look is a
    photo avatar), the highest counts. 4K costs more by the table's factor.

    Args:
        request: Any request. Those without a published price give an incomplete estimate.
        prices: The prices.
        template: The template that a ``TemplateRenderRequest`` renders, to know its scripts.
        proofread: The request that a ``ProofreadGenerateRequest`` goes back to, to know its
            mode; without it the higher rate counts.
        seconds: Length of the output in seconds, where you know better: of the audio, of the
            source of a translation, of earlier renders of the template.
        test: A test render of a template, which is free.

    Raises:
        InvalidRequest: ``seconds`` is not a finite number of 0 or more.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidRequest(f"seconds: expected 0 or more, got {seconds!r}", param="seconds")
    found = charges(request, prices, seconds=seconds, template=template, proofread=proofread)
    lengths = [charge.seconds for charge in found if charge.seconds is not None]
    total = sum(lengths) if found and len(lengths) == len(found) else None
    if test:
        basis, usd, complete = "test renders are free", 0.0, True
    elif not found:
        basis = f"no price is known for a {type(request).__name__}"
        usd, complete = 0.0, False
    else:
        basis = "; ".join(dict.fromkeys(charge.basis for charge in found))
        usd = math.fsum(charge.usd for charge in found)
        complete = all(charge.known for charge in found)
    return Estimate(usd=usd, seconds=total, basis=basis, complete=complete, as_of=prices.as_of)


def cost(
    result: object,
    request: Request,
    prices: PriceTable = PRICES,
    *,
    proofread: ProofreadRequest | None = None,
    test: bool = False,
) -> float | None:
    """What one job has cost, from the real length of its result; still an estimate.

    Failed jobs and test renders cost nothing.

    Args:
        result: The job's result; of a translation, one language.
        request: What was asked for.
        prices: The prices.
        proofread: As for :func:`estimate`.
        test: A test render.

    Returns:
        USD, or None where the job has not ended, or its length or its price is not known.
    """
    if test:
        return 0.0
    if isinstance(result, Video | VideoTranslation | Lipsync) and result.status != "completed":
        return 0.0 if result.status == "failed" else None
    found = charges(request, prices, proofread=proofread)
    if isinstance(request, VideoTranslationRequest):
        found = found[:1]  # each language is a job of its own
    if not found:
        return None
    if any(charge.rate for charge in found):
        # A session of the Video Agent does not say how long its video is.
        seconds = getattr(result, "duration", None)
        if seconds is None or seconds < 0:  # no length
            return None
        found = with_length(found, seconds)
    return math.fsum(charge.usd for charge in found)
