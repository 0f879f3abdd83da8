"""Runs whose items are sent in HeyGen's own batches are as safe as single submissions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, assert_type

import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    BadRequest,
    Batch,
    BatchStopped,
    BudgetExceeded,
    CinematicAvatarVideoRequest,
    ConfigurationError,
    HeyGen,
    InvalidRequest,
    JobFailed,
    JobTimeout,
    Lipsync,
    LipsyncRequest,
    Outcome,
    Progress,
    Run,
    SpeechRequest,
    UncertainSubmission,
    VideoTranslationRequest,
)
from heygen_async.errors import ConnectionFailed, JournalError, ServerError
from heygen_async.journal.keys import idempotency_key
from heygen_async.sandbox import Fault, Faults, Sandbox
from tests.journal.journals import FullDisk, Journaled, viewed

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(concurrency=50)]

CREATE = "videos.batches.create"
DAY = 25 * 3600
CLIP = AssetUrl(url="https://example.com/launch.mp4")


class Runs(Journaled):
    """Run the same videos over one journal, several times."""

    def __init__(self, sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
        super().__init__(journal)
        self.sandbox, self.heygen = sandbox, heygen
        self.outcomes: list[Outcome[Any]] = []

    def videos(self, count: int, first: int = 0, **fields: Any) -> list[AvatarVideoRequest]:
        return [
            AvatarVideoRequest(
                avatar_id=self.sandbox.avatar_id, script=f"Number {number}", **fields
            )
            for number in range(first, first + count)
        ]

    async def __call__(
        self, requests: Any, *, via: Any = "api-batch", stop_after: int | None = None, **how: Any
    ) -> list[Outcome[Any]]:
        """Return the outcomes of a run, which is left after some of them."""
        self.outcomes = []
        outcomes = self.outcomes
        async with Batch(self.heygen, **how) as batch:
            async for outcome in batch.run(requests, key=by_script, via=via, journal=self.journal):
                outcomes.append(outcome)
                if len(outcomes) == stop_after:
                    break
        return outcomes

    async def lose_answers(self, requests: Sequence[Any]) -> None:
        """Run batches that are accepted without an answer arriving."""
        self.sandbox.faults.add(CREATE, Fault.drop_answer(), times=None)
        outcomes = await self(requests)
        self.sandbox.faults.clear()
        assert all(isinstance(outcome.error, ConnectionFailed) for outcome in outcomes)
        assert await self.states() == {"intended": len(requests)}
        assert self.sandbox.ledger.count() == len(requests)

    async def age(self) -> None:
        """Let a day pass, after which nothing is replayed."""
        await self.make_older(DAY)
        self.sandbox.clock.advance(DAY)

    def batches(self) -> int:
        """Return the number of requests for batches."""
        return self.sandbox.requests.by_operation[CREATE]


@pytest.fixture
def run(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> Runs:
    return Runs(sandbox, heygen, journal)


def by_script(request: Any) -> str:
    return str(request.script)


def all_once(outcomes: Iterable[Outcome[Any]], count: int, sandbox: Sandbox) -> None:
    """Check that each item has one outcome and its own job, and that there are no other jobs."""
    ended = list(outcomes)
    assert [outcome.error for outcome in ended if not outcome.ok] == []
    assert sorted(outcome.index for outcome in ended) == list(range(count))
    assert sorted(outcome.job_id or "" for outcome in ended) == sorted(
        job.id for job in sandbox.ledger.jobs
    )
    assert all(outcome.unwrap().id == outcome.job_id for outcome in ended)


async def collected(run: Any) -> list[Outcome[Any]]:
    return [outcome async for outcome in run]


@pytest.mark.parametrize("journaled", [True, False])
async def test_many_go_in_one_request(
    sandbox: Sandbox, heygen: HeyGen, run: Runs, journal: Path, journaled: bool
) -> None:
    progress: list[Progress] = []
    async with Batch(heygen, ordered=True, progress=progress.append) as batch:
        running = batch.run(
            run.videos(250), via="api-batch", key=by_script, journal=journal if journaled else None
        )
        outcomes = await collected(running)
    assert [outcome.index for outcome in outcomes] == list(range(250))
    all_once(outcomes, 250, sandbox)
    assert sandbox.ledger.count(CREATE) == 250
    assert run.batches() == 3
    assert max(one.running for one in progress) <= 200
    assert running.unfinished == {}
    assert running.report.rate_limited == 0
    assert heygen.slots.held == 0
    if journaled:
        entries = {entry.job_id: entry for entry in await run.records()}
        assert {entry.state for entry in entries.values()} == {"completed"}
        position = {entry.job_id: entry.position for entry in entries.values()}
        in_order: dict[str | None, list[int]] = {}
        for job in sandbox.ledger.jobs:
            in_order.setdefault(job.idempotency_key, []).append(position[job.id])
        assert all(positions == sorted(positions) for positions in in_order.values())
        # The account identifies each job, even without the journal.
        run_id = await viewed(journal, lambda view: view.run.run_id)
        assert {job.id: job.callback_id for job in sandbox.ledger.jobs} == {
            job_id: idempotency_key(run_id, entry.key, entry.fingerprint)
            for job_id, entry in entries.items()
        }


async def test_outcomes_stream_while_others_are_queued(sandbox: Sandbox, run: Runs) -> None:
    sandbox.concurrency = 10
    await run(run.videos(100), stop_after=10)
    assert sandbox.clock.now() < 300
    states = await run.states()
    assert states == {"completed": 10, "submitted": 90}
    begun = [entry for entry in await run.records() if "#" not in (entry.job_id or "")]
    assert 15 <= len(begun) <= 40  # ten slots, and those that have ended


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_languages(sandbox: Sandbox, heygen: HeyGen, via: Any) -> None:
    languages = list(await heygen.video_translations.languages())[:24]
    async with Batch(heygen) as batch:
        outcomes = await collected(batch.translate(CLIP, languages, via=via))
    assert {outcome.key: outcome.unwrap().output_language for outcome in outcomes} == {
        language: language for language in languages
    }
    requests = sandbox.requests.by_operation
    assert requests["video_translations.batches.create"] == (1 if via == "api-batch" else 0)
    assert sandbox.ledger.count("translation") == 24


async def test_each_product_has_its_own(
    sandbox: Sandbox, heygen: HeyGen, run: Runs, journal: Path
) -> None:
    audio = AssetUrl(url="https://example.com/speech.mp3")
    requests = [
        *run.videos(20),
        CinematicAvatarVideoRequest(avatar_id=[sandbox.avatar_id], prompt="A beach", duration=5),
        *(LipsyncRequest(video=CLIP, audio=audio, title=f"{number}") for number in range(20)),
        VideoTranslationRequest(video=CLIP, output_languages=["French (France)"]),
    ]
    async with Batch(heygen) as batch:
        outcomes = await collected(batch.run(requests, via="api-batch", journal=journal))
    all_once(outcomes, 42, sandbox)
    kinds = Counter(job.operation for job in sandbox.ledger.jobs)
    assert kinds == {
        CREATE: 21,
        "lipsyncs.batches.create": 20,
        "video_translations.batches.create": 1,
    }
    assert sandbox.requests.by_operation["lipsyncs.batches.create"] == 1


def test_type_checkers_know_lipsyncs() -> None:
    lipsyncs = [LipsyncRequest(video=CLIP, audio=CLIP)]
    assert_type(Batch(HeyGen("sk_V2_test")).run(lipsyncs, via="api-batch"), Run[Lipsync])


async def test_lipsyncs_one_by_one(sandbox: Sandbox, heygen: HeyGen, run: Runs) -> None:
    audio = AssetUrl(url="https://example.com/speech.mp3")
    requests = [
        LipsyncRequest(video=CLIP, audio=audio, mode="precision", title=f"{number}", end_time=30)
        for number in range(5)
    ]
    async with Batch(heygen) as batch:
        running = batch.run(requests, key=lambda request: str(request.title), journal=run.journal)
        assert (await running.estimate()).usd == pytest.approx(5 * 30 * 0.0667)
        outcomes = await collected(running)
    all_once(outcomes, 5, sandbox)
    for outcome in outcomes:
        assert isinstance(outcome.result, Lipsync)
        assert outcome.usd == pytest.approx((outcome.result.duration or 0) * 0.0667)
    # A day later, without the answers: they are found by their callback_id.
    await run.edit(
        "UPDATE items SET state = 'intended', job_id = NULL, result = NULL, ended_at = NULL, "
        f"submitted_at = NULL, intended_at = intended_at - {DAY}"
    )
    async with Batch(heygen) as batch:
        again = await collected(
            batch.run(requests, key=lambda request: str(request.title), journal=run.journal)
        )
    assert {o.key: o.job_id for o in again} == {o.key: o.job_id for o in outcomes}
    assert sandbox.ledger.count() == 5


async def test_what_comes_slowly_does_not_wait(sandbox: Sandbox, run: Runs) -> None:
    async def slowly() -> AsyncIterator[AvatarVideoRequest]:
        for video in run.videos(12):
            yield video
            await asyncio.sleep(20)

    all_once(await run(slowly()), 12, sandbox)
    assert run.batches() == 12
    created = [job.created_at for job in sandbox.ledger.jobs]
    assert all(abs(at - 20 * number) < 1 for number, at in enumerate(created))


async def test_concurrency_bounds_what_is_at_heygen(sandbox: Sandbox, run: Runs) -> None:
    progress: list[Progress] = []
    outcomes = await run(run.videos(90), concurrency=30, progress=progress.append)
    all_once(outcomes, 90, sandbox)
    assert max(one.running for one in progress) <= 30
    assert 6 <= run.batches() <= 9  # halves of thirty, and the rest at the end


@pytest.mark.parametrize(
    "how", ["break", "cancel", pytest.param("aclose", marks=pytest.mark.crash)]
)
async def test_interrupted_again_and_again(sandbox: Sandbox, run: Runs, how: str) -> None:
    requests = run.videos(220)
    seen: dict[int, set[str | None]] = {}

    async def part(stop_after: int) -> None:
        async with Batch(run.heygen) as batch:
            running = batch.run(requests, key=by_script, via="api-batch", journal=run.journal)
            new = 0
            async for outcome in running:
                seen.setdefault(outcome.index, set()).add(outcome.job_id)
                new += not outcome.resumed
                if new < stop_after:
                    continue
                if how == "break":
                    break
                if how == "aclose":
                    await running.aclose()
                if how == "cancel":
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
                    await asyncio.sleep(1)

    for stop_after in (1, 30, 80):
        task = asyncio.create_task(part(stop_after))
        await asyncio.wait([task])
        assert task.cancelled() == (how == "cancel")
        assert how == "cancel" or task.exception() is None
    assert sandbox.ledger.count() < 220 + 1
    outcomes = await run(requests)
    all_once(outcomes, 220, sandbox)
    jobs = {outcome.index: outcome.job_id for outcome in outcomes}
    assert all(ids == {jobs[index]} for index, ids in seen.items())
    assert run.heygen.slots.held == 0


@pytest.mark.parametrize(
    ("via", "fault"),
    [
        ("single", Fault.drop_answer()),
        ("api-batch", Fault.status(500, work=True)),
        ("single", Fault.truncate()),
        ("api-batch", Fault.drop()),
    ],
)
async def test_a_batch_without_an_answer_is_sent_again_under_its_key(
    sandbox: Sandbox, run: Runs, fault: Fault, via: str
) -> None:
    requests = run.videos(130)
    sandbox.faults.add(CREATE, fault, times=None)
    lost = await run(requests)
    assert all(isinstance(o.error, ConnectionFailed | ServerError) for o in lost)
    assert await run.states() == {"intended": 130}
    sandbox.faults.clear()
    sandbox.faults.add(CREATE, Fault.status(409), times=2)  # it may still be under way
    before = run.batches()
    all_once(await run(requests, via=via), 130, sandbox)
    assert run.batches() == before + 2 + 2
    keys = {entry.idempotency_key for entry in await run.records()}
    assert keys == {job.idempotency_key for job in sandbox.ledger.jobs}


async def test_answers_are_lost_now_and_then(sandbox: Sandbox, run: Runs) -> None:
    for fault in (Fault.drop_answer(), Fault.status(500, work=True), Fault.status(409)):
        sandbox.faults.add(CREATE, fault, times=None, rate=0.25)
    for stop_after in (3, 40, 60):
        await run(iter(run.videos(150)), stop_after=stop_after)
    sandbox.faults.clear()
    all_once(await run(iter(run.videos(150))), 150, sandbox)


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_a_batch_is_sent_again_whole(sandbox: Sandbox, run: Runs, via: str) -> None:
    """Resume a batch although the run has only a few of its items."""
    requests = run.videos(100)
    sandbox.faults.add(CREATE, Fault.drop(), times=None)
    await run(requests)
    sandbox.faults.clear()
    some = [requests[70], requests[3], *run.videos(1, first=500)]
    outcomes = await run(some, via=via)
    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.ledger.count() == 101
    assert await run.states() == {"completed": 3, "submitted": 98}
    all_once(await run([*requests, some[-1]]), 101, sandbox)


async def test_a_change_of_a_batch_is_not_sent(sandbox: Sandbox, run: Runs) -> None:
    """Do not send a batch again without one of its items: it would be another request."""
    requests = run.videos(20)
    sandbox.faults.add(CREATE, Fault.drop(), times=None)
    await run(requests)
    sandbox.faults.clear()
    await run.edit("DELETE FROM items WHERE position = 7")
    outcomes = await run(requests)
    uncertain = [o.index for o in outcomes if isinstance(o.error, UncertainSubmission)]
    assert sorted(uncertain) == [index for index in range(20) if index != 7]
    assert sandbox.ledger.count() == 1
    all_once(await run(requests, resubmit_uncertain=True), 20, sandbox)


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_old_batches_are_found_in_the_account(sandbox: Sandbox, run: Runs, via: str) -> None:
    requests = run.videos(25)
    await run.lose_answers(requests)
    await run.age()
    all_once(await run(requests, via=via), 25, sandbox)


async def test_old_batches_with_ids_of_the_user_are_not_mixed_up(
    sandbox: Sandbox, run: Runs
) -> None:
    requests = [
        *run.videos(1, callback_id="mine", title="One"),
        *run.videos(1, first=1, callback_id="mine", title="Two"),
        *run.videos(2, first=2, callback_id="ours", title="Same"),
    ]
    await run.lose_answers(requests)
    await run.age()
    outcomes = {outcome.index: outcome for outcome in await run(requests)}
    titles = {job.id: job.title for job in sandbox.ledger.jobs}
    assert [titles[outcomes[index].job_id or ""] for index in range(2)] == ["One", "Two"]
    assert isinstance(outcomes[2].error, UncertainSubmission)
    assert isinstance(outcomes[3].error, UncertainSubmission)
    assert sandbox.ledger.count() == 4


async def test_old_batches_that_nobody_knows_are_uncertain(sandbox: Sandbox, run: Runs) -> None:
    requests = run.videos(12)
    sandbox.faults.add(CREATE, Fault.drop(), times=None)
    await run(requests)
    sandbox.faults.clear()
    await run.age()
    before = run.batches()
    outcomes = await run(requests)
    assert all(isinstance(outcome.error, UncertainSubmission) for outcome in outcomes)
    assert run.batches() == before
    assert await run.states() == {"uncertain": 12}
    all_once(await run(requests, resubmit_uncertain=True), 12, sandbox)
    assert {entry.attempt for entry in await run.records()} == {2}


async def test_an_item_that_cannot_begin_fails_alone(sandbox: Sandbox, run: Runs) -> None:
    nobody = AvatarVideoRequest(avatar_id="nobody", script="Who am I?")
    sandbox.fail_next("video", code="moderation", message="No")
    requests = [*run.videos(30), nobody]
    for resumed in (False, True):
        outcomes = {outcome.index: outcome for outcome in await run(requests)}
        failed = {index: o for index, o in outcomes.items() if not o.ok}
        assert set(failed) == {0, 30}
        moderated, unknown = failed[0].error, failed[30].error
        assert isinstance(moderated, JobFailed)
        assert isinstance(unknown, JobFailed)
        assert (moderated.code, moderated.message) == ("moderation", "No")
        assert unknown.code == "invalid_parameter"
        assert moderated.job_id == failed[0].job_id
        assert unknown.job_id == failed[30].job_id
        assert (failed[30].job_id or "").endswith("#30")
        assert all(outcome.resumed == resumed for outcome in outcomes.values())
    assert sandbox.ledger.count() == 30
    # Another try has other keys.
    again = [o for o in await run(requests, retry_failed=True) if not o.resumed]
    assert Counter(outcome.ok for outcome in again) == {True: 1, False: 1}
    assert sandbox.ledger.count() == 31


@pytest.mark.parametrize("journaled", [True, False])
async def test_a_row_that_spoils_its_batch_fails_alone(
    sandbox: Sandbox, heygen: HeyGen, run: Runs, journal: Path, journaled: bool
) -> None:
    bad = run.videos(1, first=900, extra={"no_such_field": 1})
    requests = [*run.videos(60), *bad, *run.videos(39, first=60)]
    async with Batch(heygen) as batch:
        outcomes = await collected(
            batch.run(
                requests,
                via="api-batch",
                key=by_script,
                journal=journal if journaled else None,
            )
        )
    failed = [outcome for outcome in outcomes if not outcome.ok]
    assert [outcome.index for outcome in failed] == [60]
    assert isinstance(failed[0].error, BadRequest)
    assert failed[0].job_id is None
    assert sandbox.ledger.count() == 99
    assert len({outcome.job_id for outcome in outcomes if outcome.ok}) == 99
    assert run.batches() <= 15  # halves of halves
    if journaled:
        assert await run.states() == {"completed": 99, "failed": 1}
        keys = {job.callback_id for job in sandbox.ledger.jobs}
        assert len(keys) == 99


async def test_interrupted_while_halves_are_sent(sandbox: Sandbox, run: Runs) -> None:
    """Stop when the batch was refused, its first half accepted, and the second is in flight."""
    requests = run.videos(40)
    sandbox.faults.add(CREATE, Fault.status(400))
    sandbox.faults.add(CREATE, Fault.drop(), after=1, times=None)
    task = asyncio.create_task(run(requests))
    while run.batches() < 4:  # noqa: ASYNC110, nothing tells of it
        await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    sandbox.faults.clear()
    assert await run.states() == {"submitted": 20, "intended": 20}
    assert sandbox.ledger.count() == 20
    assert {entry.attempt for entry in await run.records()} == {2}
    all_once(await run(requests), 40, sandbox)


async def test_a_repeated_batch_that_is_refused_is_taken_apart(sandbox: Sandbox, run: Runs) -> None:
    requests = [*run.videos(20), *run.videos(1, first=900, extra={"no_such_field": 1})]
    sandbox.faults.add(CREATE, Fault.drop(), times=None)
    await run(requests)
    sandbox.faults.clear()
    outcomes = await run(requests)
    assert [o.index for o in outcomes if not o.ok] == [20]
    assert sandbox.ledger.count() == 20
    assert await run.states() == {"completed": 20, "failed": 1}


async def test_cancelled_while_a_batch_is_on_its_way(
    sandbox: Sandbox, heygen: HeyGen, run: Runs
) -> None:
    requests = run.videos(120)
    sandbox.faults.add(CREATE, Fault.delay(20), times=1)
    running = Batch(heygen).run(requests, key=by_script, via="api-batch", journal=run.journal)
    task = asyncio.create_task(collected(running))
    await asyncio.sleep(10)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await run.states() == {"submitted": 100}
    assert len(running.unfinished) == sandbox.ledger.count() == 100
    assert {entry.key: entry.job_id for entry in await run.records()} == running.unfinished
    all_once(await run(requests), 120, sandbox)
    assert heygen.slots.held == 0


async def test_a_second_cancellation_does_not_wait(
    sandbox: Sandbox, heygen: HeyGen, run: Runs
) -> None:
    requests = run.videos(50)
    sandbox.faults.add(CREATE, Fault.delay(100), times=None)
    running = Batch(heygen).run(requests, key=by_script, via="api-batch", journal=run.journal)
    task = asyncio.create_task(collected(running))
    for _ in range(2):
        await asyncio.sleep(10)
        task.cancel()
    await asyncio.wait([task])
    assert asyncio.get_running_loop().time() < 30
    assert await run.states() == {"intended": 50}
    sandbox.faults.clear()
    all_once(await run(requests), 50, sandbox)


async def test_nothing_goes_that_the_journal_cannot_hold(
    sandbox: Sandbox, heygen: HeyGen, run: Runs
) -> None:
    requests = run.videos(300)

    async def fill_the_disk() -> None:
        store = FullDisk(run.journal)
        async for _ in Batch(heygen).run(requests, key=by_script, via="api-batch", journal=store):
            store.full = True

    with pytest.raises(JournalError) as caught:
        await fill_the_disk()
    assert caught.value.reason == "disk_full"
    known = {entry.idempotency_key for entry in await run.records()}
    assert {job.idempotency_key for job in sandbox.ledger.jobs} <= known
    assert sandbox.ledger.count() < 300
    all_once(await run(requests), 300, sandbox)


async def test_nothing_goes_after_a_stop(sandbox: Sandbox, heygen: HeyGen, run: Runs) -> None:
    requests = run.videos(240)
    running = Batch(heygen).run(requests, key=by_script, via="api-batch", journal=run.journal)
    outcomes = []
    async for outcome in running:
        outcomes.append(outcome)
        if len(outcomes) == 40:  # forty others are gathered by now
            running.stop_submitting()
    assert len(outcomes) == sandbox.ledger.count() == 200
    assert await run.states() == {"completed": 200}
    all_once(await run(requests), 240, sandbox)


async def test_the_first_failure_stops(sandbox: Sandbox, run: Runs) -> None:
    sandbox.fail_next("video")
    with pytest.raises(BatchStopped):
        await run(run.videos(400), on_error="stop")
    assert sandbox.ledger.count() == len(run.outcomes) == 200


async def test_a_refused_key_stops(sandbox: Sandbox, run: Runs) -> None:
    sandbox.faults.add(CREATE, Fault.status(401), times=None)
    with pytest.raises(BatchStopped, match="unauthorized"):
        await run(run.videos(120))
    assert run.batches() == 1
    assert await run.states() == {"failed": 100}
    sandbox.faults.clear()
    all_once(await run(run.videos(120)), 120, sandbox)


async def test_a_cap_holds(sandbox: Sandbox, run: Runs) -> None:
    for requests in (run.videos(220), iter(run.videos(220))):
        with pytest.raises(BudgetExceeded) as caught:
            await run(requests, max_jobs=130)
        assert sandbox.ledger.count() == len(run.outcomes) == 130
        assert all(outcome.ok for outcome in run.outcomes)
        named = caught.value.not_submitted
        assert len(named) == 90 if isinstance(requests, list) else 1 <= len(named) <= 200
    all_once(await run(run.videos(220)), 220, sandbox)


@pytest.mark.parametrize(("first", "second"), [("single", "api-batch"), ("api-batch", "single")])
async def test_a_run_may_change_its_ways(
    sandbox: Sandbox, run: Runs, first: str, second: str
) -> None:
    """Resume each item in the way it was sent."""
    requests = run.videos(80)
    operations = {"single": "videos.create", "api-batch": CREATE}
    await run(requests[:30], via=first, stop_after=5)
    sandbox.faults.add(operations[first], Fault.drop_answer(), times=None)
    await run(requests[:50], via=first)
    sandbox.faults.clear()
    states = await run.states()
    assert states["completed"] >= 10
    assert states["intended"] >= 20
    all_once(await run(requests, via=second), 80, sandbox)
    made = Counter(job.operation for job in sandbox.ledger.jobs)
    assert made == {operations[first]: 50, operations[second]: 30}
    assert run.heygen.slots.held == 0


async def test_refusals_for_too_many_requests(sandbox: Sandbox, run: Runs) -> None:
    sandbox.faults.add(CREATE, Fault.status(429, retry_after=30), times=3)
    outcomes = await run(run.videos(120))
    all_once(outcomes, 120, sandbox)
    assert run.batches() == 5
    assert run.heygen.slots.limit == run.heygen.slots.ceiling  # tells nothing about these items


async def test_what_never_begins_is_given_up(sandbox: Sandbox, run: Runs) -> None:
    sandbox.concurrency = 2
    sandbox.faults = Faults(stuck_jobs=1)
    outcomes = await run(run.videos(6), job_timeout=1800)
    assert all(isinstance(outcome.error, JobTimeout) for outcome in outcomes)
    assert Counter("#" in (outcome.job_id or "") for outcome in outcomes) == {True: 4, False: 2}
    assert 1800 <= sandbox.clock.now() < 3700
    assert await run.states() == {"submitted": 6}


async def test_a_long_queue_is_not_given_up(sandbox: Sandbox, run: Runs) -> None:
    sandbox.concurrency = 1
    all_once(await run(run.videos(20), job_timeout=300), 20, sandbox)
    assert sandbox.clock.now() > 1000


@pytest.mark.parametrize("make", [list, iter])
async def test_what_has_no_batches_is_refused(
    sandbox: Sandbox, heygen: HeyGen, run: Runs, make: Callable[[Any], Any]
) -> None:
    speech = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
    requests = make([*run.videos(2), speech])
    running = Batch(heygen, ordered=True).run(requests, via="api-batch")
    if make is list:
        with pytest.raises(InvalidRequest, match=r"item 3: via: .* not SpeechRequest; use via"):
            await collected(running)
        assert sandbox.ledger.count() == 0
    else:
        assert [outcome.ok for outcome in await collected(running)] == [True, True, False]
    with pytest.raises(ConfigurationError, match="via: expected single or api-batch"):
        Batch(heygen).run(run.videos(1), via="batch")  # type: ignore[call-overload]
