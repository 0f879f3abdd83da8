"""Waiting for other processes and threads, which takes real time."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds until a test gives up; long, since the machine may be busy with other work.
PATIENCE = 180.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Check repeatedly until a condition holds; fail after the timeout."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing came of it in time"
        time.sleep(0.02)
