"""Decide what a call does after a failed attempt. Pure, no I/O.

``Recovery`` gets each failure of one call, with the time and a random wait, and returns a ``Step``
that the loop in session/session.py carries out. An attempt that the API may have carried out is
repeated only if that is safe: for a read, an idempotent write, or a write with an Idempotency-Key
that is less than 24 h old.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

from heygen_async.errors import (
    CallError,
    ConnectionFailed,
    InvalidResponse,
    ServerError,
    TransportError,
)
from heygen_async.session.limits.gate import LONGEST_PAUSE
from heygen_async.session.retry import REPEATED_5XX, Verdict, judge
from heygen_async.session.settings import Retry

# The API replays the answer to a key for 24 hours of wall-clock time; the margin allows for clocks.
_CLOCK_MARGIN = 600.0
KEY_LIFETIME = 24 * 3600.0 - _CLOCK_MARGIN
# A ``Retry-After`` of so many seconds means that the server is down, not that one request failed.
_LONG_PAUSE = 30.0


class Action(Enum):
    """The next action after a failed attempt."""

    GIVE_UP = "raise the failure"
    WAIT = "sleep, then send again"
    PAUSE = "send again through the request limiter, whose gate was closed"
    QUEUE = "wait for a slot, then send again"


class Step(NamedTuple):
    """The next step of a call.

    Attributes:
        action: The action to take.
        wait: Seconds until the call is sent again; for ``QUEUE``, those that the answer asked for.
        patience: Seconds that the call may spend waiting.
        pause: Seconds for which to close the request limiter's gate first; None leaves it open.
    """

    action: Action
    wait: float = 0.0
    patience: float = math.inf
    pause: float | None = None


class Recovery:
    """The failures of one call so far.

    Args:
        policy: How often and for how long a call is repeated.
        safe: Whether the call may be sent again after an attempt that may have been carried out.
        keyed: Whether it is safe only during the lifetime of its Idempotency-Key.
        queues: Whether it waits for a slot after a 429, because it creates jobs.
        bulk: Whether it is part of a bulk run, which itself decides how long to wait for a pause or
            a slot.
        now: The loop's time.
        wall: The unix time of the first attempt.

    Attributes:
        in_doubt: Whether an attempt may have been carried out.
    """

    __slots__ = (
        "_bulk",
        "_failures",
        "_first_sent",
        "_keyed",
        "_policy",
        "_queues",
        "_safe",
        "_started",
        "in_doubt",
    )

    def __init__(
        self,
        policy: Retry,
        *,
        safe: bool,
        keyed: bool,
        queues: bool,
        bulk: bool,
        now: float,
        wall: float,
    ) -> None:
        self.in_doubt: bool = False
        self._policy = policy
        self._safe = safe
        self._keyed = keyed
        self._queues = queues
        self._bulk = bulk
        self._started = now
        self._first_sent = wall
        self._failures = 0

    def after(
        self, error: CallError, *, now: float, wall: float, delay: float, cancelled: bool = False
    ) -> Step:
        """Return the step after a failed attempt.

        Args:
            error: The failure.
            now: The loop's time.
            wall: The unix time.
            delay: A random wait within the bound of the policy, in seconds.
            cancelled: Whether the caller was cancelled; then nothing is sent again.
        """
        verdict = judge(error, safe=self._safe)
        self.in_doubt |= maybe_carried_out(error)
        retry_after: float | None = getattr(error, "retry_after", None)
        # A run waits for as long as a server that is down asks it to.
        if verdict is Verdict.TRY_AGAIN and not (self._bulk and (retry_after or 0) >= _LONG_PAUSE):
            self._failures += 1
        wait = delay if retry_after is None else max(delay, retry_after)
        patience = self._policy.patience - (now - self._started)
        queues = verdict is Verdict.PAUSE and self._queues
        pauses = not queues and (
            verdict is Verdict.PAUSE or (retry_after is not None and isinstance(error, ServerError))
        )
        pause = wait if pauses else None
        if self._bulk and (queues or pauses):
            # A run waits without a limit, and its items are the probes.
            wait, patience = min(wait, LONGEST_PAUSE), math.inf
        if (
            verdict is Verdict.GIVE_UP
            or self._failures >= self._policy.attempts
            or cancelled
            or self.key_expired(wall + wait)
        ):
            return Step(Action.GIVE_UP, pause=pause)
        if queues:
            return Step(Action.QUEUE, wait, patience)
        if wait > patience:
            return Step(Action.GIVE_UP, pause=pause)
        return Step(Action.PAUSE if pauses else Action.WAIT, wait, patience, pause)

    def waited(self, seconds: float) -> None:
        """Exclude a wait of a bulk run for a pause or a slot from its patience."""
        self._started += seconds if self._bulk else 0.0

    def patience(self, now: float) -> float:
        """Return the seconds that the call may still wait."""
        return math.inf if self._bulk else self._policy.patience - (now - self._started)

    def key_expired(self, wall: float) -> bool:
        """Return whether the API may have forgotten the key of an attempt that it carried out.

        Wall-clock time is used, because the loop's clock stops while a machine is suspended. If it
        was turned back by more than the margin, the age of the key is unknown.
        """
        age = wall - self._first_sent
        return self._keyed and self.in_doubt and not -_CLOCK_MARGIN <= age <= KEY_LIFETIME


def maybe_carried_out(error: CallError) -> bool:
    """Return whether the API may have carried out a failed attempt.

    Every 4xx means that it has not, except a 409 for a request that is still in progress.
    """
    if isinstance(error, ConnectionFailed):
        return error.sent
    if isinstance(error, ServerError):
        return error.status in REPEATED_5XX
    if isinstance(error, TransportError | InvalidResponse):
        return True
    return getattr(error, "code", None) == "request_in_progress"
