"""Rules that every store follows, as pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import msgspec

from heygen_async.errors import DuplicateKey, JournalError
from heygen_async.journal.keys import is_batch_key, make_run_id
from heygen_async.journal.records import (
    COMPLETED,
    FINISHED,
    SCHEMA_VERSION,
    STATES,
    Decision,
    Intent,
    ItemRecord,
    Review,
    RunRecord,
    State,
    Totals,
)
from heygen_async.journal.store import RunSpec
from heygen_async.version import __version__

_DECIDED = {"approved": "approved", "rejected": "rejected", "retake": "made again"}


def may_replace(present: ItemRecord, intent: Intent, reviews: Iterable[Review] = ()) -> bool:
    """Return whether an intent replaces the record of an earlier attempt.

    Args:
        present: The record.
        intent: The intent.
        reviews: Decisions about the item, oldest first.
    """
    return intent.attempt == present.attempt + 1 and (
        present.state in ("failed", "uncertain")
        or (present.state == "completed" and decision_on(present, reviews) == "retake")
        or (present.state == "intended" and is_batch_key(present.idempotency_key))
    )


def latest(reviews: Iterable[Review]) -> dict[tuple[str, int], Review]:
    """Return the latest decision about each attempt, by the item's key and its attempt.

    Args:
        reviews: Decisions, oldest first.
    """
    return {(one.key, one.attempt): one for one in reviews}


def decision_on(present: ItemRecord, reviews: Iterable[Review]) -> Decision | None:
    """Return the latest decision about the latest attempt of an item, or None."""
    found = latest(reviews).get((present.key, present.attempt))
    return None if found is None else found.decision


def reviewed(
    name: str, present: ItemRecord | None, review: Review, reviews: Iterable[Review], now: float
) -> Review:
    """Return a decision as it is stored.

    Args:
        name: The name of the journal.
        present: The record of the item, or None.
        review: The decision.
        reviews: Earlier decisions about the item, oldest first.
        now: Unix seconds.

    Raises:
        JournalError: The decision cannot be made.
    """
    if present is None:
        raise unknown_key(name, review.key)
    if present.state not in (COMPLETED if review.decision == "approved" else FINISHED):
        raise wrong_state(name, present, _DECIDED[review.decision])
    if review.decision == "retake" and decision_on(present, reviews) == "approved":
        sentence = f"item {present.key!r} is approved, and would be paid for again; reject it first"
        raise journal_error(name, "wrong_state", sentence)
    usd = present.usd
    if usd is None and present.state == "completed":
        usd = present.reserved_usd
    made = {"at": now, "attempt": present.attempt, "job_id": present.job_id, "usd": usd}
    return msgspec.structs.replace(review, **made)


def replaced_takes(reviews: Iterable[Review], attempts: Mapping[str, int]) -> tuple[int, float]:
    """Return the number of jobs whose items were made again on request, and their cost in USD.

    Args:
        reviews: All decisions.
        attempts: The latest attempt of each item with decisions.
    """
    takes = {
        (one.key, one.attempt): one.usd or 0.0
        for one in reviews
        if one.decision == "retake" and one.job_id and one.attempt < attempts.get(one.key, 0)
    }
    return len(takes), sum(takes.values())


def with_takes(totals: Totals, retaken: int, usd: float) -> Totals:
    """Return totals that include jobs whose items were made again on request."""
    return msgspec.structs.replace(
        totals,
        usd=totals.usd + usd,
        ended_jobs=totals.ended_jobs + retaken,
        retaken=retaken,
        retaken_usd=usd,
    )


def may_submit(present: ItemRecord, job_id: str) -> bool:
    """Return whether a record accepts a job id; an item of a server batch gets its own id later."""
    return present.state in ("intended", "uncertain") or (
        present.state == "submitted" and "#" in (present.job_id or "") and "#" not in job_id
    )


def totals_of(records: Collection[ItemRecord]) -> Totals:
    """Return sums over items."""
    counts: dict[State, int] = dict.fromkeys(STATES, 0)
    counts.update(Counter(record.state for record in records))
    ended = [record for record in records if record.state in FINISHED]
    return Totals(
        counts=counts,
        usd=sum(record.usd or 0.0 for record in ended),
        output_seconds=sum(record.output_seconds or 0.0 for record in ended),
        first_intended_at=min((record.intended_at for record in records), default=None),
        last_ended_at=max((record.ended_at or 0.0 for record in ended), default=None),
        ended_jobs=sum(record.job_id is not None for record in ended),
        reserved={
            state: tuple(record.reserved_usd for record in records if record.state == state)
            for state in STATES
            if state not in FINISHED
        },
        resent=sum(record.resends > 0 for record in records),
        resent_usd=sum(record.resends * (record.usd or 0.0) for record in records),
        unknown_usd=sum(
            record.reserved_usd or 0.0
            for record in records
            if record.state == "completed" and record.usd is None
        ),
    )


def new_run(spec: RunSpec, name: str, now: float) -> RunRecord:
    """Return the record of a new run.

    Args:
        spec: The run.
        name: Name of the journal, which the default run id is derived from.
        now: Unix seconds.
    """
    return RunRecord(
        run_id=spec.run_id or make_run_id(spec.kind, spec.subject, name),
        kind=spec.kind,
        subject=spec.subject,
        created_at=now,
        settings={},
        sdk_version=__version__,
        schema_version=SCHEMA_VERSION,
    )


def check_same_run(run: RunRecord, spec: RunSpec, name: str) -> None:
    """Refuse to continue another run.

    Raises:
        JournalError: The kind, subject or run id differs.
    """
    if (run.kind, run.subject) != (spec.kind, spec.subject):
        raise journal_error(
            name,
            "other_run",
            f"it belongs to another run: {run.kind} of {run.subject!r}, "
            f"not {spec.kind} of {spec.subject!r}",
        )
    if spec.run_id is not None and run.run_id != spec.run_id:
        raise journal_error(
            name,
            "other_run",
            f"it belongs to another run: its id is {run.run_id}, not {spec.run_id}",
        )


def journal_error(name: str, reason: str, sentence: str) -> JournalError:
    """Return an error about a journal."""
    return JournalError(f"journal {name}: {sentence}", path=name, reason=reason)


def unknown_key(name: str, key: str) -> JournalError:
    """Return the error for an item that the journal does not hold."""
    return journal_error(name, "unknown_key", f"it holds no item {key!r}")


def wrong_state(name: str, present: ItemRecord, wanted: str) -> JournalError:
    """Return the error for a transition that a record does not allow."""
    job = f" as job {present.job_id}" if present.job_id else ""
    return journal_error(
        name,
        "wrong_state",
        f"item {present.key!r} cannot be {wanted}: it is {present.state}{job}, "
        f"attempt {present.attempt}",
    )


def duplicate_key(name: str, key: str) -> DuplicateKey:
    """Return the error for two items of a run with the same key."""
    return DuplicateKey(
        f"journal {name}: two items of this run have the key {key!r}", path=name, key=key
    )
