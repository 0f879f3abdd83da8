"""Pages in a real browser: Chromium, and what axe-core says about them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; start one for each module, in a fixture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def violations(page: Page) -> list[str]:
    """Return what is not accessible on a page by WCAG 2.1 AA: the rule, the element, the reason."""
    page.evaluate(_AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("rules => axe.run(rules)", _RULES)
    return [
        f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def check_in_both_schemes(browser: Browser, url: str) -> None:
    """Check a page in light and dark: accessible, without errors, no wider than its window."""
    schemes: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1400), ("dark", 400))
    for scheme, width in schemes:
        with browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}
        ) as context:
            page = context.new_page()
            messages = _messages(page)
            page.goto(url)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            assert violations(page) == [], (scheme, width)
            for other in (width, 1800 - width):
                page.set_viewport_size({"width": other, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= other
            assert messages == []


def _messages(page: Page) -> list[str]:
    """Return the messages of a page's console, which are added as they come."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    return messages
