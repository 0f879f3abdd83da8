"""The live page in a real browser: it follows the run, and does not disturb its reader."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from heygen_async.journal import Finish, JournalReader, SqliteJournal
from heygen_async.reports.live import ActionRefused, LiveReport
from tests.chromium import check_in_both_schemes, chromium, needs_chromium, violations
from tests.journal.journals import intend, opened
from tests.patience import PATIENCE

pytestmark = [needs_chromium, pytest.mark.crash]

EVIL = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        expect.set_options(timeout=PATIENCE * 1_000)
        yield browser


class Loop:
    """An event loop in a thread, since that of the browser runs in this one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    with contextlib.closing(Loop()) as loop:
        yield loop


async def run_of(path: Path) -> SqliteJournal:
    """A run amid its work, with everything that its page can show."""
    journal = await opened(path, subject=EVIL, settings={"items": 30})
    for number in range(12):
        key = f"{number} {EVIL}"
        await intend(journal, key, number)
        await journal.submitted(key, f"v{number}")
        journal.sample_slots(number % 5, 4)
        if number % 4 == 1:
            failed = Finish(key, "failed", error_code="moderated", error_message=EVIL)
            await journal.finish(failed)
        elif number < 9:
            result = {"video_url": f"https://files.example/{number}.mp4"}
            done = Finish(key, "completed", result=result, output_seconds=9.0, usd=0.25)
            await journal.finish(done)
    return journal


@pytest.mark.parametrize("state", ["running", "waiting", "interrupted", "ended"])
def test_it_is_accessible(browser: Browser, loop: Loop, tmp_path: Path, state: str) -> None:
    path = tmp_path / "run.db"
    if state in ("running", "interrupted"):
        journal = loop.run(run_of(path))
        if state == "interrupted":
            loop.run(journal.aclose())
    elif state == "ended":
        loop.run(ended(path))
    page = LiveReport(path)
    loop.run(page.__aenter__())
    try:
        check_in_both_schemes(browser, page.url)
    finally:
        loop.run(page.__aexit__(None, None, None))
        if state == "running":
            loop.run(journal.aclose())


async def complete(journal: SqliteJournal, key: str) -> None:
    await journal.finish(Finish(key, "completed", usd=0.25))


async def ended(path: Path) -> None:
    journal = await opened(path, settings={"items": 1})
    await intend(journal, "a")
    await journal.finish(Finish("a", "completed"))
    await journal.aclose()


def test_it_follows_a_run_and_carries_out_actions(
    browser: Browser, loop: Loop, tmp_path: Path
) -> None:
    path, approved = tmp_path / "run.db", list[str]()

    async def approve(fields: Mapping[str, str]) -> str:
        if fields["key"] == "b":
            raise ActionRefused("b is not there")
        approved.append(fields["key"])
        return f"{fields['key']} approved"

    def review(view: JournalReader) -> dict[str, str]:
        buttons = "".join(f'<button name="key" value="{key}">{key}</button>' for key in "ab")
        form = f'<form method="post" action="actions/approve">{buttons}</form>'
        return {"review": f"<section>{form}<p>{len(approved)} approved</p></section>"}

    live = LiveReport(path, actions={"approve": approve}, sections=[review], every=0.1)
    loop.run(live.__aenter__())
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(live.url)
        status = page.get_by_role("status").first
        expect(status).to_have_text("Waiting")
        page.evaluate("document.body.dataset.loaded = 'once'")
        journal = loop.run(run_of(path))
        expect(status).to_have_text("Running")
        expect(page.get_by_text("10 of 30")).to_be_visible()
        assert page.title().startswith("Running: ")
        page.get_by_text("Show 7").click()
        loop.run(complete(journal, f"10 {EVIL}"))
        expect(page.get_by_text("11 of 30")).to_be_visible()
        expect(page.locator("details").last).to_have_attribute("open", "")  # as its reader left it

        page.get_by_role("button", name="a", exact=True).click()
        expect(page.locator("#message")).to_have_text("a approved")
        expect(page.get_by_text("1 approved")).to_be_visible()
        page.get_by_role("button", name="b", exact=True).click()
        expect(page.locator("#message.failed")).to_have_text("b is not there")
        assert approved == ["a"]

        loop.run(journal.aclose())
        expect(status).to_have_text("Interrupted")
        expect(page.locator("body")).to_have_attribute("data-loaded", "once")
    finally:
        loop.run(live.__aexit__(None, None, None))
    expect(page.locator("body.lost")).to_be_visible()  # an old page says that it is old
    assert violations(page) == []
    assert complaints == []
    page.close()
