"""The state that all attempts of one call share, and its Idempotency-Key."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

import aiohttp
import msgspec

from heygen_async.errors import CallError, InvalidRequest, SlotUnavailable
from heygen_async.session.diagnostics.observation import Observation
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import CallSite
from heygen_async.session.recovery import Recovery

T = TypeVar("T")
CallErrorT = TypeVar("CallErrorT", bound=CallError)
Body: TypeAlias = bytes | Callable[[], aiohttp.Payload]

_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:.")


class Call(msgspec.Struct, Generic[T]):
    """One call, with everything that each of its attempts sends.

    Attributes:
        endpoint: The operation.
        path: Its encoded path and query.
        body: The encoded body, or a function that returns it for each attempt.
        headers: Headers of its own.
        resend: Whether it is sent again after an attempt that may have been carried out.
        repeat: Whether it is repeated at all.
        bulk: Whether it is part of a bulk run.
        confirm: Awaited right before each attempt; returns whether it may still be sent.
        observed: What hooks and the log are told, if there are any.
        first_sent: Unix time of the first attempt of a call with a key; 0 before.
        in_doubt: Whether a job may have been created whose id is not known here.
        cancelled: Whether its caller has been cancelled; then a failed attempt is the last one.
    """

    endpoint: Endpoint[T]
    path: str
    body: Body | None
    headers: dict[str, str] | None
    resend: bool
    repeat: bool
    bulk: bool = False
    confirm: Callable[[], Awaitable[bool]] | None = None
    observed: Observation | None = None
    first_sent: float = 0.0
    in_doubt: bool = False
    cancelled: bool = False

    @property
    def call_site(self) -> CallSite:
        """Method, and path without query."""
        return CallSite(self.endpoint.method, self.path.partition("?")[0])

    async def confirmed(self, release: Callable[[], None]) -> bool:
        """Return whether a call that has a place in the request limiter may still be sent.

        Args:
            release: Gives the place back. Called if the call may not be sent.
        """
        confirmed = False
        try:
            confirmed = self.confirm is None or await self.confirm()
        finally:
            if not confirmed:
                release()
        return confirmed

    def completed(self, error: CallErrorT, sent: int) -> CallErrorT:
        """Return the error for the caller, with the call and the number of attempts."""
        error.method, error.path = self.call_site.method, self.call_site.path
        error.attempts = sent
        return error

    def failed(self, error: CallErrorT, sent: int, recovery: Recovery) -> CallErrorT:
        """Return the error that ends the call."""
        if recovery.in_doubt:
            error.in_doubt = True
        # A call that is safe to repeat is not repeated after its slot was lost.
        repeatable = self.endpoint.safe and not isinstance(error, SlotUnavailable)
        if recovery.in_doubt and not repeatable:
            error.maybe_carried_out = True
        return self.completed(error, sent)


def fresh_key() -> str:
    """Return a new Idempotency-Key of 128 random bits."""
    return os.urandom(16).hex()


def checked_key(key: str) -> str:
    """Return the caller's Idempotency-Key if it is valid.

    Raises:
        InvalidRequest: It is not 1 to 255 letters, digits and ``_ - : .`` of ASCII.
    """
    if not (isinstance(key, str) and 1 <= len(key) <= 255 and _KEY_CHARACTERS.issuperset(key)):
        raise InvalidRequest(
            "idempotency_key: expected 1 to 255 characters of A-Z a-z 0-9 _ - : .",
            param="idempotency_key",
        )
    return key
