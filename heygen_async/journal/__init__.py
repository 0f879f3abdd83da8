"""Store the state of bulk runs: records of items, and the stores that hold them."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from heygen_async.errors import ConfigurationError
from heygen_async.journal.memory import MemoryJournal
from heygen_async.journal.records import (
    FINISHED,
    Delivery,
    DeliveryStatus,
    Finish,
    Intent,
    ItemRecord,
    Review,
    RunRecord,
    SlotSample,
    State,
    Totals,
)
from heygen_async.journal.sqlite.writer import SqliteJournal
from heygen_async.journal.store import Begin, JournalReader, JournalStore, Opened, RunSpec

__all__ = [
    "FINISHED",
    "Begin",
    "Delivery",
    "DeliveryStatus",
    "Finish",
    "Intent",
    "ItemRecord",
    "JournalLocation",
    "JournalReader",
    "JournalStore",
    "MemoryJournal",
    "Opened",
    "Review",
    "RunRecord",
    "RunSpec",
    "SlotSample",
    "SqliteJournal",
    "State",
    "Totals",
    "journal_store",
    "open_reader",
]

JournalLocation: TypeAlias = str | os.PathLike[str] | JournalStore
"""A journal: a file, a URL such as ``sqlite:///launch.db`` or
``postgresql://host/database?run=launch``, or a store."""


def journal_store(location: JournalLocation) -> JournalStore:
    """Return the store of a journal.

    Args:
        location: A file, a URL such as ``sqlite:///launch.db`` (with four slashes an absolute
            path) or ``postgresql://host/database?run=launch``, or a store, which is returned.

    Raises:
        ConfigurationError: The URL names a kind of store that does not exist, or the extra of its
            kind is not installed.
    """
    if not isinstance(location, str | os.PathLike):
        return location
    scheme, separator, rest = os.fspath(location).partition("://")
    if not separator:
        return SqliteJournal(Path(location))
    if scheme == "sqlite":
        return SqliteJournal(Path(rest.removeprefix("/")))
    if scheme in ("postgresql", "postgres"):
        try:
            postgres = import_module("heygen_async.journal.postgres")
        except ImportError as error:
            raise ConfigurationError(f"journal: {error}") from None
        store: JournalStore = postgres.PostgresJournal(os.fspath(location))
        return store
    raise ConfigurationError(
        f"journal: {scheme}:// is not a kind of journal; expected a file, sqlite:///path or "
        "postgresql://host/database?run=NAME"
    )


def open_reader(location: JournalLocation) -> JournalReader:
    """Open a journal for reading, for use in a ``with`` statement. Blocks.

    Args:
        location: As for ``journal_store``.

    Returns:
        The reader.

    Raises:
        JournalError: The journal does not exist, or this version cannot read it.
    """
    return journal_store(location).reader()
