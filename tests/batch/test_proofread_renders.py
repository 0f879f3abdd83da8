"""Corrected proofreads, rendered in bulk; and runs whose items are no requests themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    Batch,
    HeyGen,
    HeyGenError,
    InvalidRequest,
    Outcome,
    ProofreadRender,
    ProofreadRequest,
    SpeechRequest,
    VideoTranslation,
)
from heygen_async.batch.estimates import estimate
from heygen_async.sandbox import Fault, Sandbox
from tests.batch.journals import Journaled

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
    (entry,) = await Journaled(journal.with_name("run.voices.db")).entries()
    assert entry.idempotency_key.startswith("launch.voices:1:")
