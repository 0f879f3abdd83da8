"""Ctrl-C for the processes that the tests start."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def ctrl_c_is_heeded() -> Iterator[None]:
    """Restore Ctrl-C, which shells ignore for background jobs and their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
