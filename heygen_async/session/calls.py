"""The state that all attempts of one call share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

import aiohttp

from heygen_async.errors import CallError, SlotUnavailable
from heygen_async.session.diagnostics.observation import Observation
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import CallSite
from heygen_async.session.recovery import Flight, Recovery
from heygen_async.session.slots import Submitting

T = TypeVar("T")
CallErrorT = TypeVar("CallErrorT", bound=CallError)
Body: TypeAlias = bytes | Callable[[], aiohttp.Payload]


class Call(Generic[T]):
    """One call, with everything that each of its attempts sends."""

    __slots__ = (
        "body",
        "bulk",
        "confirm",
        "endpoint",
        "first_sent",
        "flight",
        "headers",
        "observed",
        "path",
        "repeat",
        "resend",
    )

    def __init__(
        self,
        endpoint: Endpoint[T],
        path: str,
        body: Body | None,
        headers: dict[str, str] | None,
        submission: Submitting | None,
        *,
        resend: bool,
        repeat: bool,
    ) -> None:
        self.endpoint: Endpoint[T] = endpoint
        self.path: str = path
        self.body: Body | None = body
        self.headers: dict[str, str] | None = headers
        self.bulk: bool = submission is not None
        self.resend: bool = resend
        self.repeat: bool = repeat
        self.confirm: Callable[[], Awaitable[bool]] | None = None
        if submission is not None and endpoint.method == "POST":
            self.confirm = submission.confirm
        self.observed: Observation | None = None
        self.flight: Flight | None = None if endpoint.creates is None else Flight()
        self.first_sent: float = 0.0  # unix time

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
