"""Output of commands: progress on a terminal, JSON lines if the output is piped."""

from __future__ import annotations

import sys

from rich.console import Console

from heygen_async.cli.display.lines import LINES_SCHEMA, Lines, Table
from heygen_async.cli.display.records import (
    ChainReport,
    Display,
    Item,
    Saved,
    ShowProgress,
    cents,
    item_of,
)
from heygen_async.cli.display.terminal import Terminal
from heygen_async.cli.display.words import (
    RESUME,
    RESUME_CAPPED,
    bytes_in_words,
    still_running,
)
from heygen_async.reports.figures import duration, rate


def display_for(*, json: bool, format: str | None = None) -> Lines | Terminal:  # noqa: A002
    """Return a progress display for a terminal, or JSON lines if the output is piped.

    Args:
        json: Always use JSON lines.
        format: ``text``, ``json`` or ``csv``, for any output; None uses the default.
    """
    if format == "csv":
        return Table()
    text = format == "text" or (format is None and not json and sys.stdout.isatty())
    return Terminal(Console()) if text else Lines()


__all__ = [
    "LINES_SCHEMA",
    "RESUME",
    "RESUME_CAPPED",
    "ChainReport",
    "Display",
    "Item",
    "Lines",
    "Saved",
    "ShowProgress",
    "Table",
    "Terminal",
    "bytes_in_words",
    "cents",
    "display_for",
    "duration",
    "item_of",
    "rate",
    "still_running",
]
