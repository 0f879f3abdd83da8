"""The contact sheet in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from heygen_async import Batch, HeyGen
from heygen_async.reports import preview
from heygen_async.sandbox import Sandbox, SandboxThread
from tests.chromium import check_in_both_schemes, chromium, needs_chromium

pytestmark = [needs_chromium, pytest.mark.crash]

ROWS = 400
HOSTILE = "</script><img src=x onerror=alert(1)><b>bold</b>"


async def write(sandbox: Sandbox, path: Path) -> None:
    template_id = sandbox.add_template(
        "Spring offer",
        variables={
            "headline": {"type": "text", "content": "The new machine"},
            "price": {"type": "text", "content": "99 EUR"},
            "note": {"type": "text", "content": "Terms apply"},
        },
        scripts=["Meet {{headline}}.", "Only {{ price }} until Sunday.", ""],
    )
    rows = [
        {"key": f"row {n}", "headline": f"machine {n}", "price": f"{n} EUR", "note": "Terms"}
        for n in range(ROWS)
    ]
    rows[7]["headline"] = HOSTILE
    rows[234]["headline"] = "much too long for its place " * 5
    del rows[345]["price"]
    rows[399] |= {"headline": "machine 1", "price": "1 EUR"}
    async with (
        HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
        Batch(heygen) as batch,
    ):
        await preview(batch.render(template_id, rows, key="key"), path)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("sheet") / "sheet.html"
    with SandboxThread() as sandbox:  # it serves the picture of the template
        with ThreadPoolExecutor(1) as pool:  # the loop of the browser runs in this thread
            pool.submit(lambda: asyncio.run(write(sandbox, path))).result()
        yield path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, sheet: str) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(sheet)
        page.wait_for_selector("article")
        yield page


def check_keys(page: Page, *keys: str) -> None:
    """Check the first items of the page, which it draws in its own time."""
    for number, key in enumerate(keys):
        expect(page.locator("article h2").nth(number)).to_have_text(key)


def test_it_is_accessible_in_light_and_dark(browser: Browser, sheet: str) -> None:
    check_in_both_schemes(browser, sheet)


def test_the_worst_rows_come_first_and_kinds_filter(page: Page) -> None:
    check_keys(page, "row 345", "row 7", "row 234", "row 399")
    page.get_by_role("button", name="The same as another row").click()
    expect(page.locator("article h2")).to_have_text(["row 399"])
    expect(page.locator("#shown")).to_have_text("1 of 400 shown")
    page.get_by_role("button", name="The same as another row").click()
    page.select_option("#order", "given")
    check_keys(page, "row 0", "row 1")
    page.fill("#find", "machine 377")
    expect(page.locator("article h2")).to_have_text(["row 377"])


def test_texts_stand_in_their_scenes(page: Page) -> None:
    absent = page.locator("article").first
    expect(absent.locator("mark.absent")).to_have_text(["{{ price }}"])
    expect(absent.locator(".scenes span")).to_have_text(["1.2 s", "2.1 s", "silent", "text"])
    expect(absent.locator(".scenes p").last).to_have_text("note: Terms")
    page.fill("#find", "onerror")
    hostile = page.locator("article mark").first
    expect(hostile).to_have_text(HOSTILE)
    assert hostile.locator("*").count() == 0


def test_only_rows_near_the_window_are_drawn(page: Page) -> None:
    page.select_option("#order", "given")
    check_keys(page, "row 0")
    assert page.locator("article").count() < 60
    for _ in range(4):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(50)
    expect(page.locator("article h2").last).to_have_text("row 399")
    assert page.locator("article").count() < 60
    expect(page.get_by_role("heading", name="row 0", exact=True)).to_have_count(0)
