"""What an operation is given and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from .account import Account
    from .contract import Operation

__all__ = ["Answer", "Call", "Handler", "Json", "data", "encode", "listing"]

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """An answer before it is sent, so that it can be replayed or spoiled."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The answer as aiohttp sends it."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@dataclass(slots=True)
class Call:
    """One request that has passed authentication and the contract.

    Attributes:
        account: What the sandbox holds.
        operation: The operation asked for.
        path: Values of the path parameters, in order.
        query: Query parameters with their defaults.
        body: The decoded JSON body; empty where there is none.
        key: The `Idempotency-Key`.
        request: The request itself, for bodies that are streamed.
    """

    account: Account
    operation: Operation
    path: list[str]
    query: Json
    body: Json
    key: str | None
    request: web.BaseRequest


Handler: TypeAlias = Callable[[Call], Json | Awaitable[Json]]


def data(value: object) -> Json:
    """The v3 envelope of one object."""
    return {"data": value}


def listing(page: list[Json], next_token: str | None) -> Json:
    """The v3 envelope of one page."""
    return {"data": page, "has_more": next_token is not None, "next_token": next_token}


_encoder = json.JSONEncoder(separators=(",", ":"))


def encode(value: object) -> bytes:
    """Compact JSON."""
    return _encoder.encode(value).encode()
