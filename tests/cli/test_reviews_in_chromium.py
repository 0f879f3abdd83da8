"""The review page, and the review on the live page, in a real browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from heygen_async.cli.commands.render import render
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.reviews.decisions import PageReviews
from heygen_async.cli.run_options import RunOptions
from heygen_async.reports.live import LiveReport
from heygen_async.sandbox import Sandbox
from tests.chromium import check_in_both_schemes, chromium, needs_chromium, violations
from tests.patience import PATIENCE

pytestmark = [needs_chromium, pytest.mark.crash]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    with chromium() as browser:
        yield browser


@contextmanager
def reviewed(folder: Path) -> Iterator[LiveReport]:
    """A sample, its review page, and its live page; all of it runs in a thread of its own."""
    ready, over = threading.Event(), threading.Event()
    found: list[LiveReport] = []

    async def serve() -> None:
        rows, journal = folder / "rows.csv", folder / "launch.db"
        async with Sandbox(speed=600) as sandbox:
            options = RunOptions(journal=journal, sample=3)
            await asyncio.to_thread(
                rows.write_text,
                "key,name,product\nada,Ada <b>,Tea\ngrace,Grace Hopper,Tea\nbo,Bo,Tea\njo,Jo,Tea\n",
            )
            template = sandbox.template_id("Welcome")
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("HEYGEN_API_KEY", sandbox.api_key)
                code = await render(
                    template,
                    rows,
                    display=Lines(),
                    out=None,
                    concurrency=None,
                    base_url=sandbox.base_url,
                    test=False,
                    options=options,
                )
            assert code is Exit.DONE
            review = PageReviews(journal)
            page = LiveReport(journal, actions=review.actions, sections=[review.sections])
            async with page:
                found.append(page)
                ready.set()
                await asyncio.to_thread(over.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        over.set()
        thread.join()


def test_a_sample_is_approved_on_the_live_page(browser: Browser, tmp_path: Path) -> None:
    with reviewed(tmp_path) as live:
        check_in_both_schemes(browser, (tmp_path / "launch.review.html").as_uri())
        with browser.new_context(color_scheme="dark") as context:
            page = context.new_page()
            page.goto(live.url)
            cards = page.locator(".review article")
            expect(cards).to_have_count(3)
            assert violations(page) == []
            first = cards.first
            assert first.locator("video").evaluate(
                "video => new Promise(done => {"
                "if (video.readyState > 0) done(true);"
                "video.onloadedmetadata = () => done(true); video.onerror = () => done(false) })"
            )
            first.get_by_role("button", name="Approve").click()
            expect(page.locator(".review h2")).to_contain_text("1 of 3 approved")
            first.get_by_text("Make it again").click()
            first.get_by_role("button", name="Retake").click()
            expect(page.get_by_role("status").last).to_contain_text("is approved")
            cards.last.get_by_role("button", name="Reject").click()
            expect(cards.last).to_contain_text("rejected")
