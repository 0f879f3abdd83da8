"""Verify that a delivery comes from HeyGen. Pure functions of its body, headers and the time.

HeyGen signs deliveries to a registered endpoint with HMAC-SHA256 over the raw body. The key is the
endpoint's secret including its prefix ``whsec_``, and the signature is in lower-case hexadecimal
digits. The header is ``Heygen-Signature``, in older deliveries ``Signature``. ``Heygen-Timestamp``
holds unix seconds. It is not signed, so anybody can change it; the ``created_at`` of an event is
signed, and limits how long a recorded delivery can be replayed.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from heygen_async.errors import (
    ConfigurationError,
    SignatureMismatch,
    SignatureMissing,
    StaleDelivery,
)
from heygen_async.session.answers.codec import DECODE_ERRORS

TOLERANCE = 300.0
"""The most seconds by which the timestamp of a delivery may be off."""

MAX_AGE = 25 * 3600.0
"""Seconds after which an event is no longer accepted: HeyGen repeats deliveries for 24 h."""

_SIGNATURE = "heygen-signature"
_OLDER_SIGNATURE = "signature"
_TIMESTAMP = "heygen-timestamp"
_OF_A_SIGNED_DELIVERY = (_SIGNATURE, _TIMESTAMP, "heygen-event-id")
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII).fullmatch
# A header with more values than this is not from HeyGen.
_MOST_VALUES = 10


Headers: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""Headers of a request, in the form of any web framework."""


class VerifiedBody(msgspec.Struct, frozen=True):
    """The body of a delivery with a valid signature; ``parse`` returns its event.

    Attributes:
        content: The raw body.
        timestamp: Unix seconds at which HeyGen sent it, or None if the header is missing. Not
            signed.
    """

    content: bytes
    timestamp: float | None = None


class _EventTime(msgspec.Struct):
    """The signed time of an event, whatever its type."""

    created_at: Any = None


_event_times: msgspec.json.Decoder[_EventTime] = msgspec.json.Decoder(_EventTime)


def verify(
    body: bytes,
    headers: Headers,
    secrets: str | Iterable[str],
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE,
    max_age: float = MAX_AGE,
) -> VerifiedBody:
    """Verify that a delivery was recently signed with one of the secrets.

    Args:
        body: The raw body, byte for byte. A body that was parsed and serialized again has another
            signature.
        headers: The headers of the request, with names in any case. The forms of WSGI
            (``HTTP_HEYGEN_SIGNATURE``), ASGI (bytes) and AWS Lambda (lists of values) are accepted,
            and pairs of name and value too.
        secrets: The endpoint's secret, or several while one is being replaced.
        now: Unix seconds; by default the present.
        tolerance: The most seconds by which a timestamp may be off, to either side. Default 300. A
            delivery without a timestamp is accepted.
        max_age: The most seconds since the ``created_at`` of the event. Default 25 h: HeyGen
            repeats deliveries for 24 h. A body without it, as in older deliveries, is accepted.

    Returns:
        The body, marked as verified; ``parse`` accepts it.

    Raises:
        SignatureMissing: It has no signature.
        SignatureMismatch: None of the secrets matches its signature.
        StaleDelivery: Its timestamp is off by more than ``tolerance`` or is not a number, or its
            event is older than ``max_age``.
        ConfigurationError: There is no secret, or one is invalid.
        TypeError: ``body`` is not bytes, but for example decoded JSON.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body: expected the raw bytes of the request, got {type(body).__name__}")
    content = bytes(body)
    keys = signing_keys(secrets)
    if not keys:
        raise ConfigurationError("secrets: pass at least one secret to verify a delivery")
    if now is None:
        now = time.time()
    verified = verify_with(keys, content, headers, now, tolerance)
    try:
        created_at = _event_times.decode(content).created_at
    except DECODE_ERRORS:
        return verified  # not an event, which ``parse`` reports
    event_time(created_at if isinstance(created_at, str) else None, now, max_age)
    return verified


def verify_with(
    keys: Mapping[bytes, hmac.HMAC],
    content: bytes,
    headers: Headers,
    now: float,
    tolerance: float,
) -> VerifiedBody:
    """Verify the signature and the timestamp, with the keys that ``signing_keys`` returns.

    The caller verifies the age of the event with ``event_time``.
    """
    found = _delivery_headers(headers)
    signatures = found.get(_SIGNATURE, []) + found.get(_OLDER_SIGNATURE, [])
    if not signatures:
        raise SignatureMissing("the delivery has neither a header Heygen-Signature nor Signature")
    if not _is_valid(signatures[:_MOST_VALUES], keys, content):
        raise SignatureMismatch(
            "the delivery's signature does not match; it was made with another secret, or the body "
            "was changed in transit or by the app"
        )
    timestamps = found.get(_TIMESTAMP)
    return VerifiedBody(content, _timely(timestamps[0], now, tolerance) if timestamps else None)


def event_time(created_at: str | None, now: float, max_age: float = MAX_AGE) -> float | None:
    """Return the unix seconds of an event that is not too old.

    Args:
        created_at: The signed time of the event.
        now: Unix seconds.
        max_age: As for ``verify``.

    Returns:
        Its time, or None if it has none.

    Raises:
        StaleDelivery: It was created more than ``max_age`` seconds ago.
    """
    created = None if created_at is None else unix_seconds(created_at)
    if created is not None and now - created > max_age:
        age = now - created
        raise StaleDelivery(
            f"the event was created {age:.0f} s ago, but HeyGen repeats deliveries for 24 h only",
            age=age,
        )
    return created


def looks_signed(headers: Headers) -> bool:
    """Return whether headers look like those of a signed delivery without its signature.

    A framework or a proxy may have renamed, wrapped or removed the signature.

    Args:
        headers: The headers of the request, in any form.
    """
    squeezed = [re.sub(r"[^a-z]", "", name.lower()) for name in header_names(headers)]
    marks = [name.replace("-", "") for name in _OF_A_SIGNED_DELIVERY]
    return any(mark in name for name in squeezed for mark in marks)


def header_names(headers: Headers) -> list[str]:
    """Return the names of headers, unchanged.

    Args:
        headers: The headers of the request, in any form.
    """
    return [_text(name) for name, _ in _pairs(headers)]


def _timely(text: str, now: float, tolerance: float) -> float:
    """Return the timestamp of a delivery.

    Raises:
        StaleDelivery: It is off by more than ``tolerance`` seconds, or is not a number.
    """
    if not _UNIX_SECONDS(text):
        raise StaleDelivery("the delivery's Heygen-Timestamp is not a number of unix seconds")
    timestamp = float(text)
    age = now - timestamp
    # This form also refuses if the tolerance or the time is NaN.
    if not abs(age) <= tolerance:
        when = f"{age:.0f} s old" if age > 0 else f"{-age:.0f} s ahead of this machine's clock"
        raise StaleDelivery(
            f"the delivery is {when}, but only {tolerance:g} s are tolerated", age=age
        )
    return timestamp


def unix_seconds(created_at: str) -> float | None:
    """Return the unix seconds of an ISO 8601 time, or None if it is not one.

    Args:
        created_at: The time, in upper or lower case, with or without blanks around it. A time
            without a zone is in UTC.
    """
    try:
        moment = datetime.fromisoformat(created_at.strip().upper())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_valid(signatures: list[str], keys: Mapping[bytes, hmac.HMAC], content: bytes) -> bool:
    """Return whether one of the signatures is valid, in constant time."""
    given = [signature.encode("utf-8", "replace") for signature in signatures]
    matches = False
    for key in keys.values():
        code = key.copy()
        code.update(content)
        valid = code.hexdigest().encode()
        for signature in given:
            matches |= hmac.compare_digest(valid, signature)
    return matches


def signing_keys(secrets: str | Iterable[str]) -> dict[bytes, hmac.HMAC]:
    """Return the secrets as HMAC keys, each with a code that has begun with it.

    Args:
        secrets: One secret or several.

    Raises:
        ConfigurationError: A secret is empty, has blanks around it, or is not text. The message
            does not show it.
    """
    given = [secrets] if isinstance(secrets, str) else list(secrets)
    for secret in given:
        if not isinstance(secret, str) or not secret or secret != secret.strip():
            raise ConfigurationError(
                "secrets: expected the secret that webhooks.endpoints.create returned (whsec_…), "
                "without blanks or line breaks around it"
            )
    return {key: _begun(key) for key in map(str.encode, given)}


@lru_cache(maxsize=64)
def _begun(key: bytes) -> hmac.HMAC:
    # A copy of it costs half of what hmac.digest needs to begin with a key.
    return hmac.new(key, digestmod="sha256")


def _delivery_headers(headers: Headers) -> dict[str, list[str]]:
    """Return the headers that HeyGen adds, with all values, by lower-case name.

    Web frameworks pass headers in several forms: ``Heygen-Signature`` in any case,
    ``HTTP_HEYGEN_SIGNATURE`` (WSGI, Django), ``heygen_signature``, bytes (ASGI), and lists of
    values (AWS Lambda).
    """
    found: dict[str, list[str]] = {}
    for name, value in _pairs(headers):
        try:
            known = _known_name(name)
        except TypeError:  # a bytearray cannot be a key of the cache
            known = _known_name(_text(name))
        if known is None:
            continue
        values = found.setdefault(known, [])
        if isinstance(value, str):
            values.append(value.strip())
        elif isinstance(value, (list, tuple)):
            values.extend(map(_text, value[:_MOST_VALUES]))
        else:
            values.append(_text(value))
    return found


@lru_cache(maxsize=256)
def _known_name(name: object) -> str | None:
    """Return which of the headers has this name in one of its forms, or None for another header."""
    known = _text(name).lower().replace("_", "-").removeprefix("http-")
    return known if known in (_SIGNATURE, _OLDER_SIGNATURE, _TIMESTAMP) else None


def _pairs(headers: Headers) -> Iterable[tuple[Any, Any]]:
    # Some, such as those of http.server and email, are not a Mapping.
    items = getattr(headers, "items", None)
    return headers if items is None else items()


def _text(value: object) -> str:
    """Return a name or a value of a header as text; bytes are Latin-1, as in HTTP."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("latin-1").strip()
    return str(value).strip()
