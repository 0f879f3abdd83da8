"""The web apps among the examples as processes of their own, one of them in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from heygen_async.sandbox import Sandbox, SandboxThread

from ..patience import PATIENCE, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

ROOT = Path(__file__).parents[2]
SCRIPT = "Hello <b>there</b>, and welcome."


class Site(NamedTuple):
    """A running example, and its sandbox."""

    url: str
    sandbox: Sandbox


@contextmanager
def running(name: str, sandbox: Sandbox) -> Iterator[str]:
    """Run an example until Ctrl-C; yield its address once it is registered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    registered = len(sandbox.deliveries.endpoints)
    here = {
        "HEYGEN_API_BASE": sandbox.base_url,
        "HEYGEN_API_KEY": sandbox.api_key,
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, f"examples/{name}.py", "--port", str(port), "--public-url", url],
        cwd=ROOT,
        env=os.environ | here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(
            lambda: len(sandbox.deliveries.endpoints) > registered or process.poll() is not None
        )
        assert process.poll() is None
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in printed
    assert "Unclosed" not in printed
    assert sandbox.api_key not in printed
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["fastapi_app", "aiohttp_app"])
def test_an_app_ends_well_while_pages_wait(sandbox_thread: Sandbox, name: str) -> None:
    form = {"avatar_id": sandbox_thread.avatar_id, "script": SCRIPT}
    with running(name, sandbox_thread) as url:
        with urllib.request.urlopen(f"{url}/videos", urlencode(form).encode()) as answer:
            page = answer.url
        events = urllib.request.urlopen(f"{page}/events")
        assert b"on its way" in events.readline()
    with events:  # it ends cleanly: a process that is cut off raises here
        assert not [line for line in events if line.startswith(b"data:")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all pages; its clock stands still, so that videos take as long as the test likes."""
    with (
        SandboxThread(speed=0, durations={"video": 60.0}) as sandbox,
        running("fastapi_app", sandbox) as url,
    ):
        yield Site(url, sandbox)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without errors in its console."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE * 1_000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


def fill_in(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Script").fill(SCRIPT)
    page.get_by_label("Avatar").select_option(index=1)
    page.get_by_role("button", name="Make the video").click()


@needs_chromium
def test_a_page_shows_the_video_when_its_delivery_comes(page: Page, site: Site) -> None:
    fill_in(page, site.url)
    heading = page.get_by_role("heading")
    expect(heading).to_have_text("Your video is on its way")
    expect(page.get_by_text(SCRIPT)).to_be_visible()
    page.evaluate("document.body.dataset.loaded = 'once'")

    site.sandbox.clock.advance(60)
    expect(heading).to_have_text("Your video is ready")
    expect(page).to_have_title("Your video is ready")
    expect(page.locator("body")).to_have_attribute("data-loaded", "once")
    (delivery,) = (
        one
        for one in site.sandbox.deliveries.records
        if page.url == f"{site.url}/videos/{one.event.entity_id}"
        and one.target.startswith(site.url)
    )
    deadline = time.monotonic() + PATIENCE
    while delivery.status is None and time.monotonic() < deadline:
        page.wait_for_timeout(20)  # the page may be quicker than the delivery
    assert delivery.status == 200

    page.locator("video").evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("document.querySelector('video').currentTime > 0.1")
    page.get_by_role("link", name="Make another").click()
    expect(heading).to_have_text("Make a video")


@needs_chromium
def test_a_page_says_why_its_video_failed(page: Page, site: Site) -> None:
    site.sandbox.fail_next("video", message="The avatar has left.")
    fill_in(page, site.url)
    expect(page.get_by_role("heading")).to_have_text("Your video is on its way")
    site.sandbox.clock.advance(60)
    expect(page.get_by_role("alert")).to_have_text("The avatar has left.")


@needs_chromium
def test_pages_fit_small_screens_in_light_and_in_dark(browser: Browser, site: Site) -> None:
    backgrounds = set()
    size = {"width": 320, "height": 640}
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site.url)
        page.get_by_label("Script").fill(" ")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("between 1 and 5,000 characters")
        expect(page.get_by_label("Script")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            style = "getComputedStyle(document.querySelector('main')).backgroundColor"
            backgrounds.add(page.evaluate(style))
    assert len(backgrounds) == 2
