"""One page about a chain, and what a person should look at first in its dubs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from heygen_async import (
    Batch,
    HeyGen,
    SpeechRequest,
    VideoAgentRequest,
    localize,
    personalize,
)
from heygen_async.journal import ItemRecord, open_reader
from heygen_async.reports.chain import write_chain_report
from heygen_async.sandbox import Sandbox
from tests.reports.test_report_page import Page

from .test_localization import FILM, FRENCH, GERMAN, outcomes_of

pytestmark = pytest.mark.anyio

PROMPT = VideoAgentRequest(prompt="A minute about our <launch> & what it means.")


async def page_of(journal: Path) -> Page:
    page = journal.with_suffix(".html")
    await asyncio.to_thread(write_chain_report, journal, page)
    return Page(await asyncio.to_thread(page.read_text))


async def test_from_the_prompt_to_the_corrected_dubs(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    evil = "<script>alert(1)</script>"

    async def correct(language: str, srt: str) -> str:
        return srt.replace("said", f"SAID {evil} " + "very fast " * 100)

    async with Batch(heygen, journal=journal) as batch:
        outcomes = await outcomes_of(localize(batch, PROMPT, [FRENCH, GERMAN], correct=correct))
    issues = outcomes[FRENCH].issues
    assert "speed" in {issue.kind for issue in issues}
    assert outcomes[FRENCH].to_dict()["issues"][0]["kind"] == issues[0].kind
    page = await page_of(journal)
    assert "script" not in page.tags
    assert PROMPT.prompt in page.text
    for words in ("source", "proofreads", "renders", FRENCH, GERMAN, "Corrections:", "SAID", evil):
        assert words in page.text
    assert "Look at first: " in page.text
    assert str(issues[0]) in page.text
    assert {"ins", "del"} <= page.tags
    usd = sum(outcome.usd or 0.0 for outcome in outcomes.values())
    assert usd > 0
    # A resumed run has the same issues without looking again.
    requests = sandbox.requests.by_operation.copy()
    async with Batch(heygen, journal=journal) as batch:
        again = await outcomes_of(localize(batch, PROMPT, [FRENCH, GERMAN], correct=correct))
    assert again[FRENCH].issues == issues
    assert sandbox.requests.by_operation["proofreads.srt"] == requests["proofreads.srt"]


async def test_dubs_without_corrections(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
    async with Batch(heygen, journal=journal) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, [FRENCH]))
    assert outcomes[FRENCH].ok
    assert outcomes[FRENCH].issues == ()
    assert not journal.with_name("launch.dubs.jsonl").exists()
    page = await page_of(journal)
    assert "Corrections" not in page.text
    assert page.links.count(outcomes[FRENCH].unwrap().video_url or "") == 2


async def test_each_step_of_each_item_is_shown(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows = [
        {"name": name, "greeting": SpeechRequest(text=f"Hi {name}.", voice_id=voice)}
        for name, voice in [("Ann", sandbox.voice_id), ("Ann Lee", sandbox.voice_id), ("Bo", "no")]
    ]
    async with Batch(heygen, journal=journal) as batch:
        chain = personalize(batch, template_id, rows, key=lambda row: row["name"])
        outcomes = {outcome.key: outcome async for outcome in chain}
    assert [outcome.ok for outcome in outcomes.values()].count(False) == 1
    page = await page_of(journal)
    first, second, failed = (page.text.index(f"Hi {row['name']}.") for row in rows)
    assert page.text.index("renders completed", first) < max(first, second)
    assert "Bo greeting" in page.text  # its speech failed, so that there is no render
    assert page.text.index("voices failed") > failed
    assert "heygen-async get" in page.text
    assert not any(
        f"heygen-async get {record.job_id}" in page.text for record in await speeches(journal)
    )


async def speeches(journal: Path) -> list[ItemRecord]:
    def read() -> list[ItemRecord]:
        with open_reader(journal.with_name("launch.voices.db")) as reader:
            return [record for record in reader.records() if record.job_id]

    return await asyncio.to_thread(read)
