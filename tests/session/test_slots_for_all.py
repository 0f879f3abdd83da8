"""Interactive creates under slots: ``HeyGen(slots_for="all")``, and users' own pools."""

from __future__ import annotations

import asyncio
import math

import pytest

from heygen_async import ConfigurationError, HeyGen, Hooks, JobSlots, SlotUnavailable
from heygen_async.errors import BadRequest
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.limits.job_slots import JobSlot
from heygen_async.session.slots import Priority, SlotPool, SlotStats, Submitting, submitting_under

from .wire import client, video

pytestmark = pytest.mark.anyio


async def test_a_create_takes_no_slot_by_default(sandbox: Sandbox, heygen: HeyGen) -> None:
    await heygen.videos.create(video(sandbox))
    assert heygen.slots.held == 0


async def test_a_slot_ends_with_its_job(sandbox: Sandbox) -> None:
    async with client(sandbox, jobs=2, slots_for="all") as heygen:
        first = await heygen.videos.create(video(sandbox))
        await heygen.videos.create(video(sandbox))
        assert (heygen.slots.held, heygen.slots.running) == (2, 2)
        third = asyncio.create_task(heygen.videos.create(video(sandbox)))
        await asyncio.sleep(5)
        assert (sandbox.ledger.count(), heygen.slots.waiting) == (2, 1)
        await first.wait()
        await third
        assert sandbox.ledger.count() == 3


async def test_a_slot_ends_where_the_end_is_asked_for(sandbox: Sandbox) -> None:
    async with client(sandbox, slots_for="all") as heygen:
        job = await heygen.videos.create(video(sandbox))
        await job.status()
        assert heygen.slots.held == 1
        await asyncio.sleep(300)
        await job.status()
        assert heygen.slots.held == 0


async def test_a_job_that_nobody_waits_for_keeps_its_slot_for_an_hour(sandbox: Sandbox) -> None:
    async with client(sandbox, slots_for="all") as heygen:
        await heygen.videos.create(video(sandbox))
        await asyncio.sleep(3_590)
        assert heygen.slots.held == 1
        await asyncio.sleep(20)
        assert (heygen.slots.held, heygen.slots.running) == (0, 0)


async def test_a_refused_create_gives_its_slot_back(sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.status(400))
    async with client(sandbox, slots_for="all") as heygen:
        with pytest.raises(BadRequest):
            await heygen.videos.create(video(sandbox))
        assert heygen.slots.held == 0


async def test_interactive_creates_use_the_reserve(sandbox: Sandbox) -> None:
    async with client(sandbox, jobs=JobSlots(3, reserve=1), slots_for="all") as heygen:
        bulk = [await heygen.slots.acquire() for _ in range(2)]
        assert heygen.slots.try_acquire() is None
        await heygen.videos.create(video(sandbox))
        assert heygen.slots.held == len(bulk) + 1


def test_settings() -> None:
    with pytest.raises(ConfigurationError, match="slots_for: expected bulk or all, got 'some'"):
        HeyGen("key", slots_for="some")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="reserve"):
        JobSlots(3, reserve=3)


class OnePool(SlotPool):
    """A user's own pool, which delegates to another one and can lose its leases."""

    def __init__(self) -> None:
        self.slots = JobSlots(5)
        self.lost: set[Lease] = set()

    @property
    def closed(self) -> bool:
        return self.slots.closed

    def try_acquire(self) -> None:
        return None

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> Lease:
        return Lease(self, await self.slots.acquire(priority, patience))

    async def refused_without_lease(self, retry_after: float, patience: float) -> Lease:
        return Lease(self, await self.slots.refused_without_lease(retry_after, patience))

    async def wait_open(self, patience: float) -> Lease:
        return Lease(self, await self.slots.wait_open(patience))

    def stats(self) -> SlotStats:
        return self.slots.stats()

    async def aclose(self) -> None:
        await self.slots.aclose()


class Lease:
    def __init__(self, pool: OnePool, slot: JobSlot) -> None:
        self.pool = pool
        self.slot = slot

    @property
    def lost(self) -> bool:
        return self in self.pool.lost

    def accepted(self) -> None:
        self.slot.accepted()

    def release(self) -> None:
        self.slot.release()

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        await self.slot.refused(retry_after, patience)


async def test_any_slot_pool_serves(sandbox: Sandbox) -> None:
    pool = OnePool()
    async with client(sandbox, jobs=pool, slots_for="all") as heygen:
        assert heygen.slots is pool
        job = await heygen.videos.create(video(sandbox))
        assert (heygen.slots.held, heygen.slots.limit, heygen.slots.ceiling) == (1, 5, 5)
        assert (heygen.slots.running, heygen.slots.waiting, heygen.slots.refusals) == (1, 0, 0)
        await job.wait()
        assert heygen.slots.held == 0


async def test_nothing_is_submitted_under_a_lost_lease(sandbox: Sandbox) -> None:
    pool = OnePool()
    async with client(sandbox, jobs=pool) as heygen:
        lease = await pool.acquire()
        pool.lost.add(lease)
        with submitting_under(Submitting(lease)):
            with pytest.raises(SlotUnavailable, match="lost") as caught:
                await heygen.videos.create(video(sandbox))
            await heygen.users.me()  # reads go on: the job is still waited for
        assert (caught.value.attempts, caught.value.path) == (0, "/v3/videos")
        assert sandbox.ledger.count() == 0


async def test_nothing_is_sent_again_under_a_lost_lease(sandbox: Sandbox) -> None:
    pool = OnePool()
    sandbox.faults.add("videos.create", Fault.drop_answer())
    async with client(sandbox, jobs=pool) as heygen:
        lease = await pool.acquire()
        heygen.add_hooks(Hooks(on_retry=lambda _: pool.lost.add(lease)))
        with submitting_under(Submitting(lease)), pytest.raises(SlotUnavailable) as caught:
            await heygen.videos.create(video(sandbox))
        assert caught.value.attempts == 1
        assert sandbox.requests.by_operation["videos.create"] == 1
