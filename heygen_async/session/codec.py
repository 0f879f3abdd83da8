"""Bytes to Structs in one pass, and errors out of whatever a server sends.

Three versions of the API wrap their answers in three ways, and gateways in front of it
answer outside all of them:

- v3: ``{"data": {...}}``, lists ``{"data": [...], "has_more", "next_token"}``, errors
  ``{"error": {"code", "message", "param"?, "doc_url"?, "errors"?}}``
- v2: ``{"error": null, "data": {...}}``; ``error`` has also been seen as a bare string, and
  its ``code`` as an int
- v1: ``{"code": 100, "data", "message"}``; any other code is a failure
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

Decode: TypeAlias = Callable[[bytes], T]

# A deeply nested body exhausts the decoder's stack instead of failing to parse.
DECODE_ERRORS = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

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
        items: What the page holds.
        has_more: Whether there is another page.
        next_token: The token that asks for it.
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
    """What an error answer says, whatever its form.

    Attributes:
        code: The API's code, or None outside its envelopes.
        message: Its sentence, or None.
        param: The field at fault, or None.
        doc_url: A page about the code, or None.
        errors: The texts of its details, item by item.
    """

    code: str | None = None
    message: str | None = None
    param: str | None = None
    doc_url: str | None = None
    errors: tuple[dict[str, str], ...] = ()


class ErrorInside(Exception):
    """A body that decoded as a success but says that it is a failure (v1, v2)."""


def decoder_for(answer: Any, envelope: Literal["data", "page", "none"]) -> Decode[Any]:
    """A function from the bytes of a success to the answer.

    The function raises one of ``DECODE_ERRORS`` for bytes that are not what the endpoint
    answers, and ``ErrorInside`` for a failure under a success's status.
    """
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


def error_facts(body: bytes) -> ErrorFacts | None:
    """What an error body says, or None where it says nothing in any of the envelopes."""
    try:
        outer = msgspec.json.decode(body)
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
    """Return the known texts of each detail of an error; anything else is left out."""
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
