"""A shield from the cancel scopes of anyio, for those who use them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

import anyio

# What anyio loads at the first scope that is opened.
_BACKEND = "anyio._backends._asyncio"


def shield() -> AbstractContextManager[object]:
    """A block whose awaits are not cancelled by the anyio scopes around it.

    Such a scope cancels every await of its task until the task has left it. Where there is one,
    anyio's backend is loaded; where it is not, it need not be, which would hold up the event loop.
    """
    return anyio.CancelScope(shield=True) if _BACKEND in sys.modules else nullcontext()
