"""Runs lose no item when slots are lost or the pool does not answer."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, HeyGen, JobSlots, SlotsUnavailable
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.limits.job_slots import JobSlot
from heygen_async.session.slots import Priority

pytestmark = pytest.mark.anyio
ITEMS = 8


class LostSlot:
    """A lease that is lost before its submission."""

    lost = True

    def __init__(self, slot: JobSlot) -> None:
        self.release = slot.release
        self.accepted = slot.accepted
        self.refused = slot.refused


class Losing(JobSlots):
    """Loses every other lease."""

    given = 0

    def try_acquire(self) -> None:
        return None

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> Any:
        self.given += 1
        slot = await super().acquire(priority, patience)
        return LostSlot(slot) if self.given % 2 else slot


class Away(JobSlots):
    """Has slots for three jobs, and is away then."""

    left = 3
    refused = False

    def try_acquire(self) -> None:
        return None

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> JobSlot:
        self.left -= 1
        if self.left < 0:
            raise SlotsUnavailable("away")
        return await super().acquire(priority, patience)


class AwaySlot:
    """A lease whose pool is away when it is refused."""

    lost = False

    def __init__(self, slot: JobSlot) -> None:
        self.release = slot.release
        self.accepted = slot.accepted

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        self.release()
        raise SlotsUnavailable("away")


class AwayWhenRefused(JobSlots):
    def try_acquire(self) -> None:
        return None

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> Any:
        return AwaySlot(await super().acquire(priority, patience))


def variants() -> list[dict[str, str]]:
    return [{"name": f"Item {number}"} for number in range(ITEMS)]


async def run(sandbox: Sandbox, slots: JobSlots, template_id: str, journal: Path) -> list[Any]:
    async with (
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=slots) as heygen,
        Batch(heygen, journal=journal) as batch,
    ):
        return [outcome async for outcome in batch.render(template_id, variants())]


async def test_an_item_whose_lease_is_lost_gets_another(
    sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    slots = Losing(4)
    outcomes = await run(sandbox, slots, template_id, tmp_path / "run.db")
    assert len(outcomes) == sandbox.ledger.count() == ITEMS
    assert all(outcome.ok for outcome in outcomes)
    assert slots.given == 2 * ITEMS
    assert slots.stats().held == 0


async def test_a_run_ends_when_no_slots_are_to_be_had_and_is_resumed(
    sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    with pytest.raises(SlotsUnavailable):
        await run(sandbox, Away(4), template_id, tmp_path / "run.db")
    assert sandbox.ledger.count() == 3
    outcomes = await run(sandbox, JobSlots(4), template_id, tmp_path / "run.db")
    assert len(outcomes) == sandbox.ledger.count() == ITEMS
    assert all(outcome.ok for outcome in outcomes)


async def test_a_refused_item_is_left_for_later_when_no_slots_are_to_be_had(
    sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    sandbox.faults.add("templates.generate", Fault.status(429, retry_after=1))
    with pytest.raises(SlotsUnavailable):
        await run(sandbox, AwayWhenRefused(1), template_id, tmp_path / "run.db")
    assert sandbox.ledger.count() == 0
    await asyncio.sleep(10)
    outcomes = await run(sandbox, JobSlots(4), template_id, tmp_path / "run.db")
    assert len(outcomes) == sandbox.ledger.count() == ITEMS
    assert all(outcome.ok for outcome in outcomes)
