"""``JobSlots``: the slot pool of one event loop. Its arithmetic is ``SlotLimit``."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from heygen_async.errors import SlotUnavailable
from heygen_async.session.limits.gate import LONGEST_PAUSE
from heygen_async.session.limits.request_limiter import check_patience, out_of_patience
from heygen_async.session.limits.slot_limit import Grant, Lane, SlotLimit
from heygen_async.session.limits.waiting import Queue
from heygen_async.session.slots import Priority, SlotPool, SlotStats
from heygen_async.session.tasks import clock_of

_BULK = Lane.BULK  # read for each job


class JobSlots(SlotPool):
    """Adapts the number of running jobs to what the account allows.

    A ``SlotPool`` in this process. Clients of one event loop that use the same account should share
    one.

    Args:
        ceiling: The most jobs to run at once, even if the account allows more. Default 50.
        start: The limit to start with. Default: the ceiling.
        probe_every: Seconds between attempts to grow by one. Default 60.
        reserve: Slots that bulk runs leave free for interactive submissions: a bulk run gets a
            slot only while fewer than ``limit - reserve`` are held. Default 0.

    Raises:
        ConfigurationError: A number is out of range; the message names it.
    """

    def __init__(
        self,
        ceiling: int = 50,
        *,
        start: int | None = None,
        probe_every: float = 60.0,
        reserve: int = 0,
    ) -> None:
        self._limit = SlotLimit(ceiling, start=start, probe_every=probe_every, reserve=reserve)
        self._queue: Queue[Grant] = Queue(len(Lane), self._limit.take)
        self._at_gate: Queue[Grant] = Queue(1, self._take_at_gate)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: Callable[[], float]  # of the loop

    def __repr__(self) -> str:
        return (
            f"JobSlots(ceiling={self.ceiling}, limit={self.limit}, held={self.held}, "
            f"running={self.running})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        limit = self._limit
        return _slots, (limit.ceiling, limit.limit, limit.probe_every, limit.reserve, limit.learned)

    @property
    def ceiling(self) -> int:
        """The most jobs that may run at once."""
        return self._limit.ceiling

    @property
    def limit(self) -> int:
        """The number of jobs that may run now; the ceiling until the limit is known."""
        return self._limit.limit

    @property
    def probe_every(self) -> float:
        """Seconds between attempts to grow by one."""
        return self._limit.probe_every

    @property
    def reserve(self) -> int:
        """Slots that bulk runs leave free."""
        return self._limit.reserve

    @property
    def held(self) -> int:
        """The number of leases that are held now."""
        return self._limit.held

    @property
    def closed(self) -> bool:
        """Whether submissions are paused by a 429, or wait for the answer to a probe."""
        # A pause of another event loop does not apply to this one.
        return self._limit.gate.shut and self._loop is not None and self._loop.is_running()

    def usage(self) -> tuple[float, float]:
        """Return the total seconds for which slots were held, and for which they were available.

        Returns:
            Both sums.
        """
        return self._limit.usage(self._now())

    def stats(self) -> SlotStats:
        """Return the present figures. May be called from any thread.

        Returns:
            The figures.
        """
        held_seconds, limit_seconds = self.usage()
        return SlotStats(
            held=self.held,
            running=self._limit.running,
            waiting=self._queue.waiting + self._at_gate.waiting,
            limit=self._limit.limit if self._limit.learned else None,
            ceiling=self.ceiling,
            refusals=self._limit.refusals,
            held_seconds=held_seconds,
            limit_seconds=limit_seconds,
        )

    def try_acquire(self) -> JobSlot | None:
        """Return a bulk lease if a slot is free and no caller waits, else None."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        if self._queue.waiting:
            return None
        now = self._clock()
        if self._limit.take_free(now):
            return JobSlot(_BULK, True, pool=self, loop=loop)
        slot = JobSlot(_BULK, pool=self, loop=loop)
        return slot if self._limit.take(slot, now) == 0.0 else None

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> JobSlot:
        """Wait for a slot: first in, first out within a priority.

        Args:
            priority: ``bulk`` (default), or ``interactive``, which goes first.
            patience: Seconds to wait at most.

        Returns:
            The lease; ``release`` gives the slot back.

        Raises:
            RateLimited: There was no slot within ``patience``.
            SlotUnavailable: The pool was closed meanwhile.
        """
        lane = Lane.INTERACTIVE if priority == "interactive" else Lane.BULK
        slot = self._slot(lane)
        await self._wait(self._queue, slot, patience)
        return slot

    async def refused_without_lease(self, retry_after: float, patience: float) -> JobSlot:
        """Wait after an interactive submission was refused; see ``SlotPool``.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.

        Returns:
            The lease under which to send it again.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed meanwhile.
        """
        slot = self._slot(None)
        await slot.refused(retry_after, patience)
        return slot

    async def wait_open(self, patience: float) -> JobSlot:
        """Wait until submissions are no longer paused; see ``SlotPool``.

        Args:
            patience: Seconds to wait at most.

        Returns:
            A lease that takes no slot.

        Raises:
            RateLimited: The pause lasts longer than ``patience`` seconds.
            SlotUnavailable: The pool was closed meanwhile.
        """
        slot = self._slot(None)
        await self._wait(self._at_gate, slot, patience)
        return slot

    def acquire_nowait(self) -> JobSlot | None:
        """Do what ``try_acquire`` does, under the name of version 0.1.0."""
        return self.try_acquire()

    async def acquire_after_refusal(self, seconds: float, *, patience: float) -> JobSlot:
        """Do what ``refused_without_lease`` does, under the name of version 0.1.0.

        Args:
            seconds: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.
        """
        return await self.refused_without_lease(seconds, patience)

    async def opened(self, *, patience: float) -> None:
        """Wait until submissions are not paused, as version 0.1.0 did.

        Args:
            patience: Seconds to wait at most.

        Raises:
            RateLimited: The pause lasts longer than ``patience`` seconds.
        """
        (await self.wait_open(patience)).release()

    async def aclose(self) -> None:
        """Raise ``SlotUnavailable`` in all waiting callers. Later calls can use the pool again."""
        for queue in (self._queue, self._at_gate):
            queue.fail(lambda: SlotUnavailable("the slot pool was closed; nothing was sent"))

    def _slot(self, lane: Lane | None) -> JobSlot:
        """Return a new slot object of the running event loop, which holds nothing yet."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        return JobSlot(lane, pool=self, loop=loop)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Switch to another event loop; callers that waited on the previous one are dropped."""
        before, self._loop, self._clock = self._now(), loop, clock_of(loop)
        self._limit.restart(before, self._clock())
        self._queue.forget()
        self._at_gate.forget()

    def _now(self) -> float:
        return 0.0 if self._loop is None else self._clock()

    async def _wait(self, queue: Queue[Grant], slot: JobSlot, patience: float) -> None:
        """Wait until the slot is granted."""
        now = self._now()
        take = self._take_at_gate if slot.lane is None else self._limit.take
        if not queue.waiting and take(slot, now) == 0.0:
            return
        check_patience(self._limit.gate.wait(now), patience)
        try:
            await queue.wait(
                slot.lane or 0,
                slot,
                give_back=slot.release,
                patience=patience,
            )
        except TimeoutError:
            raise out_of_patience(self._limit.gate.wait(self._now()), patience) from None

    def _take_at_gate(self, grant: Grant, now: float) -> float | None:
        if self._queue.waiting and self._loop is not None:
            self._queue.wake(self._loop)  # one of these is the probe that ends a pause, if possible
        return self._limit.take(grant, now)

    async def _refused(self, slot: JobSlot, retry_after: float, patience: float) -> None:
        counted = slot.lane is not None and slot.lane is not Lane.UNCOUNTED
        # Keep the slot until the limit has shrunk, or the next caller would be refused too.
        self._limit.refused(slot, retry_after, self._now())
        self._wake()
        if retry_after > patience:
            raise out_of_patience(retry_after, patience)
        if not counted and retry_after > LONGEST_PAUSE:
            await asyncio.sleep(retry_after - LONGEST_PAUSE)  # obey in full; others send the probe
            patience -= retry_after - LONGEST_PAUSE
        await self._wait(self._queue, slot, patience)

    def _wake(self) -> None:
        for queue in (self._queue, self._at_gate):
            if queue.waiting and self._loop is not None:
                queue.wake(self._loop)


class JobSlot(Grant, kw_only=True):
    """A ``SlotLease`` of ``JobSlots``.

    Attributes:
        pool: The pool.
        loop: The event loop on which it was taken.
    """

    pool: JobSlots
    loop: asyncio.AbstractEventLoop

    @property
    def lost(self) -> bool:
        """Whether the pool has moved to another event loop, where no slot was held."""
        return self.loop is not self.pool._loop

    def accepted(self) -> None:
        """Note that HeyGen has accepted the job."""
        pool = self.pool
        if self.loop is pool._loop and pool._limit.accepted(self, pool._clock()):
            pool._wake()

    def release(self) -> None:
        """Give the slot back; further calls do nothing."""
        if not self.held:
            return
        pool = self.pool
        if self.loop is pool._loop:
            pool._limit.released(self, pool._clock())
            if pool._queue.waiting or pool._at_gate.waiting:
                pool._wake()

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after the submission was refused; see ``SlotLease``.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed meanwhile.
        """
        loop = asyncio.get_running_loop()
        if loop is not self.pool._loop:
            self.pool._bind(loop)
        if loop is not self.loop:  # no slot was held there; wait like a refused submission
            self.loop = loop
            self.held = self.running = self.probe = False
        await self.pool._refused(self, retry_after, patience)


def _slots(ceiling: int, limit: int, probe_every: float, reserve: int, learned: bool) -> JobSlots:
    slots = JobSlots(ceiling, start=limit, probe_every=probe_every, reserve=reserve)
    slots._limit.learned = learned
    return slots
