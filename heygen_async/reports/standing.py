"""The status of a run, read from its journal."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from statistics import median
from typing import Literal, TypeAlias

import msgspec

from heygen_async.jobs.schedule import time_left
from heygen_async.journal import (
    FINISHED,
    DeliveryStatus,
    ItemRecord,
    JournalReader,
    State,
)
from heygen_async.journal.rules import latest

# Period in seconds over which the rate is computed.
_LATELY = 300.0
# Number of the latest jobs whose durations are counted.
_DURATIONS = 200
# Seconds for which a run counts as alive after its last sample: between two items of a run in a
# database, no item may be open.
_RECENT = 5.0
_OPEN: tuple[State, ...] = ("intended", "submitted")

RunState: TypeAlias = Literal["running", "paused", "ended", "stopped", "interrupted"]
"""State of a run. ``running``: a process works on it. ``paused``: submissions are held back, since
HeyGen asked for a pause or the account has no credit. ``ended``: every item has ended. ``stopped``:
no process works on it, and items are left. ``interrupted``: the same, and jobs are left whose end
nobody has recorded, as after a kill.
"""

STATE_WORDS: dict[RunState, tuple[str, str]] = {
    "running": ("Running", ""),
    "paused": (
        "Paused",
        "Nothing is submitted: HeyGen asked for a pause, or the account has no credit. The run "
        "continues by itself.",
    ),
    "ended": ("Ended", "Every item has ended."),
    "stopped": (
        "Stopped",
        "No process works on the run. The command that began it, or a worker, continues it, and "
        "pays for nothing twice.",
    ),
    "interrupted": (
        "Interrupted",
        "The process that worked on the run is gone, and left jobs behind. The command that began "
        "the run, or a worker, waits for them and continues it, and pays for nothing twice.",
    ),
}
"""Name and explanation of each state."""


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
        state: Its state.
        kind: Kind of run.
        subject: Its subject.
        title: What people call the subject, such as the name of a template; the subject if unknown.
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
        elapsed: Seconds from the first intent to now, or to the last outcome if no process works on
            it.
        waiting: Number of known items that have no job and no outcome.
        limit: Known limit of concurrent jobs on the account, or None.
        job_seconds: Median duration of its latest jobs in seconds, or None.
        paused_for: Seconds for which submissions have been paused, or None if they are not paused.
        deliveries: Files and notifications, by target: the pattern of the files, and the names of
            receivers. Only targets of the latest start.
    """

    state: RunState
    kind: str
    subject: str
    title: str
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
    elapsed: float
    waiting: int
    limit: int | None
    job_seconds: float | None
    paused_for: float | None
    deliveries: dict[str, DeliveryStatus]

    @property
    def over(self) -> bool:
        """Whether no process works on the run."""
        return self.state in ("ended", "stopped", "interrupted")

    @property
    def running(self) -> int:
        """Number of jobs in flight."""
        return self.counts["submitted"]

    @property
    def ended(self) -> int:
        """Number of items that have completed or failed."""
        return self.counts["completed"] + self.counts["failed"]


class _Ended:
    """What the status of a run needs of its ended items. Reads all of them.

    Args:
        view: The journal.
        since: Start of the period over which the rate is computed, in Unix seconds.

    Attributes:
        states: Number of ended items in each state.
        failures: Failures of items, by code.
        refused: Refusals because of the account, by code.
        times: When items ended after ``since``, in Unix seconds.
        job_seconds: Median duration of the latest jobs, or None.
        deliveries: Deliveries by target.
    """

    def __init__(self, view: JournalReader, since: float) -> None:
        self.states: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.times: list[float] = []
        durations: deque[float] = deque(maxlen=_DURATIONS)
        rejected: set[str] = set()
        reviews = latest(view.reviews())
        for entry in view.records(FINISHED):
            self.states[entry.state] += 1
            if entry.state == "failed":
                kinds = self.refused if entry.resubmits(retry_failed=False) else self.failures
                kinds[entry.error_code or entry.error_type or "unknown"] += 1
            elif (review := reviews.get((entry.key, entry.attempt))) is not None:
                rejected |= {entry.key} if review.decision == "rejected" else set()
            if entry.ended_at is not None:
                if entry.ended_at > since:
                    self.times.append(entry.ended_at)
                if entry.submitted_at is not None:
                    durations.append(entry.ended_at - entry.submitted_at)
        self.job_seconds: float | None = median(durations) if durations else None
        self.deliveries = _deliveries(view, self.states, rejected)


def _deliveries(
    view: JournalReader, states: Mapping[str, int], rejected: Collection[str]
) -> dict[str, DeliveryStatus]:
    """Return the deliveries of a run to the targets of its latest start. Reads all of them.

    Args:
        view: The journal.
        states: Number of ended items in each state.
        rejected: Keys of completed items that people have rejected. Their files are not wanted.
    """
    targets: dict[str, str] = view.run.settings.get("deliveries") or {}
    delivered, failed = Counter[str](), Counter[str]()
    errors: dict[str, str] = {}
    for key, delivery in view.deliveries() if targets else ():
        target = delivery.target
        if key in rejected and targets.get(target) != "hook":
            continue
        if delivery.error is None:
            delivered[target] += 1
        else:
            failed[target] += 1
            errors[target] = delivery.error
    found: dict[str, DeliveryStatus] = {}
    for target, kind in targets.items():
        wanted = states["completed"] + (states["failed"] if kind == "hook" else -len(rejected))
        waiting = max(0, wanted - delivered[target] - failed[target])
        found[target] = DeliveryStatus(
            delivered=delivered[target],
            waiting=None if kind == "also" else waiting,
            failed=failed[target],
            error=errors.get(target),
        )
    return found


class StandingReader:
    """Read the status of one run again and again.

    Counts, money and items in flight are read each time; what takes a look at all ended items, such
    as failures by code, only a tenth of the time.
    """

    def __init__(self) -> None:
        self._ended: _Ended | None = None
        self._over = False  # when all ended items were read
        self._due = 0.0

    def read(self, view: JournalReader, now: float) -> Standing:
        """Return the status.

        Args:
            view: The journal.
            now: Unix seconds.
        """
        if self._ended is not None and time.monotonic() < self._due:
            found = _standing(view, now, self._ended)
            # Of the last items of a run, some may have been refused, and are left.
            # And after the last item has ended, files are still delivered.
            self._over &= found.over
            if not found.over or (self._over and self._ended.states == _ended_states(found)):
                return found
        started = time.monotonic()
        self._ended = _Ended(view, now - _LATELY)
        ended = time.monotonic()
        self._due = ended + 10 * (ended - started)
        found = _standing(view, now, self._ended)
        self._over = found.over
        return found


def _ended_states(found: Standing) -> Counter[str]:
    """Return the number of ended items in each state, as the journal has them."""
    failed = found.counts["failed"] + sum(found.not_submitted.values())
    return +Counter({"completed": found.counts["completed"], "failed": failed})


def standing(view: JournalReader, now: float) -> Standing:
    """Return the status of the run in a journal. Reads all items once.

    Args:
        view: The journal.
        now: Unix seconds.
    """
    return _standing(view, now, _Ended(view, now - _LATELY))


def _standing(view: JournalReader, now: float, finished: _Ended) -> Standing:
    alive, totals = view.alive(), view.totals()
    open_items = list(view.records(_OPEN))
    oldest = min(open_items, key=_since, default=None)
    newest = max(map(_since, open_items), default=float("-inf"))
    unread = max(0, sum(totals.counts[state] for state in FINISHED) - finished.states.total())
    lately = sum(at > now - _LATELY for at in finished.times) + unread
    settings = view.run.settings
    total_known = view.run.items is not None
    total = view.run.total(totals.items)
    counts = {str(state): count for state, count in totals.counts.items()}
    counts["failed"] -= finished.refused.total()
    ended = sum(counts[state] for state in FINISHED)
    paused_at, limit = None, None
    last_sample = float("-inf")
    for sample in view.slots():  # submissions are paused while no slot is available
        paused_at = paused_at or sample.at if sample.slot_limit == 0 else None
        limit, last_sample = sample.slot_limit or limit, sample.at
    began = totals.first_intended_at
    span = min(_LATELY, now - began) if began is not None else 0.0
    per_second = lately / span if span > 0 else 0.0
    in_flight = counts["submitted"] + counts["intended"]
    left = total - ended - counts["uncertain"]
    alive = alive or (left > 0 and last_sample > now - _RECENT)
    seconds_left = time_left(
        waiting=left - counts["submitted"],
        running=counts["submitted"],
        at_once=counts["submitted"] or limit or 1,
        ended=lately,
        elapsed=span,
        job_seconds=finished.job_seconds if alive else None,
        youngest=now - newest,
    )
    until = now if alive else max(totals.last_ended_at or 0.0, last_sample)
    return Standing(
        state=_state(alive, paused=paused_at is not None, in_flight=in_flight, left=left),
        kind=view.run.kind,
        subject=view.run.subject,
        title=str(settings.get("title") or view.run.subject),
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
        seconds_left=(seconds_left or None) if total_known else None,
        last_ended_at=totals.last_ended_at,
        oldest=None
        if oldest is None
        else Oldest(key=oldest.key, job_id=oldest.job_id, seconds=now - _since(oldest)),
        failures=dict(finished.failures.most_common()),
        not_submitted=dict(finished.refused.most_common()),
        elapsed=0.0 if began is None else max(0.0, until - began),
        waiting=max(0, left - counts["submitted"]),
        limit=limit,
        job_seconds=finished.job_seconds,
        paused_for=None if paused_at is None else now - paused_at,
        deliveries=finished.deliveries,
    )


def _state(alive: bool, *, paused: bool, in_flight: int, left: int) -> RunState:
    if alive:
        return "paused" if paused else "running"
    if in_flight:
        return "interrupted"
    return "stopped" if left > 0 else "ended"


def _since(entry: ItemRecord) -> float:
    return entry.submitted_at or entry.intended_at
