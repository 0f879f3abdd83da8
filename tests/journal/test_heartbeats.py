"""A lease as its own process knows it: what is certain at any moment."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async.journal import heartbeats
from heygen_async.journal.heartbeats import OwnerLease

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that a heartbeat takes time on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.delay = 0.0
        self.heartbeats: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def heartbeat(self, seconds: float) -> None:
        self.heartbeats.append(seconds)
        await asyncio.sleep(0)
        self.now += self.delay


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeats, "now", clock)
    return clock


async def test_a_lease_lasts_from_heartbeat_to_heartbeat(clock: Clock) -> None:
    lease = OwnerLease(clock.heartbeat, 30.0)
    assert lease.expired
    assert not lease.unbroken(clock.now)
    await lease.renew()
    claimed_at = clock.now
    for _ in range(10):
        clock.now += 29
        assert lease.unbroken(claimed_at)
        await lease.renew()
    assert lease.unbroken(claimed_at)
    clock.now += 30
    assert lease.expired
    assert not lease.unbroken(claimed_at)
    assert clock.heartbeats == [30.0] * 11


async def test_a_heartbeat_that_comes_too_late_covers_no_earlier_claim(clock: Clock) -> None:
    lease = OwnerLease(clock.heartbeat, 30.0)
    await lease.renew()
    before = clock.now
    clock.now += 31
    await lease.renew()
    assert not lease.expired
    assert not lease.unbroken(before)
    assert lease.unbroken(clock.now)


async def test_a_heartbeat_under_way_for_too_long_renews_nothing_for_certain(clock: Clock) -> None:
    """It may have arrived at any time between its start and its answer."""
    lease = OwnerLease(clock.heartbeat, 30.0)
    await lease.renew()
    before = clock.now
    clock.now, clock.delay = clock.now + 20, 15.0
    await lease.renew()
    assert not lease.unbroken(before)
    assert lease.unbroken(clock.now)
    clock.now += 15  # 30 since it was sent
    assert lease.expired


async def test_two_heartbeats_at_a_time_do_not_shorten_it(clock: Clock) -> None:
    lease = OwnerLease(clock.heartbeat, 30.0)
    await lease.renew()
    before, first = clock.now, asyncio.create_task(lease.renew())
    await asyncio.sleep(0)
    clock.now += 10
    await lease.renew()
    await first
    clock.now += 29
    assert lease.unbroken(before)
