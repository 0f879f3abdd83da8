"""``Transaction``: what goes to the disk together, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

# A method of ``Store`` and its arguments behind the store itself.
Command: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class Transaction:
    """Collects what is to be written; await it to know that it is on the disk.

    The steps of items are rows of plain values, one behind the other in one list for each step:
    thousands of them wait here at times, and objects of their own would keep the garbage
    collector busy.

    Attributes:
        intents: Rows of seven values.
        submitted: Rows of three values.
        ended: Rows of nine values.
        commands: All else.
    """

    __slots__ = (
        "_done",
        "_failure",
        "_waiters",
        "answers",
        "commands",
        "ended",
        "intended",
        "intents",
        "submitted",
    )

    def __init__(self) -> None:
        self.intents: list[Any] = []
        self.submitted: list[Any] = []
        self.ended: list[Any] = []
        self.commands: list[Command] = []
        self.intended: list[asyncio.Future[None]] = []  # one for each intent
        self.answers: list[asyncio.Future[Any] | None] = []  # one for each command
        self._waiters: list[asyncio.Future[None]] = []
        self._done = False
        self._failure: Exception | None = None

    def __bool__(self) -> bool:
        return bool(self.intents or self.submitted or self.ended or self.commands)

    def __await__(self) -> Generator[Any, None, None]:
        if not self._done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if self._failure is not None:
            raise self._failure

    def finish(self, results: Results) -> None:
        """It is on the disk; tell everybody who waits what became of their part."""
        self._failure = results.failure
        self._wake(results.intents, results.answers)

    def fail(self, failure: Exception) -> None:
        """None of it is on the disk."""
        self._failure = failure
        self._wake([failure] * len(self.intended), [failure] * len(self.answers))

    def _wake(self, intents: list[Exception | None] | None, answers: list[Any]) -> None:
        self._done = True
        for waiter, result in zip(
            self.intended, intents or [None] * len(self.intended), strict=True
        ):
            _settle(waiter, result)
        for answer, result in zip(self.answers, answers, strict=True):
            if answer is not None:
                _settle(answer, result)
        for waiter in self._waiters:
            _settle(waiter, None)  # it raises the failure by itself


class Results:
    """What became of a transaction that is on the disk.

    Attributes:
        intents: For each intent None, or why it alone was not written; None where all were.
        failure: Why some job id or outcome alone was not written; None where all were.
        answers: What each command gave, or the exception that it alone failed with.
    """

    __slots__ = ("answers", "failure", "intents")

    def __init__(
        self,
        answers: list[Any],
        intents: list[Exception | None] | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.answers: list[Any] = answers
        self.intents: list[Exception | None] | None = intents
        self.failure: Exception | None = failure


def _settle(waiter: asyncio.Future[Any], result: Any) -> None:
    if waiter.done():
        return
    if isinstance(result, Exception):
        waiter.set_exception(result)
    else:
        waiter.set_result(result)
