"""Job slots find the account's limit and serve all callers in turn."""

from __future__ import annotations

import asyncio
import gc
import itertools
import pickle
import random
from collections.abc import Callable

import pytest

from heygen_async.errors import ConfigurationError, RateLimited
from heygen_async.session.limits.job_slots import JobSlots
from heygen_async.session.slots import SlotLease, Submitting, submitting, submitting_under

from .test_limits import settle

pytestmark = pytest.mark.anyio


class Account:
    """A stand-in for HeyGen: runs up to ``limit`` jobs, and refuses the rest."""

    def __init__(self, limit: int, seed: int = 0, *, latency: float = 1.0) -> None:
        self.limit = limit
        self.latency = latency
        self.running = 0
        self.refusals = 0
        self.done = 0
        self.chance = random.Random(seed)

    async def submit(self) -> bool:
        """Return whether the job was accepted, decided on arrival and answered later."""
        await asyncio.sleep(self.latency * self.chance.random())
        taken = self.running < self.limit
        self.running += taken
        self.refusals += not taken
        await asyncio.sleep(self.latency * self.chance.random())
        return taken

    async def run(self, slot: SlotLease, seconds: float, retry_after: float = 5.0) -> None:
        """Submit a job until it is accepted, wait for its end, and release the slot."""
        while not await self.submit():
            await slot.refused(retry_after)
        slot.accepted()
        await asyncio.sleep(seconds)
        self.running -= 1
        self.done += 1
        slot.release()


async def run_all(slots: JobSlots, account: Account, jobs: int) -> float:
    """Run jobs of about two minutes, and return the seconds that it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    work = iter([account.chance.lognormvariate(4.8, 0.4) for _ in range(jobs)])

    async def worker() -> None:
        for seconds in work:
            await account.run(await slots.acquire(), seconds)

    await asyncio.gather(*(worker() for _ in range(slots.ceiling)))
    return loop.time() - started


@pytest.mark.parametrize("seed", range(2))
async def test_ten_under_a_ceiling_of_fifty(seed: int) -> None:
    slots, account = JobSlots(50), Account(10, seed)
    seconds = await run_all(slots, account, 400)
    assert account.done == 400
    assert account.refusals == slots.refusals
    assert account.refusals / 400 < 0.35
    assert slots.limit in (10, 11)
    assert (slots.held, slots.running, slots.waiting) == (0, 0, 0)
    # All places of the account were in use nearly all the time.
    assert seconds < 1.12 * 400 * 131.5 / 10


async def test_a_limit_that_is_raised_is_found() -> None:
    slots, account = JobSlots(20), Account(5)
    loop = asyncio.get_running_loop()
    loop.call_later(1800, setattr, account, "limit", 20)
    await run_all(slots, account, 250)
    assert account.done == 250
    assert slots.limit == 20


async def test_answers_that_overtake_each_other() -> None:
    slots = JobSlots(6)
    held = [await slots.acquire() for _ in range(6)]
    held[0].accepted()
    refused = asyncio.gather(*(slot.refused(5) for slot in held[4:]))
    await settle()
    assert slots.limit == 1
    for slot in held[1:4]:  # sent before the refusal, told after it
        slot.accepted()
    assert (slots.limit, slots.running, slots.held) == (4, 4, 4)
    held[0].release()
    held[1].release()
    await refused
    assert (slots.limit, slots.running, slots.held) == (4, 2, 4)


async def test_a_refusal_while_nothing_runs_leaves_one_slot() -> None:
    slots = JobSlots(50)
    for refusals in range(1, 4):
        slot = await slots.acquire()
        with pytest.raises(RateLimited):
            await slot.refused(10, patience=5)
        assert (slots.limit, slots.held, slots.refusals) == (1, 0, refusals)
        await slots.wait_open(patience=10)


async def test_an_acceptance_between_two_refusals_counts() -> None:
    slots = JobSlots(5)
    held = [await slots.acquire() for _ in range(5)]
    for slot in (held[0], held[1]):
        with pytest.raises(RateLimited):
            await slot.refused(10, patience=5)
    assert slots.limit == 1
    held[2].accepted()
    held[3].accepted()
    assert slots.limit == 2
    with pytest.raises(RateLimited):
        await held[4].refused(10, patience=5)
    assert (slots.limit, slots.running, slots.refusals) == (2, 2, 3)


async def test_the_minute_counts_from_the_refusal() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(2)
    slow, refused = await slots.acquire(), await slots.acquire()
    loop.call_later(30, slow.accepted)  # the one that the limit allows
    waiting = asyncio.create_task(refused.refused(5))
    await asyncio.sleep(59.5)
    waiting.cancel()
    await settle()
    assert slots.try_acquire() is None
    await slots.acquire()
    assert loop.time() == pytest.approx(60)


async def test_submissions_without_an_answer_are_not_outgrown() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(10)
    held = [await slots.acquire() for _ in range(4)]
    await held[0].refused(5)
    # Of the three others nothing is known: the limit had to grow from one to four.
    assert loop.time() == pytest.approx(180)
    assert (slots.limit, slots.held) == (4, 4)


async def test_no_more_than_the_ceiling_however_long_one_waits() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(1)
    loop.call_later(1_000, (await slots.acquire()).release)
    await slots.acquire()
    assert loop.time() == pytest.approx(1_000)
    assert (slots.limit, slots.held) == (1, 1)


async def test_one_more_slot_a_minute_and_then_sooner() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(4)
    first = await slots.acquire()
    first.accepted()
    refused = await slots.acquire()
    times: list[float] = []

    async def take() -> None:
        slot = await slots.acquire()
        times.append(loop.time())
        slot.accepted()

    async def again() -> None:
        await refused.refused(5)
        times.append(loop.time())
        refused.accepted()

    await asyncio.gather(again(), take(), take())
    assert times == pytest.approx([60.0, 120.0, 150.0])
    assert slots.limit == 4


async def test_probes_that_are_accepted_come_faster_until_one_is_refused() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(50, start=1)
    held = [await slots.acquire()]
    held[0].accepted()
    times = [loop.time()]
    while len(held) < 12:
        held.append(await slots.acquire())
        held[-1].accepted()
        times.append(loop.time())
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    fastest = 60 / 32
    assert waits == pytest.approx([60, 60, 30, 15, 7.5, 3.75, *[fastest] * 5])
    refused = asyncio.create_task((await slots.acquire()).refused(1))
    began = loop.time()
    await refused
    assert loop.time() - began == pytest.approx(60)
    assert slots.limit == 13


async def test_what_takes_the_place_of_an_ended_job_is_no_probe() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(50)
    held = await running(slots, 2)
    probe = await slots.acquire()
    await probe.refused(1)  # and sent again a minute later
    refused = asyncio.create_task(probe.refused(1))
    await asyncio.sleep(1)
    assert slots.limit == 2
    refused.cancel()
    await asyncio.wait([refused])
    began = loop.time()
    for minute in (1, 2):
        for _ in range(3):
            held.pop().release()
            held += await running(slots, 1)
        held += await running(slots, 1)
        assert loop.time() - began == pytest.approx(60 * minute, abs=2)
        assert slots.limit == 2 + minute


async def running(slots: JobSlots, jobs: int) -> list[SlotLease]:
    """Slots whose jobs run."""
    taken: list[SlotLease] = [await slots.acquire() for _ in range(jobs)]
    for slot in taken:
        slot.accepted()
    return taken


async def refused_once(slot: SlotLease, retry_after: float) -> None:
    """Refuse a submission, and accept it when it is sent again."""
    await slot.refused(retry_after)
    slot.accepted()


async def test_a_refusal_where_more_have_run_closes_the_gate_alone() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(20)
    for slot in (await running(slots, 10))[:5]:
        slot.release()
    for _ in range(3):  # each is followed by an acceptance, so requests came too fast
        following = [await slots.acquire(), await slots.acquire()]
        began = loop.time()
        await asyncio.gather(*(refused_once(slot, 7) for slot in following))  # one burst
        assert loop.time() - began == pytest.approx(7)
        assert (slots.limit, slots.running, slots.held) == (20, 7, 7)
        for slot in following:
            slot.release()


async def test_a_second_refusal_is_taken_at_its_word() -> None:
    slots = JobSlots(20)
    for slot in (await running(slots, 10))[:5]:
        slot.release()
    slot = await slots.acquire()
    await slot.refused(7)
    again = asyncio.create_task(slot.refused(7))
    await asyncio.sleep(1)
    assert slots.limit == 5
    await again  # a minute later, as a probe
    assert slots.limit == 6
    # Ten have run, but before the limit was measured: this says what it allows now.
    refused = asyncio.create_task(slot.refused(7))
    await asyncio.sleep(1)
    assert slots.limit == 5
    refused.cancel()
    await asyncio.wait([refused])


async def test_nearly_as_many_as_have_run_are_no_contradiction() -> None:
    slots = JobSlots(20)
    (await running(slots, 10))[0].release()
    refused = asyncio.create_task((await slots.acquire()).refused(7))
    await asyncio.sleep(1)
    assert slots.limit == 9
    refused.cancel()
    await asyncio.wait([refused])


async def test_a_free_slot_is_had_at_once_unless_somebody_waits() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(3)
    one, two = slots.try_acquire(), slots.try_acquire()
    assert one is not None
    assert two is not None
    one.accepted()
    with pytest.raises(RateLimited):
        await two.refused(50, patience=40)
    assert slots.try_acquire() is None  # the gate is closed
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(49)
    one.release()
    await asyncio.sleep(0)
    assert slots.try_acquire() is None
    await waiting
    assert loop.time() == pytest.approx(50)
    assert (slots.held, slots.waiting, slots.limit) == (1, 0, 1)
    assert slots.try_acquire() is None


async def test_the_refused_goes_before_the_new() -> None:
    slots = JobSlots(2)
    one, two = await slots.acquire(), await slots.acquire()
    one.accepted()
    order: list[str] = []

    async def noted(name: str, wait: Callable[[], object]) -> None:
        slot = await wait()  # type: ignore[misc]
        order.append(name)
        (slot or two).release()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(noted("new", slots.acquire))
        await settle()
        tasks.create_task(noted("refused", lambda: two.refused(5)))
        await settle()
        tasks.create_task(noted("interactive", lambda: slots.refused_without_lease(5, patience=60)))
        await settle()
        one.release()
    assert order == ["interactive", "refused", "new"]
    assert slots.held == 0


async def test_interactive_refusals_alone_teach_nothing() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(50)
    sent: list[float] = []

    async def submit() -> None:
        slot = await slots.refused_without_lease(5, patience=60)
        sent.append(loop.time())
        await asyncio.sleep(1)
        slot.release()

    await asyncio.gather(*(submit() for _ in range(3)))
    # One after the other, since one more refusal holds for all of them.
    assert sent == pytest.approx([5.0, 6.0, 7.0])
    assert slots.limit == 50
    assert slots.held == 0


async def test_interactive_submissions_go_singly_also_where_no_pause_was_asked_for() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(50)
    first = await slots.refused_without_lease(0, patience=60)
    loop.call_later(20, first.release)
    await slots.refused_without_lease(0, patience=60)
    assert loop.time() == pytest.approx(20)


async def test_a_bulk_submission_in_between_lets_no_second_interactive_one_go() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(50)
    first = await slots.refused_without_lease(5, patience=60)
    first.accepted()  # which lets others go, though not before its answer has been taken in
    await slots.acquire()
    loop.call_later(20, first.release)
    await slots.refused_without_lease(5, patience=60)
    assert loop.time() == pytest.approx(25)


async def test_an_interactive_submission_keeps_its_rank() -> None:
    slots = JobSlots(2)
    running, refused = await slots.acquire(), await slots.acquire()
    running.accepted()
    order: list[str] = []

    async def bulk() -> None:
        await refused.refused(1)
        order.append("bulk")
        refused.release()

    async def interactive() -> None:
        slot = await slots.refused_without_lease(1, patience=60)
        await slot.refused(1)
        order.append("interactive")
        slot.release()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bulk())
        tasks.create_task(interactive())
        await settle()
        running.release()
    assert order == ["interactive", "bulk"]
    assert slots.held == 0


async def test_the_gate() -> None:
    loop = asyncio.get_running_loop()
    slots = JobSlots(3)
    slot = await slots.acquire()
    assert not slots.closed
    with pytest.raises(RateLimited) as caught:
        await slot.refused(100, patience=60)
    assert caught.value.retry_after == pytest.approx(100)
    assert (slots.held, slots.closed, loop.time()) == (0, True, 0.0)
    slot.release()  # it was given back already
    assert slots.held == 0
    with pytest.raises(RateLimited):
        await slots.wait_open(patience=60)
    probe = await slots.wait_open(patience=200)
    assert loop.time() == pytest.approx(100)
    closed = [slots.closed]
    probe.accepted()
    closed.append(slots.closed)
    assert closed == [True, False]


async def test_cancelled_in_the_queue() -> None:
    slots = JobSlots(1)
    slot = await slots.acquire()
    waiting = [asyncio.create_task(slots.acquire()) for _ in range(3)]
    await settle()
    waiting[0].cancel()
    await settle()
    slot.release()
    waiting[1].cancel()  # just granted
    await settle()
    assert [task.done() for task in waiting] == [True, True, True]
    assert slots.held == 1
    waiting[2].result().release()
    assert (slots.held, slots.waiting) == (0, 0)


async def test_an_interactive_submission_cancelled_just_after_its_turn_came() -> None:
    slots = JobSlots(5)
    first = await slots.refused_without_lease(5, patience=60)
    waiting = asyncio.create_task(slots.refused_without_lease(0, patience=60))
    await settle()
    first.release()
    waiting.cancel()
    await settle()
    assert (slots.held, slots.running, slots.waiting) == (0, 0, 0)
    # The turn is the next one's.
    await asyncio.wait_for(slots.refused_without_lease(0, patience=60), 1)
    assert slots.held == 1


async def test_bulk_marks_the_calls_inside() -> None:
    slot = await JobSlots(1).acquire()
    assert submitting.get() is None
    submission = Submitting(slot)
    with submitting_under(submission):
        assert submitting.get() is submission
    assert submitting.get() is None


async def test_usage() -> None:
    slots = JobSlots(4)
    assert slots.usage() == (0, 0)
    await asyncio.sleep(5)
    slot = await slots.acquire()
    await asyncio.sleep(4)
    assert slots.usage() == pytest.approx((4.0, 16.0))
    await asyncio.sleep(6)
    slot.release()
    await asyncio.sleep(10)
    assert slots.usage() == pytest.approx((10.0, 80.0))


async def test_usage_while_the_limit_changes() -> None:
    slots = JobSlots(4)
    first, second = await slots.acquire(), await slots.acquire()
    first.accepted()
    await asyncio.sleep(10)
    second_waits = asyncio.create_task(second.refused(5))  # leaves one, which is taken
    await asyncio.sleep(60)  # the second has just got another one
    await second_waits
    second.accepted()
    await asyncio.sleep(30)
    first.release()
    second.release()
    assert slots.usage() == pytest.approx((10 * 2 + 60 * 1 + 30 * 2, 10 * 4 + 60 * 1 + 30 * 2))


def test_slots_of_a_loop_that_is_gone_count_no_more() -> None:
    slots = JobSlots(3)
    kept: list[SlotLease] = []

    async def first() -> None:
        kept.append(await slots.acquire())
        kept[0].accepted()
        kept.append(await slots.acquire())

    async def second() -> None:
        fresh = await slots.acquire()
        for slot in kept:
            slot.accepted()
            slot.release()
        assert (slots.held, slots.running) == (1, 0)
        fresh.release()
        assert slots.held == 0

    asyncio.run(first())
    asyncio.run(second())
    gc.collect()


def test_settings_of_slots() -> None:
    slots = JobSlots(9, start=4, probe_every=5.0)
    twin = pickle.loads(pickle.dumps(slots))
    assert (twin.ceiling, twin.limit, twin.probe_every) == (9, 4, 5.0)
    assert (JobSlots().ceiling, JobSlots().limit, JobSlots().probe_every) == (50, 50, 60)
    assert [JobSlots(9, start=start).limit for start in (0, 1, 20)] == [1, 1, 9]
    assert JobSlots(1, probe_every=0.5).probe_every == 0.5
    assert not slots.closed
    assert repr(twin) == "JobSlots(ceiling=9, limit=4, held=0, running=0)"
    with pytest.raises(ConfigurationError, match="ceiling"):
        JobSlots(0)
    with pytest.raises(ConfigurationError, match="probe_every"):
        JobSlots(1, probe_every=0)
