"""The journal's tables and what is read from them; shared by the writer and by readers.

Payloads and results are TEXT where they are text, so that a person sees them in ``sqlite3``; the
casts hand out the same bytes again whichever they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec

from heygen_async.journal.records import (
    ENDED,
    STATES,
    Entry,
    RunRecord,
    SlotSample,
    State,
    Totals,
)

SCHEMA_VERSION = 1

# "HGAJ"; `file run.db` shows it too.
APPLICATION_ID = 0x4847414A

SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE run (
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at REAL NOT NULL,
    settings TEXT NOT NULL,
    sdk_version TEXT NOT NULL,
    schema_version INTEGER NOT NULL
);
CREATE TABLE items (
    item INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,  -- {", ".join(STATES)}
    job_id TEXT,
    error_type TEXT,
    error_code TEXT,
    error_message TEXT,
    output_seconds REAL,
    usd REAL,
    intended_at REAL NOT NULL,
    submitted_at REAL,
    ended_at REAL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    payload TEXT NOT NULL,
    result TEXT
);
CREATE INDEX items_by_position ON items (position);
CREATE TABLE slots (
    at REAL NOT NULL,
    running INTEGER NOT NULL,
    slot_limit INTEGER NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""

_ENTRY = """
SELECT key, position, attempt, state, idempotency_key, fingerprint, CAST(payload AS BLOB), job_id,
       CAST(result AS BLOB), error_type, error_code, error_message, intended_at, submitted_at,
       ended_at, output_seconds, usd
FROM items
"""
_FIND = f"{_ENTRY} WHERE key = ?"
_TOGETHER = f"{_ENTRY} WHERE idempotency_key = ? ORDER BY position"

_TOTALS = """
SELECT state, count(*), total(usd), total(output_seconds), min(intended_at), max(ended_at),
       count(job_id)
FROM items GROUP BY state
"""


def find(connection: sqlite3.Connection, key: str) -> Entry | None:
    """The item with this key, or None."""
    row = connection.execute(_FIND, (key,)).fetchone()
    return None if row is None else Entry(*row)


def together(connection: sqlite3.Connection, idempotency_key: str) -> list[Entry]:
    """All items that were sent under one key, in the order of positions; reads all items."""
    return [Entry(*row) for row in connection.execute(_TOGETHER, (idempotency_key,))]


def page(
    connection: sqlite3.Connection, states: Collection[State] | None, after: int, many: int
) -> list[Entry]:
    """Items behind a position, in the order of positions.

    Args:
        connection: An open journal.
        states: Only items in these states; None for all.
        after: The position that the page begins behind.
        many: How many items; more where several share the page's last position, which happens
            when the items were other ones between two starts.
    """
    where, among = "position > ?", tuple(states or ())
    if states is not None:
        where += f" AND state IN ({', '.join('?' * len(among))})"
    query = f"{_ENTRY} WHERE {where} ORDER BY position, item LIMIT ?"
    rows = connection.execute(query, (after, *among, many)).fetchall()
    if len(rows) == many:
        last = rows[-1][1]
        while rows and rows[-1][1] == last:
            rows.pop()
        where = where.replace(">", "=")
        query = f"{_ENTRY} WHERE {where} ORDER BY item"
        rows += connection.execute(query, (last, *among)).fetchall()
    return [Entry(*row) for row in rows]


def totals(connection: sqlite3.Connection) -> Totals:
    """Sums over all items; reads all of them."""
    rows = connection.execute(_TOTALS).fetchall()
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    counts.update((row[0], row[1]) for row in rows)
    return Totals(
        counts=counts,
        usd=sum(row[2] for row in rows),
        output_seconds=sum(row[3] for row in rows),
        first_intended_at=min((row[4] for row in rows), default=None),
        last_ended_at=max((row[5] for row in rows if row[5] is not None), default=None),
        ended_jobs=sum(row[6] for row in rows if row[0] in ENDED),
    )


def run_record(connection: sqlite3.Connection) -> RunRecord | None:
    """What the run was asked to do, or None where the table is empty."""
    row = connection.execute(
        "SELECT run_id, kind, subject, created_at, settings, sdk_version, schema_version FROM run"
    ).fetchone()
    if row is None:
        return None
    return RunRecord(
        run_id=row[0],
        kind=row[1],
        subject=row[2],
        created_at=row[3],
        settings=msgspec.json.decode(row[4], type=dict[str, Any]),
        sdk_version=row[5],
        schema_version=row[6],
    )


def slot_samples(connection: sqlite3.Connection, after: float, many: int) -> list[SlotSample]:
    """Samples later than a moment, in their order."""
    rows = connection.execute(
        "SELECT at, running, slot_limit FROM slots WHERE at > ? ORDER BY at LIMIT ?", (after, many)
    )
    return [SlotSample(*row) for row in rows]
