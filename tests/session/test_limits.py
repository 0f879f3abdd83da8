"""The queue, the token bucket and the request limiter."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async.errors import ConfigurationError, RateLimited
from heygen_async.session.limits.request_limiter import RequestLimiter, TokenBucket
from heygen_async.session.limits.waiting import Queue

pytestmark = pytest.mark.anyio


async def settle() -> None:
    """Run all ready tasks."""
    for _ in range(20):
        await asyncio.sleep(0)


class Places:
    """A queue over a number of places, and the order in which callers were served."""

    def __init__(self, places: int = 0, lanes: int = 2) -> None:
        self.free = places
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.queue: Queue[str] = Queue(lanes, self._grant)

    def _grant(self, name: str, now: float) -> float | None:
        if self.free <= 0:
            return None
        self.free -= 1
        return 0.0

    def give_back(self) -> None:
        self.free += 1
        self.queue.wake(asyncio.get_running_loop())

    def join(self, name: str, lane: int = 0) -> None:
        async def wait() -> None:
            await self.queue.wait(lane, name, give_back=self.give_back)
            self.served.append(name)

        self.tasks[name] = asyncio.create_task(wait())

    async def stop(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_first_in_first_out_lane_by_lane() -> None:
    places = Places()
    for number in range(4):
        places.join(f"bulk {number}", 1)
        places.join(f"call {number}", 0)
    await settle()
    assert places.queue.waiting == 8
    for _ in range(8):
        places.give_back()
        await settle()
    order = [*(f"call {n}" for n in range(4)), *(f"bulk {n}" for n in range(4))]
    assert places.served == order
    assert places.queue.waiting == 0


async def test_who_is_cancelled_while_waiting_is_passed_over() -> None:
    places = Places()
    for name in "abc":
        places.join(name)
    await settle()
    places.tasks["b"].cancel()
    await settle()
    assert places.queue.waiting == 2
    places.give_back()
    places.give_back()
    await settle()
    assert (places.served, places.free, places.queue.waiting) == (["a", "c"], 0, 0)


async def test_a_place_granted_to_somebody_just_cancelled_goes_on() -> None:
    places = Places()
    for name in "ab":
        places.join(name)
    await settle()
    places.give_back()  # a is granted and has not run yet
    places.tasks["a"].cancel()
    await settle()
    assert (places.served, places.free) == (["b"], 0)


async def test_cancelled_first_and_granted_in_the_same_turn() -> None:
    places = Places()
    for name in "ab":
        places.join(name)
    await settle()
    places.tasks["a"].cancel()
    places.give_back()
    await settle()
    assert (places.served, places.free, places.queue.waiting) == (["b"], 0, 0)


@pytest.mark.parametrize("seed", range(20))
async def test_no_place_is_ever_lost(seed: int) -> None:
    chance = random.Random(seed)
    places = Places(3)
    for number in range(60):
        places.join(str(number), chance.randrange(2))
        if chance.random() < 0.4:
            places.tasks[chance.choice(list(places.tasks))].cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
        if chance.random() < 0.4 and len(places.served) + places.free > 0 and places.served:
            places.served.pop()
            places.give_back()
    await settle()
    assert places.free == 0 or places.queue.waiting == 0
    assert places.free + len(places.served) == 3
    await places.stop()
    assert places.queue.waiting == 0


@given(
    rate=st.floats(0.1, 1000),
    burst=st.floats(1, 100),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_its_rate(
    rate: float, burst: float, pauses: list[float]
) -> None:
    bucket = TokenBucket(rate, burst)
    now = 100.0
    for taken, pause in enumerate(pauses, 1):
        now += pause
        wait = bucket.wait(now)
        assert wait >= 0
        if wait:
            now += wait
            assert bucket.wait(now) == 0  # the promised time is right
        assert taken <= burst + (now - 100.0) * rate + 1e-3


@given(rate=st.floats(0.1, 1000), keep=st.floats(0, 9))
def test_a_bucket_keeps_what_is_reserved(rate: float, keep: float) -> None:
    bucket = TokenBucket(rate, 10.0)
    taken = 0
    while not bucket.wait(5.0, keep):
        taken += 1
    assert -1e-6 < 10.0 - taken - keep < 1.0 + 1e-6
    wait = bucket.wait(5.0, keep)
    assert bucket.wait(5.0) == 0 or keep < 1
    bucket.restart()
    assert bucket.wait(0.0, keep) == 0 < wait


def test_a_bucket_tells_when_the_next_token_comes() -> None:
    bucket = TokenBucket(2.0, 3.0)
    assert [bucket.wait(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.wait(100.25) == 0.25
    assert bucket.wait(100.25, keep=1.0) == 0.75
    assert bucket.wait(100.75, keep=1.0) == 0.25
    assert bucket.wait(101.0, keep=1.0) == 0.0
    # After any time without requests, three tokens are saved at most.
    assert [bucket.wait(500.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RequestLimiter(0),
        lambda: RequestLimiter(per_second=0),
        lambda: RequestLimiter(per_second=float("inf")),
        lambda: RequestLimiter(per_second=float("nan")),
        lambda: RequestLimiter(reserve=-1),
    ],
)
def test_limits_that_make_no_sense(make: Callable[[], RequestLimiter]) -> None:
    with pytest.raises(ConfigurationError, match="requests"):
        make()


def test_a_tenth_is_kept_from_bulk_runs_and_never_everything() -> None:
    limiters = [RequestLimiter(), RequestLimiter(25), RequestLimiter(2, reserve=5)]
    assert [(one.in_flight, one.reserve) for one in limiters] == [(100, 10), (25, 2), (2, 1)]


async def test_less_than_one_request_a_second_leaves_singly() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter(per_second=0.5)
    limiter.bind(loop)
    assert [limiter.acquire_nowait() for _ in range(2)] == [True, False]
    await limiter.acquire()
    assert loop.time() == pytest.approx(2)


async def test_a_bulk_run_leaves_a_reserve() -> None:
    limiter = RequestLimiter(20)
    limiter.bind(asyncio.get_running_loop())
    taken = 0
    while limiter.acquire_nowait(bulk=True):
        taken += 1
    assert taken == 18
    assert limiter.acquire_nowait()
    assert limiter.acquire_nowait()
    assert not limiter.acquire_nowait()
    # With a single place there is nothing to reserve.
    assert RequestLimiter(1, reserve=5).acquire_nowait(bulk=True)


async def test_a_bulk_run_leaves_tokens_too() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter(100, per_second=20)
    limiter.bind(loop)
    taken = 0
    while limiter.acquire_nowait(bulk=True):
        taken += 1
    assert taken == 18
    await limiter.acquire(bulk=True)
    assert loop.time() == pytest.approx(1 / 20)
    for _ in range(2):
        await limiter.acquire()
    assert loop.time() == pytest.approx(1 / 20)
    await limiter.acquire()
    assert loop.time() == pytest.approx(2 / 20)


async def test_a_reserve_of_nearly_everything_still_lets_bulk_calls_go() -> None:
    limiter = RequestLimiter(10, per_second=5, reserve=9)
    limiter.bind(asyncio.get_running_loop())
    assert limiter.acquire_nowait(bulk=True)
    limiter.release()
    assert not limiter.acquire_nowait(bulk=True)
    assert [limiter.acquire_nowait() for _ in range(5)] == [True] * 4 + [False]


async def test_a_pause_saves_tokens_for_calls_that_need_not_wait() -> None:
    limiter = RequestLimiter(100, per_second=20)
    limiter.bind(asyncio.get_running_loop())
    assert [limiter.acquire_nowait() for _ in range(21)] == [True] * 20 + [False]
    await asyncio.sleep(0.5)
    assert [limiter.acquire_nowait() for _ in range(11)] == [True] * 10 + [False]


async def test_an_interactive_call_overtakes_all_bulk_calls() -> None:
    limiter = RequestLimiter(10, per_second=1.0, burst=1.0)
    order: list[str] = []

    async def call(name: str, bulk: bool) -> None:
        await limiter.acquire(bulk)
        order.append(name)
        limiter.release()

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(call(f"bulk {number}", True))
        await settle()
        tasks.create_task(call("call", False))
    assert order == ["bulk 0", "call", "bulk 1", "bulk 2"]
    assert limiter.in_use == 0


async def test_a_rate_is_kept() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter(100, per_second=10, burst=5)

    async def call() -> None:
        if not limiter.acquire_nowait():
            await limiter.acquire()
        limiter.release()

    limiter.bind(loop)
    await asyncio.gather(*(call() for _ in range(105)))
    assert loop.time() == pytest.approx(10.0, abs=0.05)


async def test_the_hold_that_reaches_furthest_wins() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    limiter.bind(loop)
    limiter.close_for(5)
    limiter.close_for(30)
    limiter.close_for(10)
    assert not limiter.acquire_nowait()

    async def call() -> None:
        await limiter.acquire()
        limiter.release()

    await asyncio.gather(*(call() for _ in range(50)))
    assert loop.time() == pytest.approx(30.0)
    assert limiter.acquire_nowait()
    assert limiter.in_use == 1


async def test_one_probe_goes_at_the_end_of_a_pause() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    limiter.bind(loop)
    limiter.close_for(100_000)  # a pause is ten minutes at most
    sent: list[float] = []

    async def call(answers: list[float | None]) -> None:
        await limiter.acquire()
        sent.append(loop.time())
        await asyncio.sleep(2)
        answer = answers.pop(0) if answers else None
        limiter.release()
        if answer is not None:
            limiter.close_for(answer)

    answers: list[float | None] = [100_000, 30, None]
    await asyncio.gather(*(call(answers) for _ in range(20)))
    pauses = [later - sooner for sooner, later in itertools.pairwise([0.0, *sent])]
    assert pauses[0] <= 600
    assert pauses[1] <= 602
    assert pauses[2:] == pytest.approx([32.0, 2.0, *[0.0] * 16])


async def test_a_probe_without_an_answer_is_followed_by_another() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    limiter.bind(loop)
    limiter.close_for(10)
    hanging = asyncio.create_task(limiter.acquire())
    await hanging  # never releases
    await limiter.acquire(patience=120)
    assert 10 < loop.time() <= 120


async def test_a_hold_that_grows_while_others_wait_for_it() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    limiter.bind(loop)
    limiter.close_for(5)
    loop.call_later(3, limiter.close_for, 10)
    await limiter.acquire()
    assert loop.time() == pytest.approx(13.0)


async def test_a_hold_longer_than_the_patience_raises_at_once() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    limiter.bind(loop)
    limiter.close_for(100)
    with pytest.raises(RateLimited) as caught:
        await limiter.acquire(patience=60)
    assert loop.time() == 0.0
    assert caught.value.retry_after == pytest.approx(100)
    assert (caught.value.status, caught.value.attempts) == (429, 0)
    assert caught.value.code == "rate_limit_exceeded"
    assert "100 s remain, more than the 60 s" in str(caught.value)
    assert limiter.in_use == limiter.waiting == 0
    with pytest.raises(RateLimited):
        await limiter.acquire(patience=99)
    await limiter.acquire(patience=100)
    assert loop.time() == pytest.approx(100)


async def test_many_wait_for_few_places_in_turn() -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter(10, reserve=0)
    order: list[int] = []

    async def call(number: int) -> None:
        await limiter.acquire()
        order.append(number)
        assert limiter.in_use <= 10
        await asyncio.sleep(1)
        limiter.release()

    await asyncio.gather(*(call(number) for number in range(500)))
    assert order == list(range(500))
    assert loop.time() == pytest.approx(50.0)


async def test_a_request_cancelled_as_its_turn_comes_leaves_its_place_to_the_next() -> None:
    limiter = RequestLimiter(1)
    await limiter.acquire()
    one, two = asyncio.create_task(limiter.acquire()), asyncio.create_task(limiter.acquire())
    await settle()
    limiter.release()  # it is the first caller's turn, which has not run yet
    one.cancel()
    await asyncio.wait_for(two, 1)
    assert one.cancelled()
    assert (limiter.in_use, limiter.waiting) == (1, 0)


def test_another_event_loop() -> None:
    limiter = RequestLimiter(1, per_second=1.0, burst=1.0)

    async def leave_it_full() -> None:
        await limiter.acquire()
        limiter.close_for(1e6)
        waiting = asyncio.ensure_future(limiter.acquire())
        await settle()
        assert limiter.waiting == 1
        waiting.cancel()

    async def start_anew() -> None:
        limiter.bind(asyncio.get_running_loop())
        assert (limiter.in_use, limiter.waiting) == (0, 0)
        assert limiter.acquire_nowait()

    asyncio.run(leave_it_full())
    asyncio.run(start_anew())


def test_who_waits_on_another_event_loop_is_gone() -> None:
    limiter = RequestLimiter(1)
    old, new = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def wait() -> asyncio.Task[None]:
        limiter.bind(asyncio.get_running_loop())
        limiter.close_for(1e6)
        waiting = asyncio.create_task(limiter.acquire())
        await settle()
        return waiting

    async def acquire() -> None:
        await asyncio.wait_for(limiter.acquire(), 1)
        assert (limiter.in_use, limiter.waiting) == (1, 0)

    async def cancel(waiting: asyncio.Task[None]) -> None:
        waiting.cancel()
        await settle()
        assert waiting.cancelled()
        assert (limiter.in_use, limiter.waiting) == (1, 0)

    waiting = old.run_until_complete(wait())
    new.run_until_complete(acquire())
    old.run_until_complete(cancel(waiting))
    old.close()
    new.close()


def test_limiters_pickle_by_their_settings() -> None:
    limiter = RequestLimiter(7, per_second=3.0, burst=2.0, reserve=1)
    twin = pickle.loads(pickle.dumps(limiter))
    assert (twin.in_flight, twin.per_second, twin.burst, twin.reserve) == (7, 3.0, 2.0, 1)
