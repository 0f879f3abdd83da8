"""The conformance suite of ``SlotPool`` (session/slots.py), for any implementation.

A module of tests lists the implementations and runs ``SCENARIOS`` and ``check_history`` for each.
All of it runs on the turned clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import strategies as st

from heygen_async.errors import RateLimited, SlotUnavailable
from heygen_async.session.slots import Priority, SlotLease, SlotPool

LONGEST_PAUSE = 600.0


@dataclass(frozen=True)
class Implementation:
    """A slot pool under test.

    Attributes:
        name: Of the test.
        make: Called with ceiling, start, probe_every and reserve.
        lose: Takes a lease away from its holder.
    """

    name: str
    make: Callable[..., AbstractAsyncContextManager[SlotPool]]
    lose: Callable[[SlotPool, SlotLease], Awaitable[None]]


async def settle() -> None:
    """Run all ready tasks, and wait for the answers of a server."""
    loop: Any = asyncio.get_running_loop()
    quiet = 0
    while quiet < 30:
        await asyncio.sleep(0)
        quiet = 0 if getattr(loop, "threads", 0) else quiet + 1


def now() -> float:
    return asyncio.get_running_loop().time()


async def running(pool: SlotPool, jobs: int, priority: Priority = "bulk") -> list[SlotLease]:
    """Leases whose jobs run."""
    leases = [await pool.acquire(priority) for _ in range(jobs)]
    for lease in leases:
        lease.accepted()
    await settle()
    return leases


async def never_more_than_the_ceiling(given: Implementation) -> None:
    async with given.make(3) as pool:
        leases = await running(pool, 3)
        assert pool.try_acquire() is None
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(10_000)
        assert not waiting.done()
        assert (pool.stats().held, pool.stats().waiting) == (3, 1)
        leases[0].release()
        await waiting
        assert pool.stats().held == 3


async def first_in_first_out_and_interactive_first(given: Implementation) -> None:
    async with given.make(1) as pool:
        (lease,) = await running(pool, 1)
        order: list[str] = []

        async def wait(name: str, priority: Priority) -> None:
            mine = await pool.acquire(priority)
            order.append(name)
            mine.release()

        async with asyncio.TaskGroup() as tasks:
            for name in ("a", "b", "c"):
                tasks.create_task(wait(name, "bulk"))
                await settle()
            for name in ("x", "y"):
                tasks.create_task(wait(name, "interactive"))
                await settle()
            lease.release()
        assert order == ["x", "y", "a", "b", "c"]


async def bulk_leaves_the_reserve(given: Implementation) -> None:
    async with given.make(5, reserve=2) as pool:
        await running(pool, 3)
        assert pool.try_acquire() is None
        bulk = asyncio.create_task(pool.acquire())
        await asyncio.sleep(1_000)
        assert not bulk.done()
        interactive = await running(pool, 1, "interactive")
        assert pool.stats().held == 4
        interactive[0].release()
        await asyncio.sleep(100)
        assert not bulk.done()
        bulk.cancel()


async def a_refusal_shrinks_the_limit_and_growth_restores_it(given: Implementation) -> None:
    async with given.make(12) as pool:
        assert pool.stats().limit is None
        await running(pool, 4)
        refused = await pool.acquire()
        again = asyncio.create_task(refused.refused(5))
        await settle()
        assert (pool.stats().limit, pool.stats().held, pool.stats().refusals) == (4, 4, 1)
        began = now()
        await again
        assert now() - began >= 30  # a probe, no job having ended
        refused.accepted()
        await running(pool, 12 - 5)
        assert pool.stats().limit == 12
        assert now() - began < 3_600


async def the_refused_go_before_the_new(given: Implementation) -> None:
    async with given.make(2) as pool:
        first, refused = await pool.acquire(), await pool.acquire()
        first.accepted()
        order: list[str] = []

        async def new() -> None:
            lease = await pool.acquire()
            order.append("new")
            lease.release()

        async def again() -> None:
            await refused.refused(5)
            order.append("refused")
            refused.release()

        async def unleased() -> None:
            lease = await pool.refused_without_lease(5, 600)
            order.append("without lease")
            lease.release()

        async with asyncio.TaskGroup() as tasks:
            for wait in (new, again, unleased):
                tasks.create_task(wait())
                await settle()
            first.release()
        assert order == ["without lease", "refused", "new"]
        await settle()
        assert pool.stats().held == 0


async def nobody_passes_during_a_pause(given: Implementation) -> None:
    async with given.make(10) as pool:
        refused = await pool.acquire()
        asyncio.get_running_loop().call_later(100, refused.release)
        with pytest.raises(RateLimited):
            await refused.refused(50, 40)
        closed = pool.closed
        assert closed
        assert pool.try_acquire() is None
        with pytest.raises(RateLimited) as caught:
            await pool.wait_open(40)
        assert now() < 1
        assert caught.value.retry_after == pytest.approx(50, abs=1)
        with pytest.raises(RateLimited):
            await pool.acquire("interactive", 40)
        lease = await pool.wait_open(60)
        assert now() == pytest.approx(50, abs=1)
        lease.accepted()
        lease.release()
        await settle()
        assert not pool.closed
        assert pool.stats().held == 0


async def one_answer_never_disables_a_client(given: Implementation) -> None:
    async with given.make(10) as pool:
        await running(pool, 2)
        refused = await pool.acquire()
        with pytest.raises(RateLimited):
            await refused.refused(100_000, 600)
        began, sent = now(), list[float]()
        answers = [False, False, True]

        async def submit() -> None:
            lease = await pool.wait_open(math.inf)
            while True:
                sent.append(now() - began)
                await asyncio.sleep(1)
                if not answers or answers.pop(0):
                    break
                with pytest.raises(RateLimited):
                    await lease.refused(100_000, 600)
                lease = await pool.wait_open(math.inf)
            lease.accepted()
            lease.release()

        await asyncio.gather(*(submit() for _ in range(20)))
        # One probe at the end of each pause, ten minutes apart at most; then all of them.
        assert all(b - a <= LONGEST_PAUSE + 61 for a, b in itertools.pairwise(sent))
        assert sent[0] <= LONGEST_PAUSE
        assert sent[1] - sent[0] > 60
        assert sent[2] - sent[1] > 60
        assert sent[3:] == pytest.approx([sent[2] + 1] * 19, abs=1)


async def a_probe_without_an_answer_is_followed_by_another(given: Implementation) -> None:
    async with given.make(10) as pool:
        refused = await pool.acquire()
        with pytest.raises(RateLimited):
            await refused.refused(50, 20)
        began, sent = now(), list[float]()

        async def submit() -> None:
            lease = await pool.wait_open(math.inf)
            sent.append(now() - began)
            first = len(sent) == 1
            await asyncio.sleep(3)
            if not first:
                lease.accepted()
            lease.release()

        await asyncio.gather(*(submit() for _ in range(5)))
        assert sent == pytest.approx([50, 53, 56, 56, 56], abs=1)


async def a_pause_that_is_prolonged_ends_with_patience(given: Implementation) -> None:
    """Refuse the probe of the first pause for longer than the others wait."""
    async with given.make(10) as pool:
        await running(pool, 1)
        refused = await pool.acquire()
        with pytest.raises(RateLimited):
            await refused.refused(50, 20)
        began, sent = now(), list[float]()

        async def submit(wait: Awaitable[SlotLease]) -> float:
            with contextlib.suppress(RateLimited):
                lease = await wait
                sent.append(now() - began)
                await lease.refused(5_000, 20)
                raise AssertionError("it was sent again")
            return now() - began

        waits: list[Awaitable[SlotLease]] = [
            *(pool.acquire("bulk", 70) for _ in range(3)),
            *(pool.acquire("interactive", 70) for _ in range(3)),
            *(pool.wait_open(70) for _ in range(3)),
        ]
        ends = await asyncio.gather(*map(submit, waits))
        assert sent == pytest.approx([50], abs=1)
        assert sorted(ends) == pytest.approx([50] + [70] * 8, abs=1)
        assert (pool.stats().held, pool.stats().waiting) == (1, 0)


async def one_probe_among_leases(given: Implementation) -> None:
    async with given.make(10) as pool:
        leases = [await pool.acquire() for _ in range(5)]
        for lease in leases[:3]:
            lease.accepted()
        sent: list[float] = []

        async def again(lease: SlotLease) -> None:
            await lease.refused(20)
            sent.append(now())
            await asyncio.sleep(3)
            lease.accepted()

        tasks = [asyncio.create_task(again(lease)) for lease in leases[3:]]
        await settle()
        for lease in leases[:3]:
            lease.release()
        await asyncio.gather(*tasks)
        assert sent[0] == pytest.approx(20, abs=1)
        assert sent[1] >= sent[0] + 3


async def patience_bounds_the_whole_wait(given: Implementation) -> None:
    async with given.make(1) as pool:
        await running(pool, 1)
        priorities: list[Priority] = ["bulk", "interactive"]
        for priority in priorities:
            began = now()
            with pytest.raises(RateLimited):
                await pool.acquire(priority, 30)
            assert now() - began == pytest.approx(30, abs=1)
        assert (pool.stats().held, pool.stats().waiting) == (1, 0)


async def a_cancelled_caller_leaves_nothing(given: Implementation) -> None:
    async with given.make(2) as pool:
        first, second = await running(pool, 2)
        waits: list[Awaitable[Any]] = [pool.acquire(), pool.acquire("interactive")]
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        tasks.append(asyncio.create_task(second.refused(5)))
        tasks.append(asyncio.create_task(pool.refused_without_lease(5, 600)))
        tasks.append(asyncio.create_task(pool.wait_open(600)))
        await settle()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await settle()
        assert (pool.stats().held, pool.stats().running, pool.stats().waiting) == (1, 1, 0)
        first.release()
        last = asyncio.create_task(pool.acquire())
        await settle()
        last.cancel()  # perhaps just granted
        await asyncio.wait([last])
        await settle()
        if not last.cancelled():
            last.result().release()
            await settle()
        assert pool.stats().held == 0
        lease = await pool.acquire("bulk", 700)
        lease.release()


async def releases_and_answers_are_harmless_twice(given: Implementation) -> None:
    async with given.make(2) as pool:
        (lease,) = await running(pool, 1)
        lease.accepted()
        assert pool.stats().running == 1
        lease.release()
        lease.release()
        lease.accepted()
        await settle()
        assert (pool.stats().held, pool.stats().running) == (0, 0)


async def a_lost_lease_says_so(given: Implementation) -> None:
    async with given.make(2) as pool:
        (lease,) = await running(pool, 1)
        lost = [lease.lost]
        await given.lose(pool, lease)
        lost.append(lease.lost)
        assert lost == [False, True]
        lease.accepted()
        lease.release()
        await settle()
        assert pool.stats().held == 0


async def closing_ends_all_waiting(given: Implementation) -> None:
    async with given.make(1) as pool:
        (lease,) = await running(pool, 1)
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
        await settle()
        await pool.aclose()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, SlotUnavailable)
        lease.release()
        assert pool.stats().waiting == 0


SCENARIOS: list[Callable[[Implementation], Awaitable[None]]] = [
    never_more_than_the_ceiling,
    first_in_first_out_and_interactive_first,
    bulk_leaves_the_reserve,
    a_refusal_shrinks_the_limit_and_growth_restores_it,
    the_refused_go_before_the_new,
    nobody_passes_during_a_pause,
    one_answer_never_disables_a_client,
    a_probe_without_an_answer_is_followed_by_another,
    a_pause_that_is_prolonged_ends_with_patience,
    one_probe_among_leases,
    patience_bounds_the_whole_wait,
    a_cancelled_caller_leaves_nothing,
    releases_and_answers_are_harmless_twice,
    a_lost_lease_says_so,
    closing_ends_all_waiting,
]

Step: TypeAlias = tuple[str, int, float]
# An event, the index of a caller or lease, and a number of seconds.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "acquire",
                "interactive",
                "try_it",
                "accept",
                "release",
                "refuse",
                "unleased",
                "open",
                "cancel",
                "sleep",
            )
        ),
        st.integers(0, 7),
        st.sampled_from([0.0, 1.0, 5.0, 30.0, 59.0, 600.0, 5_000.0]),
    ),
    max_size=60,
)


@dataclass
class _Caller:
    """One caller: its task while it waits, its lease once it has one."""

    priority: str
    number: int
    counted: bool = True
    task: asyncio.Task[Any] | None = None
    lease: SlotLease | None = None
    accepted: bool = False


@dataclass
class History:
    """Random steps against a pool, and what it promises checked after each.

    Args:
        pool: The pool.
        ceiling: Its ceiling.
        reserve: Its reserve.
    """

    pool: SlotPool
    ceiling: int
    reserve: int
    waiting: list[_Caller] = field(default_factory=list)
    holding: list[_Caller] = field(default_factory=list)
    granted: list[_Caller] = field(default_factory=list)
    pause_ends: float = 0.0
    made: int = 0

    async def run(self, steps: list[Step]) -> None:
        for name, which, seconds in steps:
            await getattr(self, f"do_{name}")(which, seconds)
            await settle()
            self.check()
        await self.finish()

    def check(self) -> None:
        stats = self.pool.stats()
        limit = stats.ceiling if stats.limit is None else stats.limit
        assert 1 <= limit <= stats.ceiling == self.ceiling
        held = [one for one in self.holding if one.counted]
        assert stats.held == len(held)
        assert stats.running <= stats.held <= self.ceiling
        assert stats.running == sum(one.accepted for one in held if one.priority != "unleased")
        if any(one.counted for one in self.granted):
            assert stats.held <= limit
        if any(one.priority == "bulk" for one in self.granted):
            assert stats.held <= max(limit - self.reserve, 0) or any(
                one.priority != "bulk" for one in self.granted
            )
        for priority in ("bulk", "interactive"):
            new = [one.number for one in self.granted if one.priority == priority]
            passed = [one.number for one in self.waiting if one.priority == priority]
            assert not new or not passed or max(new) < min(passed)
        if any(one.priority == "bulk" for one in self.granted):
            assert not any(one.priority == "interactive" for one in self.waiting)
        if self.granted:
            assert now() >= self.pause_ends
        self.granted.clear()

    def _start(self, priority: str, wait: Awaitable[Any], *, counted: bool = True) -> None:
        caller = _Caller(priority, self.made, counted)
        self.made += 1
        self._wait(caller, wait)

    def _wait(self, caller: _Caller, wait: Awaitable[Any]) -> None:
        async def waits() -> None:
            lease = await wait
            caller.lease = lease or caller.lease
            self.granted.append(caller)
            self.waiting.remove(caller)
            self.holding.append(caller)

        self.waiting.append(caller)
        caller.task = asyncio.create_task(waits())
        caller.task.add_done_callback(lambda task: self._failed(task, caller))

    def _failed(self, task: asyncio.Task[None], caller: _Caller) -> None:
        if task.cancelled() or task.exception() is not None:
            assert task.cancelled() or isinstance(task.exception(), RateLimited)
            self.waiting.remove(caller)

    def _pick(self, callers: list[_Caller], which: int) -> _Caller | None:
        return callers[which % len(callers)] if callers else None

    async def do_acquire(self, which: int, seconds: float) -> None:
        patience = math.inf if which % 2 else seconds
        self._start("bulk", self.pool.acquire("bulk", patience))

    async def do_interactive(self, which: int, seconds: float) -> None:
        self._start("interactive", self.pool.acquire("interactive", math.inf))

    async def do_try_it(self, which: int, seconds: float) -> None:
        lease = self.pool.try_acquire()
        if lease is not None:
            assert not self.waiting or all(one.priority == "open" for one in self.waiting)
            caller = _Caller("bulk", self.made, lease=lease)
            self.made += 1
            self.holding.append(caller)
            self.granted.append(caller)

    async def do_accept(self, which: int, seconds: float) -> None:
        caller = self._pick(self.holding, which)
        if caller is not None and caller.lease is not None:
            caller.lease.accepted()
            caller.accepted = caller.counted

    async def do_release(self, which: int, seconds: float) -> None:
        caller = self._pick(self.holding, which)
        if caller is not None and caller.lease is not None:
            caller.lease.release()
            self.holding.remove(caller)

    async def do_refuse(self, which: int, seconds: float) -> None:
        waiting = [one for one in self.holding if not one.accepted]
        caller = self._pick(waiting, which)
        if caller is not None and caller.lease is not None:
            self.holding.remove(caller)
            self._pause(seconds)
            if caller.priority == "open":
                caller.priority = "unleased"
                caller.counted = True
            elif caller.priority != "unleased":
                caller.priority = "refused " + caller.priority.removeprefix("refused ")
            self._wait(caller, caller.lease.refused(seconds))

    async def do_unleased(self, which: int, seconds: float) -> None:
        self._pause(seconds)
        self._start("unleased", self.pool.refused_without_lease(seconds, 10_000))

    async def do_open(self, which: int, seconds: float) -> None:
        self._start("open", self.pool.wait_open(math.inf), counted=False)

    async def do_cancel(self, which: int, seconds: float) -> None:
        caller = self._pick(self.waiting, which)
        if caller is not None and caller.task is not None:
            caller.task.cancel()
            await asyncio.wait([caller.task])

    async def do_sleep(self, which: int, seconds: float) -> None:
        # Small steps, so that each grant is checked at its time.
        step = max(1.0, seconds / 60)
        for _ in range(int(seconds / step)):
            await asyncio.sleep(step)
            await settle()
            self.check()

    def _pause(self, seconds: float) -> None:
        # A pool may pause for less than it was told to, and for at most ten minutes.
        self.pause_ends = max(self.pause_ends, now() + min(seconds, LONGEST_PAUSE / 2))

    async def finish(self) -> None:
        for caller in list(self.waiting):
            assert caller.task is not None
            caller.task.cancel()
            await asyncio.wait([caller.task])
        for caller in self.holding:
            assert caller.lease is not None
            caller.lease.release()
        await settle()
        stats = self.pool.stats()
        assert (stats.held, stats.running, stats.waiting) == (0, 0, 0)
        assert stats.held_seconds <= stats.limit_seconds + now() * self.ceiling
        # After any history, a caller gets a slot within ten minutes, or a minute of growth.
        await self.pool.acquire("interactive", LONGEST_PAUSE + 61)


async def check_history(
    given: Implementation, ceiling: int, reserve: int, steps: list[Step]
) -> None:
    """Check the promises of a pool along a random history."""
    async with given.make(ceiling, reserve=reserve) as pool:
        await History(pool, ceiling, reserve).run(steps)
