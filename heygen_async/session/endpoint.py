"""Endpoint descriptors: what one operation of the API looks like, as data."""

from __future__ import annotations

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

# How API keys and the secrets of webhooks begin.
_KEYS = ("hg_", "sk_", "whsec_")

T = TypeVar("T")

# Characters that stand for themselves in a URL, by RFC 3986.
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
        replays: Whether the API is known to replay the answer to that key. If it is not, a call
            is not repeated after an attempt that may have been carried out.
        idempotent: Whether a POST without one has the same effect when it is sent twice.
        kind: Which timeout counts; by default reads for GET, writes for the rest.
        creates: Reads the ids of the paid jobs off an answer, for operations that start
            some; those count against the account's concurrency limit.
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
        """Which of the three timeouts counts for an attempt."""
        return self.kind or ("read" if self.method == "GET" else "write")

    @cached_property
    def safe(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return (self.keyed and self.replays) or self.idempotent or self.method != "POST"

    @cached_property
    def decode(self) -> Decode[T]:
        """Turns the bytes of a success into an answer; made once per endpoint."""
        return decoder_for(self.answer, self.envelope, creates=self.creates is not None)

    @cached_property
    def _parameters(self) -> tuple[tuple[str, str], ...]:
        """The name of each parameter, and what follows it in the path."""
        pairs = (part.split("}") for part in self.path.split("{")[1:])
        return tuple((name, rest) for name, rest in pairs)

    @cached_property
    def _start(self) -> str:
        return self.path.partition("{")[0]

    def at(self, *values: str) -> str:
        """The encoded path for these path parameters, in the order of the path.

        Raises:
            InvalidRequest: A value is no string, empty, a URL, a key, or would leave its place in
                the path.
        """
        path = self._start
        for (name, rest), value in zip(self._parameters, values, strict=True):
            # An empty id would turn "get" into "list"; dots would climb up the path.
            if not isinstance(value, str) or not value or value in (".", ".."):
                raise InvalidRequest(f"{name}: expected an id, got {value!r}", param=name)
            if value.lstrip().startswith(_KEYS):  # errors, logs and traces show the path
                raise InvalidRequest(f"{name}: expected an id, got a key", param=name)
            # Nearly no id needs quotes, which cost as much as the rest of its path.
            bare = value if value.isalnum() else value.replace("-", "").replace("_", "")
            if not (bare.isalnum() and bare.isascii()):
                if not value.isprintable() or value != value.strip():
                    # As when it is pasted: a line end, a zero-width character.
                    raise InvalidRequest(f"{name}: expected an id, got {value!r}", param=name)
                # Perhaps a signed one, or the end of one.
                if "://" in value or redact(value, longest=len(value)) != value:
                    raise InvalidRequest(f"{name}: expected an id, got a URL", param=name)
                value = _quoted(name, value)
            path += value + rest
        return path


def query_string(query: Query) -> str:
    """``?a=1&b=2`` for the values that are not None, or an empty string.

    Sequences are joined by commas, as the API's array parameters are written.

    Raises:
        InvalidRequest: A value is no text that can be sent.
    """
    pairs = [
        f"{quote(name)}={_quoted(name, _text(value), safe=',')}"
        for name, value in query.items()
        if value is not None
    ]
    return f"?{'&'.join(pairs)}" if pairs else ""


def _quoted(name: str, value: str, safe: str = "") -> str:
    try:
        # A hundred ids need no quotes, and to see that takes a tenth of the time.
        if not value.encode().translate(None, _UNRESERVED + safe.encode()):
            return value
        return quote(value, safe=safe)
    except UnicodeEncodeError:
        # Half of a surrogate pair.
        raise InvalidRequest(f"{name}: expected text, got {value!r}", param=name) from None


def _text(value: str | int | float | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return ",".join(value)
