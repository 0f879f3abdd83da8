"""``MemoryJournal``: the store of a run without a journal, and the reference for the others."""

from __future__ import annotations

import secrets
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import asdict, replace

from heygen_async.errors import JournalError
from heygen_async.journal.keys import check_run_id
from heygen_async.journal.records import (
    COMPLETED,
    FINISHED,
    Delivery,
    Finish,
    Intent,
    ItemRecord,
    Review,
    RunRecord,
    SlotSample,
    State,
    Totals,
)
from heygen_async.journal.rules import (
    check_same_run,
    journal_error,
    may_replace,
    may_submit,
    new_run,
    replaced_takes,
    reviewed,
    totals_of,
    unknown_key,
    with_takes,
    wrong_state,
)
from heygen_async.journal.store import SAMPLE_EVERY, Begin, BeginResult, Opened, RunSpec

T = TypeVar("T")


class MemoryJournal:
    """Keep a run in memory; it ends with the process.

    Args:
        keep_finished: Keep finished items, as other stores do. False drops them, so a run of any
            length uses a fixed amount of memory.
        clock: Returns Unix seconds.

    Attributes:
        name: ``memory:`` and 8 random digits.
        path: None.
        heartbeat_every: None, since owners end with the process and need no heartbeat.
        shared: False.
    """

    path: Path | None = None
    heartbeat_every: float | None = None
    shared: bool = False

    def __init__(
        self, *, keep_finished: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self.name: str = f"memory:{secrets.token_hex(4)}"
        self._keep_finished = keep_finished
        self._clock = clock
        self._run: RunRecord | None = None
        self._is_open = False
        self._items: dict[str, _Item] = {}
        self._claims: set[tuple[str, str]] = set()  # owners and keys of items that were not begun
        self._leases: dict[str, float] = {}
        self._samples: list[SlotSample] = []
        self._reviews: list[Review] = []
        self._beside: dict[str, MemoryJournal] = {}

    def beside(self, name: str) -> MemoryJournal:
        """Return the journal of another run that belongs to this run; always the same object."""
        fresh = MemoryJournal(keep_finished=self._keep_finished, clock=self._clock)
        return self._beside.setdefault(name, fresh)

    def exists(self) -> bool:
        """Return whether the journal was ever opened."""
        return self._run is not None

    def reader(self) -> MemoryReader:
        """Return a reader."""
        if self._run is None:
            raise journal_error(self.name, "missing", "nothing was stored")
        records, samples = self._ordered(), list(self._samples)
        delivered = {key: item.delivered() for key, item in self._items.items()}
        reviews = list(self._reviews)
        return MemoryReader(
            self.name, self._run, records, samples, delivered, reviews, alive=self._is_open
        )

    def review(self, reviews: Sequence[Review]) -> None:
        """Record decisions of people."""
        decided: list[Review] = []
        for review in reviews:
            item = self._items.get(review.key)
            present = None if item is None else item.record()
            earlier = [*self._reviews, *decided]
            decided.append(reviewed(self.name, present, review, earlier, self._clock()))
        self._reviews += decided

    async def open(self, spec: RunSpec) -> Opened:
        """Open the run for writing; create it if it does not exist."""
        if spec.run_id is not None:
            check_run_id(spec.run_id)
        if self._run is None:
            self._run = new_run(spec, self.name, self._clock())
        check_same_run(self._run, spec, self.name)
        if spec.settings is not None:
            self._run = replace(self._run, settings=_as_stored(spec.settings))
        self._claims.clear()
        for item in self._items.values():
            item.claimed_by = None
        self._leases.clear()
        self._is_open = True
        return Opened(self._run, self._totals(), reviews=tuple(self._reviews))

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Completed[list[BeginResult]]:
        """Claim items, and record the intents of new items."""
        return Completed([self._begin(intent, owner, room) for intent in intents])

    def _begin(self, intent: Intent, owner: str, room: bool) -> BeginResult:
        present = self._items.get(intent.key)
        if present is None:
            if not room:
                return Begin.NO_ROOM if self._claim(owner, intent.key) else Begin.DUPLICATE
        elif self._held_by_other(present, owner):
            return Begin.HELD_BY_OTHER
        elif not (room and may_replace(present.record(), intent, self._reviews)):
            if present.claimed_by == owner:
                return Begin.DUPLICATE
            record = present.record()
            present.claimed_by = present.owner = owner
            return record
        resends = 0 if present is None else present.resends
        self._items[intent.key] = _Item(intent, owner, self._clock(), resends, owner)
        return Begin.NEW

    def _claim(self, owner: str, key: str) -> bool:
        """Note that an owner has claimed an item, and return whether this is its first claim."""
        claimed = (owner, key) in self._claims
        self._claims.add((owner, key))
        return not claimed

    def _held_by_other(self, present: _Item, owner: str) -> bool:
        if present.state in FINISHED or present.owner == owner:
            return False
        return self._leases.get(present.owner, 0.0) > self._clock()

    def confirm(self, keys: Sequence[str], owner: str) -> Completed[list[BeginResult]]:
        """Return that all items may be submitted: no other process works on the run."""
        return Completed([Begin.NEW] * len(keys))

    def submitted(self, key: str, job_id: str) -> Completed[None]:
        """Record an item's job."""
        item = self._items.get(key)
        if item is None:
            return Failed(unknown_key(self.name, key))
        if item.state != "intended" and not may_submit(item.record(), job_id):
            if item.state == "submitted" and item.job_id == job_id:
                return _COMPLETED
            return Failed(wrong_state(self.name, item.record(), f"submitted as job {job_id}"))
        item.state, item.job_id, item.submitted_at = "submitted", job_id, self._clock()
        return _COMPLETED

    def finish(self, outcome: Finish) -> Completed[None]:
        """Record an item's outcome."""
        item = self._items.get(outcome.key)
        if item is None:
            return Failed(unknown_key(self.name, outcome.key))
        if item.state in FINISHED:
            return Failed(wrong_state(self.name, item.record(), outcome.state))
        if self._keep_finished:
            item.state, item.outcome, item.ended_at = outcome.state, outcome, self._clock()
        else:
            del self._items[outcome.key]
        return _COMPLETED

    def mark_uncertain(self, key: str) -> Completed[None]:
        """Record that it is unknown whether an intended item was accepted."""
        item = self._items.get(key)
        if item is None:
            return Failed(unknown_key(self.name, key))
        if item.state not in ("intended", "uncertain"):
            return Failed(wrong_state(self.name, item.record(), "uncertain"))
        item.state = "uncertain"
        return _COMPLETED

    def count_resend(self, key: str) -> Completed[None]:
        """Record that an item is sent again although an earlier attempt may have been paid."""
        item = self._items.get(key)
        if item is None:
            return Failed(unknown_key(self.name, key))
        item.resends += 1
        return _COMPLETED

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> Completed[None]:
        """Record deliveries of an item's outcome, and those that failed."""
        item = self._items.get(key)
        if item is None:
            return Failed(unknown_key(self.name, key))
        if item.state not in FINISHED:
            return Failed(wrong_state(self.name, item.record(), "delivered"))
        now = self._clock()
        item.deliveries |= {one.target: replace(one, at=now) for one in deliveries}
        return _COMPLETED

    def deliveries(self, key: str) -> Completed[list[Delivery]]:
        """Return the deliveries of an item's latest attempt, in the order of their targets."""
        item = self._items.get(key)
        return Completed([] if item is None else item.delivered())

    def members(self, idempotency_key: str) -> Completed[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions."""
        return Completed(
            [record for record in self._ordered() if record.idempotency_key == idempotency_key]
        )

    def matching(self, fingerprint: str) -> Completed[list[ItemRecord]]:
        """Return nothing: the memory holds no records of schema 1."""
        return Completed([])

    async def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items after a position, in the order of positions."""
        for record in self._ordered():
            if record.position > after and (states is None or record.state in states):
                yield record

    def totals(self) -> Completed[Totals]:
        """Return sums over all items."""
        return Completed(self._totals())

    def _totals(self) -> Totals:
        takes = replaced_takes(
            self._reviews, {key: item.intent.attempt for key, item in self._items.items()}
        )
        return with_takes(totals_of(self._ordered()), *takes)

    def scout(self, source: str, owner: str) -> Completed[float | bool]:
        """Return True: no other process works on the run."""
        return Completed(True)

    def end_scout(self, source: str, owner: str, seconds: float | None) -> Completed[None]:
        """Do nothing."""
        return _COMPLETED

    def sample_slots(self, running: int, limit: int | None) -> None:
        """Store the number of running jobs and the limit."""
        now = self._clock()
        if self._keep_finished and (
            not self._samples or now - self._samples[-1].at >= SAMPLE_EVERY
        ):
            self._samples.append(SlotSample(now, running, limit))

    def heartbeat(self, owner: str, lease: float) -> Completed[None]:
        """Keep an owner alive."""
        self._leases[owner] = self._clock() + lease
        return _COMPLETED

    async def aclose(self) -> None:
        """Close the journal; the stored data stays in memory."""
        self._is_open = False

    def _ordered(self) -> list[ItemRecord]:
        records = [item.record() for item in self._items.values()]
        return sorted(records, key=lambda record: record.position)


class _Item(msgspec.Struct):
    """One item. Its record is created on demand; a run without a journal never needs it."""

    intent: Intent
    owner: str
    intended_at: float
    resends: int
    claimed_by: str | None  # since the journal was opened
    state: State = "intended"
    job_id: str | None = None
    submitted_at: float | None = None
    ended_at: float | None = None
    outcome: Finish | None = None
    deliveries: dict[str, Delivery] = {}

    def delivered(self) -> list[Delivery]:
        """Return the deliveries in the order of their targets."""
        return [self.deliveries[target] for target in sorted(self.deliveries)]

    def record(self) -> ItemRecord:
        """Return the record of the item."""
        outcome = self.outcome or _NO_OUTCOME
        values = asdict(outcome) | asdict(self.intent) | asdict(self) | {"legacy_fingerprint": None}
        values["result"] = None if outcome.result is None else msgspec.json.encode(outcome.result)
        return ItemRecord(**{name: values[name] for name in ItemRecord.__struct_fields__})


_NO_OUTCOME = Finish("", "failed")


class MemoryReader:
    """A snapshot of a ``MemoryJournal``.

    Attributes:
        name: The name of the journal.
        run: The record of the run.
    """

    def __init__(
        self,
        name: str,
        run: RunRecord,
        records: list[ItemRecord],
        samples: list[SlotSample],
        delivered: Mapping[str, list[Delivery]],
        reviews: list[Review],
        *,
        alive: bool,
    ) -> None:
        self.name: str = name
        self.run: RunRecord = run
        self._records = records
        self._samples = samples
        self._delivered = delivered
        self._reviews = reviews
        self._alive = alive

    def __enter__(self) -> MemoryReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def totals(self) -> Totals:
        """Return sums over all items."""
        takes = replaced_takes(self._reviews, {one.key: one.attempt for one in self._records})
        return with_takes(totals_of(self._records), *takes)

    def records(self, states: Collection[State] | None = None) -> Iterator[ItemRecord]:
        """Iterate over all items, or those in the given states, in the order of positions."""
        return (record for record in self._records if states is None or record.state in states)

    def undelivered(
        self, target: str, states: Collection[State] = COMPLETED
    ) -> Iterator[ItemRecord]:
        """Iterate over items whose outcome was not delivered to a target."""
        for record in self.records(states):
            if all(one.target != target or one.error for one in self._delivered[record.key]):
                yield record

    def deliveries(self) -> Iterator[tuple[str, Delivery]]:
        """Iterate over the keys of items and their deliveries."""
        return ((key, one) for key, several in self._delivered.items() for one in several)

    def reviews(self) -> list[Review]:
        """Return the decisions of people, oldest first."""
        return list(self._reviews)

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""
        return iter(self._samples)

    def alive(self) -> bool:
        """Return whether the journal was open at the time of the snapshot."""
        return self._alive

    def close(self) -> None:
        """Do nothing."""


class Completed(Generic[T]):
    """A completed call; awaiting it returns immediately.

    Args:
        result: The return value of the call.
    """

    __slots__ = ("_result",)

    def __init__(self, result: T) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        return self._result


class Failed(Completed[Any]):
    """A refused call.

    Args:
        error: The exception that awaiting it raises.
    """

    __slots__ = ("_error",)

    def __init__(self, error: JournalError) -> None:
        self._error = error

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        raise self._error


_COMPLETED = Completed(None)


def _as_stored(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in the form in which other stores return them."""
    return msgspec.json.decode(msgspec.json.encode(settings, enc_hook=str), type=dict[str, Any])
