"""Whether an open SQLite file is a journal that this version can use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from heygen_async.journal.records import RunRecord
from heygen_async.journal.sqlite.errors import trouble
from heygen_async.journal.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, run_record


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever stored in the file: it is new, or creating it was cut short."""
    return bool(connection.execute("PRAGMA page_count").fetchone()[0] == 0)


def inspect(connection: sqlite3.Connection, path: Path) -> RunRecord:
    """What the run was asked to do.

    Raises:
        JournalError: ``not_a_journal``, ``newer`` or ``damaged``.
        sqlite3.Error: The file cannot be read.
    """
    application_id, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    )
    if application_id != APPLICATION_ID:
        raise trouble(path, "not_a_journal", "this is another program's SQLite file, not a journal")
    if version > SCHEMA_VERSION:
        raise trouble(
            path,
            "newer",
            f"a newer version of heygen_async made it (tables of version {version}, and this one "
            f"knows {SCHEMA_VERSION}); upgrade to use it",
        )
    try:
        record = run_record(connection)
    except (sqlite3.OperationalError, msgspec.DecodeError) as error:
        raise trouble(path, "damaged", f"the file is damaged: {error}") from error
    if record is None:
        raise trouble(path, "damaged", "the file is damaged: it does not say what was run")
    return record


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Read the whole file and see that its structure is sound.

    Raises:
        JournalError: ``damaged``, with the first finding.
        sqlite3.Error: The file cannot be read.
    """
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise trouble(path, "damaged", f"the file is damaged: {' '.join(finding.split())}")
