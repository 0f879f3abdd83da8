"""A sandbox for each test, on the turned loop: a second of the loop is a second of its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from heygen_async.sandbox import Sandbox

# The package need not be installed for its own tests: then no entry point gives the fixture.
from heygen_async.sandbox.pytest_plugin import heygen_sandbox as heygen_sandbox

from .api import Api


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1, durations={"video": 100.0, "translation": 300.0}) as sandbox:
        yield sandbox


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with Api(sandbox) as api:
        yield api
