"""A stopped run submits nothing more, and reports all paid jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AvatarVideoRequest, Batch, HeyGen, Outcome, SpeechRequest, Video
from heygen_async.sandbox import Fault, Sandbox
from tests.batch.conftest import names

pytestmark = pytest.mark.anyio


@pytest.fixture
def heygen_settings() -> Mapping[str, Any]:
    return {"jobs": 50}  # of which the account runs 10


@pytest.mark.parametrize("journaled", [False, True])
async def test_what_was_refused_and_queues_again_is_not_submitted(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path, journaled: bool
) -> None:
    async with Batch(heygen, journal=journal if journaled else None) as batch:
        run = batch.render(template_id, names(200))
        outcomes: list[Outcome[Video]] = []
        async for outcome in run:
            if not outcomes:
                run.stop_submitting()
                await asyncio.sleep(1)  # requests in flight are answered
                submitted = sandbox.ledger.count()
            outcomes.append(outcome)
    assert submitted <= 12
    assert sandbox.ledger.count() == submitted == len(outcomes)
    assert all(outcome.ok for outcome in outcomes)
    assert run.unfinished == {}
    assert heygen.slots.held == 0


async def test_what_waits_in_the_request_limiter_is_not_submitted(sandbox: Sandbox) -> None:
    settings: dict[str, Any] = {"jobs": 10, "requests": 1}
    sandbox.faults.add("videos.create", Fault.delay(5), times=None)
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, **settings) as heygen:
        requests = [
            AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Number {n}") for n in range(40)
        ]
        run = Batch(heygen).run(requests)

        async def stop() -> None:
            await asyncio.sleep(7)  # the first was accepted, the second is in flight
            run.stop_submitting()

        task = asyncio.create_task(stop())
        outcomes = [outcome async for outcome in run]
        await task
    assert sandbox.ledger.count() == len(outcomes) == 2


async def test_what_waits_for_a_slot_of_a_batched_run_is_not_submitted(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    callback = "https://example.com/hook"  # so that each is sent singly
    requests = [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Number {n}", callback_url=callback)
        for n in range(40)
    ]
    run = Batch(heygen, concurrency=40).run(requests, via="api-batch")
    outcomes: list[Outcome[Any]] = []
    async for outcome in run:
        if not outcomes:
            run.stop_submitting()
            await asyncio.sleep(1)
            submitted = sandbox.ledger.count()
        outcomes.append(outcome)
    assert sandbox.ledger.count() == submitted == len(outcomes)


@pytest.mark.parametrize(
    ("ordered", "journaled", "download"),
    [  # each pair of settings
        (False, False, False),
        (False, True, True),
        (True, False, True),
        (True, True, False),
    ],
)
async def test_outcomes_that_nobody_took_stay_unfinished(
    sandbox: Sandbox,
    heygen: HeyGen,
    template_id: str,
    journal: Path,
    ordered: bool,
    journaled: bool,
    download: bool,
) -> None:
    async with Batch(heygen, ordered=ordered, journal=journal if journaled else None) as batch:
        run = batch.render(template_id, names(30))
        files = journal.with_name("{key}.mp4")
        outcomes = batch.download(run, files) if download else aiter(run)
        taken: set[str | None] = set()

        async def upload() -> None:
            async for outcome in outcomes:
                taken.add(outcome.job_id)
                await asyncio.sleep(600)
                raise OSError("the upload failed")

        with pytest.raises(OSError, match="upload"):
            await upload()
        await outcomes.aclose()
        await run.aclose()
    paid = {job.id for job in sandbox.ledger.jobs}
    assert len(paid) > len(taken) == 1
    assert paid == taken | set(run.unfinished.values())
    assert set(batch.unfinished.values()) == set(run.unfinished.values())


@pytest.mark.parametrize("ordered", [False, True])
async def test_after_the_last_download_nothing_is_unfinished(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path, ordered: bool
) -> None:
    sandbox.fail_next("video")
    (tmp_path / "3.mp4").mkdir()  # in the way
    async with Batch(heygen, ordered=ordered) as batch:
        run = batch.render(template_id, names(12))
        outcomes = [o async for o in batch.download(run, tmp_path / "{key}.mp4", parallel=2)]
        assert [outcome.ok for outcome in outcomes].count(False) == 1
        assert run.unfinished == batch.unfinished == {}


@pytest.mark.parametrize("journaled", [False, True])
@pytest.mark.parametrize("speech", [False, True])
async def test_a_pause_does_not_hold_up_a_run_that_is_stopped(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, speech: bool, journaled: bool
) -> None:
    operation = "voices.speech" if speech else "videos.create"
    busy = Fault.status(503, retry_after=3600)
    sandbox.faults.add(operation, busy, times=10)  # so that no polls wait for the same pause
    requests = [
        SpeechRequest(text=f"Number {n}", voice_id=sandbox.voice_id)
        if speech
        else AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Number {n}")
        for n in range(30)
    ]
    run = Batch(heygen, concurrency=10, journal=journal if journaled else None).run(requests)
    loop = asyncio.get_running_loop()
    stopped_at = 0.0

    async def stop() -> None:
        nonlocal stopped_at
        await asyncio.sleep(60)
        stopped_at = loop.time()
        run.stop_submitting()

    task = asyncio.create_task(stop())
    outcomes = [outcome async for outcome in run]
    await task
    assert len(outcomes) == (0 if journaled else 10)  # jobs that may be paid for are reported
    assert all(getattr(outcome.error, "maybe_carried_out", False) for outcome in outcomes)
    assert loop.time() - stopped_at < 5
    assert sandbox.ledger.count() == 0


class Endless:
    """An async iterator that yields two items, and then waits for ever."""

    def __init__(self, avatar_id: str) -> None:
        self.avatar_id = avatar_id
        self.given = 0
        self.cancelled = False

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> AvatarVideoRequest:
        if self.given == 2:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled = True
                await asyncio.sleep(5)  # such as to close a connection
        self.given += 1
        return AvatarVideoRequest(avatar_id=self.avatar_id, script=f"Number {self.given}")


async def generated(items: Endless) -> AsyncIterator[AvatarVideoRequest]:
    async for item in items:
        yield item


@pytest.mark.parametrize("kind", [Endless, "generator"])
@pytest.mark.parametrize("options", [{}, {"ordered": True}, {"max_cost": 50}])
@pytest.mark.parametrize("after", [1, 1000])
async def test_a_source_that_gives_nothing_more_is_not_waited_for(
    sandbox: Sandbox, heygen: HeyGen, kind: Any, options: dict[str, Any], after: float
) -> None:
    items = Endless(sandbox.avatar_id)
    async with Batch(heygen, **options) as batch:
        run = batch.run(items if kind is Endless else generated(items))
        for again in (0, 1):
            asyncio.get_running_loop().call_later(after + again, run.stop_submitting)
        async with asyncio.timeout(2000):
            outcomes = [outcome async for outcome in run]
    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert items.cancelled
    assert heygen.slots.held == 0


async def test_a_timeout_of_the_source_itself_is_raised(sandbox: Sandbox, heygen: HeyGen) -> None:
    async def items() -> AsyncIterator[AvatarVideoRequest]:
        yield AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello.")
        async with asyncio.timeout(3):
            await asyncio.Event().wait()

    run = aiter(Batch(heygen).run(items()))
    assert (await anext(run)).ok
    with pytest.raises(TimeoutError):
        await anext(run)
