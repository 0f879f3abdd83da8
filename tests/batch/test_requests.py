"""Runs of requests of any kind, and of texts to be spoken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, assert_type

import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    HeyGen,
    ImageVideoRequest,
    InvalidRequest,
    Outcome,
    Proofread,
    ProofreadRequest,
    Run,
    Speech,
    SpeechRequest,
    TemplateRenderRequest,
    UncertainSubmission,
    Video,
    VideoAgentRequest,
    VideoAgentSession,
    VideoTranslation,
    VideoTranslationRequest,
    VoiceCloneRequest,
    VoiceDesignRequest,
    VoiceDetail,
)
from heygen_async.batch.outcome import Ended
from heygen_async.batch.submissions import Via
from heygen_async.models.structs import Answer
from heygen_async.sandbox import Fault, Sandbox
from tests.journal.journals import edit

pytestmark = pytest.mark.anyio

CLIP = AssetUrl(url="https://example.com/launch.mp4")
RESULTS = {
    "avatar": Video,
    "image": Video,
    "agent": VideoAgentSession,
    "translation": VideoTranslation,
    "proofread": Proofread,
    "clone": VoiceDetail,
    "speech": Speech,
}


def mixed(sandbox: Sandbox) -> dict[str, Any]:
    """One request of each kind, by the names of ``RESULTS``."""
    image = AssetUrl(url="https://example.com/face.png")
    french = ["French (France)"]
    return {
        "avatar": AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello"),
        "image": ImageVideoRequest(image=image, script="Hello", voice_id=sandbox.voice_id),
        "agent": VideoAgentRequest(prompt="A teaser"),
        "translation": VideoTranslationRequest(video=CLIP, output_languages=french),
        "proofread": ProofreadRequest(video=CLIP, output_languages=french, title="Launch"),
        "clone": VoiceCloneRequest(
            audio=AssetUrl(url="https://example.com/voice.mp3"), voice_name="Ada"
        ),
        "speech": SpeechRequest(text="Good morning", voice_id=sandbox.voice_id),
    }


async def run_mixed(
    sandbox: Sandbox, heygen: HeyGen, journal: Path | None = None, stop_at: int = 99
) -> dict[str, Outcome[Any]]:
    requests = mixed(sandbox)
    names = {id(request): name for name, request in requests.items()}
    outcomes: dict[str, Outcome[Any]] = {}
    async with Batch(heygen) as batch:
        run = batch.run(
            list(requests.values()), key=lambda request: names[id(request)], journal=journal
        )
        async for outcome in run:
            outcomes[outcome.key] = outcome
            if len(outcomes) == stop_at:
                break
        await run.aclose()
    return outcomes


async def test_every_kind_of_request(sandbox: Sandbox, heygen: HeyGen) -> None:
    outcomes = await run_mixed(sandbox, heygen)
    assert {key: type(outcome.unwrap()) for key, outcome in outcomes.items()} == RESULTS
    assert sandbox.ledger.count() == len(RESULTS)


async def test_recorded_results_come_back_as_what_they_were(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    first = await run_mixed(sandbox, heygen, tmp_path / "run.db")
    again = await run_mixed(sandbox, heygen, tmp_path / "run.db")
    assert all(outcome.resumed for outcome in again.values())
    assert {key: outcome.result for key, outcome in again.items()} == {
        key: outcome.result for key, outcome in first.items()
    }
    assert {key: type(outcome.result) for key, outcome in again.items()} == RESULTS
    assert sandbox.ledger.count() == len(RESULTS)


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
async def test_jobs_of_all_kinds_are_waited_for_after_an_interruption(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, stop_at: int
) -> None:
    await run_mixed(sandbox, heygen, tmp_path / "run.db", stop_at)
    assert sandbox.ledger.count() == len(RESULTS)  # all of them fit into the slots
    outcomes = await run_mixed(sandbox, heygen, tmp_path / "run.db")
    assert {key: type(outcome.unwrap()) for key, outcome in outcomes.items()} == RESULTS
    assert sandbox.ledger.count() == len(RESULTS)


async def test_the_callback_id_is_the_idempotency_key_where_there_is_one(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    await run_mixed(sandbox, heygen, tmp_path / "run.db")
    jobs = sandbox.ledger.jobs
    videos = [job for job in jobs if job.kind in ("video", "translation")]
    assert len(videos) == 3
    assert all(job.callback_id == job.idempotency_key is not None for job in videos)
    keyed = [job for job in jobs if job.kind not in ("agent", "voice_clone", "speech")]
    assert len({job.idempotency_key for job in keyed}) == len(keyed) == len(jobs) - 3
    assert all(job.idempotency_key is None for job in jobs if job not in keyed)


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_a_request_with_a_callback_url_has_an_id_that_nobody_can_guess(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, via: Via
) -> None:
    request = AvatarVideoRequest(
        avatar_id=sandbox.avatar_id, script="Hello", callback_url="http://127.0.0.1:9/heygen"
    )
    for _ in range(2):  # the same in every run, as a repeat under its key requires
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            assert [outcome.ok async for outcome in batch.run([request], via=via)] == [True]
        (tmp_path / "run.requests.db").unlink()
    (job,) = sandbox.ledger.jobs
    assert job.callback_id
    assert job.idempotency_key
    assert job.callback_id not in job.idempotency_key
    assert job.idempotency_key not in job.callback_id


async def test_what_a_lost_answer_was_about_is_looked_up(tmp_path: Path) -> None:
    """Resume submissions of more than a day ago: only some kinds can be searched for."""
    journal = tmp_path / "run.db"
    yesterday = time.time() - 90_000
    async with (
        Sandbox(speed=1, epoch=yesterday) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10) as heygen,
    ):
        await run_mixed(sandbox, heygen, journal)
        await edit(
            journal,
            "UPDATE items SET state = 'intended', job_id = NULL, result = NULL, "
            "submitted_at = NULL, ended_at = NULL, intended_at = intended_at - 90000",
        )
        outcomes = await run_mixed(sandbox, heygen, journal)
        found = {key for key, outcome in outcomes.items() if outcome.ok}
        assert found == {"avatar", "image", "translation", "agent", "clone", "speech"}
        for key in RESULTS.keys() - found:
            assert isinstance(outcomes[key].error, UncertainSubmission)
        assert sandbox.ledger.count() == len(RESULTS) + 1  # a speech is sent again


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (TemplateRenderRequest(variables={}), "got TemplateRenderRequest; batch.render takes it"),
        (VoiceDesignRequest(prompt="Warm"), "got VoiceDesignRequest"),
        ({"script": "Hello"}, "got dict"),
        (VideoAgentRequest(prompt="A teaser", mode="chat"), "item 2: mode: a chat waits"),
        (
            VideoTranslationRequest(video=CLIP, output_languages=["French (France)", "English"]),
            "output_languages: expected one, .* got 2",
        ),
        (
            ProofreadRequest(video=CLIP, output_languages=["English", "Dutch"], title="T"),
            "output_languages: expected one, .* got 2",
        ),
    ],
)
async def test_what_starts_no_one_job_is_refused(
    sandbox: Sandbox, heygen: HeyGen, item: Any, message: str
) -> None:
    good = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
    with pytest.raises(InvalidRequest, match=message):
        await anext(aiter(Batch(heygen).run([good, item])))
    assert sandbox.ledger.count() == 0
    outcomes = [o async for o in Batch(heygen, ordered=True).run(iter([good, item, good]))]
    assert [outcome.ok for outcome in outcomes] == [True, False, True]


@pytest.mark.parametrize("kind", [VideoTranslationRequest, ProofreadRequest])
async def test_languages_are_checked_before_anything_is_paid_for(
    sandbox: Sandbox, heygen: HeyGen, kind: Any
) -> None:
    good = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
    wrong = kind(video=CLIP, output_languages=["Franch (France)"], title="Launch")
    with pytest.raises(InvalidRequest, match=r"item 2: .*did you mean 'French \(France\)'"):
        await anext(aiter(Batch(heygen).run([good, wrong])))
    assert sandbox.ledger.count() == 0
    assert sandbox.requests.by_operation["video_translations.languages"] == 1
    outcomes = [o async for o in Batch(heygen, ordered=True).run(iter([good, wrong, good]))]
    assert [outcome.ok for outcome in outcomes] == [True, False, True]  # refused by HeyGen
    assert sandbox.ledger.count() == 2


async def test_languages_are_asked_for_where_they_matter(sandbox: Sandbox, heygen: HeyGen) -> None:
    async for _ in Batch(heygen).run([SpeechRequest(text="Hello", voice_id=sandbox.voice_id)]):
        pass
    async for _ in Batch(heygen).speech(["Hello"], voice_id=sandbox.voice_id):
        pass
    assert sandbox.requests.by_operation["video_translations.languages"] == 0


async def test_many_texts(sandbox: Sandbox, heygen: HeyGen) -> None:
    texts = [f"Text number {number}" for number in range(20)]
    whole = SpeechRequest(text="Slowly", voice_id=sandbox.voice_id, speed=0.5)
    async with Batch(heygen, ordered=True) as batch:
        run = batch.speech([*texts, whole], voice_id=sandbox.voice_id, speed=1.5)
        outcomes = [outcome async for outcome in run]
    assert [outcome.item for outcome in outcomes] == [*texts, whole]
    assert all(outcome.unwrap().audio_url for outcome in outcomes)
    assert sandbox.ledger.count("speech") == 21
    assert run.unfinished == {}
    fast = await heygen.voices.speech(
        SpeechRequest(text=texts[0], voice_id=sandbox.voice_id, speed=1.5)
    )
    assert outcomes[0].unwrap().duration == fast.duration


async def test_texts_are_checked_first(sandbox: Sandbox, heygen: HeyGen) -> None:
    batch = Batch(heygen)
    with pytest.raises(InvalidRequest, match="expected several texts"):
        batch.speech("Hello", voice_id=sandbox.voice_id)
    for texts, fields, message in (
        (["Hello", ""], {"voice_id": sandbox.voice_id}, "item 2: text"),
        (["Hello"], {}, "item 1: voice_id: required for a plain text"),
        (["Hello"], {"voice_id": sandbox.voice_id, "pitch": 2}, "pitch"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            await anext(aiter(batch.speech(texts, **fields)))
    assert sandbox.ledger.count() == 0


async def test_a_speech_whose_result_was_lost_is_spoken_again(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    """Send a speech again: it takes no key, and costs a fraction of a cent."""
    journal = tmp_path / "run.db"
    texts = ["Good morning", "Good night"]

    async def speak() -> list[Outcome[Speech]]:
        run = Batch(heygen, ordered=True, journal=journal).speech(texts, voice_id=sandbox.voice_id)
        return [outcome async for outcome in run]

    first = await speak()
    # The state after a kill between the two transitions.
    await edit(
        tmp_path / "run.speech.db",
        "UPDATE items SET state = 'submitted', result = NULL, ended_at = NULL",
    )
    again = await speak()
    assert [o.unwrap().duration for o in again] == [o.unwrap().duration for o in first]
    assert sandbox.ledger.count("speech") == 4


async def test_a_speech_without_an_answer_is_sent_again(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("voices.speech", Fault.drop_answer(), times=2)
    run = Batch(heygen).speech(["One", "Two", "Three"], voice_id=sandbox.voice_id)
    assert [outcome.ok async for outcome in run] == [True] * 3
    assert sandbox.ledger.count("speech") == 5


async def test_runs_of_one_batch_have_journals_of_their_own(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    async with Batch(heygen, journal=tmp_path / "launch.db") as batch:
        request = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
        assert [o.ok async for o in batch.run([request])] == [True]
        assert [o.ok async for o in batch.speech([request])] == [True]
    made = await asyncio.to_thread(lambda: {path.name for path in tmp_path.glob("*.db")})
    assert made == {"launch.requests.db", "launch.speech.db"}


def test_type_checkers_know_what_a_run_gives() -> None:
    batch = Batch(HeyGen("sk_V2_test"))
    videos = [AvatarVideoRequest(avatar_id="a", script="Hello")]
    speech = [SpeechRequest(text="Hello", voice_id="v")]
    assert_type(batch.run(videos), Run[Video])
    assert_type(batch.run(speech), Run[Speech])
    assert_type(batch.run([VideoAgentRequest(prompt="A teaser")]), Run[VideoAgentSession])
    assert_type(batch.run([*videos, *speech]), Run[Answer])

    def video_of(script: str) -> AvatarVideoRequest:
        return AvatarVideoRequest(avatar_id="a", script=script)

    assert_type(batch.run(["Hello"], request=video_of), Run[Video])
    assert_type(batch.speech(["Hello"], voice_id="v"), Run[Speech])
    run = batch.run(videos)
    assert_type(batch.download(run, "{key}.mp4"), AsyncGenerator[Ended[Video], None])
    assert run.report.items == 0
