from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    ConfigurationError,
    HeyGen,
    InvalidRequest,
    InvalidVariants,
    JobFailed,
    JobTimeout,
    Outcome,
    Progress,
    Run,
    TemplateRenderRequest,
    TextVariable,
    Video,
)
from heygen_async.endpoints.templates import Version
from heygen_async.sandbox import Fault, Sandbox

from .conftest import names

pytestmark = pytest.mark.anyio

VERSIONS: tuple[Version, ...] = ("v2", "v3", "auto")


async def test_variants_are_rendered(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> None:
    variants = names(40)
    async with Batch(heygen) as batch:
        outcomes = [outcome async for outcome in batch.render(template_id, variants)]
    assert sorted(outcome.index for outcome in outcomes) == list(range(40))
    for outcome in outcomes:
        assert outcome.ok
        assert outcome.key == str(outcome.index)
        assert outcome.item is variants[outcome.index]
        video = outcome.unwrap()
        assert (video.id, video.status) == (outcome.job_id, "completed")
        assert 0 < outcome.seconds < 600
    assert {job.id for job in sandbox.ledger.jobs} == {outcome.job_id for outcome in outcomes}
    assert sandbox.ledger.count("templates.generate") == 40


async def test_a_template_is_fetched_once(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    async with Batch(heygen) as batch:
        assert len([outcome async for outcome in batch.render(template_id, names(2))]) == 2
    assert sandbox.requests.by_operation["templates.get"] == 1
    assert sandbox.requests.by_operation["templates.get_v2"] == 0


async def test_a_template_that_was_fetched_is_not_fetched_again(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    served_by = {
        version: await heygen.templates.find(template_id, version=version) for version in VERSIONS
    }
    fetched = sandbox.requests.by_operation
    before = fetched["templates.get"], fetched["templates.get_v2"]
    async with Batch(heygen) as batch:
        for version, template in served_by.items():
            run = batch.render(
                template_id, names(2), version=version, template=template, test=version == "v2"
            )
            assert len([outcome async for outcome in run]) == 2
        assert (fetched["templates.get"], fetched["templates.get_v2"]) == before
        # The variables of a test are those that v2 has.
        await batch.render(template_id, names(2), test=True, template=served_by["v3"]).estimate()
        assert (fetched["templates.get"], fetched["templates.get_v2"] - 1) == before
        other = sandbox.template_id("Product offer")
        with pytest.raises(InvalidRequest, match=f"template: got .*, not {other}"):
            batch.render(other, names(2), template=served_by["v3"])


async def test_outcomes_in_order(heygen: HeyGen, template_id: str) -> None:
    def key(variant: Any) -> str:
        return str(variant["name"])

    run = Batch(heygen, ordered=True).render(template_id, names(30), key=key)
    keys = [outcome.key async for outcome in run]
    assert keys == [f"Person {number}" for number in range(30)]


async def test_whole_requests_and_tests_in_v2(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    request = TemplateRenderRequest(variables={"name": TextVariable(content="Ada")})
    run = Batch(heygen).render(template_id, [request], test=True)
    assert [outcome.ok async for outcome in run] == [True]
    assert sandbox.ledger.count("templates.generate_v2") == 1
    assert sandbox.ledger.usd == 0


async def test_progress_is_reported_when_something_changes_and_not_more_often(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    """It lives from the first second, knows the time left before the first end, and says it all."""
    seen: list[tuple[float, Progress]] = []
    loop = asyncio.get_running_loop()

    def show(progress: Progress) -> None:
        seen.append((loop.time(), progress))

    run = Batch(heygen, progress=show, concurrency=5).render(template_id, names(30))
    outcomes = [outcome async for outcome in run]
    assert len(outcomes) == 30
    times = [at for at, _ in seen]
    assert all(later - before > 0.09 for before, later in itertools.pairwise(times[:-1]))
    started = [progress for _, progress in seen if progress.running == 5 and not progress.done]
    assert started
    (first, *_) = started
    assert first.waiting == 25
    assert first.at_once == 5
    assert first.job_seconds is not None
    assert first.seconds_left == pytest.approx(6 * first.job_seconds, rel=0.01)
    last = seen[-1][1]
    assert (last.done, last.running, last.waiting, last.seconds_left) == (30, 0, 0, 0)
    assert len(seen) <= 1 + 2 * 30 + 1


async def test_progress_shows_a_pause_that_heygen_asked_for(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.faults.add("templates.generate", Fault.status(429, retry_after=20), after=3)
    seen: list[Progress] = []
    run = Batch(heygen, progress=seen.append).render(template_id, names(30))
    assert all([outcome.ok async for outcome in run])
    held = [progress.resumes_in for progress in seen if progress.resumes_in is not None]
    assert 17 < max(held) <= 20
    assert sorted(held, reverse=True)[-1] < 3  # it is shown each second
    assert seen[-1].resumes_in is None
    assert not any(progress.no_credit for progress in seen)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_variants_are_pulled_as_they_are_needed(
    heygen: HeyGen, template_id: str, asynchronous: bool
) -> None:
    pulled = 0

    def rows() -> Iterator[dict[str, str]]:
        nonlocal pulled
        for variant in names(60):
            pulled += 1
            yield variant

    async def slow_rows() -> AsyncIterator[dict[str, str]]:
        for variant in rows():
            await asyncio.sleep(1)
            yield variant

    done = 0
    async for _ in Batch(heygen).render(template_id, slow_rows() if asynchronous else rows()):
        done += 1
        ahead = 0 if asynchronous else 32
        # Running jobs, and jobs that ended at the same poll.
        assert pulled - done <= 10 + 10 + ahead
    assert done == 60


async def test_bad_variants_are_named_before_anything_is_paid_for(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    variants: list[dict[str, Any]] = [*names(3), {"nmae": "Ada"}, {"name": object()}, {}]
    with pytest.raises(InvalidVariants) as caught:
        await anext(aiter(Batch(heygen).render(template_id, variants)))
    assert {problem.index for problem in caught.value.problems} == {3, 4, 5}
    assert "row 4, variable 'nmae': the template has no such variable; did you mean 'name'" in str(
        caught.value
    )
    assert sandbox.ledger.count() == 0


async def test_bad_variants_of_an_iterator_fail_alone(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    variants = [*names(3), {"nmae": "Ada"}, *names(2)]
    outcomes = [o async for o in Batch(heygen, ordered=True).render(template_id, iter(variants))]
    assert [outcome.ok for outcome in outcomes] == [True, True, True, False, True, True]
    assert isinstance(outcomes[3].error, InvalidVariants)
    assert outcomes[3].job_id is None
    assert sandbox.ledger.count() == 5


async def test_failed_jobs_do_not_stop_the_others(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.fail_next("video", code="moderation", times=3)
    run = Batch(heygen).render(template_id, names(20))
    outcomes = [outcome async for outcome in run]
    failed = [outcome for outcome in outcomes if not outcome.ok]
    assert len(outcomes) == 20
    assert len(failed) == 3
    with pytest.raises(JobFailed, match="moderation"):
        failed[0].unwrap()
    assert run.report.failures == {"moderation": 3}
    assert run.unfinished == {}


@pytest.mark.parametrize("ordered", [False, True])
async def test_stop_at_the_first_failure(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, ordered: bool
) -> None:
    sandbox.fail_next("video")
    run = Batch(heygen, on_error="stop", ordered=ordered).render(template_id, names(100))
    outcomes: list[Outcome[Video]] = []
    with pytest.raises(BatchStopped) as caught:
        await keep(run, outcomes)
    assert isinstance(caught.value.__cause__, JobFailed)
    assert caught.value.key in {outcome.key for outcome in outcomes if not outcome.ok}
    assert sandbox.ledger.count() == len(outcomes) < 40  # what ran is handed on
    assert run.unfinished == {}


async def test_a_job_that_takes_too_long_is_given_up(heygen: HeyGen, template_id: str) -> None:
    run = Batch(heygen, job_timeout=10).render(template_id, names(3), key=lambda _: "same")
    run_of_iterator = Batch(heygen, job_timeout=10).render(
        template_id, iter(names(3)), key=lambda _: "same"
    )
    with pytest.raises(InvalidRequest, match="items 1 and 2 have the same key 'same'"):
        await anext(aiter(run))
    outcomes = [outcome async for outcome in run_of_iterator]
    assert all(isinstance(outcome.error, JobTimeout) for outcome in outcomes)
    # Keys that repeat lose no job.
    assert set(run_of_iterator.unfinished.values()) == {outcome.job_id for outcome in outcomes}
    assert "same" in run_of_iterator.unfinished


async def test_a_key_that_raises_costs_nothing(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    def key(variant: Any) -> str:
        return str(variant["id"])

    with pytest.raises(KeyError):
        await anext(aiter(Batch(heygen).render(template_id, names(5), key=key)))
    assert sandbox.ledger.count() == 0


async def test_progress_and_report_add_up(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.fail_next("video", times=2)
    seen: list[Progress] = []
    run = Batch(heygen, progress=seen.append).render(template_id, names(30))
    before = sandbox.ledger.requests
    assert len([outcome async for outcome in run]) == 30
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 30)
    assert all(progress.total == 30 and progress.running <= 10 for progress in seen)
    assert seen[-1].running == 0
    assert seen[-1].seconds_left == 0
    report = run.report
    assert (report.completed, report.failed) == (28, 2)
    assert report.most_running == 10
    assert report.elapsed == pytest.approx(seen[-1].elapsed)
    assert 0.7 < report.slot_use <= 1
    # The template and the account are fetched before the counting starts.
    assert report.requests == pytest.approx(sandbox.ledger.requests - before, abs=3)
    assert (report.retries, report.rate_limited) == (0, 0)
    assert "28 completed, 2 failed" in str(report)


async def test_a_progress_callback_that_raises_costs_no_outcome(
    heygen: HeyGen, template_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    def progress(_: Progress) -> None:
        raise RuntimeError("no terminal")

    run = Batch(heygen, progress=progress).render(template_id, names(15))
    assert len([outcome async for outcome in run if outcome.ok]) == 15
    assert [record.name for record in caplog.records] == ["heygen_async.batch"]


@pytest.mark.parametrize("how", ["break", "cancel", "aclose"])
async def test_leaving_early_submits_nothing_more(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, how: str
) -> None:
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(200))

        async def consume() -> None:
            seen = 0
            async for _ in run:
                seen += 1
                if seen == 5 and how == "break":
                    break

        task = asyncio.create_task(consume())
        if how != "break":
            await asyncio.sleep(100)
        if how == "cancel":
            task.cancel()
        if how == "aclose":
            await run.aclose()
        await asyncio.wait([task])
        assert task.cancelled() == (how == "cancel")
    assert not [task for task in asyncio.all_tasks() if "FanOut" in repr(task)]
    submitted = sandbox.ledger.count()
    assert submitted < 60
    ended = run.report.completed
    assert len(run.unfinished) == submitted - ended
    assert set(run.unfinished.values()) < {job.id for job in sandbox.ledger.jobs}
    assert heygen.slots.held == 0
    await asyncio.sleep(300)
    assert sandbox.ledger.count() == submitted


@pytest.mark.parametrize("by", ["task", "scope"])
async def test_a_run_cancelled_during_submission_keeps_the_ids(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, by: str
) -> None:
    """Cancel the run while answers are on their way."""
    sandbox.faults.add("templates.generate", Fault.delay(20), times=10)
    run = Batch(heygen).render(template_id, names(50))
    if by == "scope":
        with anyio.move_on_after(10):
            await anext(aiter(run))
    else:
        task = asyncio.ensure_future(anext(aiter(run)))
        await asyncio.sleep(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert set(run.unfinished) == {str(number) for number in range(10)}
    assert set(run.unfinished.values()) == {job.id for job in sandbox.ledger.jobs}
    assert heygen.slots.held == 0


async def test_a_run_is_iterated_once(heygen: HeyGen, template_id: str) -> None:
    run = Batch(heygen).render(template_id, names(1))
    assert len([outcome async for outcome in run]) == 1
    with pytest.raises(RuntimeError, match="once"):
        aiter(run)


async def test_a_run_that_never_began_is_closed_without_a_word(
    heygen: HeyGen, template_id: str
) -> None:
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(1))
    assert [outcome async for outcome in run] == []  # it ended with its batch


@pytest.mark.parametrize("settings", [{"concurrency": 0}, {"on_error": "ignore"}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Batch(HeyGen("sk_V2_test"), **settings)


async def test_an_interactive_call_goes_first(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    """Bulk jobs fill the account; the next one to end makes room for the user's job."""
    run = Batch(heygen).render(template_id, names(60))
    task = asyncio.create_task(_all(run))
    await asyncio.sleep(30)
    assert sandbox.running == 10
    before = sandbox.ledger.count()
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    job = await heygen.videos.create(request)
    position = [one.id for one in sandbox.ledger.jobs].index(job.id)
    assert position <= before + 3
    await job.wait()
    assert all(outcome.ok for outcome in await task)
    assert sandbox.ledger.count() == 61


async def keep(run: Run[Video], kept: list[Outcome[Video]]) -> None:
    """Keep what came before an exception, too."""
    async for outcome in run:
        kept.append(outcome)  # noqa: PERF401


async def _all(run: Any) -> list[Outcome[Video]]:
    return [outcome async for outcome in run]


@pytest.mark.sandbox(durations={"video": 60.0})
async def test_every_job_is_told_of_if_a_run_is_left_when_many_have_ended_at_once(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    run = Batch(heygen).render(template_id, names(10))
    told = set()
    async for outcome in run:
        told.add(outcome.job_id)
        break
    await run.aclose()
    assert told.isdisjoint(run.unfinished.values())
    assert told.union(run.unfinished.values()) == {job.id for job in sandbox.ledger.jobs}
