"""Corrected proofreads, rendered in bulk; and runs whose items are no requests themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    HeyGen,
    HeyGenError,
    InvalidRequest,
    Outcome,
    ProofreadRender,
    ProofreadRequest,
    SpeechRequest,
    UncertainSubmission,
    VideoTranslation,
)
from heygen_async.pricing.estimates import estimate
from heygen_async.sandbox import Fault, Sandbox
from tests.journal.journals import Journaled

pytestmark = pytest.mark.anyio

LANGUAGES = ["French (France)", "German (Germany)"]


async def proofreads(heygen: HeyGen) -> list[ProofreadRender]:
    film = AssetUrl(url="https://example.com/a.mp4")
    jobs = await heygen.proofreads.create(
        ProofreadRequest(video=film, output_languages=LANGUAGES, title="A")
    )
    return [
        ProofreadRender(proofread_id=(await job.wait()).id, language=language, captions=True)
        for job, language in zip(jobs, LANGUAGES, strict=True)
    ]


async def rendered(
    heygen: HeyGen, renders: list[ProofreadRender], journal: Path | None, **settings: Any
) -> list[Outcome[VideoTranslation]]:
    async with Batch(heygen, journal=journal, ordered=True, **settings) as batch:
        return [outcome async for outcome in batch.run(renders, journal=journal)]


async def test_proofreads_are_rendered(sandbox: Sandbox, heygen: HeyGen) -> None:
    outcomes = await rendered(heygen, await proofreads(heygen), None)
    assert [outcome.unwrap().output_language for outcome in outcomes] == LANGUAGES
    paid = [job for job in sandbox.ledger.jobs if job.operation == "proofreads.generate"]
    assert [outcome.job_id for outcome in outcomes] == [job.id for job in paid]
    assert [outcome.usd for outcome in outcomes] == [
        pytest.approx(job.usd, rel=0.01) for job in paid
    ]


async def test_one_whose_answer_was_lost_long_ago_is_found(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    renders = (await proofreads(heygen))[:1]
    sandbox.faults.add("proofreads.generate", Fault.drop_answer(), times=None)
    (lost,) = await rendered(heygen, renders, journal)
    assert lost.error is not None
    sandbox.faults.clear()
    await Journaled(journal).make_older(25 * 3600)
    (found,) = await rendered(heygen, renders, journal)
    assert found.unwrap().output_language == LANGUAGES[0]
    assert sandbox.ledger.count("proofreads.generate") == 1


def test_the_mode_decides_the_price() -> None:
    plain = estimate(ProofreadRender(proofread_id="1"))
    dear = estimate(ProofreadRender(proofread_id="1", mode="precision"))
    assert "mode speed" in plain.basis
    assert "mode precision" in dear.basis


async def test_items_become_requests(sandbox: Sandbox, heygen: HeyGen) -> None:
    def request(row: dict[str, str]) -> SpeechRequest:
        if not row["text"]:
            raise InvalidRequest("there is nothing to say")
        return SpeechRequest(text=row["text"], voice_id=sandbox.voice_id)

    rows = [{"name": "a", "text": "Hello."}, {"name": "b", "text": ""}]
    async with Batch(heygen, ordered=True) as batch:
        run = batch.run(iter(rows), request=request, key=lambda row: row["name"])
        outcomes = [outcome async for outcome in run]
        with pytest.raises(InvalidRequest, match="item 2: there is nothing to say"):
            await batch.run(rows, request=request).estimate()
    assert [(outcome.key, outcome.ok) for outcome in outcomes] == [("a", True), ("b", False)]
    assert [outcome.item for outcome in outcomes] == rows
    assert isinstance(outcomes[1].error, HeyGenError)


async def test_items_become_variants(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> None:
    async with Batch(heygen, ordered=True) as batch:
        run = batch.render(template_id, ["Anna", "Bob"], variant=lambda name: {"name": name})
        outcomes = [outcome async for outcome in run]
    assert [outcome.item for outcome in outcomes] == ["Anna", "Bob"]
    assert all(outcome.ok for outcome in outcomes)


async def test_a_stage_has_its_own_journal_and_keys(heygen: HeyGen, journal: Path) -> None:
    batch = Batch(heygen, journal=journal, run_id="launch", finished="skip", max_jobs=1)
    stage = batch.stage("voices")
    assert stage.journal == journal.with_name("run.voices.db")
    assert (stage.heygen, stage.ordered) == (heygen, False)
    assert Batch(heygen).stage("voices").journal is None
    request = SpeechRequest(text="Hello.", voice_id="nobody")
    async with batch:
        async for _ in stage.run([request], journal=stage.journal):
            pass
    (entry,) = await Journaled(journal.with_name("run.voices.db")).records()
    assert entry.idempotency_key.startswith("launch.voices:1:")


async def test_one_of_two_with_the_same_callback_id_is_not_taken_for_the_other(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    first, second = [
        structs.replace((await proofreads(heygen))[0], callback_id="mine") for _ in range(2)
    ]
    sandbox.faults.add("proofreads.generate", Fault.drop_answer(), times=None)
    await rendered(heygen, [first], journal)
    sandbox.faults.clear()
    sandbox.faults.add("proofreads.generate", Fault.drop(), times=None)
    await rendered(heygen, [first, second], journal)
    sandbox.faults.clear()
    assert sandbox.ledger.count("proofreads.generate") == 1
    await Journaled(journal).make_older(25 * 3600)
    outcomes = await rendered(heygen, [second, first], journal)
    assert [type(outcome.error) for outcome in outcomes] == [UncertainSubmission] * 2
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_a_known_length_tells_the_price(heygen: HeyGen) -> None:
    renders = [ProofreadRender(proofread_id="1"), ProofreadRender(proofread_id="2")]
    async with Batch(heygen) as batch:
        unknown = await batch.run(renders).estimate()
        known = await batch.run(renders, seconds=lambda render: 60.0).estimate()
        half = await batch.run(
            renders, seconds=lambda render: 60.0 if render.proofread_id == "1" else None
        ).estimate()
        with pytest.raises(InvalidRequest, match="seconds: expected 0 or more"):
            await batch.run(renders, seconds=lambda render: -1.0).estimate()
    assert (unknown.incomplete, half.incomplete, known.incomplete) == (2, 1, 0)
    assert known.usd == pytest.approx(2 * (half.usd or 0.0))
    assert unknown.usd is None


async def test_what_a_later_stage_has_cost_counts_before_it_begins(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    request = SpeechRequest(text="Hello.", voice_id=sandbox.voice_id)

    async def run(stage: Batch, text: str) -> None:
        async for outcome in stage.run(
            [structs.replace(request, text=text)], journal=stage.journal
        ):
            outcome.unwrap()

    async with Batch(heygen, journal=journal) as batch:
        await batch.stage("later").count_earlier()  # there is none
        await run(batch.stage("later"), "Hello.")
    async with Batch(heygen, journal=journal, max_jobs=2) as batch:
        for _ in range(2):  # which counts it once
            await batch.stage("later").count_earlier()
        await run(batch.stage("earlier"), "Hello.")
        await run(batch.stage("later"), "Hello.")
        with pytest.raises(BudgetExceeded):
            await run(batch.stage("last"), "Good-bye.")
    await Batch(heygen).count_earlier()  # which has no journal
    assert sandbox.ledger.count() == 2


async def test_unfinished_jobs_of_several_runs_are_all_named(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello.")
    async with Batch(heygen) as batch:
        runs = [batch.run([request]) for _ in range(3)]
        tasks = [asyncio.ensure_future(anext(aiter(run))) for run in runs]
        await asyncio.sleep(5)
        unfinished = batch.unfinished
        await asyncio.gather(*tasks)
    assert set(unfinished) == {"0", "0#2", "0#3"}
    assert set(unfinished.values()) == {job.id for job in sandbox.ledger.jobs}
