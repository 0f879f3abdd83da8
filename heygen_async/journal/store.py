"""The seam of the journal: what every store of a run promises."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from heygen_async.errors import BudgetExceeded
from heygen_async.journal.records import (
    Finish,
    Intent,
    ItemRecord,
    RunRecord,
    SlotSample,
    State,
    Totals,
)

SAMPLE_EVERY = 1.0
"""Seconds between two stored samples of the slots."""


class Begin(enum.Enum):
    """Result of ``begin`` for an item without a record that the caller may act on."""

    NEW = "new"
    """The intent is recorded: submit the item."""
    DUPLICATE = "duplicate"
    """Another item of this run has the key."""
    HELD_BY_OTHER = "held by other"
    """A living owner works on the item."""
    NO_ROOM = "no room"
    """The item is new, and the budget has no room for it; nothing was recorded."""
    CANCELLED = "cancelled"
    """The run was cancelled; nothing was recorded."""


BeginResult: TypeAlias = Begin | ItemRecord | BudgetExceeded
"""What ``begin`` returns for one item. A record is what earlier runs stored of it; an error says
why the budget of a shared store has no room for it, or none yet (``MustWait``)."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The run that a store is opened for.

    Attributes:
        kind: Kind of run, such as ``render``.
        subject: Its subject, such as the id of a template.
        run_id: Part of every idempotency key; None for the stored one, or one derived from
            kind, subject and the name of the journal.
        settings: Settings to store in place of those of the latest start; None keeps those.
    """

    kind: str
    subject: str
    run_id: str | None = None
    settings: Mapping[str, Any] | None = None


class Opened(NamedTuple):
    """What a store held when it was opened.

    Attributes:
        run: The run.
        totals: Sums over its items.
        legacy: Whether version 0.1.0 wrote some of them.
    """

    run: RunRecord
    totals: Totals
    legacy: bool = False

    @property
    def resumed(self) -> bool:
        """Whether earlier starts left items."""
        return self.totals.items > 0


class JournalReader(Protocol):
    """Read one run, also while another process writes it, and change nothing.

    All of it blocks: on an event loop, use it in a thread. Each query sees the run at its own
    moment; items written during an iteration may be seen or not.

    Attributes:
        name: What identifies the store, as it does itself once it is open.
        run: What the run was asked to do.
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
            states: Only items in these states; None for all.
        """

    def slots(self) -> Iterator[SlotSample]:
        """Iterate over the samples of the slots, oldest first."""

    def close(self) -> None:
        """Release the store. Closing twice is fine."""


class JournalStore(Protocol):
    """Store the state of one run durably before it is acted upon.

    An item passes three durable transitions: ``begin`` before its request is sent, ``submitted``
    when its job id is known, ``finish`` before its outcome is handed on. A transition is durable
    once it was awaited, and is carried out even if the coroutine that awaits it is cancelled.
    Calls that wait at the same time take effect in any order, except that ``submitted`` and
    ``finish`` of an item follow its earlier ``begin`` and ``submitted``. One call that is refused
    leaves the others as they are. After a failure of the store itself every waiting and later
    call raises the same ``JournalError``.

    **Owners.** ``begin`` claims items for an owner. The lease belongs to the owner and not to the
    item, so that one ``heartbeat`` renews all of its claims. An owner is alive for the lease's
    seconds after its last heartbeat. Items of an owner that is not alive can be claimed by
    others; a store that only one process can open at a time treats owners of earlier openings as
    gone. A late ``submitted`` or ``finish`` of a former owner is accepted if the record has no
    other job id and no outcome, so no paid job is lost and money is settled once.

    **Shared stores.** Several processes can open a run of a shared store at a time. There ``begin``
    decides about money, too: on the sums of all runs of a family, which are a run and those beside
    it, under ``max_cost`` and ``max_jobs`` of the settings that it was opened with, or of the
    latest start. ``finish`` settles what it reserves.

    **Crashes.** Whatever moment a process is killed at, a later ``open`` finds every transition
    that was awaited, and of one that was not either all or nothing.

    Stores are made closed and pickle closed. One store serves one run at a time, on one event
    loop; after ``aclose`` it can be opened again.

    Attributes:
        name: What identifies the store in messages and budgets: a path, or a URL without its
            password.
        heartbeat_every: Seconds between two heartbeats of an owner, or None if owners need none.
        shared: Whether several processes can open it at a time.
    """

    name: str
    heartbeat_every: float | None
    shared: bool

    @property
    def path(self) -> Path | None:
        """The store's file, or None if the store is not a file."""

    def beside(self, name: str) -> JournalStore:
        """Return the closed store of another run that belongs to this one, such as a stage.

        Args:
            name: The name of the other run within this one.
        """

    def exists(self) -> bool:
        """Return whether anything was ever stored. Blocks."""

    def reader(self) -> JournalReader:
        """Open a reader. Blocks.

        Returns:
            The reader, for use in a ``with`` statement.

        Raises:
            JournalError: There is no journal, or not one that this version can read.
        """

    async def open(self, spec: RunSpec) -> Opened:
        """Open the run for writing, or create it.

        Args:
            spec: The run.

        Returns:
            What the store held.

        Raises:
            JournalError: The store cannot be used or belongs to another run; ``reason`` and
                message say why.
            InvalidRequest: The run id contains characters that cannot be sent.
        """

    def begin(
        self, intents: Sequence[Intent], owner: str, *, room: bool = True
    ) -> Awaitable[list[BeginResult]]:
        """Claim items, and record the intents of those that are new, in one transaction.

        An owner can claim each key once; the second time the result is ``Begin.DUPLICATE``, or
        the record if another owner has claimed it in between. A claimed item can still be begun:
        if it is new, or as its next attempt if the record has failed, is uncertain, or was
        intended as part of a server batch that was refused as a whole.

        Args:
            intents: The items.
            owner: Who will submit them.
            room: False if the budget has no room: records are looked up and claimed, and new
                items get ``Begin.NO_ROOM``.

        Returns:
            One result for each item: what to do with it, or its record.

        Raises:
            JournalError: Nothing is durable: do not submit.
        """

    def submitted(self, key: str, job_id: str) -> Awaitable[None]:
        """Record an item's job.

        An item of a server batch first has ``batch_id#index``; the id of its own job replaces it.

        Args:
            key: The item's key.
            job_id: The job's id.

        Raises:
            JournalError: It is not durable, or the item has another job or has ended.
        """

    def finish(self, outcome: Finish) -> Awaitable[None]:
        """Record an item's outcome and settle its money.

        Args:
            outcome: How the item ended.

        Raises:
            JournalError: It is not durable, or the item is unknown or has ended already.
        """

    def mark_uncertain(self, key: str) -> Awaitable[None]:
        """Record that nobody can tell whether an intended item was accepted.

        Args:
            key: The item's key.

        Raises:
            JournalError: It is not durable, or the item's job is known.
        """

    def count_resend(self, key: str) -> Awaitable[None]:
        """Record that an item is sent again although an earlier attempt may have been paid.

        Args:
            key: The item's key.

        Raises:
            JournalError: It is not durable, or the item is unknown.
        """

    def members(self, idempotency_key: str) -> Awaitable[list[ItemRecord]]:
        """Return all items sent under one idempotency key, in the order of positions.

        Args:
            idempotency_key: The key, such as that of a server batch.
        """

    def matching(self, fingerprint: str) -> Awaitable[list[ItemRecord]]:
        """Return records of schema 1 that have this fingerprint and were given no key.

        The default key of 0.1.0 depended on the order of members, that of later versions does
        not; so such records are found by their fingerprint.

        Args:
            fingerprint: That of an item's request.
        """

    def iterate(
        self, states: Collection[State] | None = None, *, after: int = -1
    ) -> AsyncIterator[ItemRecord]:
        """Iterate over items behind a position, in the order of positions.

        Items written during an iteration may be seen or not.

        Args:
            states: Only items in these states; None for all.
            after: The position to start behind.
        """

    def totals(self) -> Awaitable[Totals]:
        """Return sums over all items."""

    def scout(self, source: str, owner: str) -> Awaitable[float | bool]:
        """Claim the first job of a source whose length is unknown, where other processes may do so.

        Args:
            source: What identifies the source, of any length.
            owner: Whose job goes first. Its claim ends with its lease.

        Returns:
            The length of the source in seconds if a job has told it, or whether the owner's job
            goes first. A store that is not shared lets each owner's go.
        """

    def end_scout(self, source: str, owner: str, seconds: float | None) -> Awaitable[None]:
        """Store the length of a source, and end the claim of its owner.

        Args:
            source: As for ``scout``.
            owner: The owner.
            seconds: The length; the longest one counts. None if it is unknown: another owner can
                claim the source.
        """

    def sample_slots(self, running: int, limit: int) -> None:
        """Store how many jobs run and how many could.

        One sample a second is kept, and the store may keep the last one before it is closed.

        Args:
            running: Jobs that run.
            limit: Jobs that may run at once.
        """

    def heartbeat(self, owner: str, lease: float) -> Awaitable[None]:
        """Keep an owner alive.

        Args:
            owner: The owner.
            lease: Seconds from now after which its items can be claimed by others.
        """

    async def aclose(self) -> None:
        """Write what is queued and release the store. Closing twice is fine.

        Raises:
            JournalError: Queued transitions could not be written; the calls that wait for them
                raise too.
        """
