"""The journal of a bulk run: one SQLite file that remembers every item, whatever happens."""

from heygen_async.batch.journal.entries import ENDED, Entry, RunRecord, SlotSample, State, Totals
from heygen_async.batch.journal.journal import Journal
from heygen_async.batch.journal.keys import (
    batch_key,
    fingerprint,
    idempotency_key,
    is_batch_key,
    make_run_id,
    own_key,
)
from heygen_async.batch.journal.view import JournalView, begun, read

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
