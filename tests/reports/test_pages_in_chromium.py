"""The pages about runs in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from heygen_async.dubs.issues import Issue
from heygen_async.dubs.notes import DubNotes
from heygen_async.journal import Finish
from heygen_async.reports.chain import write_chain_report
from heygen_async.reports.page import write_report
from tests.chromium import check_in_both_schemes, chromium, needs_chromium
from tests.journal.journals import intend, intent_of, opened

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def elsewhere(work: Callable[[], None]) -> None:
    """Do it in a thread: the loop of the browser runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


async def make_run(path: Path) -> None:
    """A run with everything that its page can show."""
    now = [1_800_000_000.0]
    notes = {"items": 60, "title": "A welcome", "prices_as_of": "2026-06-30", "max_cost": 50}
    for start in range(2):
        journal = await opened(path, clock=lambda: now[0], settings=notes, subject="template-1")
        async with aclosing(journal):
            for number in range(start * 8, start * 8 + 8):
                key = f"row {number}"
                await intend(journal, key, number)
                await journal.submitted(key, f"v1-{number:032x}")
                journal.sample_slots(number % 7, None if number < 5 else 4 + number % 3)
                now[0] += 22.5
                if number == 3:
                    await journal.count_resend(key)
                if number % 6 == 5:
                    failed = Finish(
                        key, "failed", error_code=f"code_{number % 4}", error_message="Refused."
                    )
                    await journal.finish(failed)
                elif number % 8 < 7:
                    url = f"https://files.example/{number}.mp4"
                    result = {"video_url": url}
                    await journal.finish(
                        Finish(key, "completed", result=result, output_seconds=12.5, usd=0.2)
                    )
            await intend(journal, f"row {start * 8 + 8}", start * 8 + 8)
            await journal.mark_uncertain(f"row {start * 8 + 8}")
        now[0] += 50_000


def test_the_report(browser: Browser, tmp_path: Path) -> None:
    path, page = tmp_path / "run.db", tmp_path / "run.html"

    def write() -> None:
        asyncio.run(make_run(path))
        write_report(path, page)

    elsewhere(write)
    check_in_both_schemes(browser, page.as_uri())


KEYS = ("French (France)", "German (Germany)")
SRT = "1\n00:00:00,000 --> 00:00:04,000\n{}\n\n2\n00:00:04,000 --> 00:00:08,000\nLe reste.\n"


async def make_chain(path: Path) -> None:
    """A chain with a correction, a failure, and something to look at."""
    prompt = b'{"prompt":"A minute about our launch, for people who have never heard of us."}'
    for stage, names in (("source", ("source",)), ("proofreads", KEYS), ("renders", KEYS)):
        store = await opened(path.with_suffix(f".{stage}.db"), kind="requests", subject=stage)
        async with aclosing(store):
            for position, key in enumerate(names):
                intent = replace(intent_of(key, position), payload=prompt)
                await store.begin([intent], "owner")
                await store.submitted(key, f"{position:032x}")
                result = {"video_url": f"https://files.example/{key}.mp4"}
                finish = Finish(key, "completed", result=result, output_seconds=61.5, usd=1.25)
                if stage == "renders" and position:
                    finish = Finish(key, "failed", error_code="x", error_message="Too long.")
                await store.finish(finish)


def note_dubs(path: Path) -> None:
    notes = DubNotes.beside(path)
    before, after = SRT.format("Une minute pour notre lancement."), SRT.format("Notre lancement.")
    issues = (
        Issue(kind="length", message="it lasts 75.0 s, 22% longer than the source"),
        Issue(kind="speed", message="31 characters a second, more than 20", cue=2),
    )
    notes.note(KEYS[0], translated=before, corrected=after, issues=issues)
    notes.note(KEYS[1], translated=before, corrected=before)


@pytest.mark.crash
def test_the_page_of_a_chain(browser: Browser, tmp_path: Path) -> None:
    path, page = tmp_path / "launch.db", tmp_path / "launch.html"

    def write() -> None:
        asyncio.run(make_chain(path))
        note_dubs(path)
        write_chain_report(path, page)

    elsewhere(write)
    check_in_both_schemes(browser, page.as_uri())
