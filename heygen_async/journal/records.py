"""What a journal holds, as Structs."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["intended", "submitted", "completed", "failed", "uncertain"]

STATES: tuple[State, ...] = ("intended", "submitted", "completed", "failed", "uncertain")

# The states of an item that nothing more will happen to, unless it is tried again.
ENDED: tuple[State, ...] = ("completed", "failed")


# Failures of the account and not of the item: the next run tries again by itself.
_OF_THE_ACCOUNT = frozenset(
    {"AuthenticationError", "PaymentRequired", "QuotaExceeded", "RateLimited"}
)


class Entry(msgspec.Struct, frozen=True):
    """One item, as the journal knows it. Times are Unix seconds.

    Attributes:
        key: The item's key, unique in its run.
        position: Where it stood among the items when it was last intended, from 0.
        attempt: From 1; a failed item that is tried again gets the next one, and with it a new
            idempotency key.
        state: ``intended``: its request may have been sent, no answer is known; ``submitted``:
            its job is known; ``completed`` and ``failed``: it has ended; ``uncertain``: whether
            its request was accepted cannot be found out by sending it again.
        idempotency_key: What its request is sent with; that of a batch is the same for all of
            its items.
        fingerprint: Of the request's path and payload.
        payload: The request's body.
        job_id: Its job, or None. An item of a batch has ``batch_id#place`` until its job has
            begun, and for good where it could not.
        result: The API's object, as JSON, or None.
        error_type: The class of the error that it failed with, or None.
        error_code: The API's code of that error, or None.
        error_message: That error's sentence, or None.
        intended_at: When its intent was recorded.
        submitted_at: When its job id was recorded, or None.
        ended_at: When its outcome was recorded, or None.
        output_seconds: How long what was made plays, or None.
        usd: What it cost, an estimate in US dollars, or None.
    """

    key: str
    position: int
    attempt: int
    state: State
    idempotency_key: str
    fingerprint: str
    payload: bytes
    job_id: str | None
    result: bytes | None
    error_type: str | None
    error_code: str | None
    error_message: str | None
    intended_at: float
    submitted_at: float | None
    ended_at: float | None
    output_seconds: float | None
    usd: float | None

    def tried_again(self, *, retry_failed: bool) -> bool:
        """Whether it has failed and the next run submits it anew.

        Args:
            retry_failed: Whether failures of the item itself are tried again, too.
        """
        return self.state == "failed" and (retry_failed or self.error_type in _OF_THE_ACCOUNT)


class RunRecord(msgspec.Struct, frozen=True):
    """What the run was asked to do.

    Attributes:
        run_id: Part of every idempotency key.
        kind: Such as ``render``.
        subject: Such as the template's id.
        created_at: When the journal was made, in Unix seconds.
        settings: The settings of the latest start.
        sdk_version: The version of heygen_async that made the journal.
        schema_version: The version of its tables.
    """

    run_id: str
    kind: str
    subject: str
    created_at: float
    settings: dict[str, Any]
    sdk_version: str
    schema_version: int

    @property
    def items(self) -> int | None:
        """How many items the latest start had, or None where it could not tell."""
        items = self.settings.get("items")
        return items if isinstance(items, int) else None

    def total(self, held: int) -> int:
        """How many items there are, as far as is known.

        Args:
            held: How many the journal holds; some may be of earlier starts alone.
        """
        return max(self.items or 0, held)


class SlotSample(msgspec.Struct, frozen=True):
    """How many jobs ran at a moment, and how many could have.

    Attributes:
        at: Unix seconds.
        running: Jobs of the run in flight.
        slot_limit: Jobs that the account lets run at once, as far as was known.
    """

    at: float
    running: int
    slot_limit: int


class Totals(msgspec.Struct, frozen=True):
    """Sums over all items.

    Attributes:
        counts: How many items are in each state; all states are there.
        usd: What they cost so far, an estimate in US dollars.
        output_seconds: How long all that was made plays.
        first_intended_at: Unix seconds of the oldest intent, or None without items.
        last_ended_at: Unix seconds of the newest outcome, or None where nothing has ended.
        ended_jobs: How many items have ended and had a job; the others were refused.
    """

    counts: dict[State, int]
    usd: float
    output_seconds: float
    first_intended_at: float | None
    last_ended_at: float | None
    ended_jobs: int = 0

    def in_flight(self, *, resubmit_uncertain: bool) -> int:
        """How many items may have a job that has not ended.

        Args:
            resubmit_uncertain: Whether uncertain ones are given up, and submitted anew.
        """
        uncertain = 0 if resubmit_uncertain else self.counts["uncertain"]
        return self.counts["intended"] + self.counts["submitted"] + uncertain

    @property
    def items(self) -> int:
        """All items that the journal holds."""
        return sum(self.counts.values())
