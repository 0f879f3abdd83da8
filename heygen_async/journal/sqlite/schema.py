"""Tables, statements and errors of the SQLite journal; shared by the writer and by readers.

Payloads and results are stored as TEXT if they are text, so they can be read in ``sqlite3``; the
casts return the same bytes for both types.
"""

from __future__ import annotations

import functools
import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.journal.records import (
    FINISHED,
    SCHEMA_VERSION,
    STATES,
    Delivery,
    Intent,
    ItemRecord,
    RunRecord,
    SlotSample,
    State,
    Totals,
)
from heygen_async.journal.rules import journal_error

# "HGAJ"; `file run.db` shows it too.
APPLICATION_ID = 0x4847414A

ITEMS = f"""
CREATE TABLE items (
    item INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    key_digest INTEGER NOT NULL,  -- 64 bits of the key's SHA-256
    position INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,  -- {", ".join(STATES)}
    operation TEXT,
    path_arguments TEXT NOT NULL DEFAULT '[]',
    job_id TEXT,
    error_type TEXT,
    error_code TEXT,
    error_message TEXT,
    output_seconds REAL,
    usd REAL,
    charged_usd REAL,
    reserved_usd REAL,
    resends INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    intended_at REAL NOT NULL,
    submitted_at REAL,
    ended_at REAL,
    idempotency_key TEXT NOT NULL,
    callback_id TEXT,  -- NULL for the idempotency key
    fingerprint TEXT NOT NULL,
    legacy_fingerprint TEXT,  -- of version 0.1.0, which made the key
    payload TEXT NOT NULL,
    result TEXT
);
"""
INDEXES = """
CREATE UNIQUE INDEX items_by_key ON items (key_digest);
CREATE INDEX items_by_position ON items (position);
CREATE INDEX items_by_fingerprint ON items (fingerprint) WHERE legacy_fingerprint IS NOT NULL;
"""
DELIVERIES = """
CREATE TABLE IF NOT EXISTS deliveries (
    key_digest INTEGER NOT NULL,
    target TEXT NOT NULL,
    attempt INTEGER NOT NULL,  -- deliveries of earlier attempts do not count
    location TEXT,
    url TEXT,
    delivered_at REAL NOT NULL,
    error TEXT,  -- NULL if it was delivered
    PRIMARY KEY (key_digest, target)
) WITHOUT ROWID;
"""
OWNERS = """
CREATE TABLE owners (
    owner TEXT PRIMARY KEY,
    lease_until REAL NOT NULL
) WITHOUT ROWID;
"""
SLOTS = """
CREATE TABLE slots (
    at REAL NOT NULL,
    running INTEGER NOT NULL,
    slot_limit INTEGER  -- NULL while it is unknown
);
"""
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
{ITEMS}
{INDEXES}
{OWNERS}
{DELIVERIES}
{SLOTS}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""

INSERT_RUN = """
INSERT INTO run VALUES
    (:run_id, :kind, :subject, :created_at, :settings, :sdk_version, :schema_version)
"""

# Columns in the order of the attributes of ItemRecord, by schema version.
_RECORD = {
    1: """
SELECT key, position, attempt, state, NULL, '[]', idempotency_key, idempotency_key, '',
    CAST(payload AS BLOB), fingerprint, NULL, NULL, 0, job_id, CAST(result AS BLOB), error_type,
    error_code, error_message, intended_at, submitted_at, ended_at, output_seconds, usd, NULL
FROM items
""",
    2: """
SELECT key, position, attempt, state, operation, path_arguments, idempotency_key,
    ifnull(callback_id, idempotency_key), fingerprint, CAST(payload AS BLOB), legacy_fingerprint,
    owner, reserved_usd, resends, job_id, CAST(result AS BLOB), error_type, error_code,
    error_message, intended_at, submitted_at, ended_at, output_seconds, usd, charged_usd
FROM items
""",
}
_TOTALS = """
SELECT state, count(*), total(usd), total(output_seconds), min(intended_at), max(ended_at),
       count(job_id)
FROM items GROUP BY state
"""
_RESENT = "SELECT count(*), total(resends * ifnull(usd, 0)) FROM items WHERE resends > 0"
_UNKNOWN = "SELECT total(reserved_usd) FROM items WHERE state = 'completed' AND usd IS NULL"
_RESERVED = {
    1: "SELECT state, NULL FROM items WHERE state NOT IN ('completed', 'failed')",
    2: "SELECT state, reserved_usd FROM items WHERE state NOT IN ('completed', 'failed')",
}


DELIVERED = """
INSERT OR REPLACE INTO deliveries
SELECT key_digest, ?, attempt, ?, ?, ?, ? FROM items
WHERE key_digest = ? AND key = ? AND state IN ('completed', 'failed')
"""
_DELIVERIES = """
SELECT key_digest, key, target, location, url, delivered_at, error
FROM deliveries JOIN items USING (key_digest, attempt)
"""
_UNDELIVERED = """ AND NOT EXISTS (
    SELECT 1 FROM deliveries
    WHERE deliveries.key_digest = items.key_digest AND deliveries.attempt = items.attempt
        AND target = ? AND error IS NULL
)"""


# Written in place of None, which takes Python's module for SQLite twenty times as long as any other
# value: it looks for an adapter each time. No column holds empty bytes, and they equal no text.
_ABSENT = bytearray()


class Statement:
    """A statement that writes any number of rows.

    Each statement releases the interpreter lock and has to reacquire it from a busy event loop,
    which takes longer than the statement itself. So rows of one kind are written together.

    Args:
        text: The SQL, with ``{rows}`` for the list of values. A value that may be None comes as
            empty bytes: ``{column5}``.
        width: Number of values per row.
    """

    # Numbers of rows per statement. There are only a few sizes, since each is compiled once; the
    # last rows are padded with rows of empty bytes, which have no effect but take half the time.
    _SIZES = (1, 2, 4, 8, 16, 32, 64)

    def __init__(self, text: str, *, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        # nullif() would be shorter, but a statement with a function can fail halfway: see INSERT.
        columns = {
            name: f"CASE WHEN {name} <> x'' THEN {name} END"
            for name in (f"column{number}" for number in range(1, width + 1))
        }
        self.width = width
        self._texts = {
            size: text.format(rows=", ".join([row] * size), **columns) for size in self._SIZES
        }

    def write(self, cursor: sqlite3.Cursor, values: Sequence[Any]) -> bool:
        """Write rows, given as one flat sequence, and return whether all were written."""
        step = self._SIZES[-1] * self.width
        for first in range(0, len(values), step):
            some = values[first : first + step]
            count = len(some) // self.width
            size = next(size for size in self._SIZES if size >= count)
            filled = [_ABSENT if value is None else value for value in some]
            filled += [_ABSENT] * (self.width * (size - count))
            if cursor.execute(self._texts[size], filled).rowcount != count:
                return False
        return True


_INTENT = """
INTO items (key, key_digest, position, attempt, state, operation, path_arguments,
    idempotency_key, callback_id, fingerprint, payload, reserved_usd, owner, intended_at)
SELECT column1, column2, column3, column4, 'intended', column5, column6, column7,
    {column8}, column9, column10, {column11}, column12, column13
FROM (VALUES {rows}) WHERE column1 <> x''
"""
# SQLite would build a table for each statement if the lists had more than two values.
_AGAIN = """
ON CONFLICT (key_digest) DO UPDATE SET
    position = excluded.position, attempt = excluded.attempt, state = 'intended',
    operation = excluded.operation, path_arguments = excluded.path_arguments,
    idempotency_key = excluded.idempotency_key, callback_id = excluded.callback_id,
    fingerprint = excluded.fingerprint, payload = excluded.payload,
    reserved_usd = excluded.reserved_usd, owner = excluded.owner,
    intended_at = excluded.intended_at, job_id = NULL, submitted_at = NULL, ended_at = NULL,
    result = NULL, error_type = NULL, error_code = NULL, error_message = NULL,
    output_seconds = NULL, usd = NULL, charged_usd = NULL
WHERE excluded.attempt = items.attempt + 1 AND excluded.key = items.key AND (
    items.state = 'failed'
    OR (items.state = 'completed' AND 'retake' = (
        SELECT decision FROM reviews
        WHERE reviews.key_digest = items.key_digest AND reviews.attempt = items.attempt
        ORDER BY review DESC LIMIT 1
    ))
    OR (
        (
            items.state = 'uncertain'
            -- A server batch that was refused as a whole, and is sent in parts.
            OR (items.state = 'intended' AND instr(items.idempotency_key, ':batch:'))
        )
        -- No other owner works on it, or none that is alive.
        AND (
            items.owner IS NULL OR items.owner = excluded.owner OR NOT EXISTS (
                SELECT 1 FROM owners
                WHERE owners.owner = items.owner AND lease_until > excluded.intended_at
            )
        )
    )
)
"""
# For first attempts. INTEND would do, but it can fail halfway, so SQLite would first copy the pages
# that it changes into a temporary file: a page of the index for almost every item.
INSERT = Statement(f"INSERT OR IGNORE {_INTENT}", width=13)
INTEND = Statement(f"INSERT {_INTENT} {_AGAIN}", width=13)
SUBMITTED = Statement(
    """
UPDATE items SET state = 'submitted', job_id = column3, submitted_at = column4
FROM (VALUES {rows}) WHERE key_digest = column1 AND key = column2 AND (
    state IN ('intended', 'uncertain')
    -- An item of a server batch whose own job has started.
    OR (state = 'submitted' AND instr(job_id, '#') AND instr(column3, '#') = 0)
)
""",
    width=4,
)
FINISH = Statement(
    """
UPDATE items SET ended_at = column3, state = column4, result = {column5},
    error_type = {column6}, error_code = {column7},
    error_message = {column8}, output_seconds = {column9},
    usd = {column10}, charged_usd = {column11}
FROM (VALUES {rows})
WHERE key_digest = column1 AND key = column2 AND state NOT IN ('completed', 'failed')
""",
    width=11,
)


@functools.lru_cache(maxsize=4096)  # each item needs it three times
def key_digest(key: str) -> int:
    """Return 64 bits of the key's SHA-256, as SQLite's signed integer."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)


def readable(data: bytes) -> str | bytes:
    """Return bytes as text if they are valid text, for the people who read journals."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def intent_row(intent: Intent, owner: str, now: float) -> tuple[Any, ...]:
    """Return the values of ``INTEND`` for one item."""
    arguments = intent.path_arguments
    try:  # as readable does, without a call for each item
        payload: str | bytes = intent.payload.decode()
    except UnicodeDecodeError:
        payload = intent.payload
    return (
        intent.key,
        key_digest(intent.key),
        intent.position,
        intent.attempt,
        intent.operation,
        msgspec.json.encode(arguments).decode() if arguments else "[]",
        intent.idempotency_key,
        None if intent.callback_id == intent.idempotency_key else intent.callback_id,
        intent.fingerprint,
        payload,
        intent.reserved_usd,
        owner,
        now,
    )


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether nothing was ever stored: the file is new, or its creation was interrupted."""
    return bool(connection.execute("PRAGMA page_count").fetchone()[0] == 0)


def verify(connection: sqlite3.Connection, path: Path) -> RunRecord:
    """Return the record of the run, if the file is a usable journal.

    Raises:
        JournalError: ``not_a_journal``, ``newer`` or ``damaged``.
        sqlite3.Error: The file cannot be read.
    """
    application_id, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    )
    if application_id != APPLICATION_ID:
        raise journal_error(
            str(path), "not_a_journal", "this is another program's SQLite file, not a journal"
        )
    if version > SCHEMA_VERSION:
        raise journal_error(
            str(path),
            "newer",
            f"a newer version of heygen_async made it (tables of version {version}, and this one "
            f"knows {SCHEMA_VERSION}); upgrade to use it",
        )
    try:
        row = connection.execute(
            "SELECT run_id, kind, subject, created_at, settings, sdk_version, schema_version "
            "FROM run"
        ).fetchone()
        if row is not None:
            values = [*row]
            values[4] = msgspec.json.decode(row[4], type=dict[str, Any])
            return RunRecord(*values)
    except (sqlite3.OperationalError, msgspec.DecodeError) as error:
        raise journal_error(str(path), "damaged", f"the file is damaged: {error}") from error
    raise journal_error(str(path), "damaged", "the file is damaged: it does not name its run")


def find(connection: sqlite3.Connection, digest: int, key: str) -> ItemRecord | None:
    """Return the item with the given key, or None."""
    records = _select(connection, "key_digest = ? AND key = ?", digest, key)
    return records[0] if records else None


def members(connection: sqlite3.Connection, idempotency_key: str) -> list[ItemRecord]:
    """Return all items sent under one key, in the order of positions. Reads all items."""
    return _select(connection, "idempotency_key = ? ORDER BY position, item", idempotency_key)


def matching(connection: sqlite3.Connection, fingerprint: str) -> list[ItemRecord]:
    """Return records of schema 1 with this fingerprint that were given no key."""
    return _select(
        connection,
        "fingerprint = ? AND legacy_fingerprint IS NOT NULL "
        "AND substr(key, 1, 16) = substr(legacy_fingerprint, 1, 16) ORDER BY position, item",
        fingerprint,
    )


def page(
    connection: sqlite3.Connection,
    states: Collection[State] | None,
    after: int,
    count: int,
    target: str | None = None,
) -> list[ItemRecord]:
    """Return items after a position, in the order of positions.

    Args:
        connection: An open journal.
        states: Only items in these states; None for all.
        after: The position after which the page starts.
        target: Only items that were not delivered to this target; None for all.
        count: Number of items; more if several share the last position of the page, which happens
            if the items differed between two starts.

    Returns:
        The records; those of schema 1 have no operation.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    where, among = "position {} ?", tuple[str, ...](states or ())
    if states is not None:
        where += f" AND state IN ({', '.join('?' * len(among))})"
    if target is not None and _has_deliveries(connection):
        where, among = where + _UNDELIVERED, (*among, target)
    query = f"{where.format('>')} ORDER BY position, item LIMIT ?"
    records = _select(connection, query, after, *among, count, version=version)
    if len(records) == count:
        last = records[-1].position
        while records and records[-1].position == last:
            records.pop()
        query = f"{where.format('=')} ORDER BY item"
        records += _select(connection, query, last, *among, version=version)
    return records


def records_of_version_1(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Return a cursor over the records in the renamed table of schema 1, in row order."""
    cursor = connection.cursor()
    cursor.row_factory = lambda _, row: _record(row)
    return cursor.execute(f"{_RECORD[1].replace('items', 'items_1')} ORDER BY item")


def totals(connection: sqlite3.Connection) -> Totals:
    """Return sums over all items. Reads all of them."""
    rows = connection.execute(_TOTALS).fetchall()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    reserved: dict[State, list[float | None]] = {s: [] for s in STATES if s not in FINISHED}
    for state, usd in connection.execute(_RESERVED[version]):
        reserved[state].append(usd)
    resent = connection.execute(_RESENT).fetchone() if version > 1 else (0, 0.0)
    unknown = connection.execute(_UNKNOWN).fetchone()[0] if version > 1 else 0.0
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    counts.update((row[0], row[1]) for row in rows)
    return Totals(
        counts=counts,
        usd=sum(row[2] for row in rows),
        output_seconds=sum(row[3] for row in rows),
        first_intended_at=min((row[4] for row in rows), default=None),
        last_ended_at=max((row[5] for row in rows if row[5] is not None), default=None),
        ended_jobs=sum(row[6] for row in rows if row[0] in FINISHED),
        reserved={state: tuple(amounts) for state, amounts in reserved.items()},
        resent=resent[0],
        resent_usd=resent[1],
        unknown_usd=unknown,
    )


def deliveries(connection: sqlite3.Connection, digest: int, key: str) -> list[Delivery]:
    """Return the deliveries of an item, in the order of their targets."""
    rows = connection.execute(
        f"{_DELIVERIES} WHERE key_digest = ? AND key = ? ORDER BY target", (digest, key)
    )
    return [Delivery(*row[2:]) for row in rows]


def all_deliveries(
    connection: sqlite3.Connection, after: tuple[int, str], count: int
) -> list[tuple[int, str, Delivery]]:
    """Return digests and keys of items with their deliveries, in the order of digests and targets.

    Args:
        connection: An open journal.
        after: The digest and the target after which the page starts.
        count: Number of deliveries.
    """
    if not _has_deliveries(connection):
        return []
    query = f"{_DELIVERIES} WHERE (key_digest, target) > (?, ?) ORDER BY key_digest, target LIMIT ?"
    return [
        (row[0], row[1], Delivery(*row[2:])) for row in connection.execute(query, (*after, count))
    ]


def _has_deliveries(connection: sqlite3.Connection) -> bool:
    """Return whether the file has the table; files of schema 1 do not."""
    query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'deliveries')"
    return bool(connection.execute(query).fetchone()[0])


def slot_samples(connection: sqlite3.Connection, after: float, count: int) -> list[SlotSample]:
    """Return samples later than the given time, oldest first."""
    rows = connection.execute(
        "SELECT at, running, slot_limit FROM slots WHERE at > ? ORDER BY at LIMIT ?", (after, count)
    )
    return [SlotSample(*row) for row in rows]


def _select(
    connection: sqlite3.Connection, where: str, *values: Any, version: int = SCHEMA_VERSION
) -> list[ItemRecord]:
    rows = connection.execute(f"{_RECORD[version]} WHERE {where}", values)
    return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> ItemRecord:
    values = [*row]
    values[5] = msgspec.json.decode(row[5], type=tuple[str, ...])
    return ItemRecord(*values)
