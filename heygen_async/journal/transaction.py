"""``Transaction``: data that is written together, and the coroutines that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from heygen_async.journal.records import Intent
from heygen_async.journal.store import Begin, BeginResult

Command: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A method of the store's database and its arguments."""


class BeginCall(NamedTuple):
    """A call of ``begin``, the future of its caller, and the rows of its intents for the store."""

    intents: Sequence[Intent]
    owner: str
    room: bool
    waiter: asyncio.Future[list[BeginResult]]
    rows: Sequence[tuple[Any, ...]] = ()


RowKind: TypeAlias = Literal["submitted", "finished"]
"""Whether a row is a job id or an outcome."""

Row: TypeAlias = tuple[RowKind, int]
"""Reference to a job id or an outcome of a transaction: its kind, and its number within the kind,
from 1.
"""


class Written:
    """A job id or an outcome in a transaction; await it to wait until it is durable.

    Awaiting it raises ``JournalError`` if the whole transaction or only this row has failed.

    Args:
        transaction: The transaction.
        kind: Kind of the row.
        number: Number of the row within its kind, from 1.
    """

    __slots__ = ("_kind", "_number", "_transaction")

    def __init__(self, transaction: Transaction, kind: RowKind, number: int) -> None:
        self._transaction = transaction
        self._kind = kind
        self._number = number

    def __await__(self) -> Generator[Any, None, None]:
        transaction = self._transaction
        if not transaction.done:
            # Create one future for each waiter: cancelling a waiter cancels the future that it
            # awaits.
            waiter = asyncio.get_running_loop().create_future()
            transaction.waiters.append(waiter)
            yield from waiter
        if transaction.failure is not None:
            raise transaction.failure
        failure = transaction.failures.get((self._kind, self._number))
        if failure is not None:
            raise failure


class Transaction:
    """Collect data that is written together.

    Job ids and outcomes are rows of plain values, appended to one flat list for each kind. At times
    thousands of them wait here, and separate objects would burden the garbage collector.

    Attributes:
        begins: Calls of ``begin``.
        submitted: Rows of job ids.
        finished: Rows of outcomes.
        commands: Everything else.
        answers: A future for each command, or None if nothing waits for it.
        waiters: Futures of the waiting coroutines.
        done: Whether it was carried out or has failed.
        failure: The reason why nothing was written, or None.
        failures: Reasons why single job ids and outcomes were not written.
    """

    def __init__(self) -> None:
        self.begins: list[BeginCall] = []
        self.submitted: list[Any] = []
        self.finished: list[Any] = []
        self.commands: list[Command] = []
        self.answers: list[asyncio.Future[Any] | None] = []
        self.waiters: list[asyncio.Future[None]] = []
        self.done: bool = False
        self.failure: Exception | None = None
        self.failures: dict[Row, Exception] = {}

    def finish(self, results: Results) -> None:
        """Wake all waiters; the transaction is durable."""
        self.done = True
        self.failures = results.failures
        for index, call in enumerate(self.begins):
            begun = results.begins.get(index)
            if not call.waiter.done():
                call.waiter.set_result([Begin.NEW] * len(call.intents) if begun is None else begun)
        for answer, result in zip(self.answers, results.answers, strict=True):
            if answer is not None:
                _settle(answer, result)
        for waiter in self.waiters:  # waiters raise the failures of their own rows
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, failure: Exception) -> None:
        """Wake all waiters; nothing of the transaction is durable."""
        self.done = True
        self.failure = failure
        for call in self.begins:
            _settle(call.waiter, failure)
        for answer in self.answers:
            if answer is not None:
                _settle(answer, failure)
        for waiter in self.waiters:
            _settle(waiter, None)


class Results(NamedTuple):
    """Results of a durable transaction.

    Attributes:
        answers: For each command, its result or its own exception.
        begins: Results of ``begin`` by the position of the call; missing calls have recorded all
            their intents.
        failures: Reasons why single job ids and outcomes were not written.
    """

    answers: list[Any]
    begins: dict[int, list[BeginResult]]
    failures: dict[Row, Exception]


def _settle(waiter: asyncio.Future[Any], result: Any) -> None:
    if waiter.done():
        return
    if isinstance(result, Exception):
        waiter.set_exception(result)
    else:
        waiter.set_result(result)
