"""``MemoryJournal``: the store of a run without a journal, and the reference for the others."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterator, Sequence

import msgspec

from heygen_async.errors import JournalError
from heygen_async.journal.keys import check_run_id, make_run_id
from heygen_async.journal.records import (
    SCHEMA_VERSION,
    Finish,
    Intent,
    ItemRecord,
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
    totals_of,
    unknown_key,
    wrong_state,
)
from heygen_async.journal.store import SAMPLE_EVERY, Begin, BeginResult, Opened, RunSpec
from heygen_async.version import __version__


class MemoryJournal:
    """Keeps a run in memory; it ends with the process.

    Args:
        keep_finished: Keep items that have ended, as other stores do. False forgets them, so
            that a run of any length takes a fixed amount of memory.
        clock: Returns Unix seconds.

    Attributes:
        name: ``memory:`` and 8 random digits.
        heartbeat_every: None: owners need no heartbeat, as they end with the process.
    """

    heartbeat_every: float | None = None

    def __init__(
        self, *, keep_finished: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self.name: str = f"memory:{secrets.token_hex(4)}"
        self._keep_finished = keep_finished
        self._clock = clock
        self._run: RunRecord | None = None
        self._records: dict[str, ItemRecord] = {}
        self._claims: set[tuple[str, str]] = set()  # owner and key
        self._leases: dict[str, float] = {}
        self._samples: list[SlotSample] = []
        self._beside: dict[str, MemoryJournal] = {}

    def beside(self, name: str) -> MemoryJournal:
        """Return the journal of another run that belongs to this one; the same each time."""
        fresh = MemoryJournal(keep_finished=self._keep_finished, clock=self._clock)
        return self._beside.setdefault(name, fresh)

    def exists(self) -> bool:
        """Return whether it was ever opened."""
        return self._run is not None

    def reader(self) -> MemoryReader:
        """Open a reader."""
        if self._run is None:
            raise journal_error(self.name, "missing", "nothing was stored")
        return MemoryReader(self.name, self._run, list(self._records.values()), list(self._samples))

    async def open(self, spec: RunSpec) -> Opened:
        """Open the run for writing, or create it."""
        if self._run is None:
            run_id = spec.run_id or make_run_id(spec.kind, spec.subject, self.name)
            settings = dict(spec.settings or {})
            self._run = RunRecord(
                run_id=check_run_id(run_id),
                kind=spec.kind,
                subject=spec.subject,
                created_at=self._clock(),
                settings=settings,
                sdk_version=__version__,
                schema_version=SCHEMA_VERSION,
            )
        check_same_run(self._run, spec, self.name)
        if spec.settings is not None:
            self._run = msgspec.structs.replace(self._run, settings=dict(spec.settings))
        self._claims.clear()
        self._leases.clear()
        return Opened(self._run, await self.totals())

    async def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> list[BeginResult]:
        """Claim items, and record the intents of those that are new."""
        return [self._begin(intent, owner, room) for intent in intents]

    def _begin(self, intent: Intent, owner: str, room: bool) -> BeginResult:
        present = self._records.get(intent.key)
        if present is None:
            if not room:
                return Begin.NO_ROOM if self._claim(owner, intent.key) else Begin.DUPLICATE
            self._record(intent, owner)
            return Begin.NEW
        if self._held_by_other(present, owner):
            return Begin.HELD_BY_OTHER
        if room and may_replace(present, intent):
            self._record(intent, owner)
            return Begin.NEW
        if not self._claim(owner, intent.key):
            return Begin.DUPLICATE
        self._records[intent.key] = msgspec.structs.replace(present, owner=owner)
        return present

    def _claim(self, owner: str, key: str) -> bool:
        """Note that an owner has claimed an item, and return whether it had not before."""
        claimed = (owner, key) in self._claims
        self._claims.add((owner, key))
        return not claimed

    def _held_by_other(self, present: ItemRecord, owner: str) -> bool:
        if present.finished or present.owner is None or present.owner == owner:
            return False
        return self._leases.get(present.owner, 0.0) > self._clock()

    def _record(self, intent: Intent, owner: str) -> None:
        self._claims.add((owner, intent.key))
        self._records[intent.key] = ItemRecord(
            key=intent.key,
            position=intent.position,
            attempt=intent.attempt,
            state="intended",
            operation=intent.operation,
            path_arguments=intent.path_arguments,
            idempotency_key=intent.idempotency_key,
            callback_id=intent.callback_id,
            fingerprint=intent.fingerprint,
            payload=intent.payload,
            legacy_fingerprint=None,
            owner=owner,
            reserved_usd=intent.reserved_usd,
            resends=0,
            job_id=None,
            result=None,
            error_type=None,
            error_code=None,
            error_message=None,
            intended_at=self._clock(),
            submitted_at=None,
            ended_at=None,
            output_seconds=None,
            usd=None,
            charged_usd=None,
        )

    def submitted(self, key: str, job_id: str) -> Completed:
        """Record an item's job."""
        present = self._records.get(key)
        if present is None:
            return Completed(unknown_key(self.name, key))
        if not may_submit(present, job_id):
            if present.state == "submitted" and present.job_id == job_id:
                return Completed()
            return Completed(wrong_state(self.name, present, f"submitted as job {job_id}"))
        self._records[key] = msgspec.structs.replace(
            present, state="submitted", job_id=job_id, submitted_at=self._clock()
        )
        return Completed()

    def finish(self, outcome: Finish) -> Completed:
        """Record an item's outcome."""
        present = self._records.get(outcome.key)
        if present is None:
            return Completed(unknown_key(self.name, outcome.key))
        if present.finished:
            return Completed(wrong_state(self.name, present, outcome.state))
        if self._keep_finished:
            self._records[outcome.key] = msgspec.structs.replace(
                present, ended_at=self._clock(), **msgspec.structs.asdict(outcome)
            )
        else:
            del self._records[outcome.key]
            self._claims.discard((present.owner or "", outcome.key))
        return Completed()

    async def mark_uncertain(self, key: str) -> None:
        """Record that nobody can tell whether an intended item was accepted."""
        present = self._present(key)
        if present.state not in ("intended", "uncertain"):
            raise wrong_state(self.name, present, "uncertain")
        self._records[key] = msgspec.structs.replace(present, state="uncertain")

    async def count_resend(self, key: str) -> None:
        """Record that an item is sent again although an earlier attempt may have been paid."""
        present = self._present(key)
        self._records[key] = msgspec.structs.replace(present, resends=present.resends + 1)

    async def members(self, idempotency_key: str) -> list[ItemRecord]:
        """Return all items sent under one idempotency key, in the order of positions."""
        return [one for one in self._ordered() if one.idempotency_key == idempotency_key]

    async def matching(self, fingerprint: str) -> list[ItemRecord]:
        """Return nothing: there are no records of schema 1 in memory."""
        return []

    async def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items behind a position, in the order of positions."""
        for record in self._ordered():
            if record.position > after and (states is None or record.state in states):
                yield record

    async def totals(self) -> Totals:
        """Return sums over all items."""
        return totals_of(self._records.values())

    def sample_slots(self, running: int, limit: int) -> None:
        """Store how many jobs run and how many could."""
        now = self._clock()
        if self._keep_finished and (
            not self._samples or now - self._samples[-1].at >= SAMPLE_EVERY
        ):
            self._samples.append(SlotSample(now, running, limit))

    async def heartbeat(self, owner: str, lease: float) -> None:
        """Keep an owner alive."""
        self._leases[owner] = self._clock() + lease

    async def aclose(self) -> None:
        """Do nothing: what was stored stays."""

    def _present(self, key: str) -> ItemRecord:
        if key not in self._records:
            raise unknown_key(self.name, key)
        return self._records[key]

    def _ordered(self) -> list[ItemRecord]:
        return sorted(self._records.values(), key=lambda record: record.position)


class MemoryReader:
    """A snapshot of a ``MemoryJournal``.

    Attributes:
        name: The name of the journal.
        run: What the run was asked to do.
    """

    def __init__(
        self, name: str, run: RunRecord, records: list[ItemRecord], samples: list[SlotSample]
    ) -> None:
        self.name: str = name
        self.run: RunRecord = run
        self._records = sorted(records, key=lambda record: record.position)
        self._samples = samples

    def __enter__(self) -> MemoryReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def totals(self) -> Totals:
        """Return sums over all items."""
        return totals_of(self._records)

    def records(self, states: Collection[State] | None = None) -> Iterator[ItemRecord]:
        """Iterate over all items, or those in some states, in the order of positions."""
        return (one for one in self._records if states is None or one.state in states)

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""
        return iter(self._samples)

    def close(self) -> None:
        """Do nothing."""


class Completed:
    """A transition that has taken effect, or has failed; awaiting it does not wait."""

    __slots__ = ("_failure",)

    def __init__(self, failure: JournalError | None = None) -> None:
        self._failure = failure

    def __await__(self) -> Generator[None, None, None]:
        if self._failure is not None:
            raise self._failure
        yield from ()
