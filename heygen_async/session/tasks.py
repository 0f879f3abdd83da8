"""Concurrent tasks, and sections that a cancellation must not interrupt."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
)
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, TypeVarTuple

from heygen_async.errors import ConfigurationError

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")

# The module that anyio loads when the first scope opens.
_BACKEND = "anyio._backends._asyncio"


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        ConfigurationError: The caller runs on trio, or on no event loop.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "heygen_async requires a running asyncio event loop; with trio use trio-asyncio, with "
            "anyio its asyncio backend"
        ) from None


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Return the clock of an event loop, for those who ask it often.

    ``time`` of asyncio's own loops calls ``time.monotonic`` and does nothing else.
    """
    own = getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time
    return time.monotonic if own else loop.time


def shield() -> AbstractContextManager[object]:
    """Return a block whose awaits are not cancelled by the anyio scopes around it.

    Such a scope cancels every await of its task until the task has left the scope. If anyio's
    backend is not loaded, there is no scope, and it is not loaded here, which would block the event
    loop.
    """
    if _BACKEND not in sys.modules:
        return nullcontext()
    import anyio

    return anyio.CancelScope(shield=True)


async def in_thread(
    function: Callable[[*Ts], T], *args: *Ts, executor: Executor | None = None
) -> T:
    """Call a blocking function in a thread: of an executor, or by default of the loop's own.

    A cancellation takes effect when the function has returned: a thread cannot be stopped, and the
    objects that it uses must not be closed meanwhile.
    """
    future = running_loop().run_in_executor(executor, function, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()  # retrieve it, or asyncio would log it as never retrieved
        raise


def started(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Return a task that has begun its work; on Python 3.11 it begins with the loop's next turn.

    Args:
        work: The coroutine.
        name: The name of the task.
    """
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, name=name, eager_start=True)
    return asyncio.Task(work, loop=loop, name=name)


class EagerCall:
    """A coroutine that runs at once, until it waits for the first time.

    A timeout around the rest costs nothing where there is no rest. The same task must await it
    before anything else.

    Args:
        work: The coroutine.

    Attributes:
        done: Whether it has run to its end.
    """

    def __init__(self, work: Coroutine[Any, Any, object]) -> None:
        self.done: bool = False
        self._work = work
        self._waits_for: object = None
        self._resume(work.send, None)

    def __await__(self) -> Generator[object, Any, None]:
        while not self.done:
            try:
                sent = yield self._waits_for
            except BaseException as error:
                self._resume(self._work.throw, error)
            else:
                self._resume(self._work.send, sent)

    def _resume(self, resume: Callable[[Any], object], value: object) -> None:
        try:
            self._waits_for = resume(value)
        except StopIteration:
            self.done = True


class CancellableGroup(asyncio.TaskGroup):
    """A task group whose tasks can be cancelled before the block ends."""

    def __init__(self) -> None:
        super().__init__()
        self._running: set[asyncio.Task[Any]] = set()
        self._queue: deque[tuple[Callable[..., Coroutine[Any, Any, object]], Any]] = deque()
        self._queue_tasks = 0

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine in a task of its own.

        Args:
            work: The coroutine.
        """
        task = self.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def enqueue(
        self, work: Callable[[T], Coroutine[Any, Any, object]], argument: T, at_once: int
    ) -> None:
        """Call a coroutine function in one of a few tasks, since one for each call costs more.

        Args:
            work: The coroutine function.
            argument: Its argument.
            at_once: The most such calls at once; the others wait for their turn.
        """
        self._queue.append((work, argument))
        if self._queue_tasks < at_once:
            self._queue_tasks += 1
            self.start(self._work_off())

    async def _work_off(self) -> None:
        try:
            while self._queue:
                work, argument = self._queue.popleft()
                await work(argument)
        finally:
            self._queue_tasks -= 1

    def cancel(self) -> None:
        """Cancel all tasks that still run; the block waits until they have ended."""
        self._queue.clear()
        for task in self._running:
            task.cancel()


async def run_bounded(
    items: AsyncIterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    *,
    parallel: int,
    ordered: bool = False,
) -> AsyncGenerator[R]:
    """Yield the result of each item when its work ends.

    Leaving or cancelling the iteration cancels the work in progress and closes an async generator
    of items.

    Args:
        items: The items. An exception of their iteration is raised when the work in progress has
            ended.
        work: Called with each item. An exception that it raises ends the iteration.
        parallel: The most items to work on at once.
        ordered: Keep the order of the items.
    """
    source = aiter(items)
    following: asyncio.Task[T] | None = asyncio.ensure_future(_next(source))
    running: deque[asyncio.Task[R]] = deque()
    failure: Exception | None = None
    try:
        while following is not None or running:
            waited: set[asyncio.Task[Any]] = set(running)
            if ordered and running:
                waited = {
                    running[0]
                }  # not the others: one that has ended would end each wait at once
            if following is not None and len(running) < parallel:
                waited.add(following)
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if following is not None and following.done() and len(running) < parallel:
                try:
                    item = following.result()
                except StopAsyncIteration:
                    following = None
                except Exception as error:  # of the items themselves; raised below
                    following, failure = None, error
                else:
                    running.append(asyncio.ensure_future(work(item)))
                    following = asyncio.ensure_future(_next(source))
            for task in _ended(running, ordered=ordered):
                running.remove(task)
                yield task.result()
        if failure is not None:
            raise failure
    finally:
        left: list[asyncio.Task[Any]] = [*running] if following is None else [*running, following]
        for unfinished in left:
            unfinished.cancel()
        with shield():
            try:
                await asyncio.gather(*left, return_exceptions=True)
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()


def _ended(running: deque[asyncio.Task[R]], *, ordered: bool) -> list[asyncio.Task[R]]:
    """Return the tasks whose results can be yielded now."""
    if not ordered:
        return [task for task in running if task.done()]
    ended = []
    for task in running:
        if not task.done():
            break
        ended.append(task)
    return ended


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)


class Stop:
    """Interrupts, once, what ``unless_set`` awaits."""

    def __init__(self) -> None:
        self._set = False
        self._waits: set[asyncio.Timeout] = set()

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._set

    def set(self) -> None:
        """Interrupt all waits, and each later one at once."""
        if not self._set:
            self._set = True
            for wait in self._waits:
                wait.reschedule(0.0)

    async def unless_set(self, waiting: Awaitable[T]) -> T | None:
        """Await a call, but only until this is set.

        Args:
            waiting: The call. If it is cancelled, it leaves nothing behind.

        Returns:
            Its result, or None if this was set first and the call was cancelled.
        """
        # Not two tasks and asyncio.wait, which cost as much as the request that waits here.
        wait = asyncio.timeout(0.0 if self._set else None)
        try:
            async with wait:
                self._waits.add(wait)
                return await waiting
        except TimeoutError:
            if not wait.expired():
                raise
            return None
        finally:
            self._waits.discard(wait)
