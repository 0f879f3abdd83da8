"""Decide which failures deserve another attempt, and how long to wait before it.

Pure functions that take the time as an argument. The waits come from ``backoff``: exponential with
full jitter, so callers that failed together do not return together.
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

# 429 codes that do not clear with time.
HOPELESS_429 = frozenset({"quota_exceeded", "trial_video_limit_exceeded"})
_PASSING_409 = frozenset({"request_in_progress", "resource_not_ready"})
# The message of the 409 when an upload is completed before the storage shows the object.
_UPLOAD_NOT_VISIBLE = "uploaded object not found yet"
# 501 (not implemented) and 505 (HTTP version not supported) persist. Cloudflare's 520 to 530 do
# not.
REPEATED_5XX: frozenset[int] = frozenset(range(500, 600)) - {501, 505}


class Verdict(Enum):
    """The decision about a failed attempt."""

    GIVE_UP = "give up"
    TRY_AGAIN = "try again, as often as the policy allows"
    WAIT = "wait: the call is correct, but the server is not ready for it yet"
    PAUSE = "wait, and pause all other calls too"


def judge(error: HeyGenError, *, safe: bool) -> Verdict:
    """Decide what to do about a failed attempt.

    Args:
        error: The failure.
        safe: Whether sending the call twice has the same effect as sending it once: a read, or a
            write with an Idempotency-Key.
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
        # A body that is not JSON was damaged in transit; JSON of another form would come again.
        isinstance(error, InvalidResponse) and error.garbled
    ):
        return Verdict.TRY_AGAIN if safe else Verdict.GIVE_UP
    return Verdict.GIVE_UP


def waits(policy: Retry) -> Iterator[float]:
    """Yield the upper bounds of the waits, in seconds: exponential, without end."""
    generator = backoff.expo(base=2, factor=policy.first, max_value=policy.longest)
    generator.send(None)  # backoff's generators expect one value first, and yield None for it
    # With a tiny first wait, 2**n overflows before the bound reaches the longest wait.
    with contextlib.suppress(OverflowError):
        yield from generator
    yield from itertools.repeat(policy.longest if policy.first else 0.0)


def wait_before_next(bound: float, retry_after: float | None) -> float:
    """Return the seconds until the next attempt: ``retry_after`` or a random part of ``bound``."""
    wait = float(backoff.full_jitter(bound))
    return wait if retry_after is None else max(wait, retry_after)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds in a ``Retry-After`` header, which holds seconds or an HTTP date.

    Args:
        value: The header, or None.
        now: The present, in unix seconds.

    Returns:
        Seconds, never negative; None if the header is missing or invalid.
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
    """Return the seconds that an answer asks to wait, or None.

    A date is compared with the answer's own ``Date``, because the local clock may be wrong.

    Args:
        headers: Headers of the answer.
        now: The present, in unix seconds, used if the answer has no ``Date``.
    """
    sent = unix_time(headers.get("Date", ""))
    return parse_retry_after(headers.get("Retry-After"), now if sent is None else sent)


def unix_time(date: str) -> float | None:
    """Return the Unix time of an HTTP date, or None if it is not one."""
    try:
        parsed = parsedate_to_datetime(date)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return parsed.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
