"""``via="api-batch"``: the items of a run, sent up to 100 in one request.

A run goes on item by item; only the submissions are put together. An item that is ready to be
sent joins the parcel that is being filled, whose first item leads: it sends the parcel when it is
complete, and tells all others what became of them. A parcel is complete when it has its share of
the items that the run may have under way, so that HeyGen works on one while the next is filled.
Where HeyGen could run dry first, or nothing more will come, it goes as it is.

Nothing is paid for twice, as when items are sent one by one: what a parcel is made of, and the
key that follows from that, is in the journal before it leaves. What may not have arrived is sent
again as the same parcel under the same key. Where HeyGen refuses a parcel whole, it goes again in
halves, so that a bad item fails alone: their intents take the place of the old ones in one step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from msgspec.structs import replace

from heygen_async.batch.batched_jobs import BatchedJob, Followed
from heygen_async.batch.item import Books, refused
from heygen_async.batch.parcels import (
    MOST,
    PRODUCTS,
    Enclosure,
    Parcel,
    batch_and_index,
    item_id,
)
from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import create_encoded
from heygen_async.errors import (
    BadRequest,
    HeyGenError,
    JournalError,
    NotFound,
    PermissionDenied,
)
from heygen_async.journal import Entry
from heygen_async.session.cancellation import created_by
from heygen_async.session.job_slots import JobSlots
from heygen_async.session.slots import SlotLease, submitting_under

# Seconds for which nothing more must have joined before a parcel goes unfilled.
_LINGER = 0.1


class Withdrawn(Exception):
    """The item was not sent, since the run submits nothing more."""


class Filling(NamedTuple):
    """When parcels go.

    Attributes:
        size: Items that make one complete.
        running_dry: Items under way below which an unfilled one goes, too.
    """

    size: int
    running_dry: int


def window(concurrency: int | None, ceiling: int) -> int:
    """How many items a run may have under way.

    Args:
        concurrency: What the user says, or None.
        ceiling: Jobs that may run at HeyGen at once, as far as is known.

    Returns:
        Two full parcels, or more where so many jobs run at once that one must be full while
        they do.
    """
    return concurrency or max(2 * MOST, ceiling + MOST)


def filling(window: int, ceiling: int) -> Filling:
    """When the parcels of a run go.

    Args:
        window: Items that it may have under way.
        ceiling: Jobs that may run at HeyGen at once, as far as is known.
    """
    size = min(MOST, -(-window // 2))
    return Filling(size, max(1, min(ceiling, window - size)))


class ApiBatches:
    """Sends the items of one run in parcels, and waits for those that were sent so.

    Args:
        heygen: The client.
        books: The books of the run.
        filling: When parcels go; None for a run that sends its items one by one, and only takes
            up what an earlier one has sent.
    """

    def __init__(self, heygen: HeyGen, books: Books[Any], filling: Filling | None) -> None:
        self._heygen = heygen
        self._books = books
        self._filling = filling
        self._followed = Followed()
        self._open: dict[str, Parcel] = {}
        self._sent_before: dict[str, Parcel | None] = {}  # None: cannot be sent again
        self._on_their_way: set[Parcel] = set()
        self._withdrawn = False
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: Callable[[], int] = lambda: 0
        self._no_more: Callable[[], bool] = lambda: True
        # One parcel at a time is sent. A refusal for too many requests holds back the next one,
        # and says nothing about the account's job slots, which parcels do not wait for.
        self._turn = JobSlots(1)

    def serve(self, under_way: Callable[[], int], no_more: Callable[[], bool]) -> None:
        """Learn how the run stands.

        Args:
            under_way: Tells how many of its items HeyGen has.
            no_more: Tells whether nothing more will come.
        """
        self._under_way, self._no_more = under_way, no_more

    def sends(self, place: str) -> bool:
        """Whether new items for this place are sent in parcels."""
        return self._filling is not None and place in PRODUCTS

    def attach(self, place: str, job_id: str, begun: Callable[[str], None]) -> BatchedJob[Any]:
        """An item that HeyGen has accepted.

        Args:
            place: What its request is sent to, when it is sent alone.
            job_id: What stands for it.
            begun: Told the id of its job as soon as it is known.
        """
        batch_id, index = batch_and_index(job_id)
        batch = PRODUCTS[place].batches(self._heygen).attach(batch_id)
        return BatchedJob(self._followed, batch, index, begun)

    async def send(self, place: str, one: Enclosure) -> str:
        """Send a new item with others.

        Args:
            place: What its request is sent to, when it is sent alone.
            one: The item.

        Returns:
            What stands for its job.

        Raises:
            Withdrawn: The run submits nothing more.
            HeyGenError: As for an item that is sent alone.
            asyncio.CancelledError: With ``job_ids`` where it was accepted all the same.
        """
        if self._withdrawn:
            raise Withdrawn
        parcel = self._open.get(place)
        leads = parcel is None
        if parcel is None:
            parcel = self._open[place] = Parcel(PRODUCTS[place])
        parcel.enclosed.append(one)
        job = parcel.job(one.position)
        self._joined()
        job_id = await self._outcome(job, self._lead(parcel) if leads else None)
        assert job_id is not None
        return job_id

    async def send_again(self, place: str, entry: Entry) -> str | None:
        """Send the parcel again that an earlier run has sent an item with, once for all of it.

        Args:
            place: What the item's request is sent to, when it is sent alone.
            entry: The item, ``intended``.

        Returns:
            What stands for its job; None where it cannot be sent again safely: it was sent too
            long ago, or not all that it was sent with is known any more.
        """
        key = entry.idempotency_key
        leads = key not in self._sent_before
        if leads:
            self._sent_before[key] = parcel = Parcel(PRODUCTS[place])
            parcel.complete.set()
        known = self._sent_before[key]
        if known is None:
            return None
        job = known.job(entry.position)
        return await self._outcome(job, self._lead(known, key) if leads else None)

    def ended(self) -> None:
        """An item has ended, so that HeyGen may run dry."""
        if self._timer is None:
            self._linger()

    def withdraw(self) -> None:
        """Send nothing more."""
        self._withdrawn = True
        for parcel in self._take_open():
            parcel.withdraw(Withdrawn())
            parcel.complete.set()

    async def aclose(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        await self._followed.aclose()

    def _joined(self) -> None:
        assert self._filling is not None
        if sum(len(parcel.enclosed) for parcel in self._open.values()) >= self._filling.size:
            self._go()
        else:
            self._linger()

    def _linger(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(_LINGER, self._lingered)

    def _lingered(self) -> None:
        assert self._filling is not None
        self._timer = None
        sending = sum(len(parcel.enclosed) for parcel in self._on_their_way)
        if self._no_more() or self._under_way() + sending < self._filling.running_dry:
            self._go()

    def _go(self) -> None:
        """Let all go that was gathered."""
        for parcel in self._take_open():
            parcel.enclosed.sort(key=lambda one: one.position)
            self._on_their_way.add(parcel)
            parcel.complete.set()

    def _take_open(self) -> list[Parcel]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        parcels, self._open = list(self._open.values()), {}
        return parcels

    async def _outcome(
        self, job: asyncio.Future[str | None], leading: Awaitable[None] | None
    ) -> str | None:
        """What became of an item, which leads its parcel, or waits for the one that does."""
        try:
            if leading is not None:
                await leading
            return await asyncio.shield(job)
        except asyncio.CancelledError as cancelled:
            if leading is None:
                # All are cancelled together; the one that leads learns what was accepted.
                await asyncio.wait([job])
            accepted = job.done() and not job.cancelled() and job.exception() is None
            cancelled.job_ids = [job.result()] if accepted else []  # type: ignore[attr-defined]
            raise

    async def _lead(self, parcel: Parcel, sent_under: str | None = None) -> None:
        """Take a parcel from its first item to its end, and tell its items.

        Args:
            parcel: The parcel.
            sent_under: The key under which an earlier run has sent it.
        """
        slot: SlotLease | None = None
        try:
            await parcel.complete.wait()
            slot = await self._turn.acquire()
            if sent_under is not None:
                parcel.enclosed = await self._books.sent_together(sent_under)
                if not parcel.enclosed:
                    self._sent_before[sent_under] = None
                    parcel.withdraw(None)
                    return
                key: str | None = sent_under
            elif self._withdrawn:
                parcel.withdraw(Withdrawn())
                return
            else:
                (key,) = await self._books.intend_together([parcel.enclosed])
            await self._deliver(parcel, parcel.enclosed, key, slot, again=sent_under is not None)
        except HeyGenError as error:
            if sent_under is not None:
                self._sent_before.pop(sent_under)  # who comes later meets it anew
            parcel.withdraw(error)
        except BaseException:
            parcel.abandon()
            raise
        finally:
            self._on_their_way.discard(parcel)
            parcel.enclosed = []
            if slot is not None:
                slot.release()

    async def _deliver(
        self,
        parcel: Parcel,
        enclosed: Sequence[Enclosure],
        key: str | None,
        slot: SlotLease,
        *,
        again: bool = False,
    ) -> None:
        """Send a parcel, or a part of it.

        Args:
            parcel: The parcel.
            enclosed: Its items, or some of them.
            key: The key that they go under; it is in the journal.
            slot: The turn to send.
            again: Whether an earlier run may have sent it.
        """
        product = parcel.product
        payloads = [one.payload for one in enclosed]
        callback_ids = [self._books.callback_id(one) for one in enclosed]
        body = product.body(payloads, callback_ids)
        try:
            with submitting_under(slot):
                batches = product.batches(self._heygen)
                batch = await create_encoded(batches, body, idempotency_key=key)
        except asyncio.CancelledError as cancelled:
            with suppress(JournalError):
                for batch_id in await created_by(cancelled):
                    self._accepted(parcel, enclosed, batch_id)
            raise
        except HeyGenError as error:
            if len(enclosed) == 1 or not _may_be_one_items_fault(error, again):
                parcel.failed(enclosed, error)
                return
        else:
            self._followed.made(batch)
            self._accepted(parcel, enclosed, batch.id)
            return
        anew = [replace(one, attempt=one.attempt + 1) for one in enclosed]
        halves = anew[: len(anew) // 2], anew[len(anew) // 2 :]
        keys = await self._books.intend_together(halves)
        for half, key_of_half in zip(halves, keys, strict=True):
            await self._deliver(parcel, half, key_of_half, slot)

    def _accepted(self, parcel: Parcel, enclosed: Sequence[Enclosure], batch_id: str) -> None:
        parcel.accepted(enclosed, batch_id)
        # Without a pause, so that one transaction has all of them.
        for index, one in enumerate(enclosed):
            self._books.submitted(one.key, item_id(batch_id, index))


def _may_be_one_items_fault(error: HeyGenError, again: bool) -> bool:
    """Whether a parcel was refused for certain, and perhaps for one item alone."""
    return isinstance(error, BadRequest | NotFound | PermissionDenied) and refused(error, again)
