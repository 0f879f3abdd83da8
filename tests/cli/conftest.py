"""A sandbox on the test's own turned loop, which the commands find through the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from heygen_async.sandbox import Sandbox

KEY = "sk_V2_the_key_of_these_tests"


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1, api_keys=[KEY]) as sandbox:
        monkeypatch.setenv("HEYGEN_API_BASE", sandbox.base_url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        yield sandbox
