"""``Transaction``: what is written together, and the coroutines that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from heygen_async.journal.records import Intent
from heygen_async.journal.store import Begin, BeginResult

Command: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A method of the store's database and its arguments."""


class BeginCall(NamedTuple):
    """One call of ``begin``, and the future of its caller."""

    intents: Sequence[Intent]
    owner: str
    room: bool
    waiter: asyncio.Future[list[BeginResult]]


RowKind: TypeAlias = Literal["submitted", "finished"]
"""Whether a row is a job id or an outcome."""

Row: TypeAlias = tuple[RowKind, int]
"""A job id or an outcome of a transaction: its kind, and its number among those, from 1."""


class Written:
    """A job id or an outcome in a transaction; await it to wait until it is durable.

    Awaiting it raises ``JournalError`` if it is not: the transaction has failed, or this row alone.

    Args:
        transaction: The transaction.
        kind: Which of its rows.
        number: The number of the row among those, from 1.
    """

    __slots__ = ("_kind", "_number", "_transaction")

    def __init__(self, transaction: Transaction, kind: RowKind, number: int) -> None:
        self._transaction = transaction
        self._kind = kind
        self._number = number

    def __await__(self) -> Generator[Any, None, None]:
        transaction = self._transaction
        if not transaction.done:
            # One for each waiter: whoever is cancelled cancels the future that it waits for.
            waiter = asyncio.get_running_loop().create_future()
            transaction.waiters.append(waiter)
            yield from waiter
        if transaction.failure is not None:
            raise transaction.failure
        failure = transaction.failures.get((self._kind, self._number))
        if failure is not None:
            raise failure


class Transaction:
    """Collect what is written together.

    The transitions of items are rows of plain values, one behind the other in one list for each
    kind: thousands of them wait here at times, and objects of their own would keep the garbage
    collector busy.

    Attributes:
        begins: Calls of ``begin``.
        intents: Rows of the calls whose budget has room, as the store writes them.
        submitted: Rows of job ids.
        finished: Rows of outcomes.
        commands: Everything else.
        answers: A future for each command, or None if nobody waits.
        waiters: Futures of those who wait for it.
        done: Whether it was carried out, or has failed.
        failure: Why nothing of it was written, or None.
        failures: Why single job ids and outcomes were not written.
    """

    def __init__(self) -> None:
        self.begins: list[BeginCall] = []
        self.intents: list[Any] = []
        self.submitted: list[Any] = []
        self.finished: list[Any] = []
        self.commands: list[Command] = []
        self.answers: list[asyncio.Future[Any] | None] = []
        self.waiters: list[asyncio.Future[None]] = []
        self.done: bool = False
        self.failure: Exception | None = None
        self.failures: dict[Row, Exception] = {}

    def finish(self, results: Results) -> None:
        """Wake all who wait: it is durable."""
        self.done = True
        self.failures = results.failures
        for index, call in enumerate(self.begins):
            begun = results.begins.get(index)
            if not call.waiter.done():
                call.waiter.set_result([Begin.NEW] * len(call.intents) if begun is None else begun)
        for answer, result in zip(self.answers, results.answers, strict=True):
            if answer is not None:
                _settle(answer, result)
        for waiter in self.waiters:  # raise the failures of their rows themselves
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, failure: Exception) -> None:
        """Wake all who wait: none of it is durable."""
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
    """Results of a transaction that is durable.

    Attributes:
        answers: For each command its result, or the exception that it alone failed with.
        begins: Results of ``begin`` by the position of the call; calls that are not there have
            recorded all of their intents.
        failures: Why single job ids and outcomes were not written.
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
