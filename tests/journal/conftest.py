"""A disk that can fill up and fail."""

from __future__ import annotations

import sqlite3

import pytest

from tests.journal.disks import Disk


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(sqlite3.connect)
    monkeypatch.setattr(sqlite3, "connect", disk.connect)
    return disk
