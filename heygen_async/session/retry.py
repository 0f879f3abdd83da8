"""Which failures are worth another attempt, and how long to wait before it.

Pure functions: they look at a failure and take the time as an argument. The waits come from
``backoff``: exponential, with full jitter, so that many callers that failed together do not
come back together.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

import backoff

from heygen_async.errors import (
    APIError,
    ConnectionFailed,
    HeyGenError,
    InvalidResponse,
    QuotaExceeded,
    TransportError,
)
from heygen_async.session.settings import Retry

# 429 codes that no waiting clears.
HOPELESS_429 = frozenset({"quota_exceeded", "trial_video_limit_exceeded"})
_PASSING_409 = frozenset({"request_in_progress", "resource_not_ready"})
# A direct upload completed before the storage shows the object: 409 with this sentence.
_UPLOAD_NOT_VISIBLE = "uploaded object not found yet"
# Not implemented, and HTTP version not supported, do not pass. Cloudflare's 520 to 530 do.
REPEATED_5XX: frozenset[int] = frozenset(range(500, 600)) - {501, 505}


class Verdict(Enum):
    """What to do about a failed attempt."""

    GIVE_UP = "give up"
    TRY_AGAIN = "try again, as often as the policy allows"
    WAIT = "wait: the call is fine, its time has not come"
    PAUSE = "wait, and hold everybody else back too"


def judge(error: HeyGenError, *, safe: bool) -> Verdict:
    """What to do about a failed attempt.

    Args:
        error: The failure.
        safe: Whether sending the call twice does what sending it once does: a read, or a
            write that carries an Idempotency-Key.
    """
    if isinstance(error, APIError):
        if error.status == 429:
            return Verdict.GIVE_UP if isinstance(error, QuotaExceeded) else Verdict.PAUSE
        if error.status == 409:
            passing = error.code in _PASSING_409 or _UPLOAD_NOT_VISIBLE in error.message.lower()
            return Verdict.WAIT if passing else Verdict.GIVE_UP
        if error.status in REPEATED_5XX:
            return Verdict.TRY_AGAIN if safe else Verdict.GIVE_UP
        return Verdict.GIVE_UP
    if isinstance(error, ConnectionFailed) and not error.sent:
        return Verdict.GIVE_UP if error.final else Verdict.TRY_AGAIN
    if isinstance(error, TransportError) or (
        # A body that is no JSON was garbled on its way; one of another shape stays so.
        isinstance(error, InvalidResponse) and error.garbled
    ):
        return Verdict.TRY_AGAIN if safe else Verdict.GIVE_UP
    return Verdict.GIVE_UP


def waits(policy: Retry) -> Iterator[float]:
    """Upper bounds of the waits, in seconds: exponential, without end."""
    generator = backoff.expo(base=2, factor=policy.first, max_value=policy.longest)
    generator.send(None)  # backoff's generators first take a value, and yield None for it
    # A first wait of next to nothing is still under the longest when 2**n overflows.
    with contextlib.suppress(OverflowError):
        yield from generator
    yield from itertools.repeat(policy.longest if policy.first else 0.0)


def wait_before_next(bound: float, retry_after: float | None) -> float:
    """Seconds until the next attempt: full jitter under ``bound``, ``retry_after`` as a floor."""
    wait = float(backoff.full_jitter(bound))
    return wait if retry_after is None else max(wait, retry_after)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait, from seconds or an HTTP date.

    Args:
        value: The header, or None.
        now: The present, in unix seconds.

    Returns:
        Seconds, never negative; None for no header or one that makes no sense.
    """
    if value is None:
        return None
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        date = unix_time(value)
        if date is None:
            return None
        seconds = date - now
    return max(0.0, seconds) if math.isfinite(seconds) else None


def retry_after_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, or None.

    A date counts from the answer's own ``Date``, as the clock of this machine may be wrong.

    Args:
        headers: Of the answer.
        now: The present, in unix seconds, for an answer that does not tell.
    """
    sent = unix_time(headers.get("Date", ""))
    return parse_retry_after(headers.get("Retry-After"), now if sent is None else sent)


def unix_time(date: str) -> float | None:
    """Unix seconds of an HTTP date; None for what is none."""
    try:
        parsed = parsedate_to_datetime(date)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return parsed.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
