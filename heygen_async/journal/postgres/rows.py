"""Convert rows of the PostgreSQL tables to records and back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from heygen_async.errors import InvalidRequest
from heygen_async.journal.keys import is_batch_key
from heygen_async.journal.postgres.statements import sql
from heygen_async.journal.records import (
    FINISHED,
    STATES,
    Delivery,
    Intent,
    ItemRecord,
    RunRecord,
    SlotSample,
    State,
    Totals,
)

Connection = psycopg.Connection[Any]


class StoredRun(msgspec.Struct, frozen=True):
    """A run and its row numbers.

    Attributes:
        run: Its number.
        budget: The number of the budget of its family.
        record: The record of the run.
    """

    run: int
    budget: int
    record: RunRecord


def key_digest(key: str) -> UUID:
    """Return 128 bits of the key's SHA-256, used to look up items.

    Raises:
        InvalidRequest: PostgreSQL cannot store the key as text.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise InvalidRequest(
            f"key: {key!r} contains NUL or lone surrogates, which are not text", param="key"
        )
    return UUID(bytes=hashlib.sha256(encoded).digest()[:16])


def storable(text: str | None) -> str | None:
    """Return external text without the characters that PostgreSQL cannot store."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def find_run(connection: Connection, name: str) -> StoredRun | None:
    """Return the run with the given name, or None."""
    row = connection.execute(sql("find_run"), {"name": name}).fetchone()
    if row is None:
        return None
    run, budget, *values = row
    values[4] = msgspec.json.decode(values[4], type=dict[str, Any])
    return StoredRun(run, budget, RunRecord(*values))


def intent_record(intent: Intent, owner: str, now: float, resends: int) -> ItemRecord:
    """Return the record that an intent creates."""
    return ItemRecord(
        key=intent.key,
        position=intent.position,
        attempt=intent.attempt,
        state="intended",
        operation=intent.operation,
        path_arguments=intent.path_arguments,
        idempotency_key=intent.idempotency_key,
        callback_id=intent.callback_id,
        fingerprint=intent.fingerprint,
        payload=intent.payload,
        legacy_fingerprint=None,
        owner=owner,
        reserved_usd=intent.reserved_usd,
        resends=resends,
        job_id=None,
        result=None,
        error_type=None,
        error_code=None,
        error_message=None,
        intended_at=now,
        submitted_at=None,
        ended_at=None,
        output_seconds=None,
        usd=None,
        charged_usd=None,
    )


def record(row: Sequence[Any]) -> ItemRecord:
    """Return a record from a row of ``records``."""
    values = [*row]
    values[5] = msgspec.json.decode(row[5], type=tuple[str, ...])
    values[15] = None if row[15] is None else row[15].encode()
    return ItemRecord(*values)


def page(
    connection: Connection,
    run: int,
    states: Collection[State] | None,
    after: int,
    count: int,
    target: str | None = None,
) -> list[ItemRecord]:
    """Return items after a position, in the order of positions.

    Args:
        connection: A connection.
        run: The number of the run.
        states: Only items in these states; None for all.
        after: The position after which the page starts.
        count: Number of items; more if several share the last position of the page.
        target: Only items that were not delivered to this target; None for all.
    """
    among = STATES if states is None else states
    arguments = {"run": run, "states": list(among), "after": after, "count": count}
    statement = "records" if target is None else "undelivered"
    rows = connection.execute(sql(statement), arguments | {"target": storable(target)})
    return [record(row) for row in rows]


def deliveries(connection: Connection, run: int, key: str) -> list[Delivery]:
    """Return the deliveries of an item, in the order of their targets."""
    arguments = {"run": run, "digest": key_digest(key)}
    return [Delivery(*row) for row in connection.execute(sql("deliveries"), arguments)]


def all_deliveries(
    connection: Connection, run: int, after: tuple[UUID, str], count: int
) -> list[tuple[UUID, str, Delivery]]:
    """Return digests and keys of items with their deliveries, in the order of digests and targets.

    Args:
        connection: A connection.
        run: The number of the run.
        after: The digest and the target after which the page starts.
        count: Number of deliveries.
    """
    arguments = {"run": run, "digest": after[0], "target": after[1], "count": count}
    rows = connection.execute(sql("all_deliveries"), arguments)
    return [(row[0], row[1], Delivery(*row[2:])) for row in rows]


def members(connection: Connection, run: int, idempotency_key: str) -> list[ItemRecord]:
    """Return all items sent under one key, in the order of positions."""
    arguments = {
        "run": run,
        "idempotency_key": idempotency_key,
        "is_batch": is_batch_key(idempotency_key),
    }
    rows = connection.execute(sql("records_by_idempotency_key"), arguments)
    return [record(row) for row in rows]


def slot_samples(connection: Connection, run: int, after: float, count: int) -> list[SlotSample]:
    """Return samples later than the given time, oldest first."""
    arguments = {"run": run, "after": after, "count": count}
    return [SlotSample(*row) for row in connection.execute(sql("slot_samples"), arguments)]


def with_items(connection: Connection, found: StoredRun) -> RunRecord:
    """Return the record of a run, with the number of items that a submit has entered."""
    row = connection.execute(sql("entered_items"), {"run": found.run}).fetchone()
    if row is None or not row[0]:
        return found.record
    settings = {**found.record.settings, "items": row[0]}
    return msgspec.structs.replace(found.record, settings=settings)


def is_alive(connection: Connection, run: int) -> bool:
    """Return whether a living owner holds an item of a run that has not ended."""
    row = connection.execute(sql("is_alive"), {"run": run}).fetchone()
    return row is not None and bool(row[0])


def totals(connection: Connection, run: int) -> Totals:
    """Return sums over all items that were begun. Reads all of them."""
    rows = connection.execute(sql("totals"), {"run": run}).fetchall()
    reserved: dict[State, tuple[float | None, ...]] = {s: () for s in STATES if s not in FINISHED}
    reserved.update((row[0], tuple(row[10])) for row in rows if row[0] in reserved)
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    counts.update((row[0], row[1]) for row in rows)
    return Totals(
        counts=counts,
        usd=sum((row[2] for row in rows), 0.0),
        output_seconds=sum((row[3] for row in rows), 0.0),
        first_intended_at=min((row[4] for row in rows), default=None),
        last_ended_at=max((row[5] for row in rows if row[5] is not None), default=None),
        ended_jobs=sum(row[6] for row in rows if row[0] in FINISHED),
        reserved=reserved,
        resent=sum(row[7] for row in rows),
        resent_usd=sum((row[8] for row in rows), 0.0),
        unknown_usd=sum((row[9] for row in rows), 0.0),
    )
