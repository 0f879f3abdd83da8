"""A storage that can be taken down, and the settings of bulk runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox
from tests.batch.conftest import heygen_settings as heygen_settings
from tests.batch.conftest import sandbox_settings as sandbox_settings
from tests.delivery.storage import FaultyStorage


@pytest.fixture
def template_id(sandbox: Sandbox) -> str:
    return sandbox.add_template()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def storage() -> Iterator[type[FaultyStorage]]:
    FaultyStorage.reset()
    yield FaultyStorage
    FaultyStorage.reset()
