"""``Decisions``: decide what one transaction does with the items that it has read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from heygen_async.errors import JournalError
from heygen_async.journal.postgres.money import Money
from heygen_async.journal.postgres.rows import intent_record, key_digest, storable
from heygen_async.journal.records import Finish, Intent, ItemRecord, Review
from heygen_async.journal.rules import may_replace, may_submit, unknown_key, wrong_state
from heygen_async.journal.store import Begin, BeginResult
from heygen_async.journal.transaction import BeginCall


class Decisions:
    """Decide on items by the rules of the journal, and collect the rows to write.

    Args:
        name: The name of the journal, for messages.
        present: Records of the items, by digest; queued items have none.
        claimed: Owners and digests of claims through this connection, with whether the item had
            ended at the time.
        living: Owners that are alive.
        money: The sums of the budget.
        ended: Number of outcomes of the run so far.
        cancelled: Whether the run is cancelled, so that no more items may be begun.
        now: Unix seconds.
        reservations: Writes the collected rows, and returns the amounts reserved for items of
            living owners and of the owner that is passed; see ``Money.refusal``.
        reviews: Reads the decisions of people, oldest first.
    """

    def __init__(
        self,
        name: str,
        present: dict[UUID, ItemRecord],
        claimed: dict[tuple[str, UUID], bool],
        living: set[str],
        money: Money,
        *,
        ended: int,
        cancelled: bool,
        now: float,
        reservations: Callable[[str], tuple[int, int, int]],
        reviews: Callable[[], list[Review]],
    ) -> None:
        self._intended: dict[UUID, tuple[Intent, str]] = {}
        self._owned: dict[UUID, str] = {}
        self._jobs: dict[UUID, str] = {}
        self._outcomes: dict[UUID, tuple[Finish, str | None]] = {}
        self._claims: dict[tuple[str, UUID], bool] = {}
        self._name = name
        self._present = present
        self._claimed = claimed
        self._living = living
        self._money = money
        self._ended = ended
        self._cancelled = cancelled
        self._now = now
        self._reservations = reservations
        self._reviews = reviews

    def take(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the statements and arguments that were collected, and clear them."""
        if self._intended:
            yield "intend", {"now": self._now, **_intents(self._intended)}
        if self._owned:
            yield "own", {"digests": [*self._owned], "owners": [*self._owned.values()]}
        if self._jobs:
            jobs = {"digests": [*self._jobs], "job_ids": [*self._jobs.values()]}
            yield "submitted", {"now": self._now, **jobs}
        if self._outcomes:
            outcomes = _outcomes(self._outcomes)
            yield "finish", {"now": self._now, "ended": self._ended, **outcomes}
            yield "count_outcomes", {"outcomes": len(self._outcomes)}
            self._ended += len(self._outcomes)
        if self._claims:
            owners, digests = zip(*self._claims, strict=True)
            ended = [*self._claims.values()]
            yield "claim", {"owners": [*owners], "digests": [*digests], "ended": ended}
        if self._intended or self._outcomes:
            yield "settle", self._money.row()
        for collected in (self._intended, self._owned, self._jobs, self._outcomes, self._claims):
            collected.clear()

    def begin(self, call: BeginCall) -> list[BeginResult]:
        """Claim the items of a call, and begin those that may be begun."""
        return [self._begin(intent, call.owner, call.room) for intent in call.intents]

    def submitted(self, digest: UUID, key: str, job_id: str) -> JournalError | None:
        """Note the job of an item, or return the reason for a refusal."""
        present = self._present.get(digest)
        if present is None:
            return unknown_key(self._name, key)
        if not may_submit(present, job_id):
            if present.state == "submitted" and present.job_id == job_id:
                return None
            return wrong_state(self._name, present, f"submitted as job {job_id}")
        self._present[digest] = replace(
            present, state="submitted", job_id=job_id, submitted_at=self._now
        )
        self._jobs[digest] = job_id
        return None

    def finish(self, digest: UUID, outcome: Finish, result: str | None) -> JournalError | None:
        """Note the outcome of an item and settle its money, or return the reason for a refusal."""
        present = self._present.get(digest)
        if present is None:
            return unknown_key(self._name, outcome.key)
        if present.finished:
            return wrong_state(self._name, present, outcome.state)
        self._money.settle(present, outcome)
        self._present[digest] = replace(present, state=outcome.state)
        self._outcomes[digest] = outcome, result
        return None

    def _begin(self, intent: Intent, owner: str, room: bool) -> BeginResult:
        digest = key_digest(intent.key)
        present = self._present.get(digest)
        if present is not None and self._held_by_other(present, owner):
            return Begin.HELD_BY_OTHER
        if room and (present is None or self._may_replace(present, intent)):
            return self._intend(intent, digest, present, owner)
        # If another owner has claimed the item since, the same owner can claim it again, even after
        # it has ended.
        ended = present is not None and present.finished
        claimed_ended = self._claimed.get((owner, digest))
        if claimed_ended or (
            claimed_ended is not None and (present is None or present.owner == owner)
        ):
            return Begin.DUPLICATE
        self._claim(owner, digest, ended=ended)
        if present is None:
            return Begin.NO_ROOM
        if not present.finished:
            self._owned[digest] = owner
            self._present[digest] = replace(present, owner=owner)
        return present

    def _intend(
        self, intent: Intent, digest: UUID, present: ItemRecord | None, owner: str
    ) -> BeginResult:
        if self._cancelled:
            return Begin.CANCELLED
        money = self._money
        if present is not None:
            money.release(present)
        refusal = money.refusal(intent, lambda: self._reservations(owner))
        if refusal is not None:
            if present is not None:
                money.take_back(present)
            return refusal
        money.reserve(intent.reserved_usd)
        resends = 0 if present is None else present.resends
        self._present[digest] = intent_record(intent, owner, self._now, resends)
        self._intended[digest] = intent, owner
        self._claim(owner, digest, ended=False)
        return Begin.NEW

    def _may_replace(self, present: ItemRecord, intent: Intent) -> bool:
        again = present.state == "completed" and intent.attempt > present.attempt
        return may_replace(present, intent, self._reviews() if again else ())

    def _claim(self, owner: str, digest: UUID, *, ended: bool) -> None:
        self._claimed[owner, digest] = self._claims[owner, digest] = ended

    def _held_by_other(self, present: ItemRecord, owner: str) -> bool:
        if present.finished or present.owner in (None, owner):
            return False
        return present.owner in self._living


def _intents(intended: Mapping[UUID, tuple[Intent, str]]) -> dict[str, list[Any]]:
    """Return the columns of ``intend``."""
    intents = [intent for intent, _ in intended.values()]
    estimates = [one.estimate for one in intents]
    amounts = [one.reserved_usd for one in intents]
    return {
        "digests": [*intended],
        "keys": [one.key for one in intents],
        "positions": [one.position for one in intents],
        "attempts": [one.attempt for one in intents],
        "operations": [one.operation for one in intents],
        "arguments": [msgspec.json.encode(one.path_arguments).decode() for one in intents],
        "idempotency_keys": [one.idempotency_key for one in intents],
        "callback_ids": [
            None if one.callback_id == one.idempotency_key else one.callback_id for one in intents
        ],
        "fingerprints": [one.fingerprint for one in intents],
        "payloads": [one.payload for one in intents],
        "reserved": amounts,
        "lowest": [
            amount if estimate is None else min(estimate.usd_least, amount or 0.0)
            for estimate, amount in zip(estimates, amounts, strict=True)
        ],
        "unknown": [one is not None and not one.complete for one in estimates],
        "owners": [owner for _, owner in intended.values()],
    }


def _outcomes(outcomes: Mapping[UUID, tuple[Finish, str | None]]) -> dict[str, list[Any]]:
    """Return the columns of ``finish``."""
    ended = [outcome for outcome, _ in outcomes.values()]
    return {
        "digests": [*outcomes],
        "states": [one.state for one in ended],
        "results": [result for _, result in outcomes.values()],
        "error_types": [one.error_type for one in ended],
        "error_codes": [storable(one.error_code) for one in ended],
        "error_messages": [storable(one.error_message) for one in ended],
        "seconds": [one.output_seconds for one in ended],
        "usd": [one.usd for one in ended],
        "charged": [one.charged_usd for one in ended],
    }
