"""A sandbox and a client for each test, on the turned loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from heygen_async import HeyGen
from heygen_async.sandbox import Sandbox

DURATIONS = {
    "video": 100.0,
    "agent": 300.0,
    "agent_thinking": 20.0,
    "translation": 200.0,
    "proofread": 150.0,
    "voice_clone": 40.0,
    "lipsync": 120.0,
    "ai_clipping": 300.0,
    "avatar": 90.0,
    "background_removal": 80.0,
    "filler_word_removal": 70.0,
    "hyperframes": 60.0,
    "brand_kit": 50.0,
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1, durations=DURATIONS) as sandbox:
        yield sandbox


@pytest.fixture
async def heygen(sandbox: Sandbox) -> AsyncIterator[HeyGen]:
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        yield heygen
