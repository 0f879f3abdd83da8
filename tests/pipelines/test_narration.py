"""Texts that are spoken, and avatars that speak the same audio."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    Batch,
    BudgetExceeded,
    HeyGen,
    InvalidRequest,
    JobFailed,
    Narration,
    Outcome,
    SpeechRequest,
    narrate,
)
from heygen_async.captions import parse_srt, problems, write_srt
from heygen_async.pipelines.audio import uploaded
from heygen_async.sandbox import Fault, Sandbox

from .interruptions import interrupted

pytestmark = pytest.mark.anyio

TEXT = (
    "Good morning. Here is what is new this week, and there is a lot of it. "
    "We have opened three new shops. Do come and see them."
)


async def collected(chain: AsyncIterator[Outcome[Narration]]) -> list[Outcome[Narration]]:
    return [outcome async for outcome in chain]


def chain(
    batch: Batch, sandbox: Sandbox, texts: Any, **fields: Any
) -> AsyncIterator[Outcome[Narration]]:
    return narrate(batch, texts, avatar_id=sandbox.avatar_id, voice_id=sandbox.voice_id, **fields)


async def test_the_avatar_speaks_the_audio_of_the_captions(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    async with Batch(heygen) as batch:
        (outcome,) = await collected(chain(batch, sandbox, [TEXT], title="News"))
    narration = outcome.unwrap()
    assert outcome.item == TEXT
    assert narration.video.duration == pytest.approx(narration.speech.duration, abs=0.05)
    assert {job.title for job in sandbox.ledger.jobs if job.kind == "video"} == {"News"}
    assert outcome.usd == pytest.approx(sum(job.usd for job in sandbox.ledger.jobs), rel=0.7)
    written = write_srt(narration.cues)
    cues = parse_srt(written)
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == TEXT
    assert [one for one in problems(cues) if one.serious] == []
    assert "<start>" not in written
    assert cues[-1].end <= narration.speech.duration + 0.5


async def test_an_iterator_of_texts_and_requests_in_order(sandbox: Sandbox, heygen: HeyGen) -> None:
    def texts() -> Iterator[str | SpeechRequest]:
        yield "One."
        yield SpeechRequest(text="Two.", voice_id=sandbox.voice_id, speed=0.5)
        yield ""  # which cannot be spoken
        yield "Four."

    async with Batch(heygen, ordered=True) as batch:
        outcomes = await collected(chain(batch, sandbox, texts()))
    assert [(outcome.index, outcome.ok) for outcome in outcomes] == [
        (0, True),
        (1, True),
        (2, False),
        (3, True),
    ]
    assert isinstance(outcomes[2].error, InvalidRequest)
    assert outcomes[2].item == ""
    assert sandbox.ledger.count("speech") == sandbox.ledger.count("video") == 3


async def test_what_fails_after_the_speech_has_cost_the_speech(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.fail_next("video", message="Out of film.")
    async with Batch(heygen) as batch:
        (outcome,) = await collected(chain(batch, sandbox, [TEXT]))
    assert isinstance(outcome.error, JobFailed)
    assert outcome.result is None
    assert outcome.usd


async def test_audio_that_cannot_be_fetched(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("media", Fault.status(403), times=None)
    async with Batch(heygen) as batch:
        (outcome,) = await collected(chain(batch, sandbox, [TEXT]))
    assert outcome.error is not None
    assert sandbox.ledger.count("video") == 0


async def test_a_field_that_there_is_not(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with Batch(heygen) as batch:
        with pytest.raises(InvalidRequest, match="colour"):
            await collected(chain(batch, sandbox, [TEXT], colour="red"))
    assert sandbox.ledger.count() == 0


async def test_a_run_left_at_any_border_pays_once(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    texts = [f"{TEXT} This is edition {number}." for number in range(5)]

    async def run() -> list[Outcome[Narration]]:
        async with Batch(heygen, journal=journal) as batch:
            return await collected(chain(batch, sandbox, texts))

    for operation in ("voices.speech", "assets.upload", "videos.create", "videos.get"):
        await interrupted(sandbox, operation, run)
    outcomes = await run()
    assert all(outcome.ok for outcome in outcomes)
    assert {outcome.item for outcome in outcomes} == set(texts)
    assert sandbox.ledger.count("video") == 5
    # Speech takes no key: requests in flight at the first interruption are sent again.
    assert 5 <= sandbox.ledger.count("speech") <= 9
    assert sandbox.ledger.count() == 5 + sandbox.ledger.count("speech")
    again = await run()
    assert all(outcome.resumed and outcome.unwrap().cues for outcome in again)


async def test_the_length_of_the_speech_tells_what_its_video_will_cost(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    texts = [f"{TEXT} This is edition {number}." for number in range(8)]
    async with Batch(heygen, max_cost=2.0) as batch:
        with pytest.raises(BudgetExceeded, match="no room"):
            await collected(chain(batch, sandbox, texts))
    assert 1.0 < sandbox.ledger.usd < 2.0


async def test_a_cancelled_narration_leaves_no_folder_behind(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    speech = await heygen.voices.speech(SpeechRequest(text="Hi.", voice_id=sandbox.voice_id))
    outcome = Outcome(key="1", index=0, item=None, result=speech, seconds=0.0)
    task = asyncio.ensure_future(uploaded(heygen, outcome))
    await asyncio.sleep(0)  # the thread that creates the folder is running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path) == []


async def test_a_wrong_look_is_found_before_a_speech_is_paid_for(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    chain = narrate(Batch(heygen), ["Hello"], avatar_id="nobody", voice_id="v")
    with pytest.raises(InvalidRequest, match="avatar_id: the account has no look 'nobody'"):
        await anext(chain)
    assert sandbox.ledger.count() == 0
