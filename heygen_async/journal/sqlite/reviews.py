"""Decisions of people in a SQLite journal, which are also written while a run has the file open."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from heygen_async.journal.records import SCHEMA_VERSION, Review, Totals
from heygen_async.journal.rules import journal_error, replaced_takes, reviewed, with_takes
from heygen_async.journal.sqlite import schema
from heygen_async.journal.sqlite.errors import error_from_os, error_from_sqlite

TABLE = """
CREATE TABLE IF NOT EXISTS reviews (
    review INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    key_digest INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    decision TEXT NOT NULL,  -- approved, rejected, retake
    reviewer TEXT NOT NULL,
    changes TEXT NOT NULL,  -- JSON
    reviewed_at REAL NOT NULL,
    job_id TEXT,
    usd REAL
);
"""
_SELECT = """
SELECT key, decision, reviewer, changes, reviewed_at, attempt, job_id, usd FROM reviews
"""
# Seconds that a run may need for a commit.
_BUSY = 30.0


def read(connection: sqlite3.Connection, digest: int | None = None) -> list[Review]:
    """Return all decisions, or those about one item, oldest first."""
    query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'reviews')"
    if not connection.execute(query).fetchone()[0]:
        return []  # the file is of schema 1
    where = "" if digest is None else "WHERE key_digest = ?"
    values = () if digest is None else (digest,)
    rows = connection.execute(f"{_SELECT} {where} ORDER BY review", values)
    return [
        Review(row[0], row[1], row[2], msgspec.json.decode(row[3], type=dict[str, str]), *row[4:])
        for row in rows
    ]


def totals(connection: sqlite3.Connection) -> Totals:
    """Return sums over all items, including jobs whose items were made again on request."""
    reviews = read(connection)
    attempts = {}
    for one in reviews:
        record = schema.find(connection, schema.key_digest(one.key), one.key)
        attempts[one.key] = 0 if record is None else record.attempt
    return with_takes(schema.totals(connection), *replaced_takes(reviews, attempts))


def write(path: Path, reviews: Sequence[Review], now: float) -> None:
    """Record decisions in one transaction.

    Args:
        path: The file.
        reviews: The decisions.
        now: Unix seconds.

    Raises:
        JournalError: A decision cannot be made, or the file cannot be written.
    """
    try:
        path.stat()
        with contextlib.closing(sqlite3.connect(path, timeout=_BUSY)) as connection:
            connection.isolation_level = None
            run = schema.verify(connection, path)
            if run.schema_version < SCHEMA_VERSION:
                sentence = "version 0.1.0 wrote it; continue its run once, then decide"
                raise journal_error(str(path), "older", sentence)
            # Use the log, which tells readers that the file changes.
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(TABLE)
            for review in reviews:
                _insert(connection, path, review, now)
            connection.execute("COMMIT")
            connection.execute("PRAGMA busy_timeout = 0")
            with contextlib.suppress(sqlite3.OperationalError):  # a run or a reader uses the log
                connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.Error as error:
        raise error_from_sqlite(path, error) from error
    except OSError as error:
        raise error_from_os(path, error) from error


def _insert(connection: sqlite3.Connection, path: Path, review: Review, now: float) -> None:
    digest = schema.key_digest(review.key)
    present = schema.find(connection, digest, review.key)
    made = reviewed(str(path), present, review, read(connection, digest), now)
    connection.execute(
        "INSERT INTO reviews VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made.key,
            digest,
            made.attempt,
            made.decision,
            made.by,
            msgspec.json.encode(made.changes).decode(),
            made.at,
            made.job_id,
            made.usd,
        ),
    )
