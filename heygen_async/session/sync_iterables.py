"""Read sync iterables in a thread of their own, so they do not block the event loop.

The ``next`` of an iterator such as a database cursor may block for long, and may refuse calls from
two threads. Therefore one thread makes all calls: ``len``, ``iter``, each ``next``, and the
``close`` of a generator.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
    Sized,
)
from concurrent.futures import Executor, Future
from contextlib import aclosing
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from heygen_async.session.tasks import running_loop

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

Pull: TypeAlias = Literal["thread", "loop"]
"""Where sync iterables are read: in a thread of their own, or on the event loop."""

AHEAD = 32
"""The most items that are read ahead if ``next`` is quick."""

# Seconds. If ``next`` takes longer, only one item is read ahead.
_QUICK = 0.001
# Seconds that the end of a run waits for a ``next`` that blocks.
_PATIENCE = 1.0
# Items of a list that are passed on before the event loop gets a turn.
_CHUNK = 500

logger: logging.Logger = logging.getLogger("heygen_async.batch")


def in_memory(items: object) -> bool:
    """Return whether an iterable is in memory, so that reading it does not block."""
    return isinstance(items, list | tuple | range)


class SyncReader(AsyncIterator[T]):
    """An async iterator over a sync iterable, which is read in a thread.

    The thread runs in the context of the first read, reads up to 32 items ahead while ``next``
    takes less than 1 ms, and one item otherwise. Errors are raised after the items before them.
    One caller at a time.

    Args:
        items: The iterable.
        ahead: The most items to read ahead; 0 for large items.

    Raises:
        TypeError: ``items`` is not iterable.
    """

    def __init__(self, items: Iterable[T], ahead: int = AHEAD) -> None:
        if not hasattr(type(items), "__iter__") and not hasattr(type(items), "__getitem__"):
            raise TypeError(f"{type(items).__name__!r} object is not iterable")
        self._items = items
        self._ahead = ahead
        self._iterator: Iterator[T] | None = None
        self._ready: deque[T] = deque()
        self._thread = _DaemonThread()
        self._reading: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self._waiting = False  # for an item; the thread then signals that there is one
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether ``take`` can return an item."""
        return bool(self._ready)

    async def length(self) -> int | None:
        """Return the number of items, or None if it is not known."""
        items = self._items
        if not isinstance(items, Sized):
            return None
        try:
            return await self._thread.call(len, items)
        except (TypeError, NotImplementedError):  # for example a streamed data set
            return None

    async def __anext__(self) -> T:
        while not self._ready:
            self._arrived.clear()
            self._waiting = True
            if self._ended and not self._ready:  # the last items may have arrived meanwhile
                self._waiting = False
                if self._error is not None and not self._stopped:
                    raise self._error
                raise StopAsyncIteration
            self._read_on()
            if not self._ready:
                await self._arrived.wait()
        return self.take()

    def take(self) -> T:
        """Return an item that was read; after the last of these, read more."""
        self._waiting = False
        item = self._ready.popleft()
        if self._ahead and not self._ready:
            self._read_on()
        return item

    def stop(self) -> None:
        """Return no further items; a caller that waits for one gets ``StopAsyncIteration``."""
        self._stopped = self._ended = True
        self._ready.clear()
        self._arrived.set()

    async def aclose(self) -> None:
        """Stop reading, and close a generator when its ``next`` returns.

        Waits up to 1 s for a ``next`` that blocks; then its thread is abandoned. It does not keep
        the process alive.
        """
        self.stop()
        if self._closed or not self._thread.started:
            return
        self._closed = True
        try:
            await self._thread.end(self._close)
        finally:
            if self._reading is not None:
                self._reading.cancel()

    def _read_on(self) -> None:
        if self._ended or (self._reading and not self._reading.done()):
            return
        self._reading = self._thread.call(self._read, asyncio.get_running_loop())
        self._reading.add_done_callback(self._read_ended)

    def _read_ended(self, _: object) -> None:
        self._arrived.set()
        if self._ahead and not self._ready:
            self._read_on()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read some items. Runs in the thread."""
        try:
            if self._iterator is None:
                self._iterator = iter(self._items)
            for _ in range(self._ahead or 1):
                started = time.perf_counter()
                item = next(self._iterator)
                slow = time.perf_counter() - started >= _QUICK
                if self._stopped:
                    return
                self._ready.append(item)
                if self._waiting:
                    self._waiting = False
                    loop.call_soon_threadsafe(self._arrived.set)
                if slow:
                    return
        except StopIteration:
            self._ended = True
        except BaseException as error:  # raised in place of the item
            _explain(error)
            self._error = error
            self._ended = True

    def _close(self) -> None:
        iterator, self._iterator = self._iterator, None
        _close(iterator)


async def chunks(items: Iterable[T], pull: Pull = "thread") -> AsyncGenerator[Sequence[T]]:
    """Yield the items of an iterable in lists of up to 500, which block the event loop briefly.

    Args:
        items: The iterable.
        pull: Where it is read; a list, tuple or range is always read on the event loop.
    """
    running_loop()
    if pull == "loop" or in_memory(items):
        every = iter(items)
        while some := list(itertools.islice(every, _CHUNK)):
            yield some
            await asyncio.sleep(0)
        return
    thread = _DaemonThread()
    iterators: list[Iterator[T]] = []
    try:
        iterators.append(await thread.call(iter, items))
        while some := await thread.call(list, itertools.islice(iterators[0], _CHUNK)):
            yield some
    except Exception as error:
        _explain(error)
        raise
    finally:
        await thread.end(_close, *iterators)


async def numbered(items: Iterable[T], pull: Pull = "thread") -> AsyncGenerator[tuple[int, T]]:
    """Yield the items of an iterable with their positions, from 0; arguments as for ``chunks``."""
    index = 0
    async with aclosing(chunks(items, pull)) as every:
        async for some in every:
            for item in some:
                yield index, item
                index += 1


def _close(*iterators: object) -> None:
    """Close generators. Runs in their thread."""
    for iterator in iterators:
        if isinstance(iterator, Generator):
            try:
                iterator.close()
            except Exception:
                logger.exception("closing the generator of the items raised an exception")


def _explain(error: BaseException) -> None:
    """Add a note to an exception of an object that cannot be used in another thread."""
    text = f"{type(error).__name__}: {error}".lower()
    if any(word in text for word in ("thread", "event loop", "greenlet")):
        error.add_note(
            "The items are read in a thread of their own. If the iterator must stay in the thread "
            'of the event loop, use Batch(pull="loop"), pass a list, or open its source inside '
            "the iterator."
        )


class _DaemonThread(Executor):
    """A thread that makes calls one after the other and does not keep the process alive.

    Attributes:
        started: Whether it has made a call.
    """

    def __init__(self) -> None:
        self.started: bool = False
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._context: contextvars.Context | None = None

    def __del__(self) -> None:
        self._calls.put(None)

    def call(self, function: Callable[..., R], *args: Any) -> asyncio.Future[R]:
        """Make a call in the context of the first one; return a future of its result."""
        if self._context is None:
            self._context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self, self._context.run, function, *args)

    async def end(self, function: Callable[..., object], *args: Any) -> None:
        """Make a last call, and wait up to 1 s for it."""
        last = self.call(function, *args)
        self.shutdown(wait=False)
        try:
            await asyncio.wait([last], timeout=_PATIENCE)
            if not last.done():
                logger.warning(
                    "the call that reads the items still blocks; its thread is abandoned, and "
                    "closes a generator when the call returns"
                )
        finally:
            last.cancel()

    def submit(self, function: Callable[P, R], /, *args: P.args, **options: P.kwargs) -> Future[R]:
        """Make a call after the earlier ones; it cannot be cancelled."""
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()

        def call() -> None:
            try:
                result = function(*args, **options)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self._calls.put(call)
        if not self.started:
            self.started = True
            Thread(
                target=_make_calls, args=(self._calls,), name="heygen-async items", daemon=True
            ).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread after the calls so far, without waiting for it."""
        self._calls.put(None)


def _make_calls(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    while (call := calls.get()) is not None:
        call()
        del call  # free its objects while waiting for the next one
