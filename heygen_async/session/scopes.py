"""A shield from the cancel scopes of anyio, for those who use them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

# What anyio loads at the first scope that is opened.
_BACKEND = "anyio._backends._asyncio"


def shield() -> AbstractContextManager[object]:
    """A block whose awaits are not cancelled by the anyio scopes around it.

    Such a scope cancels every await of its task until the task has left it. Where there is one,
    anyio and its backend are loaded; where they are not, they need not be, which would hold up
    the event loop.
    """
    if _BACKEND not in sys.modules:
        return nullcontext()
    import anyio

    return anyio.CancelScope(shield=True)
