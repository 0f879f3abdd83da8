"""One 429 is one pause for all callers that share the limiter."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async import HeyGen
from heygen_async.errors import RateLimited
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.limits.request_limiter import RequestLimiter
from heygen_async.session.settings import Retry
from heygen_async.session.slots import Submitting, submitting_under

from .wire import client, video

pytestmark = pytest.mark.anyio


async def test_one_429_is_one_pause(sandbox: Sandbox, heygen: HeyGen) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.add("users.me", Fault.status(429, retry_after=60))
    first = asyncio.create_task(heygen.users.me())
    await asyncio.sleep(1)
    assert sandbox.faults.struck
    await asyncio.gather(first, *(heygen.users.me() for _ in range(50)))
    assert loop.time() >= 60
    assert sandbox.ledger.requests == 52
    assert heygen.traffic.rate_limited == 1


async def test_clients_that_share_a_limiter_share_the_pause(sandbox: Sandbox) -> None:
    shared = RequestLimiter()
    async with client(sandbox, requests=shared) as one, client(sandbox, requests=shared) as two:
        sandbox.faults.add("users.me", Fault.status(429, retry_after=60))
        await one.users.me()
        assert asyncio.get_running_loop().time() >= 60
        sandbox.faults.add("users.me", Fault.status(429, retry_after=60))
        waiting = asyncio.create_task(one.users.me())
        await asyncio.sleep(5)
        await two.users.me()
        await waiting
    assert asyncio.get_running_loop().time() >= 120
    assert sandbox.ledger.requests == 5


async def test_longer_than_the_patience_raises_at_once(sandbox: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.add("users.me", Fault.status(429, retry_after=3600, message="slow down"))
    async with client(sandbox, retry=Retry(patience=60)) as heygen:
        with pytest.raises(RateLimited, match="slow down") as caught:
            await heygen.users.me()
        assert (caught.value.retry_after, caught.value.attempts) == (3600.0, 1)
        # No caller tries again before the end of the pause.
        with pytest.raises(RateLimited) as held:
            await heygen.users.me()
        pause = held.value.retry_after
        assert pause is not None
        assert 60 < pause <= 600
        assert held.value.attempts == 0
        assert (held.value.method, held.value.path) == ("GET", "/v3/users/me")
        assert loop.time() < 1
        assert sandbox.ledger.requests == 1
        # One answer pauses others for ten minutes at most, and within their patience.
        await asyncio.sleep(pause - 50)
        await heygen.users.me()
        assert loop.time() <= 600


async def test_a_submission_with_a_hold_too_long(sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.status(429, retry_after=3600, message="full"))
    async with client(sandbox, retry=Retry(patience=60)) as heygen:
        with pytest.raises(RateLimited, match="full") as caught:
            await heygen.videos.create(video(sandbox))
        assert (caught.value.retry_after, caught.value.attempts) == (3600.0, 1)
        with pytest.raises(RateLimited) as held:
            await heygen.videos.create(video(sandbox))
        assert (held.value.attempts, held.value.path) == (0, "/v3/videos")
        await heygen.users.me()  # reads go on
        assert sandbox.requests.by_operation["videos.create"] == 1
        assert heygen.slots.held == 0


async def test_a_full_account_delays_submissions_and_not_reads(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    loop = asyncio.get_running_loop()
    sandbox.concurrency = 2
    read_at: list[float] = []

    async def read() -> None:
        await asyncio.sleep(10)
        await heygen.users.me()
        read_at.append(loop.time())

    submissions = (heygen.videos.create(video(sandbox)) for _ in range(6))
    await asyncio.gather(read(), *submissions)
    assert sandbox.ledger.count() == 6
    assert read_at == pytest.approx([10.0], abs=0.5)
    # Three rounds of 100 s each, two of them waited for.
    assert loop.time() == pytest.approx(200, abs=35)
    # One question per pause of at most 30 s, after the first burst.
    assert heygen.traffic.rate_limited <= 4 + 200 / 25


async def test_a_submission_after_a_refusal_waits_for_the_gate(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.faults.add("videos.create", Fault.status(429, retry_after=20))
    first = asyncio.create_task(heygen.videos.create(video(sandbox)))
    await asyncio.sleep(5)
    await heygen.videos.create(video(sandbox))
    await first
    assert asyncio.get_running_loop().time() == pytest.approx(20, abs=1)
    assert (sandbox.ledger.count(), sandbox.ledger.requests) == (2, 3)


async def test_a_queue_for_a_slot_ends_with_the_patience(sandbox: Sandbox) -> None:
    async with client(sandbox, retry=Retry(patience=50), jobs=1) as heygen:
        slot = await heygen.slots.acquire()
        slot.accepted()  # runs for longer than the other one's patience
        sandbox.faults.add("videos.create", Fault.status(429, retry_after=5, message="full"))
        with pytest.raises(RateLimited, match="full") as caught:
            await heygen.videos.create(video(sandbox))
        assert caught.value.attempts == 1
        assert asyncio.get_running_loop().time() == pytest.approx(50, abs=2)
        assert (heygen.slots.held, heygen.slots.waiting) == (1, 0)
        slot.release()


async def test_a_bulk_submission_queues_for_as_long_as_it_takes(sandbox: Sandbox) -> None:
    async with client(sandbox, retry=Retry(patience=50), jobs=2) as heygen:
        other, mine = await heygen.slots.acquire(), await heygen.slots.acquire()
        other.accepted()
        asyncio.get_running_loop().call_later(40, other.release)
        sandbox.faults.add("videos.create", Fault.status(429, retry_after=30))
        sandbox.faults.add("videos.create", Fault.status(500), after=0)
        sandbox.faults.add("videos.create", Fault.status(429, retry_after=40))
        sandbox.faults.add("videos.create", Fault.drop_answer())
        with submitting_under(Submitting(mine)):
            await heygen.videos.create(video(sandbox))
        mine.accepted()
        # 80 s in the queue, and two failures after that are still repeated.
        assert asyncio.get_running_loop().time() > 80
        assert sandbox.ledger.count() == 1
        assert heygen.slots.running == 1


async def test_bulk_calls_leave_room(sandbox: Sandbox) -> None:
    sandbox.faults.add("users.me", Fault.delay(10), times=30)
    async with client(sandbox, requests=10, jobs=1) as heygen:
        slot = await heygen.slots.acquire()
        with submitting_under(Submitting(slot)):
            bulk = [asyncio.create_task(heygen.users.me()) for _ in range(30)]
        await asyncio.sleep(1)
        assert sandbox.ledger.requests == 9
        sandbox.faults.clear()
        await heygen.users.me()
        assert asyncio.get_running_loop().time() < 2
        await asyncio.gather(*bulk)
        slot.release()
