"""Real servers need a real clock."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def account() -> str:
    """An account that nobody has used."""
    return uuid4().hex
