"""Disks that fill up and fail, for journals of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any


class Disk:
    """Connections to SQLite files of a test.

    Attributes:
        pages: Pages that a file can have, or None for any number.
    """

    def __init__(self, connect: Callable[..., sqlite3.Connection]) -> None:
        self.pages: int | None = None
        self._connect = connect
        self._connections: list[sqlite3.Connection] = []

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = self._connect(*arguments, **options)
        if self.pages is not None:
            connection.execute(f"PRAGMA max_page_count = {self.pages}")
        self._connections.append(connection)
        return connection

    def fail(self) -> None:
        """Make SQLite refuse everything from now on."""
        for connection in self._connections:
            connection.close()
