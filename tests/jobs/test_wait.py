from __future__ import annotations

import asyncio
import gc
import pickle
import socket
from typing import Any

import pytest

from heygen_async import (
    HeyGen,
    InvalidRequest,
    Job,
    JobError,
    JobFailed,
    JobTimeout,
    NotFound,
    Video,
)
from heygen_async.sandbox import Fault, Faults, Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

from .conftest import video_request

pytestmark = pytest.mark.anyio


async def test_a_job_is_waited_for(sandbox: Sandbox, heygen: HeyGen, job: Job[Video]) -> None:
    video = await job.wait(timeout=900)
    assert video.status == "completed"
    assert video.id == job.id
    assert video.video_url is not None
    assert 100 <= sandbox.clock.now() < 130
    assert "completed" in repr(job)


async def test_many_jobs_share_their_looks(sandbox: Sandbox, heygen: HeyGen) -> None:
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(150)]
    videos = await asyncio.gather(*(job.wait() for job in jobs))
    assert [video.id for video in videos] == [job.id for job in jobs]
    seen = sandbox.requests.by_operation
    assert seen["videos.get"] == 150  # each detail once, when it has ended
    assert seen["videos.statuses"] <= 2 * 100 / 1.8 + 4  # 150 ids in two requests a tick
    assert 100 <= sandbox.clock.now() < 102.5


async def test_a_lone_job_costs_few_requests(sandbox: Sandbox, heygen: HeyGen) -> None:
    for _ in range(10):
        await (await heygen.videos.create(video_request(sandbox))).wait()
    assert sandbox.requests.by_operation["videos.statuses"] == 0
    assert sandbox.ledger.requests <= 80


async def test_a_url_that_is_null_right_after_completion_is_asked_for_again() -> None:
    sandbox = Sandbox(speed=1, faults=Faults(null_video_url=1.0), durations={"video": 30.0})
    async with sandbox, HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        job = await heygen.videos.create(video_request(sandbox))
        await asyncio.sleep(30.5)
        state = await job.status()
        assert (state.status, state.video_url) == ("completed", None)
        assert (await job.wait()).video_url is not None
        assert sandbox.clock.now() == pytest.approx(31.5, abs=0.1)


async def test_a_failed_job_says_why(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("video", code="moderation", message="No, see https://x.test/a?Signature=1")
    job = await heygen.videos.create(video_request(sandbox))
    for _ in range(2):  # the second time without another request
        with pytest.raises(JobFailed) as caught:
            await job.wait()
        assert caught.value.code == "moderation"
        assert "No, see" in caught.value.message
        assert "Signature=1" not in str(caught.value)
        assert caught.value.job_id == job.id
        assert caught.value.last.status == "failed"


async def test_a_failure_without_reason_is_one_all_the_same(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.fail_next("video", code=None, message=None)
    with pytest.raises(JobFailed, match="no reason") as caught:
        await (await heygen.videos.create(video_request(sandbox))).wait()
    assert caught.value.code is None


async def test_a_timeout_carries_id_and_last_state(
    sandbox: Sandbox, heygen: HeyGen, job: Job[Video]
) -> None:
    with pytest.raises(JobTimeout) as caught:
        await job.wait(timeout=90)
    assert isinstance(caught.value, TimeoutError)
    assert sandbox.clock.now() == pytest.approx(90)
    assert caught.value.job_id == job.id
    assert caught.value.last.status == "processing"
    assert (await job.wait()).status == "completed"


async def test_a_cancelled_wait_tells_which_job_goes_on(job: Job[Video]) -> None:
    task = asyncio.create_task(job.wait())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.job_ids == [job.id]  # type: ignore[attr-defined]


async def test_several_may_wait_for_one_job(
    sandbox: Sandbox, heygen: HeyGen, job: Job[Video]
) -> None:
    other = heygen.jobs.attach(Video, job.id)
    impatient = asyncio.create_task(job.wait(timeout=10))
    first, second = await asyncio.gather(job.wait(), other.wait())
    assert first == second
    with pytest.raises(JobTimeout):
        await impatient
    requests = sandbox.ledger.requests
    assert await job.wait() is first
    assert sandbox.ledger.requests == requests  # known already


async def test_updates_end_with_the_terminal_state(
    sandbox: Sandbox, heygen: HeyGen, job: Job[Video]
) -> None:
    states = [video.status async for video in job.updates(every=5)]
    assert states == ["pending", "processing", "completed"]
    assert sandbox.clock.now() <= 106
    assert [video.status async for video in job.updates()] == ["completed"]


async def test_updates_of_a_failed_job_end_with_its_failure(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.fail_next("video")
    job = await heygen.videos.create(video_request(sandbox))
    assert [video.status async for video in job.updates()][-1] == "failed"
    with pytest.raises(JobFailed):
        await job.wait()


async def test_updates_that_are_left_are_not_paid_for_any_more(
    sandbox: Sandbox, job: Job[Video]
) -> None:
    async for _ in job.updates(every=1):
        break
    await asyncio.sleep(5)
    requests = sandbox.ledger.requests
    await asyncio.sleep(60)
    assert sandbox.ledger.requests == requests


async def test_closing_the_client_ends_the_waits(heygen: HeyGen, job: Job[Video]) -> None:
    task = asyncio.create_task(job.wait())
    await asyncio.sleep(1)
    await heygen.aclose()
    with pytest.raises(JobError, match="closed") as caught:
        await task
    assert caught.value.job_id == job.id
    assert (await job.wait()).status == "completed"  # opens again


async def test_a_wait_that_begins_while_another_ends_is_not_held_up(
    sandbox: Sandbox, heygen: HeyGen, job: Job[Video]
) -> None:
    """The poll of a job without a waiter takes 20 s, and nothing waits for it."""
    await asyncio.sleep(110)
    sandbox.faults.add("videos.get", Fault.delay(20))
    with pytest.raises(JobTimeout):
        await heygen.jobs.attach(Video, job.id).wait(timeout=5)
    await asyncio.sleep(1)
    await heygen.jobs.attach(Video, job.id).wait()
    assert sandbox.clock.now() < 117


async def test_a_job_attached_during_a_look_is_looked_at_at_once(
    sandbox: Sandbox, heygen: HeyGen, job: Job[Video]
) -> None:
    await asyncio.sleep(150)
    running = [await heygen.videos.create(video_request(sandbox)) for _ in range(2)]
    sandbox.faults.add("videos.statuses", Fault.delay(3))
    attached = [heygen.jobs.attach(Video, one.id) for one in running]
    waits = [asyncio.create_task(one.wait()) for one in attached]
    await asyncio.sleep(1)
    await heygen.jobs.attach(Video, job.id).wait()
    assert sandbox.clock.now() < 154
    await asyncio.gather(*waits)


async def test_an_unknown_id_is_reported(heygen: HeyGen) -> None:
    with pytest.raises(NotFound):
        await heygen.jobs.attach(Video, "0" * 32).wait()


async def test_one_unknown_id_among_many_jobs(sandbox: Sandbox, heygen: HeyGen) -> None:
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(12)]
    jobs.append(heygen.jobs.attach(Video, "0" * 32))
    results = await asyncio.gather(*(job.wait() for job in jobs), return_exceptions=True)
    assert all(isinstance(result, Video) for result in results[:12])
    assert isinstance(results[12], NotFound)


async def test_what_is_no_job_is_not_attached(heygen: HeyGen) -> None:
    with pytest.raises(InvalidRequest, match="expected one of Video"):
        heygen.jobs.attach(dict, "1")
    with pytest.raises(InvalidRequest):
        heygen.jobs.attach(Video, "")


async def test_a_pickled_job_is_waited_for_again(job: Job[Video]) -> None:
    again: Job[Video] = pickle.loads(pickle.dumps(job))
    assert again.id == job.id
    assert (await again.wait()).id == job.id


async def test_a_long_forgotten_job_teaches_nothing(sandbox: Sandbox, heygen: HeyGen) -> None:
    """Begin a wait after an hour: it does not change the learned durations."""
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(5)]
    await asyncio.sleep(3_600)
    await asyncio.gather(*(job.wait() for job in jobs))
    began = sandbox.clock.now()
    await (await heygen.videos.create(video_request(sandbox))).wait()
    assert sandbox.clock.now() - began < 160


async def test_nothing_is_left_behind(sandbox: Sandbox, heygen: HeyGen) -> None:
    """Drop a failure that arrives after the last waiter has left."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(12)]
    waits = [asyncio.create_task(one.wait()) for one in jobs]
    sandbox.faults.add("videos.get", Fault.delay(20), times=None)
    with pytest.raises(JobTimeout):
        await heygen.jobs.attach(Video, "0" * 32).wait(timeout=25)
    await asyncio.gather(*waits)
    await heygen.aclose()
    gc.collect()
    await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert complaints == []
    assert not [task for task in asyncio.all_tasks() if "Watcher" in repr(task)]


def test_a_job_outlives_its_event_loop() -> None:
    """Use two loops; the second sandbox has the job's id, too."""

    async def begin() -> tuple[HeyGen, str]:
        async with Sandbox(**settings) as sandbox:
            heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
            waited = await heygen.videos.create(video_request(sandbox))
            with pytest.raises(JobTimeout):
                await waited.wait(timeout=5)
            await heygen.aclose()
            return heygen, waited.id

    async def go_on(heygen: HeyGen, job_id: str) -> None:
        async with Sandbox(**settings) as sandbox:
            again = await heygen.videos.create(video_request(sandbox))
            assert again.id == job_id  # same seed, same id
            assert (await again.wait()).status == "completed"
            await heygen.aclose()

    settings: dict[str, Any] = {
        "speed": 1,
        "port": _free_port(),
        "api_keys": ["sk_V2_both"],
        "durations": {"video": 50.0},
    }
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        heygen, job_id = runner.run(begin())
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(go_on(heygen, job_id))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
