"""Idempotent answers, and the limit of requests per second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from ..answers import Answer
from ..clock import Clock
from ..refusals import Refusal

__all__ = ["IdempotentAnswers", "RequestBucket", "Scope"]

#: Operation id, path parameters, `Idempotency-Key`.
Scope: TypeAlias = tuple[str, ...]

#: Sandbox seconds for which an answer is replayed.
REPLAY_LIFETIME = 86_400.0


class IdempotentAnswers:
    """Idempotent responses by scope, replayed for 24 hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stored: dict[Scope, Answer] = {}
        self._expiries: deque[tuple[float, Scope]] = deque()
        self._in_flight: set[Scope] = set()

    def begin(self, scope: Scope) -> Answer | None:
        """Return the answer to replay, or mark the scope as in progress and return None.

        Raises:
            Refusal: 409 `request_in_progress`.
        """
        if scope in self._in_flight:
            raise Refusal(
                409, "request_in_progress", "A request with this Idempotency-Key is in progress"
            )
        now = self._clock.now()
        while self._expiries and self._expiries[0][0] <= now:
            del self._stored[self._expiries.popleft()[1]]
        answer = self._stored.get(scope)
        if answer is None:
            self._in_flight.add(scope)
        return answer

    def store(self, scope: Scope, answer: Answer) -> None:
        """Store a successful answer for replay."""
        self._stored[scope] = answer
        self._expiries.append((self._clock.now() + REPLAY_LIFETIME, scope))

    def release(self, scope: Scope) -> None:
        """Note that the request of this scope has ended."""
        self._in_flight.discard(scope)


class RequestBucket:
    """A token bucket on the event loop's clock that holds the requests of one second."""

    def __init__(self, rate: float | None, time: Callable[[], float]) -> None:
        self._rate = rate
        self._time = time
        self._tokens = max(1.0, rate or 0.0)
        self._counted_at = time()

    def take(self) -> None:
        """Take a token, or refuse the request with 429."""
        if self._rate is None:
            return
        now = self._time()
        filled = self._tokens + (now - self._counted_at) * self._rate
        self._tokens = min(max(1.0, self._rate), filled)
        self._counted_at = now
        if self._tokens < 1.0:
            raise Refusal(
                429,
                "rate_limit_exceeded",
                "Too many requests. Please retry later.",
                headers={"Retry-After": "1"},
            )
        self._tokens -= 1.0
