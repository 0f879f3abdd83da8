"""The journal of a bulk run: one SQLite file that remembers every item, whatever happens."""

from heygen_async.journal.keys import (
    batch_key,
    fingerprint,
    idempotency_key,
    is_batch_key,
    make_run_id,
    own_key,
)
from heygen_async.journal.records import ENDED, Entry, RunRecord, SlotSample, State, Totals
from heygen_async.journal.sqlite.reader import JournalView, begun, read
from heygen_async.journal.sqlite.writer import Journal

__all__ = [
    "ENDED",
    "Entry",
    "Journal",
    "JournalView",
    "RunRecord",
    "SlotSample",
    "State",
    "Totals",
    "batch_key",
    "begun",
    "fingerprint",
    "idempotency_key",
    "is_batch_key",
    "make_run_id",
    "own_key",
    "read",
]
