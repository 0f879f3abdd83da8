"""The arguments and results of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from ..account.account import Account
from ..answers import Json
from ..contract import Operation
from ..jobs import Job

__all__ = ["Acceptance", "Accepted", "Call", "Handler"]


@dataclass(slots=True)
class Call:
    """One request that has passed authentication and the specification.

    Attributes:
        account: The account.
        operation: The requested operation.
        path: Values of the path parameters, in order.
        query: Query parameters with their defaults.
        body: The decoded JSON body; empty if there is none.
        key: The `Idempotency-Key` of an operation that takes one.
        request: The request itself, for bodies that are streamed.
    """

    account: Account
    operation: Operation
    path: list[str]
    query: Json
    body: Json
    key: str | None
    request: web.BaseRequest


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job in the ledger, which may have to wait for a slot.

    Attributes:
        id: Id of its resource.
        begin: Stores the resource; called when the job starts.
    """

    id: str
    begin: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One job of a valid request.

    Attributes:
        usd: Its cost if it succeeds.
        accept: Accepts the job.
    """

    usd: float
    accept: Callable[[Job], Accepted]


Handler: TypeAlias = Callable[[Call], Json | Awaitable[Json]]
