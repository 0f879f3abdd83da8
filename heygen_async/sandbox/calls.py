"""What an operation is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from .account import Account
from .answers import Json
from .contract import Operation

__all__ = ["Call", "Handler"]


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
