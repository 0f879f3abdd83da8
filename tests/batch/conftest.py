"""Settings of the sandbox, a template and a journal for bulk runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    durations = {"video": (60.0, 0.4), "translation": (300.0, 0.3)}
    return {"concurrency": 10, "durations": durations}


@pytest.fixture
def heygen_settings() -> Mapping[str, Any]:
    return {"jobs": 10}


@pytest.fixture
def template_id(sandbox: Sandbox) -> str:
    return sandbox.add_template()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def names(count: int) -> list[dict[str, str]]:
    """Return ``count`` variants of the template."""
    return [{"name": f"Person {number}"} for number in range(count)]
