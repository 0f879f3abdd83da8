"""Estimate the cost of requests and runs, and the actual cost of results.

HeyGen's answers contain no prices, so every figure here is an estimate at the prices of a
:class:`PriceTable`. Nothing in this module does I/O.
"""

from __future__ import annotations

import datetime
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from heygen_async.errors import InvalidRequest
from heygen_async.models.editing import FillerWordRemoval
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.plain import Plain
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.models.structs import Request
from heygen_async.models.templates import Template
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video
from heygen_async.pricing.charges import (
    SCOUT_OVERRUN,
    SOURCE_OVERRUN,
    TYPICAL_AGENT_SECONDS,
    Charge,
    Known,
    charges,
    length_told,
    with_length,
)
from heygen_async.pricing.prices import PRICES, PriceTable, outdated_notice

_WITH_STATUS = (Video, VideoTranslation, Lipsync, FillerWordRemoval)

# Maximum number of different bases listed in the estimate of a run.
_MAX_BASES = 5


class CostRange(Plain, frozen=True, kw_only=True):
    """An amount that is not known exactly.

    Attributes:
        usd: The likely amount in USD, as far as it is known or can be guessed; None if no part of
            it is.
        usd_low: Lower bound in USD; unknown parts count as 0.
        usd_high: Upper bound in USD; unknown lengths count as the maximum that HeyGen allows. None
            if a part has no published price.
        usd_known: Likely amount in USD of the known parts; unknown parts count as ``usd_low``.
        unknown: Number of parts (of a request) or items (of a run) with an unknown amount.
    """

    usd: float | None
    usd_low: float
    usd_high: float | None
    usd_known: float
    unknown: int = 0

    @property
    def complete(self) -> bool:
        """Whether all amounts are known."""
        return self.unknown == 0

    @property
    def incomplete(self) -> int:
        """Same as ``unknown``."""
        return self.unknown

    @property
    def amount(self) -> str:
        """The amount and its bounds as text."""
        low, high = self.usd_low, self.usd_high
        likely = "unknown" if self.usd is None else dollars(self.usd)
        if high is None:
            return likely if low == 0 else f"{likely} (at least {dollars(low)})"
        if self.usd is not None and low == high:
            return likely
        if low == 0:
            return f"{likely} (at most {dollars(high)})"
        return f"{likely} ({dollars(low).removesuffix(' USD')} to {dollars(high)})"


class Estimate(CostRange, frozen=True, kw_only=True):
    """The estimated cost of a request.

    Attributes:
        seconds: Seconds of output, over all languages; None if unknown.
        basis: Basis of the estimate, and missing information.
        as_of: Date of the prices.
        notice: A remark about the estimate, such as that the prices are old; None if there is
            none.
        overrun: USD that a budget reserves beyond ``usd_high``, because the output may be longer
            than its source.
    """

    seconds: float | None
    basis: str
    as_of: datetime.date
    notice: str | None = None
    overrun: float = 0.0

    @property
    def usd_least(self) -> float:
        """Lower bound in USD, allowing for an output that is shorter than its source."""
        return max(0.0, self.usd_low - self.overrun)

    @property
    def usd_most(self) -> float:
        """Amount that a budget reserves. A job without a price counts only its known part."""
        return (self.usd_low if self.usd_high is None else self.usd_high) + self.overrun

    def __str__(self) -> str:
        kind = "estimate" if self.complete else "incomplete estimate"
        length = f" for {self.seconds:.1f} s" if self.seconds is not None else ""
        notice = f"; {self.notice}" if self.notice else ""
        return f"{kind}: {self.amount}{length} at prices of {self.as_of} ({self.basis}){notice}"


class RemainingWork(CostRange, frozen=True, kw_only=True):
    """The remaining work of a run, according to its journal.

    The inherited amounts cover the items that are new, submitted again, in flight or unanswered.

    Attributes:
        new: Number of items that are not in the journal.
        again: Number of items that are resubmitted because they failed, or because they are
            uncertain and the run resubmits such items.
        in_flight: Number of submitted items that the run waits for.
        unanswered: Number of items whose request may have been sent but was not answered. The
            request is resent under the same key, or the account is searched for its job if
            resending is no longer safe.
        completed: Number of completed items, which cost nothing more.
        failed: Number of failed items that are not resubmitted.
        uncertain: Number of items that may or may not have been submitted. The run searches for
            their jobs and does not submit them.
        changed: Number of items whose payload differs from the journal's. They fail without being
            sent.
        left_out: Number of items in the journal that are not among the items of the run.
        spent: Estimated cost in USD of the items that have finished.
        jobs: Number of finished jobs, and of jobs in flight that are not among the items of the
            run.
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
    spent: float
    jobs: int

    @property
    def to_pay(self) -> int:
        """Number of items that the inherited amounts cover."""
        return self.new + self.again + self.in_flight + self.unanswered


class RunEstimate(CostRange, frozen=True, kw_only=True):
    """The estimated cost of a run, including items that an earlier run has paid for.

    ``unknown`` counts items; ``usd`` and the bounds cover all of them as far as they are known.

    Attributes:
        items: Number of items.
        seconds: Seconds of output, or None if the length of an item is unknown.
        basis: Main bases of the estimate, and missing information.
        as_of: Date of the prices.
        left: Remaining work and its cost, according to the journal. None without a journal or
            before it exists.
        notice: A remark about the estimate, such as that the prices are old; None if there is
            none.
    """

    items: int
    seconds: float | None
    basis: str
    as_of: datetime.date
    left: RemainingWork | None = None
    notice: str | None = None

    def __str__(self) -> str:
        kind = "estimate" if self.complete else "incomplete estimate"
        missing = f", {self.unknown:,} of them not fully known" if self.unknown else ""
        notice = f"; {self.notice}" if self.notice else ""
        return (
            f"{kind}: {self.amount} for {self.items:,} items{missing}, "
            f"at prices of {self.as_of} ({self.basis}){notice}"
        )


def total_cost(ranges: Iterable[CostRange]) -> CostRange:
    """Return the exact sum of amounts. Its ``unknown`` counts the incomplete ones."""
    total = CostTotal()
    for part in ranges:
        total.add(part)
    return total.range()


class CostTotal:
    """Add up amounts exactly. Each amount takes about 30 bytes of memory.

    Attributes:
        count: Number of amounts so far.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self._unknown = 0
        self._likely, self._low, self._high, self._known = (array("d") for _ in range(4))

    def add(self, part: CostRange) -> None:
        """Add one amount."""
        self.count += 1
        self._unknown += not part.complete
        self._low.append(part.usd_low)
        self._known.append(part.usd_known)
        if part.usd is not None:
            self._likely.append(part.usd)
        if part.usd_high is not None:
            self._high.append(part.usd_high)

    def range(self) -> CostRange:
        """Return the sum. Its ``unknown`` counts the incomplete amounts."""
        return CostRange(
            usd=math.fsum(self._likely) if self._likely or not self.count else None,
            usd_low=math.fsum(self._low),
            usd_high=math.fsum(self._high) if len(self._high) == self.count else None,
            usd_known=math.fsum(self._known),
            unknown=self._unknown,
        )


class RunTotal:
    """Add up the estimates of a run's items. Each estimate takes about 40 bytes of memory."""

    def __init__(self) -> None:
        self._cost = CostTotal()
        self._bases: Counter[str] = Counter()
        self._lengths = array("d")

    def add(self, item: Estimate) -> None:
        """Add the estimate of an item."""
        self._cost.add(item)
        self._bases[item.basis] += 1
        if item.seconds is not None:
            self._lengths.append(item.seconds)

    def estimate(self, as_of: datetime.date, today: datetime.date | None = None) -> RunEstimate:
        """Return the estimate of the run.

        Args:
            as_of: Date of the prices.
            today: The current date, to determine the age of the prices; None uses the clock.
        """
        listed = [basis for basis, _ in self._bases.most_common(_MAX_BASES)]
        left_out = len(self._bases) - _MAX_BASES
        more = f"; and {left_out} more" if left_out > 0 else ""
        count = self._cost.count
        return RunEstimate(
            **msgspec.structs.asdict(self._cost.range()),
            items=count,
            seconds=math.fsum(self._lengths) if len(self._lengths) == count else None,
            basis=("; ".join(listed) or "no items") + more,
            as_of=as_of,
            notice=outdated_notice(as_of, today),
        )


def paid_twice(items: int, usd: float) -> str:
    """Return the number of items that may have been paid for twice, and the USD, as text."""
    return f"{items:,} may have been paid for twice, {dollars(usd)} more"


def dollars(usd: float) -> str:
    """Return an amount as text: in cents from 1 USD up, in hundredths of a cent below."""
    return f"{usd:,.2f} USD" if usd >= 1 or usd == 0 else f"{usd:.4f} USD"


def estimate(
    request: Request,
    prices: PriceTable = PRICES,
    *,
    template: Template | None = None,
    proofread: ProofreadRequest | None = None,
    seconds: float | None = None,
    scouted: bool = False,
    test: bool = False,
    agent_seconds: float = TYPICAL_AGENT_SECONDS,
    today: datetime.date | None = None,
) -> Estimate:
    """Estimate the cost of a request.

    The length of scripts and texts is estimated from their characters (15 per second, fewer for
    Chinese, Japanese and Korean); it counts as known, plus or minus a third. If several rates are
    possible, because the request does not state whether a look is a photo avatar, the highest rate
    counts. For 4K, the price is multiplied by the factor in the price table.

    Args:
        request: Any request. A request without a published price gives an incomplete estimate.
        prices: The price table.
        template: The template of a ``TemplateRenderRequest``, for its scripts.
        proofread: The request that a ``ProofreadGenerateRequest`` continues, for its mode.
            Without it the higher rate counts.
        seconds: Known length of the output in seconds, such as that of the audio or of earlier
            renders of the template; for a translation, the length of the source.
        scouted: Whether ``seconds`` is the length of another output of the same source.
        test: Whether it is a test render of a template, which is free.
        agent_seconds: Typical length in seconds of the account's Video Agent videos. It affects the
            likely amount, not the bounds.
        today: The current date, to determine the age of the prices; None uses the clock.

    Raises:
        InvalidRequest: ``seconds`` is not a finite number of 0 or more.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidRequest(f"seconds: expected 0 or more, got {seconds!r}", param="seconds")
    known = Known(seconds, template, proofread, agent_seconds)
    parts = charges(request, prices, known)
    share = SCOUT_OVERRUN if scouted else SOURCE_OVERRUN
    if test:
        likely = CostRange(usd=0.0, usd_low=0.0, usd_high=0.0, usd_known=0.0)
        basis = "test renders are free"
    elif not parts:
        likely = CostRange(usd=None, usd_low=0.0, usd_high=None, usd_known=0.0, unknown=1)
        basis = f"no price is known for a {type(request).__name__}"
    else:
        likely = _range(parts[0]) if len(parts) == 1 else total_cost(map(_range, parts))
        basis = "; ".join(dict.fromkeys(charge.basis for charge in parts))
    return Estimate(
        usd=likely.usd,
        usd_low=likely.usd_low,
        usd_high=likely.usd_high,
        usd_known=likely.usd_known,
        unknown=likely.unknown,
        seconds=_total_length(parts) if parts else None,
        basis=basis,
        as_of=prices.as_of,
        notice=outdated_notice(prices.as_of, today),
        overrun=0.0 if test else math.fsum(part.overrun(share) for part in parts),
    )


def _range(charge: Charge) -> CostRange:
    usd, low, known = charge.usd, charge.usd_low, charge.known
    return CostRange(
        usd=usd,
        usd_low=low,
        usd_high=charge.usd_high,
        usd_known=(usd or 0.0) if known else low,
        unknown=int(not known),
    )


def _total_length(parts: Sequence[Charge]) -> float | None:
    """Return the total length in seconds, or None if one length is unknown."""
    lengths = [part.seconds for part in parts if part.seconds is not None]
    return math.fsum(lengths) if len(lengths) == len(parts) else None


def cost(
    result: object,
    request: Request,
    prices: PriceTable = PRICES,
    *,
    proofread: ProofreadRequest | None = None,
    test: bool = False,
    seconds: float | None = None,
) -> float | None:
    """Return the cost of one job from the actual length of its result. Still an estimate.

    Failed jobs and test renders cost nothing.

    Args:
        result: Result of the job; for a translation, of one language.
        request: The request.
        prices: The price table.
        proofread: As for :func:`estimate`.
        test: Whether it was a test render.
        seconds: Length of the output in seconds if the result does not state it, as for a Video
            Agent session.

    Returns:
        USD, or None if the job has not finished, or if its length or its price is unknown.
    """
    if test:
        return 0.0
    if isinstance(result, _WITH_STATUS) and result.status != "completed":
        return 0.0 if result.status == "failed" else None
    if type(result) is FillerWordRemoval:
        # The source is charged, not the output.
        source = length_told(result, "original_duration")
        return None if source is None else estimate(request, prices, seconds=source).usd
    parts = charges(request, prices, Known(proofread=proofread))
    if not parts:
        return None
    if len(parts) > 1 and isinstance(request, VideoTranslationRequest):
        parts = parts[:1]  # each language is a job of its own
    if any(charge.rate for charge in parts):
        length = length_told(result) if hasattr(result, "duration") else seconds
        if length is None:
            return None
        parts = with_length(parts, length)
    return math.fsum(charge.usd for charge in parts if charge.usd is not None)
