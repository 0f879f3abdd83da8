"""The chains of the APIs, and captions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, assert_type

from heygen_async import (
    Batch,
    ChainEstimate,
    ChainSample,
    Cue,
    CueProblem,
    Failed,
    Narration,
    ProofreadGenerateRequest,
    ProofreadRender,
    Run,
    SpeechRequest,
    Succeeded,
    Video,
    VideoTranslation,
    estimate_localize,
    estimate_narrate,
    estimate_personalize,
    localize,
    narrate,
    personalize,
)
from heygen_async.captions import parse_srt, problems, write_srt


async def localized(
    batch: Batch,
    correct: Callable[[str, str], str | Awaitable[str]],
    render: ProofreadGenerateRequest,
) -> None:
    async for outcome in localize(
        batch, "https://example.com/a.mp4", ["French (France)"], correct=correct, render=render
    ):
        assert_type(outcome, Succeeded[VideoTranslation] | Failed)


async def narrated(batch: Batch, texts: Sequence[str | SpeechRequest]) -> None:
    sample = ChainSample(2, require_approval=True)
    async for outcome in narrate(batch, texts, avatar_id="id", voice_id="id", sample=sample):
        assert_type(outcome, Succeeded[Narration] | Failed)
    assert_type(sample.keys, list[str])


async def personalized(
    batch: Batch, rows: Sequence[Mapping[str, Any]], key: Callable[[Any], str]
) -> None:
    async for outcome in personalize(batch, "id", rows, key=key, version="v3"):
        assert_type(outcome, Succeeded[Video] | Failed)


async def estimated(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
    dubs = await estimate_localize(batch, "https://example.com/a.mp4", ["French (France)"])
    assert_type(dubs, ChainEstimate)
    assert_type(dubs.usd, float | None)
    assert_type(await estimate_narrate(batch, ["Hello"], avatar_id="id"), ChainEstimate)
    assert_type(await estimate_personalize(batch, "id", rows), ChainEstimate)


def rendered(batch: Batch, renders: Sequence[ProofreadRender]) -> None:
    assert_type(batch.run(renders), Run[VideoTranslation])


def captioned(text: str) -> None:
    cues = parse_srt(text)
    assert_type(cues, list[Cue])
    assert_type(cues[0].start + cues[0].end, float)
    assert_type(cues[0].text, str)
    assert_type(write_srt(cues), str)
    found = problems(cues)
    assert_type(found, list[CueProblem])
    assert_type(found[0].number, int)
    assert_type(found[0].message, str)
    assert_type(found[0].serious, bool)
