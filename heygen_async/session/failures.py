"""Turns what went wrong with one attempt into an exception of the package's tree.

Nothing of aiohttp's own exceptions is kept: they hold the request with its headers, and so
the API key.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from heygen_async.errors import (
    APIError,
    AuthenticationError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    HeyGenError,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    PaymentRequired,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from heygen_async.session.codec import error_facts
from heygen_async.session.redact import redact
from heygen_async.session.retry import HOPELESS_429, parse_retry_after

_CLASSES: dict[int, type[APIError]] = {
    401: AuthenticationError,
    402: PaymentRequired,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    429: RateLimited,
}
# Codes for answers that come from a gateway, outside the API's envelopes.
_CODES = {
    400: "invalid_parameter",
    401: "unauthorized",
    402: "insufficient_credit",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limit_exceeded",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
}
_REQUEST_IDS = ("x-amzn-requestid", "x-request-id", "x-amzn-trace-id")
_LONGEST_MESSAGE = 2000

# What aiohttp, the socket and the timer raise when no complete answer arrives. ValueError:
# a header or chunk that cannot be parsed.
TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class Where(NamedTuple):
    """Which call failed: HTTP method and path without query."""

    method: str
    path: str


def answered(
    status: int, headers: Mapping[str, str], body: bytes, where: Where, secret: str
) -> APIError:
    """The exception for an error answer, from whatever the server sent."""
    facts = error_facts(body)
    code = facts.code if facts else None
    message = facts.message if facts else None
    if message is None:
        if 300 <= status < 400:
            # Followed, a redirect would carry the key to wherever it points.
            message = f"the server redirects to {_place(headers.get('Location'))}; not followed"
        else:
            message = f"the server answered {status} without a message of the API"
    cls = _CLASSES.get(status) or (ServerError if status >= 500 else BadRequest)
    if code in HOPELESS_429 and status == 429:
        cls = QuotaExceeded
    return cls(
        redact(message[:_LONGEST_MESSAGE], secret),
        status=status,
        code=redact(code[:100], secret) if code else _CODES.get(status, f"http_{status}"),
        param=redact(facts.param[:200], secret) if facts and facts.param else None,
        doc_url=redact(facts.doc_url[:500], secret) if facts and facts.doc_url else None,
        request_id=next((redact(headers[n], secret) for n in _REQUEST_IDS if n in headers), None),
        retry_after=parse_retry_after(headers.get("Retry-After"), time.time()),
        method=where.method,
        path=where.path,
    )


def unanswered(error: BaseException, where: Where, seconds: float) -> HeyGenError:
    """The exception for an attempt that brought no complete answer.

    Args:
        error: One of ``TRANSPORT_ERRORS``.
        where: The call.
        seconds: The timeout of the attempt.
    """
    method, path = where
    if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
        return RequestTimeout(f"no answer within {seconds:g} s", method=method, path=path)
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionFailed(
            f"cannot connect: {_reason(error)}", sent=False, method=method, path=path
        )
    return ConnectionFailed(
        f"the connection broke before a complete answer: {_reason(error)}", method=method, path=path
    )


def undecodable(
    error: Exception, status: int, body: bytes, where: Where, secret: str
) -> InvalidResponse:
    """The exception for a success whose body is not what the endpoint returns."""
    another_shape = isinstance(error, msgspec.ValidationError)
    reason = redact(str(error), secret) if another_shape else f"{len(body)} bytes, not JSON"
    return InvalidResponse(
        f"the answer is not what the API describes: {reason}",
        status=status,
        garbled=not another_shape,
        method=where.method,
        path=where.path,
    )


def _reason(error: BaseException) -> str:
    """The kind of failure; never its text, which may quote headers and URLs."""
    if isinstance(error, OSError) and error.strerror and error.errno:
        return redact(error.strerror)
    return type(error).__name__


def _place(location: str | None) -> str:
    """Scheme and host of a redirect's target."""
    try:
        parts = urlsplit(location or "")
        host = parts.hostname
    except ValueError:
        host = None
    return f"{parts.scheme}://{host}" if host else "an unnamed place"
