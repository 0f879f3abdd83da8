"""``Transaction``: what is written together, and the coroutines that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias

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


class Transaction:
    """Collects what is to be written; await it to wait until it is durable.

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

    __slots__ = (
        "_done",
        "_failure",
        "_waiters",
        "answers",
        "begins",
        "commands",
        "finished",
        "intents",
        "submitted",
    )

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

    def __bool__(self) -> bool:
        return bool(self.begins or self.submitted or self.finished or self.commands)

    def __await__(self) -> Generator[Any, None, None]:
        if not self._done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if self._failure is not None:
            raise self._failure

    def finish(self, results: Results) -> None:
        """Wake all who wait: it is durable."""
        self._done = True
        self._failure = results.failure
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
        failure: Why a job id or an outcome alone was not written; None if all were.
    """

    answers: list[Any]
    begins: dict[int, list[BeginResult]]
    failure: Exception | None


def _settle(waiter: asyncio.Future[Any], result: Any) -> None:
    if waiter.done():
        return
    if isinstance(result, Exception):
        waiter.set_exception(result)
    else:
        waiter.set_result(result)
