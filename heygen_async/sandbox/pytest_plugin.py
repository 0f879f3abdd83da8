"""The fixture `heygen_sandbox` for tests of code that talks to HeyGen.

pytest imports this module in every run, so it imports nothing of weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import Sandbox

__all__ = ["heygen_sandbox"]

#: A minute of HeyGen's time in a tenth of a second.
SPEED = 600.0


@pytest.fixture
def heygen_sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox of its own for each test, ten minutes to the second.

    It runs in a thread, so it serves synchronous tests and asynchronous ones of any plugin.
    """
    from .thread import SandboxThread

    with SandboxThread(speed=SPEED) as sandbox:
        yield sandbox
