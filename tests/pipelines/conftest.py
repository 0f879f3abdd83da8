"""How long jobs run in the sandbox, how many at once, and where the journal is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    durations = {"video": (60.0, 0.4), "translation": (300.0, 0.3), "proofread": (200.0, 0.3)}
    return {"concurrency": 10, "durations": durations}


@pytest.fixture
def heygen_settings() -> Mapping[str, Any]:
    return {"jobs": 10}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "launch.db"
