"""What earlier runs have left in a journal, read beside the run and without touching it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from heygen_async.batch.parcels import is_item_id
from heygen_async.errors import JournalError
from heygen_async.journal import (
    Entry,
    JournalView,
    State,
    Totals,
    begun,
    idempotency_key,
    own_key,
    read,
)
from heygen_async.pricing.estimates import Estimate, RemainingWork, total_cost

# The figures of a remainder that count items.
_TO_PAY = ("new", "again", "in_flight", "unanswered")
_NOT_TO_PAY = ("completed", "failed", "uncertain", "changed")
_IN_WORDS: dict[State, str] = {"submitted": "in_flight", "intended": "unanswered"}


@dataclass(frozen=True, slots=True)
class Sent:
    """An item of the journal whose request carried a ``callback_id`` of the user's own.

    Attributes:
        idempotency_key: What it has by itself; no other item has it.
        title: The title in its request, or None.
        language: The language that it was translated into, or None.
        intended_at: When it was sent, in Unix seconds.
        job_id: Its job, where that is known.
        open: Whether it may have a job that is not known. An item of a batch that HeyGen has
            accepted can.
    """

    idempotency_key: str
    title: str | None
    language: str | None
    intended_at: float
    job_id: str | None = None
    open: bool = True


class _Fields(msgspec.Struct):
    """What is looked at of a payload."""

    callback_id: str | None = None
    title: str | None = None
    output_languages: tuple[str, ...] = ()
    language: str | None = None  # of the render of a proofread


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """The journal of a run, as earlier runs have left it.

    All of it blocks: on an event loop, call it in a thread.

    Args:
        journal: The file; it need not be there.
        retry_failed: Whether the run submits items again that failed.
        resubmit_uncertain: Whether it submits uncertain ones.
    """

    journal: Path
    retry_failed: bool = False
    resubmit_uncertain: bool = False

    def totals(self) -> Totals | None:
        """Sums over its items, or None where there is no journal yet.

        Raises:
            JournalError: The file is no journal.
        """
        if not begun(self.journal):
            return None
        with read(self.journal) as view:
            return view.totals()

    def reckoning(self, kind: str, subject: str) -> Reckoning | None:
        """Where the items of a run can be looked up, or None where there is no journal yet.

        Args:
            kind: Kind of the run.
            subject: What it is about.

        Raises:
            JournalError: The file is no journal, or that of another run.
        """
        if not begun(self.journal):
            return None
        with read(self.journal) as view:
            run = view.run
            if (run.kind, run.subject) != (kind, subject):
                raise JournalError(
                    f"journal {self.journal}: it belongs to another run: {run.kind} of "
                    f"{run.subject!r}, not {kind} of {subject!r}",
                    path=str(self.journal),
                    reason="other_run",
                )
            return Reckoning(view, self)

    def sent_with(self) -> dict[str, list[Sent]]:
        """Items by the ``callback_id`` of the user's own that their requests carried.

        Raises:
            JournalError: The journal cannot be read.
        """
        sent: dict[str, list[Sent]] = {}
        with read(self.journal) as view:
            for entry in view.entries():
                fields = msgspec.json.decode(entry.payload, type=_Fields)
                if fields.callback_id is not None:
                    sent.setdefault(fields.callback_id, []).append(
                        _sent(view.run.run_id, entry, fields)
                    )
        return sent


def _sent(run_id: str, entry: Entry, fields: _Fields) -> Sent:
    job_id = entry.job_id
    if job_id is not None and is_item_id(job_id):
        job_id = None
    language = fields.language
    if len(fields.output_languages) == 1:
        language = fields.output_languages[0]
    return Sent(
        idempotency_key(run_id, entry.key, entry.fingerprint, entry.attempt),
        fields.title,
        language,
        entry.intended_at,
        job_id,
        open=job_id is None and entry.state in ("intended", "submitted", "uncertain"),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    state: State
    fingerprint: str
    again: bool


class Reckoning:
    """Adds up what is left to do of a run, item by item.

    Args:
        view: The journal; it is read here.
        earlier: How the run goes about what it finds.
    """

    def __init__(self, view: JournalView, earlier: EarlierRuns) -> None:
        totals = view.totals()
        self._spent, self._jobs = totals.usd, totals.ended_jobs
        self._held = {entry.key: _held(entry, earlier) for entry in view.entries()}
        self._counts: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._to_pay: list[Estimate] = []

    def add(self, key: str | None, fingerprint: str, estimate: Estimate) -> None:
        """Look one item up; each once, in the order of the run.

        Args:
            key: Its key, or None where its payload gives it one.
            fingerprint: Of its request.
            estimate: What it will probably cost.
        """
        if key is None:
            # As the run makes it: of equal items each next one gets a number.
            self._repeats[fingerprint] += 1
            key = own_key(fingerprint, self._repeats[fingerprint])
        held = self._held.pop(key, None)
        what = _what(held, fingerprint)
        self._counts[what] += 1
        if what in _TO_PAY:
            self._to_pay.append(estimate)

    def remainder(self) -> RemainingWork:
        """What is left, once all items were looked up."""
        to_pay = total_cost(self._to_pay)
        return RemainingWork(
            **{kind: self._counts[kind] for kind in (*_TO_PAY, *_NOT_TO_PAY)},
            left_out=len(self._held),
            usd=to_pay.usd,
            usd_low=to_pay.usd_low,
            usd_high=to_pay.usd_high,
            usd_known=to_pay.usd_known,
            unknown=to_pay.unknown,
            spent=self._spent,
            jobs=self._jobs + sum(held.state in _IN_WORDS for held in self._held.values()),
        )


def _held(entry: Entry, earlier: EarlierRuns) -> _Held:
    again = entry.tried_again(retry_failed=earlier.retry_failed)
    again = again or (entry.state == "uncertain" and earlier.resubmit_uncertain)
    return _Held(entry.state, entry.fingerprint, again)


def _what(held: _Held | None, fingerprint: str) -> str:
    """Which figure of the remainder an item counts in."""
    if held is None:
        return "new"
    if held.again and (held.state == "failed" or held.fingerprint == fingerprint):
        return "again"
    if held.fingerprint != fingerprint:
        return "changed"
    return _IN_WORDS.get(held.state, held.state)
