"""The status of a run, read from its journal."""

from __future__ import annotations

from collections import Counter

import msgspec

from heygen_async.journal import FINISHED, ItemRecord, JournalReader

# Period in seconds over which the rate is computed.
_LATELY = 300.0


class Oldest(msgspec.Struct, frozen=True, kw_only=True):
    """The item in flight that has waited longest.

    Attributes:
        key: Its key.
        job_id: Its job, or None if unknown.
        seconds: Seconds that it has waited.
    """

    key: str
    job_id: str | None
    seconds: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Status of a run.

    Attributes:
        kind: Kind of run.
        subject: Its subject.
        run_id: Part of its idempotency keys.
        created_at: Time of its creation in Unix seconds.
        total: Number of items of the run; if the journal does not state it, number of items in the
            journal.
        total_known: Whether the journal states the number of items.
        counts: Number of items in each state.
        done: Share of items that have ended, 0 to 1.
        usd: Estimated cost so far in US dollars.
        resent: Number of items that may have been paid for twice.
        resent_usd: Their additional cost in US dollars, if they were.
        prices_as_of: Date of the prices, or None.
        max_cost: Cap in USD, or None.
        per_minute: Items that ended per minute, over the last five minutes.
        seconds_left: Estimated seconds until all items have ended at this rate; None if unknown.
        last_ended_at: Time of the latest outcome in Unix seconds, or None.
        oldest: The item in flight that has waited longest, or None.
        failures: Number of failed items by code.
        not_submitted: Number of items that HeyGen refused because of the account, by code. The next
            run resubmits them, and they do not count as failed.
        paused_for: Seconds for which submissions have been paused, or None if they are not paused.
    """

    kind: str
    subject: str
    run_id: str
    created_at: float
    total: int
    total_known: bool
    counts: dict[str, int]
    done: float
    usd: float
    resent: int
    resent_usd: float
    prices_as_of: str | None
    max_cost: float | None
    per_minute: float
    seconds_left: float | None
    last_ended_at: float | None
    oldest: Oldest | None
    failures: dict[str, int]
    not_submitted: dict[str, int]
    paused_for: float | None


def standing(view: JournalReader, now: float) -> Standing:
    """Return the status of the run in a journal. Reads all items once.

    Args:
        view: The journal.
        now: Unix seconds.
    """
    totals = view.totals()
    failures: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    oldest: ItemRecord | None = None
    lately = 0
    for entry in view.records():
        if entry.state == "failed":
            again = entry.resubmits(retry_failed=False)
            (refused if again else failures)[entry.error_code or entry.error_type or "unknown"] += 1
        if entry.state in FINISHED:
            lately += entry.ended_at is not None and entry.ended_at > now - _LATELY
        elif entry.state != "uncertain" and (oldest is None or _since(entry) < _since(oldest)):
            oldest = entry
    settings = view.run.settings
    total_known = view.run.items is not None
    total = view.run.total(totals.items)
    counts = {str(state): count for state, count in totals.counts.items()}
    counts["failed"] -= refused.total()
    ended = sum(counts[state] for state in FINISHED)
    paused_at: float | None = None
    for sample in view.slots():  # submissions are paused while no slot is available
        paused_at = paused_at or sample.at if sample.slot_limit == 0 else None
    began = totals.first_intended_at
    span = min(_LATELY, now - began) if began is not None else 0.0
    per_second = lately / span if span > 0 else 0.0
    left = total - ended - totals.counts["uncertain"]
    return Standing(
        kind=view.run.kind,
        subject=view.run.subject,
        run_id=view.run.run_id,
        created_at=view.run.created_at,
        total=total,
        total_known=total_known,
        counts=counts,
        done=ended / total if total else 0.0,
        usd=totals.usd,
        resent=totals.resent,
        resent_usd=round(totals.resent_usd, 6),
        prices_as_of=settings.get("prices_as_of"),
        max_cost=settings.get("max_cost"),
        per_minute=per_second * 60,
        seconds_left=left / per_second if per_second and left and total_known else None,
        last_ended_at=totals.last_ended_at,
        oldest=None
        if oldest is None
        else Oldest(key=oldest.key, job_id=oldest.job_id, seconds=now - _since(oldest)),
        failures=dict(failures.most_common()),
        not_submitted=dict(refused.most_common()),
        paused_for=None if paused_at is None else now - paused_at,
    )


def _since(entry: ItemRecord) -> float:
    return entry.submitted_at or entry.intended_at
