"""A sandbox and a client for it, both on the turned loop of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from heygen_async import HeyGen
from heygen_async.sandbox import Sandbox

from .wire import client


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1, durations={"video": 100.0}) as sandbox:
        yield sandbox


@pytest.fixture
async def heygen(sandbox: Sandbox) -> AsyncIterator[HeyGen]:
    async with client(sandbox) as heygen:
        yield heygen
