"""The state that all attempts of one call share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import aiohttp

from heygen_async.errors import CallError, SlotUnavailable
from heygen_async.session.diagnostics.observation import Observation
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import CallSite
from heygen_async.session.recovery import Flight, Recovery

T = TypeVar("T")
CallErrorT = TypeVar("CallErrorT", bound=CallError)
Body: TypeAlias = bytes | Callable[[], aiohttp.Payload]


class Call(Generic[T]):
    """One call, with everything that each of its attempts sends."""

    __slots__ = (
        "body",
        "bulk",
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
        *,
        bulk: bool,
        resend: bool,
        repeat: bool,
    ) -> None:
        self.endpoint: Endpoint[T] = endpoint
        self.path: str = path
        self.body: Body | None = body
        self.headers: dict[str, str] | None = headers
        self.bulk: bool = bulk
        self.resend: bool = resend
        self.repeat: bool = repeat
        self.observed: Observation | None = None
        self.flight: Flight | None = None if endpoint.creates is None else Flight()
        self.first_sent: float = 0.0  # unix time

    @property
    def call_site(self) -> CallSite:
        """Method, and path without query."""
        return CallSite(self.endpoint.method, self.path.partition("?")[0])

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
