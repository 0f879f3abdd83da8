"""Records of a journal: items, the run itself, samples of slots, and totals."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from heygen_async.pricing.estimates import Estimate

SCHEMA_VERSION = 2
"""Version of the stored data; version 0.1.0 wrote schema 1."""

State: TypeAlias = Literal["intended", "submitted", "completed", "failed", "uncertain"]
"""State of an item; see ``ItemRecord``."""

STATES: tuple[State, ...] = ("intended", "submitted", "completed", "failed", "uncertain")
"""All states."""

COMPLETED: tuple[State, ...] = ("completed",)
"""States of items whose job has a result."""

FINISHED: tuple[State, ...] = ("completed", "failed")
"""States that are final unless the item is submitted again."""

REOPENED = "Reopened"
"""Error type of a failed item that is to be submitted again."""

ACCOUNT_ERRORS: frozenset[str] = frozenset(
    {"AuthenticationError", "PaymentRequired", "QuotaExceeded", "RateLimited", REOPENED}
)
"""Failures of the account rather than of the item: the next run submits the item again."""


class Intent(msgspec.Struct, frozen=True):
    """An item that is about to be submitted.

    Attributes:
        key: The item's key, unique in its run.
        position: Its position among the items, from 0.
        attempt: Number of the submission, from 1. A new attempt has a new idempotency key.
        operation: The operation that submits it, such as ``videos.create``.
        path_arguments: Values of the parameters in the operation's path.
        idempotency_key: The key that its request is sent with, shared by all items of a server
            batch.
        callback_id: The ``callback_id`` that its request is sent with, unless the request sets its
            own.
        fingerprint: Fingerprint of the operation, its path arguments and the payload.
        payload: JSON body of the request, without fields added by the run.
        reserved_usd: US dollars that the budget reserves for it, or None if no cap applies.
        estimate: Its estimated cost, for a store whose ``begin`` decides about money.
    """

    key: str
    position: int
    attempt: int
    operation: str
    path_arguments: tuple[str, ...]
    idempotency_key: str
    callback_id: str
    fingerprint: str
    payload: bytes
    reserved_usd: float | None = None
    estimate: Estimate | None = None


class Finish(msgspec.Struct, frozen=True):
    """The outcome of an item.

    Attributes:
        key: The item's key.
        state: ``completed`` or ``failed``.
        result: The API's object, which the store saves as JSON, or None.
        error_type: Class of the error, or None.
        error_code: The API's error code, or None.
        error_message: Message of the error, or None.
        output_seconds: Length of the output in seconds, or None.
        usd: Cost in US dollars at the run's prices, or None if unknown.
        charged_usd: Cost in US dollars that HeyGen reports for the job, or None.
    """

    key: str
    state: Literal["completed", "failed"]
    result: Any = None
    error_type: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    output_seconds: float | None = None
    usd: float | None = None
    charged_usd: float | None = None


class ItemRecord(msgspec.Struct, frozen=True):
    """An item as stored in the journal. Times are Unix seconds.

    Attributes:
        key: The item's key, unique in its run.
        position: Position among the items when it was last intended, from 0.
        attempt: Number of the latest submission, from 1.
        state: ``intended``: the request may have been sent and has no known answer; ``submitted``:
            the job id is known; ``completed`` and ``failed``: it has ended; ``uncertain``: it is
            unknown whether the request was accepted, and resending it cannot show this.
        operation: The operation that submits it, or None in a record of schema 1 with a request of
            unknown kind.
        path_arguments: Values of the parameters in the operation's path.
        idempotency_key: The key that its request is sent with.
        callback_id: The ``callback_id`` that its request is sent with, unless the request sets its
            own.
        fingerprint: Fingerprint of the request; empty if ``operation`` is None.
        payload: JSON body of the request, without fields added by the run.
        legacy_fingerprint: The fingerprint that version 0.1.0 computed, or None.
        owner: The owner that claimed it last, or None; for an item that has ended, it may be an
            earlier owner.
        reserved_usd: US dollars reserved for it, or None.
        resends: Number of times it was resent although an earlier attempt without an idempotency
            key may have been carried out.
        job_id: Its job, or None. An item of a server batch has ``batch_id#index`` until its job
            has started.
        result: The API's object as JSON, or None.
        error_type: Class of the error that it failed with, or None.
        error_code: The API's code of that error, or None.
        error_message: Message of that error, or None.
        intended_at: When its intent was recorded.
        submitted_at: When its job id was recorded, or None.
        ended_at: When its outcome was recorded, or None.
        output_seconds: Length of the output in seconds, or None.
        usd: Cost in US dollars at the run's prices, or None.
        charged_usd: Cost in US dollars that HeyGen reports for the job, or None.
    """

    key: str
    position: int
    attempt: int
    state: State
    operation: str | None
    path_arguments: tuple[str, ...]
    idempotency_key: str
    callback_id: str
    fingerprint: str
    payload: bytes
    legacy_fingerprint: str | None
    owner: str | None
    reserved_usd: float | None
    resends: int
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
    charged_usd: float | None

    @property
    def finished(self) -> bool:
        """Whether it has completed or failed."""
        return self.state in FINISHED

    def resubmits(self, *, retry_failed: bool) -> bool:
        """Return whether the item failed and will be resubmitted on resume.

        Args:
            retry_failed: Whether failures of the item itself are resubmitted too.
        """
        return self.state == "failed" and (retry_failed or self.error_type in ACCOUNT_ERRORS)


class RunRecord(msgspec.Struct, frozen=True):
    """The kind, subject and settings of a run.

    Attributes:
        run_id: Part of every idempotency key.
        kind: Kind of run, such as ``render``.
        subject: Its subject, such as the id of the template.
        created_at: When the journal was created, in Unix seconds.
        settings: The settings of the latest start.
        sdk_version: The version of heygen_async that created the journal.
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
        """Number of items in the latest start, or None if it was unknown."""
        items = self.settings.get("items")
        return items if isinstance(items, int) else None

    def total(self, held: int) -> int:
        """Return the known number of items.

        Args:
            held: Number of items in the journal; some may belong to earlier starts only.
        """
        return max(self.items or 0, held)


class Delivery(msgspec.Struct, frozen=True):
    """The delivery of an item's outcome to one target, such as a folder, a bucket or a webhook.

    Attributes:
        target: Name of the target. It contains no secrets.
        location: Path or URL of the file that was written, or None.
        url: Public URL of the file, or None.
        at: When it was recorded, in Unix seconds; set by the store.
        error: The error it failed with, or None if the outcome was delivered. The next start tries
            again.
    """

    target: str
    location: str | None = None
    url: str | None = None
    at: float = 0.0
    error: str | None = None


class DeliveryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries of a run to one target.

    Attributes:
        delivered: Number of items that were delivered.
        waiting: Number of ended items whose delivery has not been tried, or whose attempt has not
            ended; None for additional files, which not every item has.
        failed: Number of items whose delivery failed. The next start tries again.
        error: The error of one of them, or None.
    """

    delivered: int
    waiting: int | None
    failed: int
    error: str | None


Decision: TypeAlias = Literal["approved", "rejected", "retake"]
"""A person's decision about the result of an item; see ``Review``."""


class Review(msgspec.Struct, frozen=True):
    """A person's decision about an item that has ended.

    Attributes:
        key: The item's key.
        decision: ``approved``; ``rejected``: the result must not be used; ``retake``: the next
            start makes the item again, also from another request under the same key.
        by: Who decided.
        changes: New values by column, for a retake of a row.
        at: When it was recorded, in Unix seconds; set by the store, as are the others below.
        attempt: The attempt that it is about; it does not apply to later ones.
        job_id: The job of this attempt, or None.
        usd: Its cost in US dollars, at most; None if it cost nothing.
    """

    key: str
    decision: Decision
    by: str
    changes: dict[str, str] = {}
    at: float = 0.0
    attempt: int = 0
    job_id: str | None = None
    usd: float | None = None


class SlotSample(msgspec.Struct, frozen=True):
    """Number of running jobs and the limit at one point in time.

    Attributes:
        at: Unix seconds.
        running: Number of the run's jobs in flight.
        slot_limit: Known limit of concurrent jobs on the account; None while it is unknown, 0 while
            submissions are paused.
        writer: Host and process that wrote it; empty in a store that only one process can open.
    """

    at: float
    running: int
    slot_limit: int | None
    writer: str = ""


class Totals(msgspec.Struct, frozen=True):
    """Sums over all items.

    Attributes:
        counts: Number of items in each state; every state is present.
        usd: Cost so far in US dollars at the run's prices.
        output_seconds: Total length of the outputs in seconds.
        first_intended_at: Unix seconds of the oldest intent, or None without items.
        last_ended_at: Unix seconds of the newest outcome, or None if nothing has ended.
        ended_jobs: Number of ended items that had a job; the others were refused.
        reserved: Amount reserved for each item that has not ended, in US dollars by state; None for
            an item of unknown cost.
        resent: Number of items that may have been paid for more than once; see
            ``ItemRecord.resends``.
        resent_usd: Their additional cost in US dollars, if each attempt was paid for.
        unknown_usd: Amount reserved for completed items of unknown cost, in US dollars.
        retaken: Number of jobs whose item was made again on request; ``ended_jobs`` includes them.
        retaken_usd: Their cost in US dollars, which ``usd`` includes.
    """

    counts: dict[State, int]
    usd: float = 0.0
    output_seconds: float = 0.0
    first_intended_at: float | None = None
    last_ended_at: float | None = None
    ended_jobs: int = 0
    reserved: dict[State, tuple[float | None, ...]] = {}
    resent: int = 0
    resent_usd: float = 0.0
    unknown_usd: float = 0.0
    retaken: int = 0
    retaken_usd: float = 0.0

    @property
    def usd_most(self) -> float:
        """Upper bound of the cost so far in US dollars: all attempts, unknown costs as reserved."""
        return self.usd + self.resent_usd + self.unknown_usd

    def in_flight(self, *, resubmit_uncertain: bool) -> list[float | None]:
        """Return the amount reserved for each item that may have an unfinished job.

        Args:
            resubmit_uncertain: Whether uncertain items are given up and resubmitted.
        """
        states: tuple[State, ...] = ("intended", "submitted", "uncertain")
        if resubmit_uncertain:
            states = states[:2]
        return [usd for state in states for usd in self.reserved.get(state, ())]

    @property
    def items(self) -> int:
        """Number of items in the journal."""
        return sum(self.counts.values())
