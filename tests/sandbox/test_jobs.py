from __future__ import annotations

import math
import statistics
from functools import partial

import pytest

from heygen_async.sandbox import Clock, Failure
from heygen_async.sandbox.account.store import Store
from heygen_async.sandbox.jobs import Job, JobFactory, Slots
from heygen_async.sandbox.refusals import Refusal


def test_durations_are_lognormal_and_seeded() -> None:
    def draw(seed: int) -> list[float]:
        factory = JobFactory(seed)
        return [factory.start("video", 0.0).seconds for _ in range(2_000)]

    seconds = draw(1)
    assert seconds == draw(1)
    assert seconds != draw(2)
    assert statistics.median(seconds) == pytest.approx(60, rel=0.1)
    assert min(seconds) > 0


def test_durations_can_be_fixed_or_spread_otherwise() -> None:
    factory = JobFactory(0, {"video": 5, "agent": (10.0, 0.0)})
    assert factory.start("video", 0.0).seconds == 5.0
    assert factory.start("agent", 0.0).seconds == 10.0


def test_a_share_of_jobs_fails_or_never_ends() -> None:
    factory = JobFactory(0)
    factory.fail, factory.stuck = 0.25, 0.5
    jobs = [factory.start("video", 0.0) for _ in range(1_000)]
    assert 0.2 < sum(job.failure is not None for job in jobs) / 1_000 < 0.3
    assert 0.45 < sum(job.stuck for job in jobs) / 1_000 < 0.55
    assert not [job for job in jobs if job.stuck and job.failure]
    factory.fail, factory.stuck = {"agent": 1.0}, {"translation": 1.0}
    assert factory.start("agent", 0.0).failure
    assert factory.start("translation", 0.0).stuck
    video = factory.start("video", 0.0)
    assert (video.failure, video.stuck) == (None, False)
    # A thought of the agent is no job of its own.
    factory.fail = 1.0
    assert factory.start("agent_thinking", 0.0).failure is None


def test_the_state_follows_the_clock() -> None:
    job = Job("video", 10.0, 100.0)
    states = [job.status(now, first="a", running="b") for now in (10, 19.9, 20, 109.9, 110)]
    assert states == ["a", "a", "b", "b", "completed"]
    assert (job.progress(0), job.progress(60), job.progress(500)) == (0.0, 0.5, 1.0)
    job.stop(50.0, Failure(None, None))
    assert job.status(50.0, first="a", running="b") == "failed"
    assert Job("video", 0.0, 0.0).progress(0.0) == 1.0


def test_a_job_that_is_stuck_stays_on_its_way() -> None:
    job = Job("video", 0.0, 100.0, stuck=True)
    assert [job.status(now, first="a", running="b") for now in (5, 50, 1e9)] == ["a", "b", "b"]
    assert job.progress(1e9) < 1.0
    assert Job("video", 0.0, 0.0, stuck=True).progress(0.0) < 1.0
    job.stop(200.0, Failure(None, None))
    assert job.status(200.0, first="a", running="b") == "failed"


def test_slots_are_freed_by_time_and_by_hand() -> None:
    slots = Slots()
    jobs = [Job("video", 0.0, seconds) for seconds in (30.0, 10.0, 20.0)]
    for job in jobs:
        slots.hold(job)
    assert (slots.running(0), slots.next_end(0)) == (3, 10.0)
    slots.release(jobs[2])
    assert (slots.running(10), slots.next_end(10)) == (1, 30.0)
    assert (slots.running(30), slots.next_end(30)) == (0, None)


def test_what_waits_for_a_slot_begins_when_one_was_free() -> None:
    slots = Slots(limit=2)
    jobs = [Job("video", 0.0, seconds) for seconds in (30.0, 10.0, 20.0, 5.0)]
    begun: list[Job] = []
    for job in jobs:
        slots.queue(job, partial(begun.append, job))
    slots.settle(0.0)
    assert begun == jobs[:2]
    assert (jobs[2].ends_at, jobs[2].progress(1e9), jobs[2].done(1e9)) == (math.inf, 0.0, False)
    assert jobs[2].status(1e9, first="a", running="b") == "a"
    slots.settle(1_000.0)  # no poll came meanwhile
    assert begun == jobs
    assert [job.created_at for job in jobs] == [0.0, 0.0, 10.0, 30.0]
    assert [job.ends_at for job in jobs] == [30.0, 10.0, 30.0, 35.0]
    assert slots.running(1_000.0) == 0


def test_the_clock_runs_at_its_speed_and_can_be_turned() -> None:
    time = 100.0
    clock = Clock(lambda: time, speed=60, epoch=1_000.0)
    time += 2
    assert (clock.now(), clock.unix()) == (120.0, 1_120.0)
    clock.advance(30)
    assert clock.now() == 150.0
    still = Clock(lambda: time, speed=0)
    time += 50
    still.advance(5)
    assert still.now() == 5.0


def test_a_shelf_pages_forward_too() -> None:
    shelf: Store[int] = Store("voice", newest_first=False)
    for number in range(5):
        shelf.add(str(number), number)
    shelf.add("1", 11)
    first, token = shelf.page(2, None)
    shelf.remove("1")
    second, last = shelf.page(9, token)
    assert (first, second, last) == ([0, 11], [2, 3, 4], None)
    assert ("1" in shelf, len(shelf), list(shelf)) == (False, 4, [0, 2, 3, 4])
    with pytest.raises(Refusal, match=r"Voice not found\."):
        shelf.get("1")
    with pytest.raises(Refusal):
        shelf.page(2, "YmVmb3JlOjE")
