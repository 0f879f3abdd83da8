"""Decode answers to Structs in one pass, and errors from any body.

The three versions of the API wrap their answers differently, and gateways in front of it use none
of these envelopes:

- v3: ``{"data": {...}}``, lists ``{"data": [...], "has_more", "next_token"}``, errors
  ``{"error": {"code", "message", "param"?, "doc_url"?, "errors"?}}``
- v2: ``{"error": null, "data": {...}}``; ``error`` has also been seen as a bare string, and
  its ``code`` as an int
- v1: ``{"code": 100, "data", "message"}``; any other code is a failure
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from heygen_async.models.structs import Answer
from heygen_async.session.answers.lenient import Oddity, convert_leniently
from heygen_async.session.answers.repair import repaired

T = TypeVar("T")

Decode: TypeAlias = Callable[[bytes], T]

# A deeply nested body exhausts the decoder's stack instead of failing to parse.
DECODE_ERRORS = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_REPAIRABLE = (msgspec.MsgspecError, UnicodeDecodeError)

logger: logging.Logger = logging.getLogger("heygen_async.session")

_V1_SUCCESS = 100
_MOST_DETAILS = 50
_DETAIL = ("code", "message", "node_id", "path", "port")


class _Data(msgspec.Struct, Generic[T]):
    data: T
    error: Any = None
    code: Any = _V1_SUCCESS


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list.

    Attributes:
        items: The entries of the page.
        has_more: Whether there is another page.
        next_token: The token that requests the next page.
    """

    items: list[T]
    has_more: bool = False
    next_token: str | None = None


class _Page(msgspec.Struct, Generic[T]):
    data: list[T] | None
    error: Any = None
    has_more: bool | None = None
    next_token: str | None = None


class ErrorFacts(msgspec.Struct, frozen=True):
    """The contents of an error answer, whatever its form.

    Attributes:
        code: The API's code, or None outside its envelopes.
        message: The API's message, or None.
        param: The field at fault, or None.
        doc_url: URL of the documentation of the code, or None.
        errors: The texts of each detail.
    """

    code: str | None = None
    message: str | None = None
    param: str | None = None
    doc_url: str | None = None
    errors: tuple[dict[str, str], ...] = ()


class ErrorInside(Exception):
    """A body that decoded as a success but reports a failure (v1, v2)."""


class _Envelope(msgspec.Struct):
    """Any envelope, whatever the types of its fields."""

    data: Any = None
    error: Any = None
    code: Any = _V1_SUCCESS
    has_more: Any = None
    next_token: Any = None


def decoder_for(
    answer: Any, envelope: Literal["data", "page", "none"], *, creates: bool = False
) -> Decode[Any]:
    """Return a function that decodes the body of a success.

    The function raises one of ``DECODE_ERRORS`` for bytes that do not match the answer's type, and
    ``ErrorInside`` for a failure with the status of a success. A field of an ``Answer`` that has
    another type than published, and that the SDK does not act on, is converted, kept or left out,
    and logged once.

    Args:
        answer: Type of the answer, inside its envelope.
        envelope: ``data``, ``page`` for lists, or ``none``.
        creates: Whether the answer describes what was created; then only its ids are required.
    """
    strict = _strict_decoder(answer, envelope)
    tolerant = isinstance(answer, type) and issubclass(answer, Answer)
    reported = set[Oddity]()

    def decode(body: bytes) -> Any:
        try:
            return strict(body)
        except _REPAIRABLE:
            if not tolerant:
                right = repaired(body)
                if right is None:
                    raise
                return strict(right)
        found, oddities = _convert_leniently(plain_values(body), answer, envelope, creates)
        log_oddities(oddities, answer.__name__, reported)
        return found

    return decode


def _strict_decoder(answer: Any, envelope: Literal["data", "page", "none"]) -> Decode[Any]:
    if envelope == "none":
        return msgspec.json.Decoder(answer).decode
    if envelope == "page":
        decode_page = msgspec.json.Decoder(_Page[answer]).decode

        def page(body: bytes) -> Page[Any]:
            raw = decode_page(body)
            if raw.error:
                raise ErrorInside
            return Page(raw.data or [], bool(raw.has_more and raw.next_token), raw.next_token)

        return page
    decode_data = msgspec.json.Decoder(_Data[answer]).decode

    def data(body: bytes) -> Any:
        envelope = decode_data(body)
        if envelope.error or (envelope.code != _V1_SUCCESS and envelope.code is not None):
            raise ErrorInside
        return envelope.data

    return data


def plain_values(body: bytes) -> Any:
    """Return the plain values in a body, even if it is not quite valid JSON.

    Raises:
        Exception: One of ``DECODE_ERRORS``.
    """
    try:
        return msgspec.json.decode(body)
    except _REPAIRABLE:
        right = repaired(body)
        if right is None:
            raise
        return msgspec.json.decode(right)


def _convert_leniently(
    plain: Any, answer: Any, envelope: str, creates: bool
) -> tuple[Any, list[Oddity]]:
    if envelope == "none":
        return convert_leniently(plain, answer, status_required=not creates)
    outer = msgspec.convert(plain, _Envelope)
    if outer.error or (envelope == "data" and outer.code not in (_V1_SUCCESS, None)):
        raise ErrorInside
    if envelope == "data":
        return convert_leniently(outer.data, answer, status_required=not creates)
    items, oddities = convert_leniently(outer.data or [], list[answer])
    token = outer.next_token
    if isinstance(token, int):
        token = str(token)
    token = _string(token)
    return Page(items, bool(outer.has_more and token), token), oddities


def log_oddities(oddities: Iterable[Oddity], answer: str, reported: set[Oddity]) -> None:
    """Warn once about each field that has another type than published.

    Args:
        oddities: The fields.
        answer: Name of the type of the answer.
        reported: The fields that were logged before; new ones are added.
    """
    for oddity in oddities:
        if oddity not in reported:
            reported.add(oddity)
            logger.warning(
                "%s.%s is not of the type that the API publishes (found: %s); it is %s",
                answer,
                oddity.path,
                oddity.found,
                "kept as far as possible" if oddity.kept else "left out",
                extra={"answer": answer, "field": oddity.path, "found": oddity.found},
            )


def error_facts(body: bytes) -> ErrorFacts | None:
    """Return the contents of an error body, or None if it has none of the envelopes."""
    try:
        outer = plain_values(body)
    except DECODE_ERRORS:
        return None
    if not isinstance(outer, dict):
        return None
    error = outer.get("error")
    if isinstance(error, str) and error:
        return ErrorFacts(code=_code(outer.get("code")), message=error)
    if not isinstance(error, dict):
        if outer.get("code") in (None, _V1_SUCCESS):
            return None
        error = outer
    return ErrorFacts(
        code=_code(error.get("code")),
        message=_string(error.get("message")) or _string(error.get("msg")),
        param=_string(error.get("param")),
        doc_url=_string(error.get("doc_url")),
        errors=_details(error.get("errors")),
    )


def _details(errors: object) -> tuple[dict[str, str], ...]:
    """Return the known texts of each detail of an error; leave out anything else."""
    details = errors[:_MOST_DETAILS] if isinstance(errors, list) else []
    return tuple(
        {name: text for name in _DETAIL if isinstance(text := detail.get(name), str)}
        for detail in details
        if isinstance(detail, dict)
    )


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _code(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _string(value)
