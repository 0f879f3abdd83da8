"""A sandbox and a client of it, on the turned loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heygen_async import HeyGen
from heygen_async.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    durations = {"video": (60.0, 0.4), "translation": (300.0, 0.3), "proofread": (200.0, 0.3)}
    async with Sandbox(speed=1, concurrency=10, durations=durations) as sandbox:
        yield sandbox


@pytest.fixture
async def heygen(sandbox: Sandbox) -> AsyncIterator[HeyGen]:
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10) as heygen:
        yield heygen


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "launch.db"
