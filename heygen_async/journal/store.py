"""The interface of the journal, which every store of a run implements."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from heygen_async.errors import BudgetExceeded
from heygen_async.journal.records import (
    COMPLETED,
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

SAMPLE_EVERY = 1.0
"""Seconds between two stored samples of the slots."""


class Begin(enum.Enum):
    """Result of ``begin`` for an item that has no record for the caller to act on."""

    NEW = "new"
    """The intent is recorded: submit the item."""
    DUPLICATE = "duplicate"
    """Another item of this run has the key."""
    HELD_BY_OTHER = "held by other"
    """A living owner is processing the item."""
    NO_ROOM = "no room"
    """The item is new and the budget has no room for it; nothing was recorded."""
    CANCELLED = "cancelled"
    """The run was cancelled; nothing was recorded."""


BeginResult: TypeAlias = Begin | ItemRecord | BudgetExceeded
"""Result of ``begin`` for one item. A record was stored by earlier runs; an error states why the
budget of a shared store has no room for the item, or no room yet (``MustWait``).
"""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The run that a store is opened for.

    Attributes:
        kind: Kind of run, such as ``render``.
        subject: Its subject, such as the id of a template.
        run_id: Part of every idempotency key. None uses the stored run id, or derives one from
            kind, subject and the name of the journal.
        settings: Settings that replace those of the latest start; None keeps the stored settings.
    """

    kind: str
    subject: str
    run_id: str | None = None
    settings: Mapping[str, Any] | None = None


class Opened(NamedTuple):
    """Contents of a store when it was opened.

    Attributes:
        run: The run.
        totals: Sums over the items of the run.
        legacy: Whether version 0.1.0 wrote some of the items.
        reviews: Decisions of people, oldest first.
    """

    run: RunRecord
    totals: Totals
    legacy: bool = False
    reviews: Sequence[Review] = ()

    @property
    def resumed(self) -> bool:
        """Whether earlier starts stored items."""
        return self.totals.items > 0


class JournalReader(Protocol):
    """Read one run without changing it, even while another process writes it.

    All methods block: on an event loop, use a reader in a thread. Each query sees the run at the
    time of the query; items written during an iteration may or may not be included.

    Attributes:
        name: Name that identifies the store; the same as the name of the open store.
        run: The record of the run.
    """

    name: str
    run: RunRecord

    def __enter__(self) -> JournalReader: ...

    def __exit__(self, *exception: object) -> None: ...

    def totals(self) -> Totals:
        """Return sums over all items."""

    def records(self, states: Collection[State] | None = None) -> Iterator[ItemRecord]:
        """Iterate over items in the order of positions.

        Args:
            states: Only include items in these states; None for all.
        """

    def undelivered(
        self, target: str, states: Collection[State] = COMPLETED
    ) -> Iterator[ItemRecord]:
        """Iterate over items whose outcome was not delivered to a target, in order of positions.

        Args:
            target: Name of the target.
            states: Only include items in these states.
        """

    def deliveries(self) -> Iterator[tuple[str, Delivery]]:
        """Iterate over the keys of items and their deliveries, also those that failed.

        Items come in any order, and the deliveries of an item in the order of their targets.
        """

    def reviews(self) -> list[Review]:
        """Return the decisions of people, oldest first."""

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""

    def alive(self) -> bool:
        """Return whether a process works on the run, as its lock or its leases show.

        A run in a file is alive from ``open`` to ``aclose`` or to the end of the process. A run of
        a shared store is alive while a living owner holds an item that has not ended; after a kill
        it stays alive for the rest of the lease.
        """

    def close(self) -> None:
        """Release the store. Can be called twice."""


class JournalStore(Protocol):
    """Store the state of one run durably before it is acted upon.

    An item passes three durable transitions: ``begin`` before its request is sent, ``submitted``
    when its job id is known, ``finish`` before its outcome is handed on. When the call returns, its
    transition is durable. It is carried out even if the awaiting coroutine is cancelled. Concurrent
    calls take effect in any order, except that ``submitted`` and ``finish`` of an item follow its
    earlier ``begin`` and ``submitted``. A refused call does not affect the others. After a failure
    of the store itself every waiting and later call raises the same ``JournalError``.

    **Owners.** ``begin`` claims items for an owner. The lease belongs to the owner and not to the
    item, so one ``heartbeat`` renews all claims of the owner. An owner is alive for the duration of
    the lease after its last heartbeat. Others can claim the items of an owner that is not alive. A
    store that only one process can open at a time treats owners from before it was opened as dead.
    A late ``submitted`` or ``finish`` from a former owner is accepted if the record has no other
    job id and no outcome. So no paid job is lost, and money is settled once.

    **Shared stores.** Several processes can open a run of a shared store at the same time. There
    ``begin`` also checks the budget: it compares the sums of all runs of a family (a run and the
    runs beside it) with ``max_cost`` and ``max_jobs`` of the settings that the run was opened with,
    or of the latest start. ``finish`` settles the amount that ``begin`` reserved.

    **Crashes.** If a process is killed at any moment, a later ``open`` finds every transition whose
    call returned, and either all or nothing of any other transition.

    Stores are created closed and pickle as closed. A store serves one run at a time, on one event
    loop; after ``aclose`` it can be opened again.

    Attributes:
        name: Name that identifies the store in messages and budgets: a path, or a URL without its
            password.
        heartbeat_every: Seconds between two heartbeats of an owner, or None if owners need none.
        shared: Whether several processes can open it at the same time.
    """

    name: str
    heartbeat_every: float | None
    shared: bool

    @property
    def path(self) -> Path | None:
        """The store's file, or None if the store is not a file."""

    def beside(self, name: str) -> JournalStore:
        """Return the closed store of another run that belongs to this run, such as a stage.

        Args:
            name: The name of the other run within this one.
        """

    def exists(self) -> bool:
        """Return whether the store has ever held data. Blocks."""

    def reader(self) -> JournalReader:
        """Return a reader. Blocks.

        Returns:
            The reader, for use in a ``with`` statement.

        Raises:
            JournalError: The journal does not exist, or this version cannot read it.
        """

    def review(self, reviews: Sequence[Review]) -> None:
        """Record decisions of people, all or none of them. Blocks.

        The store need not be open, and it may be open in another process. After ``retake`` an item
        that has ended can be begun as its next attempt.

        Args:
            reviews: The decisions.

        Raises:
            JournalError: ``unknown_key``; ``wrong_state``: the item has not ended, or a retake is
                asked for although the item is approved; or nothing could be recorded.
        """

    async def open(self, spec: RunSpec) -> Opened:
        """Open the run for writing; create it if it does not exist.

        Args:
            spec: The run.

        Returns:
            The contents of the store.

        Raises:
            JournalError: The store cannot be used or belongs to another run; ``reason`` and the
                message state the cause.
            InvalidRequest: The run id contains characters that cannot be sent in a key.
        """

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        """Claim items, and record the intents of new items, in one transaction.

        An owner can claim each key once; the second claim returns ``Begin.DUPLICATE``, or the
        record if another owner claimed the key in between. A claimed item can still be begun if it
        is new; or as its next attempt, if the record is failed or uncertain, or was intended as
        part of a server batch that was refused as a whole, or if it is completed and a retake was
        asked for.

        Args:
            intents: The items.
            owner: The owner who will submit them.
            room: False if the budget has no room: records are looked up and claimed, and new
                items get ``Begin.NO_ROOM``.

        Returns:
            One result for each item: a ``Begin`` value, an error, or its record.

        Raises:
            JournalError: Nothing is durable; do not submit.
        """

    def confirm(self, keys: Sequence[str], owner: str) -> Awaitable[list[BeginResult]]:
        """Return whether an owner may still submit items that it has claimed.

        Args:
            keys: The keys of the items.
            owner: The owner.

        Returns:
            For each item ``Begin.NEW``, ``Begin.HELD_BY_OTHER`` if another owner has claimed it
            since, or ``Begin.CANCELLED``. The first if the store is not shared. An answer that the
            item may be submitted is valid while the owner is alive.
        """

    def submitted(self, key: str, job_id: str) -> Awaitable[None]:
        """Record an item's job.

        An item of a server batch first gets ``batch_id#index``; the id of its own job replaces this
        value.

        Args:
            key: The item's key.
            job_id: The job's id.

        Raises:
            JournalError: The job is not durable, or the item has another job or has ended.
        """

    def finish(self, outcome: Finish) -> Awaitable[None]:
        """Record an item's outcome and settle its money.

        Args:
            outcome: The outcome of the item.

        Raises:
            JournalError: The outcome is not durable, or the item is unknown or has already ended.
        """

    def mark_uncertain(self, key: str) -> Awaitable[None]:
        """Record that it is unknown whether an intended item was accepted.

        Args:
            key: The item's key.

        Raises:
            JournalError: The change is not durable, or the item's job is known.
        """

    def count_resend(self, key: str) -> Awaitable[None]:
        """Record that an item is sent again although an earlier attempt may have been paid.

        Args:
            key: The item's key.

        Raises:
            JournalError: The change is not durable, or the item is unknown.
        """

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> Awaitable[None]:
        """Record deliveries of an item's outcome, and those that failed.

        A delivery replaces an earlier one to the same target. Deliveries belong to the attempt that
        has ended. If the item is submitted again, its new outcome has not been delivered.

        Args:
            key: The item's key.
            deliveries: The deliveries.

        Raises:
            JournalError: The deliveries are not durable, or the item is unknown or has not ended.
        """

    def deliveries(self, key: str) -> Awaitable[list[Delivery]]:
        """Return the deliveries of an item's latest attempt, in the order of their targets.

        Args:
            key: The item's key. An unknown item has none.
        """

    def members(self, idempotency_key: str) -> Awaitable[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions.

        Args:
            idempotency_key: The key, such as that of a server batch.
        """

    def matching(self, fingerprint: str) -> Awaitable[list[ItemRecord]]:
        """Return records of schema 1 with this fingerprint that were given no key.

        The default key of version 0.1.0 depended on the order of members, unlike that of later
        versions, so such records are found by their fingerprint.

        Args:
            fingerprint: Fingerprint of an item's request.
        """

    def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items after a position, in the order of positions.

        Items written during an iteration may or may not be included.

        Args:
            states: Only include items in these states; None for all.
            after: The position after which to start.
        """

    def totals(self) -> Awaitable[Totals]:
        """Return sums over all items."""

    def scout(self, source: str, owner: str) -> Awaitable[float | bool]:
        """Claim the first job of a source of unknown length, which other processes may claim too.

        Args:
            source: Identifier of the source; text of any length.
            owner: The owner whose job goes first. The claim ends with the owner's lease.

        Returns:
            The length of the source in seconds if a job has determined it, otherwise whether the
            owner's job goes first. A store that is not shared always returns True.
        """

    def end_scout(self, source: str, owner: str, seconds: float | None) -> Awaitable[None]:
        """Store the length of a source, and end the claim of its owner.

        Args:
            source: As for ``scout``.
            owner: The owner.
            seconds: The length in seconds; the longest length counts. None if it is unknown, so
                another owner can claim the source.
        """

    def sample_slots(self, running: int, limit: int | None) -> None:
        """Store the number of running jobs and the limit.

        One sample per second is kept, and the store may also keep the last sample before it is
        closed.

        Args:
            running: Number of running jobs.
            limit: Number of jobs that may run at once; None while the account's limit is unknown.
        """

    def heartbeat(self, owner: str, lease: float) -> Awaitable[None]:
        """Keep an owner alive.

        Args:
            owner: The owner.
            lease: Seconds from now after which others can claim its items.
        """

    async def aclose(self) -> None:
        """Write the queue and release the store. Can be called twice.

        Raises:
            JournalError: Queued transitions could not be written; the calls that wait for them also
                raise.
        """
