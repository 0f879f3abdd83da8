"""What requests will cost, and what their results have cost.

HeyGen answers no prices, so every figure here is an estimate at the prices of a
:class:`PriceTable`. Nothing in this module does I/O.
"""

from __future__ import annotations

import datetime
import math

import msgspec

from heygen_async.batch.charges import charges, lasting
from heygen_async.batch.prices import PRICES, PriceTable
from heygen_async.errors import InvalidRequest
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.models.structs import Request
from heygen_async.models.templates import Template
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video


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
    photo avatar), the dearest counts. 4K costs more by the table's factor.

    Args:
        request: Any request. Those without a published price give an incomplete estimate.
        prices: The prices.
        template: The template that a ``TemplateRenderRequest`` renders, to know its scripts.
        proofread: The request that a ``ProofreadGenerateRequest`` goes back to, to know its
            mode; without it the dearer one counts.
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
        found = lasting(found, seconds)
    return math.fsum(charge.usd for charge in found)
