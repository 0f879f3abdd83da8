"""What an operation is given."""

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
    """One request that has passed authentication and the contract.

    Attributes:
        account: What the sandbox holds.
        operation: The operation asked for.
        path: Values of the path parameters, in order.
        query: Query parameters with their defaults.
        body: The decoded JSON body; empty where there is none.
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
    """Work that is in the ledger; its job may have to wait for a slot.

    Attributes:
        id: Id of its resource.
        begin: Stores the resource; called when the job begins.
    """

    id: str
    begin: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One job of a request that was found good.

    Attributes:
        usd: What it costs if it completes.
        accept: Accepts it.
    """

    usd: float
    accept: Callable[[Job], Accepted]


Handler: TypeAlias = Callable[[Call], Json | Awaitable[Json]]
