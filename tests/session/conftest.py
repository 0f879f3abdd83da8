"""How long videos take in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    return {"durations": {"video": 100.0}}
