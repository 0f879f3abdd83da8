"""Assign looks to rows in a rotation that a resumed run keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from heygen_async.errors import JournalError
from heygen_async.journal import JournalLocation, journal_store


class _Sent(msgspec.Struct, frozen=True):
    """Fields of a request that was submitted before."""

    avatar_id: str | None = None


def presenters_of(
    keys: Iterable[str], looks: Sequence[str], journal: JournalLocation | None
) -> dict[str, str]:
    """Return the look that presents each row. Blocks.

    A row in the journal keeps the look that it was sent with, even if rows or looks have changed;
    other rows get the looks in turn.

    Args:
        keys: Keys of the rows that name no look of their own.
        looks: Ids of the looks.
        journal: The run's journal, or None.
    """
    known: dict[str, str] = {}
    store = None if journal is None else journal_store(journal)
    if store is not None and store.exists():
        try:
            with store.reader() as reader:
                for record in reader.records():
                    avatar = msgspec.json.decode(record.payload, type=_Sent).avatar_id
                    if avatar is not None:
                        known[record.key] = avatar
        except JournalError:
            known.clear()  # the run will open it and report the error
    turn = len(known)
    found = {}
    for key in keys:
        if key not in known:
            known[key] = looks[turn % len(looks)]
            turn += 1
        found[key] = known[key]
    return found
