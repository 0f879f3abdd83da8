"""What a person should look at first in the dubs of a run of translations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AssetUrl, Batch, HeyGen, Outcome, VideoTranslationRequest
from heygen_async.dubs.notes import DubNotes
from heygen_async.reports.page import write_report
from heygen_async.sandbox import Fault, Sandbox
from tests.reports.test_report_page import Page

pytestmark = pytest.mark.anyio

FILM = "https://example.com/film.mp4"
FRENCH, GERMAN = "French (France)", "German (Germany)"
PART = VideoTranslationRequest(
    video=AssetUrl(url=FILM), output_languages=["English"], start_time=1, end_time=1.5
)


class Dubs:
    """A run of translations over one journal."""

    def __init__(self, heygen: HeyGen, journal: Path | None) -> None:
        self.heygen, self.journal = heygen, journal

    async def __call__(self, video: Any, **options: Any) -> dict[str, Outcome[Any]]:
        async with Batch(self.heygen, journal=self.journal) as batch:
            run = batch.translate(video, [FRENCH, GERMAN], journal=self.journal, **options)
            return {outcome.key: outcome async for outcome in run}


async def test_captions_that_are_too_fast(sandbox: Sandbox, heygen: HeyGen, tmp_path: Path) -> None:
    journal, page = tmp_path / "launch.db", tmp_path / "launch.html"
    dubs = Dubs(heygen, journal)
    first = await dubs(PART)
    issues = first[FRENCH].issues
    assert {issue.kind for issue in issues} == {"speed"}
    assert first[FRENCH].to_dict()["issues"][0]["cue"] == 1
    assert first[FRENCH].delivery_id is None  # nothing was delivered
    requests = sandbox.requests.by_operation.copy()
    again = await dubs(PART)
    assert again[FRENCH].resumed
    assert again[FRENCH].issues == issues
    for operation in ("media", "video_translations.get"):  # without looking again
        assert sandbox.requests.by_operation[operation] == requests[operation]
    await asyncio.to_thread(write_report, journal, page)
    text = Page(await asyncio.to_thread(page.read_text)).text
    assert "Look at first 2 dubs" in text
    assert f"{GERMAN} caption 1: " in text


async def test_length_against_the_source(sandbox: Sandbox, heygen: HeyGen, tmp_path: Path) -> None:
    found = await Dubs(heygen, None)(FILM, seconds=10)
    assert [issue.kind for issue in found[FRENCH].issues] == ["length"]
    assert "650% longer than the source" in str(found[FRENCH].issues[0])
    seconds = found[FRENCH].unwrap().duration
    same = await Dubs(heygen, tmp_path / "launch.db")(FILM, seconds=seconds)
    assert not any(outcome.issues for outcome in same.values())
    assert await asyncio.to_thread(DubNotes.beside(tmp_path / "launch.db").read) == {}


async def test_captions_that_cannot_be_fetched(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    sandbox.faults.add("media", Fault.status(404), times=None)
    found = await Dubs(heygen, None)(FILM, seconds=10)
    assert [issue.kind for issue in found[FRENCH].issues] == ["length"]
