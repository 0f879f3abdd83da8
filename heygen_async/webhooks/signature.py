"""Whether a delivery comes from HeyGen: a pure function of its bytes, its headers and the time.

HeyGen signs what it delivers to a registered endpoint with HMAC-SHA256 over the raw body, keyed
with the endpoint's secret as it stands (``whsec_`` included), in lower-case hexadecimal digits.
The header is ``Heygen-Signature``, in older deliveries ``Signature``. ``Heygen-Timestamp`` holds
unix seconds; it is not part of what is signed, so it stops careless repeats, not forgers.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable, Mapping

import msgspec

from heygen_async.errors import (
    ConfigurationError,
    SignatureMismatch,
    SignatureMissing,
    StaleDelivery,
)

TOLERANCE = 300.0

_SIGNATURES = (("Heygen-Signature", "heygen-signature"), ("Signature", "signature"))
_TIMESTAMP = ("Heygen-Timestamp", "heygen-timestamp")
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII).fullmatch


class VerifiedBody(msgspec.Struct, frozen=True):
    """The body of a delivery whose signature was found right; ``parse`` makes an event of it.

    Attributes:
        content: The raw body.
        timestamp: When HeyGen sent it, in unix seconds, or None where it does not say. Not
            signed.
    """

    content: bytes
    timestamp: float | None = None


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE,
) -> VerifiedBody:
    """Make sure that a delivery was signed with one of the secrets, and recently.

    Args:
        body: The raw body, byte by byte as it came. One that was parsed and written again has
            another signature.
        headers: The request's headers, their names in any case.
        secrets: The endpoint's secret, or several while one is being replaced by another.
        now: Unix seconds; by default the present.
        tolerance: Seconds by which a timestamp may be off, to either side. A delivery without
            one passes.

    Returns:
        The body, as one that is known to be from HeyGen; ``parse`` takes it.

    Raises:
        SignatureMissing: It carries no signature.
        SignatureMismatch: None of the secrets made its signature.
        StaleDelivery: Its timestamp is off by more than ``tolerance``, or is no number.
        ConfigurationError: There is no secret, or one that cannot be right.
        TypeError: ``body`` is not bytes, such as JSON that was decoded.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body: expected the raw bytes of the request, got {type(body).__name__}")
    content = bytes(body)
    keys = signing_keys(secrets)
    if not keys:
        raise ConfigurationError("secrets: none is given, and nothing can be verified without")
    return verify_with(keys, content, headers, time.time() if now is None else now, tolerance)


def verify_with(
    keys: tuple[bytes, ...],
    content: bytes,
    headers: Mapping[str, str],
    now: float,
    tolerance: float,
) -> VerifiedBody:
    """As ``verify``, with the secrets as ``signing_keys`` prepared them."""
    right = [hmac.digest(key, content, "sha256").hex().encode() for key in keys]
    given = False
    for names in _SIGNATURES:
        signature = _header(headers, names)
        if signature is not None:
            given = True
            if _is_one_of(signature, right):
                break
    else:
        if not given:
            raise SignatureMissing("the delivery carries neither Heygen-Signature nor Signature")
        raise SignatureMismatch(
            "no secret fits the delivery's signature; it was made with another secret, or the "
            "body is not byte by byte what was sent"
        )
    sent = _header(headers, _TIMESTAMP)
    if sent is None:
        return VerifiedBody(content)
    if not _UNIX_SECONDS(sent):
        raise StaleDelivery("the delivery's Heygen-Timestamp is no number of unix seconds")
    timestamp = float(sent)
    age = now - timestamp
    # Whatever is not a number lies outside too.
    if not abs(age) <= tolerance:
        when = f"{age:.0f} s old" if age > 0 else f"{-age:.0f} s ahead of this machine's clock"
        raise StaleDelivery(f"the delivery is {when}, and {tolerance:g} s are tolerated", age=age)
    return VerifiedBody(content, timestamp)


def _is_one_of(signature: str, right: list[bytes]) -> bool:
    """Whether one of the right signatures was given, in a time that says nothing about which."""
    given = signature.encode("utf-8", "replace")
    matches = False
    for digest in right:
        matches |= hmac.compare_digest(digest, given)
    return matches


def signing_keys(secrets: str | Iterable[str]) -> tuple[bytes, ...]:
    """Secrets as keys of the HMAC, each once.

    Raises:
        ConfigurationError: One is empty, has blanks around it, or is no text. It is not shown.
    """
    given = [secrets] if isinstance(secrets, str) else list(secrets)
    for secret in given:
        if not isinstance(secret, str) or not secret or secret != secret.strip():
            raise ConfigurationError(
                "secrets: expected what webhooks.endpoints.create answered (whsec_…), without "
                "blanks or line breaks around it"
            )
    return tuple(dict.fromkeys(secret.encode() for secret in given))


def _header(headers: Mapping[str, str], names: tuple[str, str]) -> str | None:
    """The value of a header, given its name as HeyGen writes it and in lower case."""
    for name in names:
        value = headers.get(name)
        if value is not None:
            return value
    for name, value in headers.items():
        if name.lower() == names[1]:
            return value
    return None
