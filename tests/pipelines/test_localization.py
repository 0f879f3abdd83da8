"""A video into many languages, with the subtitles of each corrected on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    CorrectionFailed,
    HeyGen,
    IdempotencyMismatch,
    InvalidRequest,
    JobFailed,
    Outcome,
    PriceTable,
    Progress,
    ProofreadGenerateRequest,
    VideoAgentRequest,
    VideoTranslation,
    localize,
)
from heygen_async.sandbox import Fault, Sandbox

from .interruptions import interrupted, tasks_of_batches

pytestmark = pytest.mark.anyio

FILM = "https://example.com/films/launch.mp4?signature=1"
FRENCH, GERMAN, SPANISH = LANGUAGES = ["French (France)", "German (Germany)", "Spanish (Spain)"]


def louder(language: str, srt: str) -> str:
    return srt.replace("said", "SAID")


async def outcomes_of(
    chain: AsyncIterator[Outcome[VideoTranslation]],
) -> dict[str, Outcome[VideoTranslation]]:
    return {outcome.key: outcome async for outcome in chain}


async def captions(heygen: HeyGen, outcome: Outcome[VideoTranslation]) -> str:
    url = outcome.unwrap().srt_caption_url
    assert url is not None
    text = bytearray()

    class Sink:
        def write(self, data: bytes) -> None:
            text.extend(data)

    await heygen.download(url, Sink())
    return text.decode()


async def test_subtitles_are_corrected_before_they_are_rendered(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    seen: dict[str, str] = {}

    async def correct(language: str, srt: str) -> str:
        seen[language] = srt
        return louder(language, srt)

    async with Batch(heygen) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, LANGUAGES, correct=correct))
    assert set(outcomes) == set(seen) == set(LANGUAGES)
    assert all("-->" in srt and language in srt for language, srt in seen.items())
    for language, outcome in outcomes.items():
        assert outcome.item == language
        assert outcome.unwrap().output_language == language
        assert outcome.usd
        text = await captions(heygen, outcome)
        assert "SAID" in text
        assert language in text
    assert {job.title for job in sandbox.ledger.jobs} == {"launch.mp4"}
    assert sandbox.ledger.count("proofreads.generate") == 3


async def test_without_a_correction_languages_are_translated_right_away(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    async with Batch(heygen, ordered=True) as batch:
        chain = localize(batch, FILM, [GERMAN, FRENCH, GERMAN], title="Film", mode="precision")
        outcomes = [outcome async for outcome in chain]
    assert [outcome.key for outcome in outcomes] == [GERMAN, FRENCH]
    assert {job.operation for job in sandbox.ledger.jobs} == {"video_translations.create"}
    assert {job.title for job in sandbox.ledger.jobs} == {"Film"}


@pytest.mark.parametrize("correct", [None, louder])
async def test_the_video_is_made_first(sandbox: Sandbox, heygen: HeyGen, correct: Any) -> None:
    request = AvatarVideoRequest(
        avatar_id=sandbox.avatar_id, script="Hello there.", voice_id=sandbox.voice_id, title="Hi"
    )
    stages: list[tuple[str, int]] = []

    def show(stage: str, progress: Progress) -> None:
        stages.append((stage, progress.done))

    last: list[Progress] = []
    async with Batch(heygen, progress=last.append) as batch:
        chain = localize(batch, request, [FRENCH, GERMAN], correct=correct, progress=show)
        outcomes = await outcomes_of(chain)
    assert all(outcome.ok for outcome in outcomes.values())
    assert sandbox.ledger.count("videos.create") == 1
    assert list(dict(stages).items()) == [("source", 1), *([("proofreads", 2)] if correct else [])]
    assert (last[0].done, last[-1].done) == (0, 2)
    assert {one.total for one in last} == {2}


async def test_a_prompt_becomes_videos(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen) as batch:
        chain = localize(batch, VideoAgentRequest(prompt="A teaser"), [FRENCH], correct=louder)
        outcomes = await outcomes_of(chain)
    assert outcomes[FRENCH].ok
    assert sandbox.ledger.count("video_agents.create") == 1


async def test_a_video_that_cannot_be_made_ends_the_chain(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("video")
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi.")
    async with Batch(heygen) as batch:
        with pytest.raises(JobFailed):
            await outcomes_of(localize(batch, request, LANGUAGES))
    assert sandbox.ledger.count("video_translations.create") == 0


async def test_languages_are_checked_first(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen) as batch:
        with pytest.raises(InvalidRequest, match="Spanish"):
            await outcomes_of(localize(batch, VideoAgentRequest(prompt="A"), ["Spansh"]))
        with pytest.raises(InvalidRequest, match="got one"):
            await outcomes_of(localize(batch, FILM, FRENCH))
        with pytest.raises(InvalidRequest, match="colour"):
            await outcomes_of(localize(batch, FILM, [FRENCH], colour="red"))
    assert sandbox.ledger.count() == 0


async def test_a_correction_that_raises_stops_no_other(sandbox: Sandbox, heygen: HeyGen) -> None:
    def correct(language: str, srt: str) -> Any:
        if language == FRENCH:
            raise ValueError("what is this?")
        return None if language == GERMAN else srt

    async with Batch(heygen) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, LANGUAGES, correct=correct))
    assert outcomes[SPANISH].ok
    french, german = outcomes[FRENCH].error, outcomes[GERMAN].error
    assert isinstance(french, CorrectionFailed)
    assert "what is this?" in str(french)
    assert french.language == FRENCH
    assert isinstance(french.__cause__, ValueError)
    assert "NoneType" in str(german)
    assert sandbox.ledger.count("proofreads.generate") == 1
    assert sandbox.requests.by_operation.get("proofreads.update_srt", 0) == 0  # it was as before


async def test_a_proofread_that_fails_stops_no_other(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("proofread", message="Nobody speaks.")
    async with Batch(heygen) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, LANGUAGES, correct=louder))
    (failed,) = [outcome for outcome in outcomes.values() if not outcome.ok]
    assert isinstance(failed.error, JobFailed)
    assert failed.job_id == failed.error.job_id
    assert sandbox.ledger.count("proofreads.generate") == 2


async def test_a_run_left_at_any_border_pays_once(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    """Cancelled with the first proofread, correction, render and outcome; then to the end."""
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi.", title="Hi")
    corrected: list[str] = []

    async def correct(language: str, srt: str) -> str:
        corrected.append(language)
        return louder(language, srt)

    async def run() -> dict[str, Outcome[VideoTranslation]]:
        async with Batch(heygen, journal=journal) as batch:
            return await outcomes_of(localize(batch, request, LANGUAGES, correct=correct))

    for operation in (
        "videos.create",
        "proofreads.create",
        "proofreads.srt",
        "proofreads.generate",
        "video_translations.get",
    ):
        await interrupted(sandbox, operation, run)
    outcomes = await run()
    assert all(outcome.ok for outcome in outcomes.values())
    counts = {
        operation: sandbox.ledger.count(operation)
        for operation in ("videos.create", "proofreads.create", "proofreads.generate")
    }
    assert counts == {"videos.create": 1, "proofreads.create": 3, "proofreads.generate": 3}
    names = {path.name for path in journal.parent.iterdir()}
    stages = {"launch.source.db", "launch.proofreads.db", "launch.renders.db"}
    assert names == stages | {"launch.dubs.jsonl"}
    asked = len(corrected)
    requests = sandbox.requests.by_operation.copy()
    again = await run()
    assert all(outcome.resumed for outcome in again.values())
    assert len(corrected) == asked
    assert sandbox.requests.by_operation.get("proofreads.srt") == requests.get("proofreads.srt")


async def test_other_arguments_are_told_from_those_before(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    async def run(**fields: Any) -> Outcome[VideoTranslation]:
        async with Batch(heygen, journal=journal) as batch:
            return (await outcomes_of(localize(batch, FILM, [FRENCH], **fields)))[FRENCH]

    assert (await run()).ok
    changed = await run(mode="precision")
    assert isinstance(changed.error, IdempotencyMismatch)
    assert sandbox.ledger.count() == 1


async def test_one_budget_counts_for_all_stages(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen, max_jobs=4) as batch:
        with pytest.raises(BudgetExceeded):
            await outcomes_of(localize(batch, FILM, LANGUAGES, correct=louder))
    assert sandbox.ledger.count("proofreads.create") == 3
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_leaving_early_leaves_nothing_running(sandbox: Sandbox, heygen: HeyGen) -> None:
    waiting = asyncio.Event()

    async def correct(language: str, srt: str) -> str:
        if language != FRENCH:
            waiting.set()
            await asyncio.Event().wait()
        return srt

    async with Batch(heygen) as batch:
        chain = localize(batch, FILM, LANGUAGES, correct=correct)
        assert (await anext(chain)).key == FRENCH
        assert waiting.is_set()
        assert tasks_of_batches()
        await chain.aclose()
        # Their proofreads, whose answers were lost.
        assert set(batch.unfinished) == {*LANGUAGES} - {FRENCH}
    assert tasks_of_batches() == set()
    await asyncio.sleep(3600)
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_a_render_whose_answer_is_lost_is_found_under_its_key(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    sandbox.faults.add("proofreads.generate", Fault.drop_answer())
    async with Batch(heygen, journal=journal) as batch:
        chain = localize(
            batch,
            FILM,
            [FRENCH],
            correct=louder,
            render=ProofreadGenerateRequest(translate_audio_only=True),
        )
        outcomes = await outcomes_of(chain)
    assert outcomes[FRENCH].unwrap().translate_audio_only
    assert sandbox.ledger.count("proofreads.generate") == 1


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("mode", {"mode": "fast"}),
        (None, {"colour": "red"}),
        ("title", {"title": 5}),
        ("correct", {"correct": "sed"}),
        ("corrections", {"correct": louder, "corrections": 0}),
        ("render", {"correct": louder, "render": {"captions": True}}),
        (None, {"correct": louder, "translate_audio_only": True}),  # for the render to say
    ],
)
async def test_wrong_arguments_show_before_the_video_is_paid_for(
    sandbox: Sandbox, heygen: HeyGen, param: str | None, fields: dict[str, Any]
) -> None:
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi.")
    async with Batch(heygen) as batch:
        with pytest.raises(InvalidRequest) as caught:
            await outcomes_of(localize(batch, request, LANGUAGES, **fields))
    assert caught.value.param == param
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("correct", [None, louder])
async def test_another_film_is_told_from_the_one_before(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, correct: Any
) -> None:
    async def run(script: str) -> None:
        request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=script)
        async with Batch(heygen, journal=journal) as batch:
            await outcomes_of(localize(batch, request, [FRENCH], correct=correct))

    await run("Hi.")
    paid = sandbox.ledger.count()
    with pytest.raises(IdempotencyMismatch):
        await run("Something else.")
    assert sandbox.ledger.count() == paid


async def test_a_batch_that_is_closed_while_the_video_is_made(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi.")
    async with Batch(heygen) as batch:
        chain = asyncio.ensure_future(outcomes_of(localize(batch, request, [FRENCH])))
        await asyncio.sleep(5)
        await batch.aclose()
        assert await chain == {}


async def test_an_address_that_cannot_be_taken_apart_names_no_film(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    async with Batch(heygen, measure=False) as batch:
        outcomes = await outcomes_of(localize(batch, "https://[example/a.mp4?b=/c", [FRENCH]))
    assert set(outcomes) == {FRENCH}


async def test_no_languages_cost_nothing(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
    async with Batch(heygen, journal=journal) as batch:
        assert await outcomes_of(localize(batch, VideoAgentRequest(prompt="A"), [])) == {}
    assert sandbox.ledger.count() == 0


async def test_the_first_render_tells_the_length_of_a_film_that_cannot_be_measured(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    prices = PriceTable(translation_speed=1.0, proofread=0.0)
    names = list(await heygen.video_translations.languages())[:12]
    async with Batch(heygen, journal=journal, max_cost=1200, prices=prices) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, names, correct=louder))
    assert [outcome.ok for outcome in outcomes.values()] == [True] * 12
    renders = [job for job in sandbox.ledger.jobs if job.operation == "proofreads.generate"]
    first, second, third, *_ = (job.created_at for job in renders)
    assert second - first > 60
    assert third - second < 10


async def test_a_correction_gets_the_original_if_it_takes_one(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    originals: list[str | None] = []

    async def compared(language: str, srt: str, original: str | None) -> str:
        originals.append(original)
        return srt

    def loud(language: str, srt: str, strict: bool = True) -> str:
        assert strict is True
        return srt

    for correct in (compared, loud):
        outcomes = await outcomes_of(localize(Batch(heygen), FILM, [FRENCH], correct=correct))
        assert outcomes[FRENCH].ok
    (original,) = originals
    assert original is not None
    assert "-->" in original
