"""Endpoint descriptors: the operations of the API as data."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from heygen_async.errors import InvalidRequest
from heygen_async.session.answers.codec import Decode, decoder_for
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.settings import CallKind

# The prefixes of API keys and webhook secrets.
_KEYS = ("hg_", "sk_", "whsec_")

T = TypeVar("T")

# Characters that a URL contains unescaped (RFC 3986, unreserved).
_UNRESERVED = (string.ascii_letters + string.digits + "-._~").encode()

Envelope: TypeAlias = Literal["data", "page", "none"]
Query: TypeAlias = Mapping[str, "str | int | float | bool | Sequence[str] | None"]


class Endpoint(msgspec.Struct, Generic[T], frozen=True, kw_only=True, dict=True):
    """One operation of the API.

    Attributes:
        operation: The contract's operationId, ``videos.get``.
        method: HTTP method.
        path: Path with its parameters in braces, ``/v3/videos/{video_id}``.
        answer: The type that an answer decodes to, inside its envelope.
        envelope: ``data`` for ``{"data": …}`` of all three API versions, ``page`` for v3
            lists, ``none`` for an answer without envelope.
        keyed: Whether the operation takes an Idempotency-Key; then its retries are safe.
        replays: Whether the API is known to replay the answer for a repeated key. If not, a call is
            not repeated after an attempt that may have been carried out.
        idempotent: Whether a POST without a key has the same effect when it is sent twice.
        kind: The timeout that applies; by default ``read`` for GET, ``write`` for the rest.
        creates: Returns the ids of the paid jobs in an answer, for operations that start jobs;
            these count against the account's concurrency limit.
    """

    operation: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    answer: Any
    envelope: Envelope = "data"
    keyed: bool = False
    replays: bool = True
    idempotent: bool = False
    kind: CallKind | None = None
    creates: Callable[[Any], list[str]] | None = None

    @cached_property
    def timeout_kind(self) -> CallKind:
        """The timeout that applies to an attempt."""
        return self.kind or ("read" if self.method == "GET" else "write")

    @cached_property
    def safe(self) -> bool:
        """Whether sending a call twice has the same effect as sending it once."""
        return (self.keyed and self.replays) or self.idempotent or self.method != "POST"

    @cached_property
    def decode(self) -> Decode[T]:
        """Decoder from the body of a success to an answer; made once per endpoint."""
        return decoder_for(self.answer, self.envelope, creates=self.creates is not None)

    @cached_property
    def _parameters(self) -> list[str]:
        """The names of the path parameters."""
        return re.findall("{(.*?)}", self.path)

    @cached_property
    def _template(self) -> str:
        """The path, with ``%s`` for each parameter."""
        return re.sub("{.*?}", "%s", self.path)

    def at(self, *values: str) -> str:
        """Return the encoded path for these path parameters, given in the order of the path.

        Raises:
            InvalidRequest: A value is not a string, is empty, a URL or a key, or would change the
                structure of the path.
        """
        for value in values:
            # Nearly all ids consist of these characters only, and need no other check.
            if not (
                isinstance(value, str) and value.isascii() and value.replace("-", "").isalnum()
            ):
                pairs = zip(self._parameters, values, strict=True)
                values = tuple(_checked_id(name, each) for name, each in pairs)
                break
        return self._template % values


def _checked_id(name: str, value: object) -> str:
    """Return the encoded id for the path parameter ``name``, or refuse it; see ``Endpoint.at``."""
    # An empty id would turn "get" into "list"; dots would lead up the path.
    if not isinstance(value, str) or not value or value in (".", ".."):
        raise InvalidRequest(f"{name}: expected an id, got {value!r}", param=name)
    if value.lstrip().startswith(_KEYS):  # errors, logs and traces show the path
        raise InvalidRequest(f"{name}: expected an id, got a key", param=name)
    if value.isascii() and value.replace("-", "").replace("_", "").isalnum():
        return value
    if not value.isprintable() or value != value.strip():
        # Pasted ids can contain a line end or a zero-width character.
        raise InvalidRequest(f"{name}: expected an id, got {value!r}", param=name)
    # It could be a signed URL, or the end of one.
    if "://" in value or redact(value, longest=len(value)) != value:
        raise InvalidRequest(f"{name}: expected an id, got a URL", param=name)
    return _quoted(name, value)


def query_string(query: Query) -> str:
    """Return ``?a=1&b=2`` for the values that are not None, or an empty string.

    Sequences are joined by commas, as the API's array parameters are written.

    Raises:
        InvalidRequest: A value cannot be encoded as UTF-8.
    """
    pairs = [
        f"{quote(name)}={_quoted(name, _text(value), safe=',')}"
        for name, value in query.items()
        if value is not None
    ]
    return f"?{'&'.join(pairs)}" if pairs else ""


def _quoted(name: str, value: str, safe: str = "") -> str:
    try:
        # Most values need no quoting, and this check takes a tenth of the time.
        if not value.encode().translate(None, _UNRESERVED + safe.encode()):
            return value
        return quote(value, safe=safe)
    except UnicodeEncodeError:
        # A lone surrogate.
        raise InvalidRequest(
            f"{name}: expected text that can be encoded as UTF-8, got {value!r}", param=name
        ) from None


def _text(value: str | int | float | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return ",".join(value)
