"""Convert the failure of one attempt to an exception of the package.

aiohttp's own exceptions are not kept: they hold the request with its headers, and therefore the API
key.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec

from heygen_async.errors import (
    APIError,
    AuthenticationError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    PaymentRequired,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    ServerError,
    TransportError,
)
from heygen_async.session.answers.codec import error_facts
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.retry import HOPELESS_429, retry_after_of

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
_LONGEST_ID = 200

# Raised by aiohttp, the socket and the timer when no complete answer arrives. ValueError: a header
# or chunk that cannot be parsed.
TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
# Errors after which nothing of the call can have reached the API.
_NOT_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
)
# Reasons of OpenSSL that a later attempt would meet again.
_NO_TLS = {
    "HTTP_REQUEST",
    "NO_PROTOCOLS_AVAILABLE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "WRONG_VERSION_NUMBER",
}
_OWN_CERTIFICATES = (
    "If a proxy of your network inspects the traffic, pass the file of its certificates as "
    "HeyGen(ssl=...) or in the environment variable SSL_CERT_FILE."
)
_CLOCK = "Check the clock of this machine; if it is right, the host needs another certificate."
_HOST = "Check the name of the host in the address, and the proxies of the network."
# By OpenSSL's code: not yet valid, expired, mismatch of a name and of an IP address.
_WHAT_TO_DO = {9: _CLOCK, 10: _CLOCK, 62: _HOST, 64: _HOST}


class NothingAnswersError(aiohttp.ClientConnectorError):
    """No connection to the API has ever succeeded, after two attempts."""


class CallSite(msgspec.Struct, frozen=True):
    """The call that failed: HTTP method, and path without query."""

    method: str
    path: str


def answered(
    status: int, headers: Mapping[str, str], body: bytes, call_site: CallSite, secret: str
) -> APIError:
    """Return the exception for an error answer, whatever its body."""
    facts = error_facts(body)
    code = facts.code if facts else None
    message = facts.message if facts else None
    if message is None:
        if 300 <= status < 400:
            # Following a redirect would send the key to its target.
            place = _place(headers.get("Location"))
            message = f"the server redirects to {place}, which is not followed; check base_url"
        else:
            message = f"the server answered {status} without an error message of the API"
    cls = _CLASSES.get(status) or (ServerError if status >= 500 else BadRequest)
    if code in HOPELESS_429 and status == 429:
        cls = QuotaExceeded

    def clean(text: str | None, longest: int) -> str | None:
        return redact(text, secret, longest=longest) if text else None

    return cls(
        redact(message, secret, longest=_LONGEST_MESSAGE),
        status=status,
        code=clean(code, 100) or _CODES.get(status, f"http_{status}"),
        param=clean(facts.param, 200) if facts else None,
        doc_url=clean(facts.doc_url, 500) if facts else None,
        errors=tuple(
            {name: clean(text, 500) or "" for name, text in detail.items()}
            for detail in (facts.errors if facts else ())
        ),
        request_id=request_id_of(headers, secret),
        retry_after=retry_after_of(headers, time.time()),
        method=call_site.method,
        path=call_site.path,
    )


def unanswered(error: BaseException, call_site: CallSite, seconds: float) -> TransportError:
    """Return the exception for an attempt without a complete answer.

    Args:
        error: One of ``TRANSPORT_ERRORS``.
        call_site: The call.
        seconds: The timeout of the attempt.
    """
    method, path = call_site.method, call_site.path
    # Checked before the timeouts, because a slow connection raises one of those too.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ConnectionFailed(
            f"cannot connect: the certificate of {error.host} is not trusted ({_distrust(error)}",
            sent=False,
            final=True,
            method=method,
            path=path,
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError) and _has_no_tls(error):
        return ConnectionFailed(
            f"cannot connect: {error.host}:{error.port} and this machine have no version of TLS in "
            f"common ({_reason(error)}). Check the address, whose host may speak plain HTTP, and "
            "the proxies of the network.",
            sent=False,
            final=True,
            method=method,
            path=path,
        )
    if isinstance(error, NothingAnswersError):
        return ConnectionFailed(
            f"cannot connect: {_reason(error)}. Nothing has answered at {error.host}:{error.port} "
            "yet; check base_url (or HEYGEN_API_BASE) and the network.",
            sent=False,
            final=True,
            method=method,
            path=path,
        )
    if isinstance(error, _NOT_CONNECTED):
        return ConnectionFailed(
            f"cannot connect: {_reason(error)}", sent=False, method=method, path=path
        )
    if isinstance(error, TimeoutError):
        return RequestTimeout(f"no answer within {seconds:g} s", method=method, path=path)
    return ConnectionFailed(
        f"the connection broke before a complete answer: {_reason(error)}", method=method, path=path
    )


def oversized(status: int, limit: int, call_site: CallSite) -> InvalidResponse:
    """Return the exception for an answer that is larger than ``limit`` bytes."""
    return InvalidResponse(
        f"the answer has more than {limit} bytes; HeyGen(max_answer=...) allows more",
        status=status,
        method=call_site.method,
        path=call_site.path,
    )


def undecodable(
    error: Exception, status: int, body: bytes, call_site: CallSite, secret: str
) -> InvalidResponse:
    """Return the exception for a success whose body does not match the endpoint."""
    another_shape = isinstance(error, msgspec.ValidationError)
    reason = f"{len(body)} bytes, not JSON"
    if another_shape:
        reason = redact(str(error), secret, longest=_LONGEST_MESSAGE)
    return InvalidResponse(
        f"the answer does not have the form that the API describes: {reason}",
        status=status,
        garbled=not another_shape,
        method=call_site.method,
        path=call_site.path,
    )


def request_id_of(headers: Mapping[str, str], secret: str) -> str | None:
    """Return the request id of an answer, for HeyGen's support, or None."""
    for name in _REQUEST_IDS:
        value = headers.get(name)
        if value:
            if not value.isascii():  # it may hold bytes that are not text
                value = value.encode(errors="replace").decode()
            return redact(value, secret, longest=_LONGEST_ID)
    return None


def _reason(error: BaseException) -> str:
    """Return the kind of failure, but not its text, which may quote headers and URLs."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, OSError) and error.strerror and error.errno:
        return redact(error.strerror)
    return type(error).__name__


def _has_no_tls(error: aiohttp.ClientConnectorSSLError) -> bool:
    """Return whether another attempt at a TLS connection would fail as well."""
    return getattr(error.os_error, "reason", None) in _NO_TLS


def _distrust(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Return why a certificate is not trusted, in OpenSSL's words, and what to do."""
    said = getattr(error.certificate_error, "verify_message", "") or "verification failed"
    code = getattr(error.certificate_error, "verify_code", 0)
    what_to_do = _WHAT_TO_DO.get(code, _OWN_CERTIFICATES)
    return f"{redact(str(said), longest=200).removesuffix('.')}). {what_to_do}"


def _place(location: str | None) -> str:
    """Return scheme and host of a redirect's target."""
    try:
        parts = urlsplit(location or "")
        host = parts.hostname
    except ValueError:
        host = None
    return f"{parts.scheme}://{host}" if host else "an unnamed place"
