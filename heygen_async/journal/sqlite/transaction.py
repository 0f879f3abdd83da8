"""``Transaction``: what is written together, and the coroutines that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from heygen_async.journal.records import Intent
from heygen_async.journal.store import Begin, BeginResult

Command: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A method of ``Database`` and its arguments."""


class BeginCall(NamedTuple):
    """One call of ``begin``, and the future of its caller."""

    intents: Sequence[Intent]
    owner: str
    room: bool
    waiter: asyncio.Future[list[BeginResult]]


Row: TypeAlias = tuple[Literal["submitted", "finished"], int]
"""A job id or an outcome of a transaction: its kind, and its number among those, from 0."""

SUBMITTED_WIDTH = 4
FINISHED_WIDTH = 11


class Written:
    """A job id or an outcome in a transaction; await it to wait until it is durable."""

    __slots__ = ("_row", "_transaction")

    def __init__(self, transaction: Transaction, row: Row) -> None:
        self._transaction = transaction
        self._row = row

    def __await__(self) -> Generator[Any, None, None]:
        return self._transaction.wait(self._row)


class Transaction:
    """Collects what is to be written together.

    The transitions of items are rows of plain values, one behind the other in one list for each
    kind: thousands of them wait here at times, and objects of their own would keep the garbage
    collector busy.

    Attributes:
        begins: Calls of ``begin``.
        intents: Rows of 13 values of the calls whose budget has room.
        submitted: Rows of 4 values.
        finished: Rows of 11 values.
        commands: Everything else.
        answers: A future for each command, or None if nobody waits.
    """

    def __init__(self) -> None:
        self.begins: list[BeginCall] = []
        self.intents: list[Any] = []
        self.submitted: list[Any] = []
        self.finished: list[Any] = []
        self.commands: list[Command] = []
        self.answers: list[asyncio.Future[Any] | None] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._done = False
        self._failure: Exception | None = None
        self._failures: dict[Row, Exception] = {}

    def __bool__(self) -> bool:
        return bool(self.begins or self.submitted or self.finished or self.commands)

    def add_submitted(self, *values: Any) -> Written:
        """Write a job id."""
        row: Row = ("submitted", len(self.submitted) // SUBMITTED_WIDTH)
        self.submitted += values
        return Written(self, row)

    def add_finished(self, *values: Any) -> Written:
        """Write an outcome."""
        row: Row = ("finished", len(self.finished) // FINISHED_WIDTH)
        self.finished += values
        return Written(self, row)

    def wait(self, row: Row) -> Generator[Any, None, None]:
        """Wait until a row is durable.

        Raises:
            JournalError: It is not: the transaction has failed, or this row alone.
        """
        if not self._done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        failure = self._failure or self._failures.get(row)
        if failure is not None:
            raise failure

    def finish(self, results: Results) -> None:
        """Wake all who wait: it is durable."""
        self._done = True
        self._failures = results.failures
        for index, call in enumerate(self.begins):
            begun = results.begins.get(index)
            _settle(call.waiter, [Begin.NEW] * len(call.intents) if begun is None else begun)
        for answer, result in zip(self.answers, results.answers, strict=True):
            if answer is not None:
                _settle(answer, result)
        for waiter in self._waiters:
            _settle(waiter, None)  # it raises the failure by itself

    def fail(self, failure: Exception) -> None:
        """Wake all who wait: none of it is durable."""
        self._done = True
        self._failure = failure
        for call in self.begins:
            _settle(call.waiter, failure)
        for answer in self.answers:
            if answer is not None:
                _settle(answer, failure)
        for waiter in self._waiters:
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
