"""Upgrade journals of schema 1, which version 0.1.0 wrote, to schema 2.

A record of schema 1 names no operation. The operation is derived from the kind of the run; for a
run of mixed requests, it is found by comparing the old fingerprints.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3

import msgspec

from heygen_async.journal.keys import canonical_json, fingerprint, idempotency_key
from heygen_async.journal.records import SCHEMA_VERSION, ItemRecord, RunRecord
from heygen_async.journal.sqlite import schema

_TEST_RUN = " (test)"

# Names that version 0.1.0 used for an operation's address in its fingerprints.
_ADDRESSES = {
    "videos.create": "videos",
    "video_translations.create": "video-translations",
    "lipsyncs.create": "lipsyncs",
    "video_agents.create": "video-agents",
    "proofreads.create": "video-translations/proofreads",
    "proofreads.generate": "video-translations/proofreads/render",
    "voices.clone": "voices/clone",
    "voices.speech": "voices/speech",
}
_BY_KIND = {"translate": "video_translations.create", "speech": "voices.speech"}

_COLUMNS = ItemRecord.__struct_fields__
_VALUES = ", ".join(f":{column}" for column in _COLUMNS)
_INSERT = f"INSERT INTO items (key_digest, {', '.join(_COLUMNS)}) VALUES (:key_digest, {_VALUES})"  # noqa: S608


class _ProofreadId(msgspec.Struct):
    proofread_id: str = ""


def upgrade(record: ItemRecord, run: RunRecord) -> ItemRecord:
    """Convert a record of schema 1 to schema 2.

    Args:
        record: The record; its operation is None, and ``legacy_fingerprint`` is set.
        run: The run that it belongs to.

    Returns:
        The record with its operation, its canonical fingerprint and the ``callback_id`` that it was
        sent with. A request of unknown kind keeps None and an empty fingerprint.
    """
    legacy = record.legacy_fingerprint or ""
    callback_id = idempotency_key(run.run_id, record.key, legacy, record.attempt)
    operation, arguments = _operation_of(record, run)
    if operation is None:
        return msgspec.structs.replace(record, callback_id=callback_id)
    return msgspec.structs.replace(
        record,
        operation=operation,
        path_arguments=arguments,
        callback_id=callback_id,
        fingerprint=fingerprint(operation, arguments, canonical_json(record.payload)),
    )


def migrate(connection: sqlite3.Connection, run: RunRecord) -> None:
    """Upgrade an open journal of schema 1 in one transaction.

    Args:
        connection: Connection to the journal, which the caller has locked.
        run: The run in the journal.

    Raises:
        sqlite3.Error: Nothing was changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("ALTER TABLE items RENAME TO items_1")
        connection.execute("DROP INDEX items_by_position")
        for statement in _statements(schema.ITEMS):
            connection.execute(statement)
        # A cursor that is still open would prevent the file from being closed.
        with contextlib.closing(schema.records_of_version_1(connection)) as records:
            connection.executemany(_INSERT, (_row(record, run) for record in records))
        connection.execute("DROP TABLE items_1")
        connection.execute("ALTER TABLE slots RENAME TO slots_1")
        rest = schema.INDEXES + schema.OWNERS + schema.DELIVERIES + schema.SLOTS
        for statement in _statements(rest):
            connection.execute(statement)
        connection.execute("INSERT INTO slots SELECT * FROM slots_1")
        connection.execute("DROP TABLE slots_1")
        connection.execute("UPDATE run SET schema_version = ?", (SCHEMA_VERSION,))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    return [statement for statement in script.split(";\n") if statement.strip()]


def _row(record: ItemRecord, run: RunRecord) -> dict[str, object]:
    new = upgrade(record, run)
    return msgspec.structs.asdict(new) | {
        "key_digest": schema.key_digest(new.key),
        "path_arguments": msgspec.json.encode(new.path_arguments).decode(),
        "callback_id": None if new.callback_id == new.idempotency_key else new.callback_id,
        "payload": schema.readable(new.payload),
        "result": None if new.result is None else schema.readable(new.result),
    }


def _operation_of(record: ItemRecord, run: RunRecord) -> tuple[str | None, tuple[str, ...]]:
    if run.kind == "render":
        return "templates.generate", (run.subject.removesuffix(_TEST_RUN),)
    operation = _BY_KIND.get(run.kind) or _matching_operation(record)
    if operation != "proofreads.generate":
        return operation, ()
    try:
        proofread = msgspec.json.decode(record.payload, type=_ProofreadId)
    except msgspec.DecodeError:
        return None, ()
    return operation, (proofread.proofread_id,)


def _matching_operation(record: ItemRecord) -> str | None:
    for operation, address in _ADDRESSES.items():
        old = hashlib.sha256(address.encode() + b"\0" + record.payload).hexdigest()
        if old == record.legacy_fingerprint:
            return operation
    return None
