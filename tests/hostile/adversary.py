"""An adversary, the bounds that must hold, and their measurement."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import msgspec

from heygen_async import HeyGen
from heygen_async.errors import HeyGenError
from heygen_async.sandbox.turned_loop import TurnedEventLoop

from ..session.wire import answering, raw_server
from ..transfer_memory import begin_anew, resident

KEY = "sk_V2_hostile_KEY"

MB = 1_000_000


class Played(NamedTuple):
    """The outcome in a few words, and the number of requests."""

    outcome: str
    requests: int


Play: TypeAlias = Callable[[], Awaitable[Played]]


class Adversary(NamedTuple):
    """An attack and its bounds.

    Attributes:
        name: What is tried, under its section.
        play: Tries it.
        outcome: What must become of it.
        requests: The most requests that the SDK may send.
        seconds: The most seconds that it may take.
        megabytes: The most memory that it may take.
        turned: Whether the clock is turned, for hours that pass at once.
    """

    name: str
    play: Play
    outcome: str
    requests: int
    seconds: float
    megabytes: float = 10
    turned: bool = False


class Finding(msgspec.Struct):
    """The measurements. ``held`` is the longest time that the event loop was held."""

    outcome: str
    requests: int = 0
    seconds: float = 0.0
    megabytes: float = 0.0
    held: float = 0.0


LONGEST_HELD = 0.5
"""Seconds of the processor for which nothing may hold the event loop."""


def broken_bounds(adversary: Adversary, finding: Finding) -> list[str]:
    """Return the bounds that a finding breaks, in words."""
    bounds = {
        f"more than {adversary.requests} requests": finding.requests > adversary.requests,
        f"more than {adversary.seconds:g} s": finding.seconds > adversary.seconds,
        f"more than {adversary.megabytes:g} MB": finding.megabytes > adversary.megabytes,
        f"the loop was held for more than {LONGEST_HELD:g} s": finding.held > LONGEST_HELD,
        f"not {adversary.outcome}": finding.outcome != adversary.outcome,
    }
    return [bound for bound, broken in bounds.items() if broken]


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect the complaints of asyncio, and exceptions that cannot be raised."""
    texts = list[str]()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    def unraisable(what: sys.UnraisableHookArgs) -> None:
        texts.append(repr(what.exc_value))

    handler = Handler(logging.WARNING)
    logging.getLogger("asyncio").addHandler(handler)
    logging.getLogger("heygen_async").addHandler(logging.NullHandler())  # not to stderr
    before, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield texts
            gc.collect()
    finally:
        sys.unraisablehook = before
        logging.getLogger("asyncio").removeHandler(handler)


def measured(adversary: Adversary) -> Finding:
    """Play an adversary in this process."""
    factory = TurnedEventLoop if adversary.turned else None
    with complaints() as texts, asyncio.Runner(loop_factory=factory) as runner:
        finding = runner.run(_measured(adversary))
    if texts:
        finding.outcome = f"a complaint: {texts[0]}"[:200]
    return finding


async def _measured(adversary: Adversary) -> Finding:
    await _warm_up()
    held = [0.0]
    # On a turned clock, a timer that never ends would turn it for good.
    watching = None if adversary.turned else asyncio.create_task(_watch_the_loop(held))
    linux = sys.platform == "linux"
    before = 0
    if linux:
        begin_anew()
        before = resident("VmRSS")
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        played = await adversary.play()
    except Exception as error:
        played = Played(f"{type(error).__name__} escaped: {error}"[:200], 0)
    seconds = loop.time() - began
    grown = resident("VmHWM") - before if linux else 0
    if watching is not None:
        await asyncio.sleep(0.01)  # for the last turn, too
        watching.cancel()
    return Finding(played.outcome, played.requests, seconds, grown / MB, held[0])


async def _warm_up() -> None:
    """Load and create everything that is created once."""
    good = b'HTTP/1.0 200 OK\r\n\r\n{"data": {"id": "v", "status": "failed"}}'
    async with (
        raw_server(answering(good)) as server,
        HeyGen(KEY, base_url=server.base_url) as heygen,
    ):
        await heygen.videos.get("v")


async def _watch_the_loop(longest: list[float]) -> None:
    """Record the longest time that this thread worked between two turns of the loop."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(0.005)
        longest[0] = max(longest[0], time.thread_time() - before)


async def outcome_of(work: Awaitable[object]) -> str:
    """Return ``answered``, or the name of the exception, whose text must be harmless."""
    try:
        await work
    except HeyGenError as error:
        said = f"{error}{error!r}{vars(error)}"
        if KEY in said:
            return "an error with the key"
        if len(str(error)) > 4_000:
            return f"an error of {len(str(error)):,} characters"
        return type(error).__name__
    return "answered"


def counted(outcomes: list[str]) -> str:
    """Return the number of each outcome: ``3 answered, 1 NotFound``."""
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in dict.fromkeys(sorted(outcomes)))
