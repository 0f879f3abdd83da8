"""The request limiter: bounds the requests in flight and per second.

Every call of a client passes through one ``RequestLimiter``. It is first in, first out, so no
caller starves (with an unfair connection pool, the slowest of 500 callers waits a hundred times as
long as the median). Three things can hold a caller back:

- the limit of requests in flight;
- a token bucket, if a rate is set: tokens arrive evenly, and up to ``burst`` of them are saved;
- the gate (session/limits/gate.py): an answer with ``Retry-After`` closes it for all callers, so
  one 429 means one pause, not one for each caller. At the end of the pause one request is sent as
  a probe.

Calls of a bulk run leave ``reserve`` places free and queue behind all others: an interactive call
never waits behind a batch.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec

from heygen_async.errors import ConfigurationError, RateLimited
from heygen_async.session.limits.gate import Gate
from heygen_async.session.limits.waiting import Queue

_INTERACTIVE, _BULK = 0, 1


class TokenBucket:
    """Arithmetic of a rate limit. Uses no clock; the time is an argument.

    Args:
        per_second: Tokens added per second.
        burst: The most tokens that can be saved.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self.burst = burst
        self._level = burst
        self._at: float | None = None

    def wait(self, now: float, keep: float = 0.0) -> float:
        """Take a token and return 0, or return the seconds until one is available.

        Args:
            now: The present, in seconds of any steady clock.
            keep: Tokens that must stay in the bucket for others.
        """
        if self._at is not None:
            self._level = min(self.burst, self._level + (now - self._at) * self.per_second)
        self._at = now
        # Without the tolerance, rounding errors cause an extra wait of zero seconds.
        if self._level - keep >= 1.0 - 1e-9:
            self._level -= 1.0
            return 0.0
        return (1.0 + keep - self._level) / self.per_second

    def restart(self) -> None:
        """Start with a full bucket, on another clock."""
        self._level, self._at = self.burst, None


class RequestLimiter:
    """Limits the requests of one client, or of several that share it on one event loop.

    Args:
        in_flight: The most requests in flight at the same time. Default 100.
        per_second: The most requests per second; None (default) sets no rate. HeyGen limits request
            rates but does not publish them.
        burst: Requests that may be sent at once after a pause. Default: those of one second.
        reserve: Places, and tokens, that calls of bulk runs leave to other calls. Default: a tenth.

    Attributes:
        in_use: Requests in flight now.
    """

    def __init__(
        self,
        in_flight: int = 100,
        per_second: float | None = None,
        *,
        burst: float | None = None,
        reserve: int | None = None,
    ) -> None:
        if in_flight < 1:
            raise ConfigurationError(f"requests: expected in_flight >= 1, got {in_flight!r}")
        if per_second is not None and not 0 < per_second < math.inf:
            raise ConfigurationError(f"requests: expected per_second > 0, got {per_second!r}")
        if reserve is not None and reserve < 0:
            raise ConfigurationError(f"requests: expected reserve >= 0, got {reserve!r}")
        self.in_flight = in_flight
        self.per_second = per_second
        self.reserve: int = min(in_flight // 10 if reserve is None else reserve, in_flight - 1)
        self.in_use: int = 0
        self.burst = burst
        self._bucket: TokenBucket | None = None
        self._keep = 0.0
        if per_second is not None:
            burst = max(1.0, per_second if burst is None else burst)
            self._bucket = TokenBucket(per_second, burst)
            # A bucket that cannot hold more than the reserve would never admit a bulk call.
            self._keep = max(0.0, min(burst * self.reserve / in_flight, burst - 1.0))
        self._gate = Gate()
        self._probe: asyncio.Task[Any] | None = None  # sends the request that ends a pause
        self._queue: Queue[_Caller] = Queue(2, self._grant)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _limiter, (self.in_flight, self.per_second, self.burst, self.reserve)

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a place."""
        return self._queue.waiting

    @property
    def paused_seconds(self) -> float:
        """Seconds for which an answer with ``Retry-After`` still holds requests back."""
        return 0.0 if self._loop is None else self._gate.wait(self._loop.time())

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Switch to this event loop; callers that waited on another one are dropped.

        Args:
            loop: The running loop.
        """
        if loop is not self._loop:
            self._loop = loop
            self.in_use = 0
            self._gate, self._probe = Gate(), None
            self._queue.forget()
            if self._bucket is not None:
                self._bucket.restart()

    def acquire_nowait(self, bulk: bool = False) -> bool:
        """Take a place if one is free right now, as for nearly every call.

        Args:
            bulk: Whether the call is part of a bulk run, which leaves the reserve free.

        Returns:
            Whether a place was taken; ``release`` gives it back.
        """
        if (
            self._queue.waiting
            or self._gate.shut
            or self.in_use >= (self.in_flight - self.reserve if bulk else self.in_flight)
        ):
            return False
        if self._bucket is not None:
            assert self._loop is not None
            if self._bucket.wait(self._loop.time(), self._keep if bulk else 0.0):
                return False
        self.in_use += 1
        return True

    async def acquire(self, bulk: bool = False, *, patience: float = float("inf")) -> None:
        """Wait for a place.

        Args:
            bulk: Whether the call is part of a bulk run.
            patience: The most seconds to wait while the gate is closed.

        Raises:
            RateLimited: The gate is closed for longer than ``patience``.
        """
        loop = asyncio.get_running_loop()
        self.bind(loop)
        held_back = self._gate.shut
        if held_back:
            check_patience(self._gate.wait(loop.time()), patience)
        caller = _Caller(bulk, asyncio.current_task())
        try:
            await self._queue.wait(
                _BULK if bulk else _INTERACTIVE,
                caller,
                give_back=self.release,
                patience=patience if held_back else math.inf,
            )
        except TimeoutError:
            held = out_of_patience(self._gate.wait(loop.time()), patience)
            raise held from None

    def release(self) -> None:
        """Give back a place."""
        self.in_use -= 1
        if self._loop is not None:
            if self._probe is not None and self._probe is asyncio.current_task():
                # Later, when the caller has had the chance to close the gate again.
                self._loop.call_soon(self._probe_answered, self._probe)
            if self._queue.waiting:
                self._queue.wake(self._loop)

    def close_for(self, seconds: float) -> None:
        """Close the gate; a longer pause in force is kept.

        Args:
            seconds: Duration from now; ``LONGEST_PAUSE`` at most.
        """
        assert self._loop is not None
        now = self._loop.time()
        if self._probe is not None and self._probe is asyncio.current_task():
            self._probe = None
            self._gate.retry()
        self._gate.close(now, seconds)
        if self._queue.waiting:
            self._queue.wake(self._loop)  # the deadline of the probe may have been later

    def _probe_answered(self, probe: asyncio.Task[Any]) -> None:
        if self._probe is probe:
            self._probe = None
            self._gate.answered(asyncio.get_running_loop().time())
            if self._loop is not None:
                self._queue.wake(self._loop)

    def _grant(self, caller: _Caller, now: float) -> float | None:
        if self._gate.shut:
            wait = self._gate.wait(now)
            if wait:
                return wait
        free = self.in_flight - (self.reserve if caller.bulk else 0) - self.in_use
        if free <= 0:
            return None
        if self._bucket is not None:
            wait = self._bucket.wait(now, self._keep if caller.bulk else 0.0)
            if wait:
                return wait
        self.in_use += 1
        if self._gate.enter(now):
            self._probe = caller.task
        return 0.0


class _Caller(msgspec.Struct, frozen=True):
    """A caller that waits for a place."""

    bulk: bool
    task: asyncio.Task[Any] | None


def _limiter(
    in_flight: int, per_second: float | None, burst: float | None, reserve: int
) -> RequestLimiter:
    return RequestLimiter(in_flight, per_second, burst=burst, reserve=reserve)


def check_patience(hold: float, patience: float) -> None:
    """Raise if a pause lasts longer than a caller's patience; both are in seconds.

    Raises:
        RateLimited: The pause is longer; ``retry_after`` is its remaining time.
    """
    if hold > patience:
        raise out_of_patience(hold, patience)


def out_of_patience(hold: float, patience: float) -> RateLimited:
    """Return the exception for a caller whose wait exceeds its patience; both are in seconds."""
    if hold > patience:
        message = (
            f"an earlier answer asked for a pause, of which {hold:.0f} s remain, more than the "
            f"{patience:.0f} s that this call may wait"
        )
    else:
        message = (
            f"the request could not be sent within the {patience:.0f} s that this call may wait"
        )
    return RateLimited(
        message,
        status=429,
        code="rate_limit_exceeded",
        retry_after=hold,
        attempts=0,
    )
