"""How long jobs run in the sandbox, a client that speaks plain HTTP to it, a receiver of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api
from .receiver import Receiver


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    return {"durations": {"video": 100.0, "translation": 300.0}}


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with Api(sandbox) as api:
        yield api


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver
