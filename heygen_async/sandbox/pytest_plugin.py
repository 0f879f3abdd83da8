"""The fixture `heygen_sandbox` for tests of code that talks to HeyGen.

pytest imports this module in every run, so it imports nothing that is slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import Sandbox

__all__ = ["heygen_sandbox"]

#: One minute of HeyGen's time takes a tenth of a second.
SPEED = 600.0


@pytest.fixture
def heygen_sandbox() -> Iterator[Sandbox]:
    """Return a new sandbox for each test, with 10 minutes per second.

    It runs in a thread and therefore serves synchronous tests and asynchronous tests of any plugin.
    """
    from .thread import SandboxThread

    with SandboxThread(speed=SPEED) as sandbox:
        yield sandbox
