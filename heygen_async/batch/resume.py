"""Decide how a resumed run treats the records of earlier runs. Pure except for ``spent_by``."""

from __future__ import annotations

import enum
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

import msgspec

from heygen_async.batch.operations import OPERATIONS, REPLAY_SECONDS, Submission
from heygen_async.errors import HeyGenError, ItemRejected, JobFailed, RecordedFailure
from heygen_async.journal import ItemRecord, JournalStore, Review, RunSpec, State, Totals
from heygen_async.journal.keys import (
    ItemIdentity,
    ItemKeys,
    StableKeys,
    canonical_json,
    fingerprint,
    is_batch_key,
)
from heygen_async.journal.rules import check_same_run, latest
from heygen_async.pricing.estimates import CostTotal, Estimate, RemainingWork


class ResumePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a run treats the records of earlier runs.

    Attributes:
        retry_failed: Resubmit items that failed.
        resubmit_uncertain: Resubmit items whose state is unknown.
        resend_unkeyed: Resubmit uncertain items that are sent without an idempotency key.
    """

    retry_failed: bool = False
    resubmit_uncertain: bool = False
    resend_unkeyed: bool = False

    def resubmits(self, operation: str) -> bool:
        """Return whether the run resubmits an operation's items whose state is unknown."""
        unkeyed = OPERATIONS[operation].in_doubt != "repeat"
        return self.resubmit_uncertain or (self.resend_unkeyed and unkeyed)


class Action(enum.Enum):
    """The action that a run takes for an item with a record."""

    RETURN = "return"
    """Return the recorded outcome."""
    REFUSE = "refuse"
    """Fail: a different request was submitted under this key."""
    WAIT = "wait"
    """Wait for the recorded job."""
    RESEND = "resend"
    """Send the request again under the same idempotency key, which the API replays; speech is sent
    without a key.
    """
    RESEND_BATCH = "resend batch"
    """Resend the server batch that it was part of, under the same key."""
    SEARCH = "search"
    """Search the account for its job; its state is unknown."""
    SUBMIT = "submit"
    """Submit it as a new attempt."""


def resume_action(
    record: ItemRecord,
    fingerprint: str,
    policy: ResumePolicy,
    now: float,
    review: Review | None = None,
) -> Action:
    """Decide what to do with an item that has a record.

    Args:
        record: The record.
        fingerprint: Fingerprint of the item's request now.
        policy: How the run treats records.
        now: Unix seconds. A record from the future was written by a wrong clock: its age is
            unknown, so the API may have forgotten its key.
        review: A person's decision about the record, or None. Only a retake makes an item again
            that has completed, and only then may its request be another one.
    """
    if review is not None and review.decision == "retake":
        return Action.SUBMIT
    if review is None and record.resubmits(retry_failed=policy.retry_failed):
        return Action.SUBMIT
    if record.fingerprint != fingerprint:
        return Action.REFUSE
    if record.finished:
        return Action.RETURN
    in_doubt = OPERATIONS[record.operation or ""].in_doubt
    if in_doubt == "resend":
        return Action.RESEND
    if record.state == "submitted":
        return Action.WAIT
    if in_doubt == "search" or record.state == "uncertain":
        return Action.SEARCH
    if not 0 <= now - record.intended_at < REPLAY_SECONDS:
        return Action.SEARCH
    return Action.RESEND_BATCH if is_batch_key(record.idempotency_key) else Action.RESEND


def identified(record: ItemRecord, submission: Submission[Any]) -> ItemRecord:
    """Return a schema 1 record without an operation as a record of the submission's operation."""
    if record.operation is not None:
        return record
    payload = canonical_json(record.payload)
    found = fingerprint(submission.operation, submission.path_arguments, payload)
    return msgspec.structs.replace(record, operation=submission.operation, fingerprint=found)


def recorded_outcome(
    record: ItemRecord, submission: Submission[Any], review: Review | None = None
) -> tuple[Any | None, HeyGenError | None]:
    """Return the result and the error of an item that ended in an earlier run.

    Args:
        record: The record of the item.
        submission: The item.
        review: A person's decision about the record, or None. A result that is rejected is an
            error.
    """
    if review is not None and review.decision == "rejected":
        what = f"item {record.key} was rejected by {review.by}; approve it, or ask for a retake"
        return None, ItemRejected(what, key=record.key, by=review.by)
    if record.state == "completed":
        result = OPERATIONS[submission.operation].result
        return msgspec.json.decode(record.result or b"null", type=result), None
    message = record.error_message or "HeyGen gives no reason"
    if record.error_type == "JobFailed" and record.job_id is not None:
        return None, JobFailed(message, job_id=record.job_id, code=record.error_code)
    return None, RecordedFailure(
        message, error_type=record.error_type or "HeyGenError", code=record.error_code
    )


# The field of RemainingWork that counts a record.
_FIGURES = {
    Action.RETURN: {"completed": "completed", "failed": "failed"},
    Action.REFUSE: {},
    Action.WAIT: {"submitted": "in_flight"},
    Action.RESEND: dict.fromkeys(("intended", "submitted", "uncertain"), "unanswered"),
    Action.RESEND_BATCH: {"intended": "unanswered"},
    Action.SEARCH: {"intended": "unanswered", "uncertain": "uncertain"},
    Action.SUBMIT: {"failed": "again", "completed": "again"},
}
_FIGURES_TO_PAY = ("new", "again", "in_flight", "unanswered")
_OTHER_FIGURES = ("completed", "failed", "uncertain", "changed")
_OPEN_STATES: tuple[State, ...] = ("submitted", "intended")


def remaining_work(
    store: JournalStore | None, kind: str, subject: str, policy: ResumePolicy
) -> RemainingWorkCounter | None:
    """Read the work that earlier runs left; return None if there were none. Blocks.

    Args:
        store: The journal, or None without one.
        kind: The kind of the run.
        subject: Its subject.
        policy: How the run treats records.

    Raises:
        JournalError: The journal cannot be read, or belongs to another run.
    """
    if store is None or not store.exists():
        return None
    with store.reader() as reader:
        check_same_run(reader.run, RunSpec(kind=kind, subject=subject), store.name)
        keys = StableKeys(reader.run.run_id)
        records, totals, reviews = reader.records(), reader.totals(), reader.reviews()
        return RemainingWorkCounter(records, totals, keys, policy, time.time, reviews)


class RemainingWorkCounter:
    """Sum up the remaining work of a run, item by item, by the decisions that the run would make.

    Args:
        records: The records of the journal.
        totals: Sums over the records.
        keys: How the run names its items.
        policy: How the run treats records.
        clock: Returns Unix seconds.
        reviews: Decisions of people, oldest first.

    Attributes:
        agent_seconds: Median length in seconds of completed Video Agent videos, or None if there
            are none.
    """

    def __init__(
        self,
        records: Iterable[ItemRecord],
        totals: Totals,
        keys: ItemKeys,
        policy: ResumePolicy,
        clock: Callable[[], float],
        reviews: Sequence[Review] = (),
    ) -> None:
        self._spent, self._jobs = totals.usd, totals.ended_jobs
        self._keys = keys
        self._policy = policy
        self._clock = clock
        self._reviews = latest(reviews)
        self._records: dict[str, ItemRecord] = {}
        self._legacy: dict[str, list[str]] = {}  # default keys of schema 1 by fingerprint
        lengths: list[float] = []
        for record in records:
            if record.operation == "video_agents.create" and record.output_seconds is not None:
                lengths.append(record.output_seconds)
            self._records[record.key] = msgspec.structs.replace(
                record, payload=b"" if record.operation else record.payload, result=None
            )
            legacy = record.legacy_fingerprint
            if legacy is not None and record.key[:16] == legacy[:16]:
                self._legacy.setdefault(record.fingerprint, []).append(record.key)
        self.agent_seconds: float | None = median(lengths) if lengths else None
        self._counts: Counter[str] = Counter()
        self._to_pay = CostTotal()

    def submits(self, submission: Submission[Any]) -> bool:
        """Return whether the run will submit an item. Call once per item, in order."""
        identity = submission.identity(self._keys)
        record = self._take(submission, identity)
        return self._figure(record, submission, identity.fingerprint) in ("new", "again")

    def add(self, submission: Submission[Any], estimate: Estimate) -> None:
        """Count one item. Call once per item, in the order of the run."""
        identity = submission.identity(self._keys)
        figure = self._figure(self._take(submission, identity), submission, identity.fingerprint)
        self._counts[figure] += 1
        if figure in _FIGURES_TO_PAY:
            self._to_pay.add(estimate)

    def remaining(self) -> RemainingWork:
        """Return the remaining work, after all items were counted."""
        others = self._records.values()
        return RemainingWork(
            **{figure: self._counts[figure] for figure in (*_FIGURES_TO_PAY, *_OTHER_FIGURES)},
            left_out=len(others),
            **msgspec.structs.asdict(self._to_pay.range()),
            spent=self._spent,
            jobs=self._jobs + sum(record.state in _OPEN_STATES for record in others),
        )

    def _take(self, submission: Submission[Any], identity: ItemIdentity) -> ItemRecord | None:
        record = self._records.pop(identity.key, None)
        if submission.key is not None:
            return record
        self._keys.skip(identity)
        legacy_keys = self._legacy.get(identity.fingerprint)
        while record is None and legacy_keys:
            record = self._records.pop(legacy_keys.pop(0), None)
        return record

    def _figure(
        self, record: ItemRecord | None, submission: Submission[Any], fingerprint: str
    ) -> str:
        if record is None:
            return "new"
        record = identified(record, submission)
        review = self._reviews.get((record.key, record.attempt))
        action = resume_action(record, fingerprint, self._policy, self._clock(), review)
        if (
            action is Action.SEARCH
            and record.state == "uncertain"
            and self._policy.resubmits(submission.operation)
        ):
            return "again"
        return _FIGURES[action].get(record.state, "changed")


def spent_by(store: JournalStore) -> tuple[str | None, Totals | None]:
    """Return the name and the totals of a journal; both are None if it does not exist. Blocks.

    Args:
        store: The journal.
    """
    if not store.exists():
        return None, None
    with store.reader() as reader:
        return reader.name, reader.totals()
