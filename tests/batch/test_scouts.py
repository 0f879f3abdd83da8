"""If lengths are unknown and there is a cap, one job for each source runs first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    PRICES,
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    HeyGen,
    JobSlots,
    LipsyncRequest,
    Outcome,
    ProofreadRender,
    ProofreadRequest,
    Run,
    VideoTranslationRequest,
)
from heygen_async.batch.admission.scouting import Scouting
from heygen_async.batch.submissions import RequestsBuilder
from heygen_async.batch.submitter import SubmissionCancelled
from heygen_async.journal import MemoryJournal, RunSpec
from heygen_async.journal.keys import FreshKeys
from heygen_async.pricing.prices import PriceTable
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.contract import LANGUAGES

pytestmark = pytest.mark.anyio

# On another host: sources on the API's own machine are not probed.
VIDEO, OTHER = "https://example.com/launch.mp4", "https://example.com/other.mp4"
NAMES = list(LANGUAGES)
ONE_A_SECOND = PriceTable(translation_speed=1.0, avatar_iv=1.0)
LONGEST = 90.0  # of the sources that the sandbox makes up


async def collect(run: Run[Any]) -> list[Outcome[Any]]:
    return [outcome async for outcome in run]


async def until_full(run: Run[Any]) -> tuple[list[Outcome[Any]], BudgetExceeded]:
    """Return the outcomes before the budget is exceeded, and the error."""
    outcomes: list[Outcome[Any]] = []
    with pytest.raises(BudgetExceeded) as full:
        await keep(run, outcomes)
    return outcomes, full.value


async def keep(run: Run[Any], outcomes: list[Outcome[Any]]) -> None:
    async for outcome in run:
        outcomes += [outcome]


def seconds_of(sandbox: Sandbox) -> float:
    """The length of the only source."""
    (seconds,) = {job.seconds for job in sandbox.ledger.jobs}
    return seconds


def starts(sandbox: Sandbox) -> list[float]:
    """Return when each job began, by the sandbox's clock."""
    return [job.created_at for job in sandbox.ledger.jobs]


def spent(sandbox: Sandbox) -> float:
    """Return the cost of the jobs at the prices of these tests."""
    return sum(job.seconds for job in sandbox.ledger.jobs if not job.failed)


async def test_the_first_language_prices_the_others(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=10_000) as batch:
        outcomes = await collect(batch.translate(VIDEO, NAMES[:20]))
    assert sum(outcome.ok for outcome in outcomes) == 20
    first, *others = starts(sandbox)
    # 1,800 USD each would have left room for five at once.
    assert others[0] - first > 60
    assert others[8] - others[0] < 10


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kind", ["list", "iter", "async"])
async def test_a_cap_below_the_longest_is_used_up_and_no_more(
    sandbox: Sandbox, heygen: HeyGen, kind: str, ordered: bool
) -> None:
    async def slowly() -> AsyncIterator[str]:
        for language in NAMES[:30]:
            yield language

    languages: Any = {"list": NAMES[:30], "iter": iter(NAMES[:30]), "async": slowly()}[kind]
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=500, ordered=ordered) as batch:
        outcomes, full = await until_full(batch.translate(VIDEO, languages))
    seconds = seconds_of(sandbox)
    assert all(outcome.ok for outcome in outcomes)
    assert len(outcomes) == sandbox.ledger.count() == 500 // seconds
    if kind == "list":
        done = {outcome.key for outcome in outcomes}
        assert len(full.not_submitted) == len(set(full.not_submitted))
        assert set(full.not_submitted) == set(NAMES[:30]) - done
    if ordered:
        positions = [outcome.index for outcome in outcomes]
        assert positions == sorted(positions)


async def test_without_a_cap_nothing_waits(sandbox: Sandbox, heygen: HeyGen) -> None:
    await collect(Batch(heygen).translate(VIDEO, NAMES[:10]))
    assert max(starts(sandbox)) - min(starts(sandbox)) < 10


async def test_items_of_other_sources_go_on(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=20_000) as batch:
        run = batch.translate([VIDEO, OTHER], NAMES[:20])
        outcomes = await collect(run)
    assert len(outcomes) == 40
    scouts = sorted(starts(sandbox))[:2]
    assert scouts[1] - scouts[0] < 10
    assert run.report.most_running == 10


@pytest.mark.parametrize("until", [VIDEO, OTHER])
async def test_scripts_do_not_wait_for_the_scouts_of_others(
    sandbox: Sandbox, heygen: HeyGen, until: str
) -> None:
    translations = [
        VideoTranslationRequest(video=AssetUrl(url=until), output_languages=[name])
        for name in NAMES[:30]
    ]
    scripts = [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Hello {number}")
        for number in range(5)
    ]
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=10_000) as batch:
        await collect(batch.run([*translations, *scripts]))
    first = [job.kind for job in sorted(sandbox.ledger.jobs, key=lambda job: job.created_at)[:6]]
    assert sorted(first) == ["translation", *["video"] * 5]


async def test_the_next_one_is_the_scout_if_the_first_fails(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.fail_next("translation", times=2)
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=10_000) as batch:
        outcomes = await collect(batch.translate(VIDEO, NAMES[:20]))
    assert [outcome.ok for outcome in outcomes].count(False) == 2
    began = starts(sandbox)
    assert began[1] - began[0] > 60
    assert began[2] - began[1] > 60
    assert began[11] - began[3] < 10


async def test_a_resumed_run_knows_the_lengths_of_what_is_done(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    journal = tmp_path / "run.db"

    async def run(languages: Sequence[str]) -> list[Outcome[Any]]:
        async with Batch(heygen, prices=ONE_A_SECOND, max_cost=5_000) as batch:
            return await collect(batch.translate(VIDEO, languages, journal=journal))

    await run(NAMES[:1])
    before = sandbox.clock.now()
    # Items of known length come last.
    assert len(await run([*NAMES[1:11], NAMES[0]])) == 11
    assert max(starts(sandbox)[1:]) - before < 10
    assert sandbox.ledger.count() == 11


async def test_stopping_leaves_those_that_wait_unsubmitted(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=10_000) as batch:
        run = batch.translate(VIDEO, NAMES[:60])
        outcomes = []
        async for outcome in run:
            run.stop_submitting()
            outcomes.append(outcome)
    assert 1 <= len(outcomes) <= 11
    assert len(outcomes) == sandbox.ledger.count()


@pytest.mark.parametrize("cap", [0, 10, 100, 400])
async def test_two_sources_of_unknown_length_pass_a_cap_by_one_job_at_most(
    sandbox: Sandbox, heygen: HeyGen, cap: float
) -> None:
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=cap) as batch:
        await until_full(batch.translate([VIDEO, OTHER], NAMES[:20]))
    assert spent(sandbox) <= cap + LONGEST


@pytest.mark.sandbox(dub_spread=0.33, concurrency=50)
@pytest.mark.heygen(jobs=50)
@pytest.mark.parametrize(("measured", "cap", "drops"), [(True, 1500, 0), (False, 700, 3)])
async def test_dubs_of_unequal_lengths_pass_a_cap_by_one_job_at_most(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, measured: bool, cap: float, drops: int
) -> None:
    source = await length_of_source(sandbox, heygen) if measured else None
    await collect(Batch(heygen).translate(OTHER, NAMES[:60]))
    others = [job for job in sandbox.ledger.jobs if job.kind == "translation"]
    *longest, first = sorted(range(60), key=lambda position: -others[position].seconds)
    languages = [NAMES[position] for position in (first, *longest)]  # the shortest is the scout
    for last in (*[False] * drops, True):
        async with Batch(
            heygen, prices=ONE_A_SECOND, max_cost=cap, journal=tmp_path / "run.db"
        ) as batch:
            run = batch.translate(VIDEO, languages, seconds=source)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if last else 450):
                    await until_full(run)
    dubs = [job.seconds for job in sandbox.ledger.jobs if job.kind == "translation"][60:]
    assert max(dubs) > 1.5 * min(dubs)
    assert cap - 2 * max(dubs) < sum(dubs) <= cap + max(dubs)


async def length_of_source(sandbox: Sandbox, heygen: HeyGen) -> float:
    """Length of ``VIDEO``; that of a lipsync is its audio's."""
    file = AssetUrl(url=VIDEO)
    await heygen.lipsyncs.create(LipsyncRequest(video=file, audio=file))
    return sandbox.ledger.jobs[0].seconds


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_items_of_server_batches_are_scouted_too(
    sandbox: Sandbox, heygen: HeyGen, via: Any
) -> None:
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=500) as batch:
        outcomes, _ = await until_full(batch.translate(VIDEO, NAMES[:30], via=via))
    assert len(outcomes) == sandbox.ledger.count() == 500 // seconds_of(sandbox)


@pytest.mark.parametrize("drops", [0, 1])
async def test_corrected_proofreads_of_one_video_are_scouted(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, drops: int
) -> None:
    video = AssetUrl(url=VIDEO)
    jobs = await heygen.proofreads.create(
        ProofreadRequest(video=video, output_languages=NAMES[:30], title="A")
    )
    renders = [ProofreadRender(proofread_id=(await job.wait()).id, video=video) for job in jobs]
    prices = PriceTable(translation_speed=1.0, proofread=0.0)
    for last in (*[False] * drops, True):
        async with Batch(heygen, prices=prices, max_cost=500, journal=journal) as batch:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if last else 700):
                    await until_full(batch.run(renders))
    dubs = [job for job in sandbox.ledger.jobs if job.operation == "proofreads.generate"]
    assert len(dubs) == 500 // dubs[0].seconds
    began = [job.created_at for job in dubs]
    assert began[1] - began[0] > 60
    assert began[2] - began[1] < 10  # 1,800 USD each would have let them go one by one


class ScoutedElsewhere(MemoryJournal):
    """A journal in which another process scouts every source, for as long as one looks."""

    def scout(self, source: str, owner: str) -> Any:
        return asyncio.sleep(0, result=False)


async def test_an_item_that_waits_for_another_process_gives_back_its_slot(heygen: HeyGen) -> None:
    """Stop a run whose item has just taken a slot anew to ask for its source again."""
    request = VideoTranslationRequest(video=AssetUrl(url=VIDEO), output_languages=[NAMES[0]])
    builder = RequestsBuilder(heygen, [request], PRICES, kind="requests")
    store, slots = ScoutedElsewhere(), JobSlots(1)
    processor: Any = None  # which no item reaches
    await store.open(RunSpec(kind="requests", subject="", run_id="run"))
    scouting = Scouting([request], "loop", slots, ordered=True)
    await scouting.open(store, "this process")
    slot = await slots.acquire()
    waiting = asyncio.create_task(
        scouting.process(processor, FreshKeys(), builder.submission(0, request), 0, slot)
    )
    await asyncio.sleep(3.5)
    assert slots.held == 0
    scouting.source.close()
    with pytest.raises(SubmissionCancelled):
        await waiting
    assert slots.held == 0
