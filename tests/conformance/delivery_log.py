"""The conformance suite of ``DeliveryLog``: one implementation against a model.

A test module subclasses ``DeliveryLogConformance`` and has a module-scoped fixture ``stores``: a
factory of fresh stores, each of which opens logs, one after the other, as processes of an app do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.webhooks import DeliveryLog, JobNotification

EVENTS = ("a", "é" * 300)
LEASE = 60.0


class Store(Protocol):
    """A store and its logs, such as a Redis database and its clients."""

    #: Which states survive the end of a process: none, all of them, or ``"claims are done"``.
    survives: str

    async def open(self) -> DeliveryLog:
        """Open a log on the store, as a process does when it starts."""
        ...

    async def crash(self) -> None:
        """End the process of the log that was opened last, without any call."""
        ...

    async def aclose(self) -> None:
        """Remove the store."""
        ...


Stores: TypeAlias = Callable[[], Store]


class Model:
    """The model of a log."""

    def __init__(self) -> None:
        self.claims: dict[str, float] = {}
        self.finished: set[str] = set()

    def begin(self, event_id: str, lease: float, now: float) -> str:
        if event_id in self.finished:
            return "done"
        if self.claims.get(event_id, now) > now:
            return "in_progress"
        self.claims[event_id] = now + lease
        return "new"

    def done(self, event_id: str) -> None:
        self.claims.pop(event_id, None)
        self.finished.add(event_id)

    def forget(self, event_id: str) -> None:
        self.claims.pop(event_id, None)

    def crash(self, survives: str) -> None:
        if survives == "none":
            self.claims, self.finished = {}, set()
        elif survives == "claims are done":
            self.finished |= self.claims.keys()
            self.claims = {}


events = st.sampled_from(EVENTS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), events, st.sampled_from([1.0, LEASE])),
        st.tuples(st.just("done"), events),
        st.tuples(st.just("forget"), events),
        st.tuples(st.just("sleep"), st.sampled_from([0.5, 1.5, LEASE + 1])),
        st.tuples(st.just("crash")),
    ),
    max_size=30,
)


class DeliveryLogConformance:
    """The suite."""

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """Run a test; a store whose clock cannot be turned overrides this."""
        with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
            runner.run(test)

    @settings(max_examples=75)
    @given(steps=steps)
    def test_any_sequence_of_calls_and_crashes_agrees_with_the_model(
        self, stores: Stores, steps: list[tuple[Any, ...]]
    ) -> None:
        async def play() -> None:
            store, model = stores(), Model()
            try:
                log, clock = await store.open(), asyncio.get_running_loop().time
                for step, *arguments in steps:
                    if step == "begin":
                        event_id, lease = arguments
                        expected = model.begin(event_id, lease, clock())
                        assert await log.begin(*arguments) == expected
                    elif step == "sleep":
                        await asyncio.sleep(*arguments)
                    elif step == "crash":
                        await store.crash()
                        model.crash(store.survives)
                        log = await store.open()
                    else:
                        getattr(model, step)(*arguments)
                        await getattr(log, step)(*arguments)
            finally:
                await store.aclose()

        self.run(play())

    @pytest.mark.parametrize("callers", [2, 50])
    def test_exactly_one_of_many_callers_gets_the_claim(self, stores: Stores, callers: int) -> None:
        async def play() -> None:
            store = stores()
            log = await store.open()
            states = await asyncio.gather(*(log.begin("e", LEASE) for _ in range(callers)))
            assert sorted(states) == ["in_progress"] * (callers - 1) + ["new"]
            await log.done("e")
            states = await asyncio.gather(*(log.begin("e", LEASE) for _ in range(callers)))
            assert states == ["done"] * callers
            await store.aclose()

        self.run(play())

    def test_a_claim_ends_with_its_lease_and_late_work_counts(self, stores: Stores) -> None:
        async def play() -> None:
            store = stores()
            log = await store.open()
            assert await log.begin("e", LEASE) == "new"
            await asyncio.sleep(LEASE - 1)
            assert await log.begin("e", LEASE) == "in_progress"
            await asyncio.sleep(2)
            assert await log.begin("e", LEASE) == "new"
            await log.done("e")  # by the first
            await log.forget("e")  # by the second, whose handler failed
            assert await log.begin("e", LEASE) == "done"
            await store.aclose()

        self.run(play())

    def test_a_cancelled_call_leaves_the_event_claimed_or_unclaimed(self, stores: Stores) -> None:
        async def play() -> None:
            store = stores()
            log = await store.open()
            for turns in range(6):
                task = asyncio.create_task(log.begin(f"e{turns}", LEASE))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                await asyncio.sleep(LEASE + 1)
                assert await log.begin(f"e{turns}", LEASE) == "new"
            await store.aclose()

        self.run(play())

    def test_an_event_stays_done_while_heygen_repeats_it(self, stores: Stores) -> None:
        async def play() -> None:
            store = stores()
            log = await store.open()
            await log.done("e")
            await asyncio.sleep(24 * 3600)
            assert await log.begin("e", LEASE) == "done"
            await store.aclose()

        self.run(play())

    def test_notifications_reach_every_subscriber(self, stores: Stores) -> None:
        signed = JobNotification("video", "v")
        other = JobNotification("video_translation", "t-de")
        unsigned = JobNotification("video_translation", "t-fr", False, "from the request")

        async def play() -> None:
            store = stores()
            log = await store.open()
            await log.publish(JobNotification("video", "nobody listens"))
            first: list[JobNotification] = []
            second: list[JobNotification] = []

            def broken(notification: JobNotification) -> None:
                raise LookupError(notification.job_id)

            async with AsyncExitStack() as subscriptions:
                for listener in (broken, first.append):
                    await subscriptions.enter_async_context(log.subscribe(listener))
                async with log.subscribe(second.append):
                    await log.publish(signed)
                    await _until(lambda: len(first) == len(second) == 1)
                await log.publish(unsigned)  # it may be left out
                await log.publish(other)
                await _until(lambda: other in first)
            await log.publish(signed)
            await asyncio.sleep(1)
            assert first in ([signed, other], [signed, unsigned, other])
            assert second == [signed]
            await store.aclose()

        self.run(play())


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came about")
