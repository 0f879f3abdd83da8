"""The command in other processes, which poll early, since the sandbox is fast."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_CODE = """
from heygen_async.cli import main, signals
from heygen_async.jobs import schedule
schedule.EARLIEST /= 20
{}
main()
"""


def command(changes: str = "") -> Sequence[str]:
    """Return the command line without arguments; ``changes`` run before the command."""
    return [sys.executable, "-c", _CODE.format(changes)]


COMMAND = command()
