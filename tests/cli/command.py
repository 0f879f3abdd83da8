"""The command, in processes of its own that poll jobs early, since the sandbox is fast."""

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
    """The command line to which arguments are added; ``changes`` are made before it runs."""
    return [sys.executable, "-c", _CODE.format(changes)]


COMMAND = command()
