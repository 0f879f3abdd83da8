"""Slots: the right to have one job running, and the pools that hand them out.

An account may run a limited number of jobs at once, whichever process submitted them. A
``SlotPool`` hands out that number of leases: ``JobSlots`` (session/limits/job_slots.py) to the
clients of one event loop. Another implementation can share one limit among all processes of an
account. Every implementation passes the suite in tests/conformance/slot_pool.py.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol, TypeAlias

import msgspec

from heygen_async.session.tasks import Stop

Priority: TypeAlias = Literal["interactive", "bulk"]


class SlotStats(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a slot pool at one moment.

    Attributes:
        held: Leases that are held now, by all processes that share the pool.
        running: Leases whose job HeyGen has accepted.
        waiting: Callers of this process that wait for a lease.
        limit: Jobs that the account may run at once; None until a refusal has shown it.
        ceiling: The most leases that the pool ever hands out at once.
        refusals: Total number of submissions that HeyGen refused because too many jobs ran.
        held_seconds: Total seconds for which leases were held.
        limit_seconds: Total seconds for which leases could have been held.
    """

    held: int
    running: int
    waiting: int
    limit: int | None
    ceiling: int
    refusals: int
    held_seconds: float
    limit_seconds: float


class SlotLease(Protocol):
    """The right to have one job running. It ends with ``release``, or when it is lost."""

    @property
    def lost(self) -> bool:
        """Whether the pool has taken the lease back, for example if it was not renewed in time.

        It is checked before each POST. The holder keeps waiting for a job that was accepted, but
        submits nothing under this lease. A lost lease stays lost until ``refused`` has given it
        another slot.
        """
        ...

    def accepted(self) -> None:
        """Note that HeyGen has accepted the job. Never raises; further calls do nothing."""
        ...

    def release(self) -> None:
        """Give the slot back. Never raises; further calls do nothing.

        A remote pool is notified in the background.
        """
        ...

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after HeyGen refused the submission because too many jobs run.

        The limit shrinks to the jobs that run, submissions pause (see ``SlotPool``), and the slot
        is given back. The caller then waits before all new callers of its priority; on return
        the lease holds a slot again. At the end of a pause it may be the probe.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: The most seconds to wait in total.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer. The
                lease holds nothing.
        """
        ...


class SlotPool(Protocol):
    """Hands out leases, never more at a time than the account may run jobs.

    **Order.** First in, first out within a priority; interactive callers go before bulk ones, and
    refused callers before new ones of their priority. Bulk callers get a lease only while the
    leases held are fewer than the limit less the pool's ``reserve``.

    **Limit.** A refusal lowers the limit to the number of running jobs. While all slots are taken
    and a caller waits, it grows by one from time to time, up to the ceiling.

    **Pause.** A refusal closes the gate for ``retry_after`` seconds, at most ten minutes. At the
    end of a pause one caller passes as a probe, and the others wait for its answer, so one answer
    never disables a client for longer. Callers wait for their patience at most; a caller whose
    patience is shorter than the rest of the pause is refused at once.

    **Cancellation.** A caller that is cancelled while it waits leaves nothing behind.

    Calls work on the running event loop. ``try_acquire``, ``closed`` and ``stats`` do no I/O.

    Implementations derive from this class, which computes ``limit``, ``held`` and the like from
    ``stats``.
    """

    @property
    def ceiling(self) -> int:
        """The most leases that can be held at once."""
        return self.stats().ceiling

    @property
    def limit(self) -> int:
        """The number of jobs that may run now; the ceiling until the limit is known."""
        stats = self.stats()
        return stats.ceiling if stats.limit is None else stats.limit

    @property
    def held(self) -> int:
        """The number of leases that are held now."""
        return self.stats().held

    @property
    def running(self) -> int:
        """The number of leases whose job HeyGen has accepted."""
        return self.stats().running

    @property
    def waiting(self) -> int:
        """The number of callers of this process that wait."""
        return self.stats().waiting

    @property
    def refusals(self) -> int:
        """Total number of submissions that HeyGen refused because too many jobs ran."""
        return self.stats().refusals

    @property
    def closed(self) -> bool:
        """Whether submissions are paused now, or wait for the answer to a probe.

        The session checks this before each submission without a lease, and calls ``wait_open`` only
        if it is true. A pool that is shared with other processes may learn of a pause late.
        """
        ...

    def try_acquire(self) -> SlotLease | None:
        """Return a bulk lease if one is available without waiting. May always return None."""
        ...

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> SlotLease:
        """Wait for a lease.

        Args:
            priority: ``bulk`` (default), or ``interactive``.
            patience: Seconds to wait at most.

        Returns:
            The lease.

        Raises:
            RateLimited: No lease was available within ``patience``.
            SlotUnavailable: The pool was closed meanwhile.
        """
        ...

    async def refused_without_lease(self, retry_after: float, patience: float) -> SlotLease:
        """Wait after an interactive submission that held no lease was refused.

        Submissions pause as after ``SlotLease.refused``. The limit is not changed if no lease is
        running, since the refusal is then not about this pool. The caller waits before all others.
        One such submission is sent again at a time: release the lease when it is answered.

        Args:
            retry_after: Seconds that the answer asked to wait; the caller waits them in full.
            patience: The most seconds to wait in total.

        Returns:
            The lease under which to send the submission again. Its job is not counted: call
            ``accepted`` and ``release`` with the answer.

        Raises:
            RateLimited: No lease was available within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed meanwhile.
        """
        ...

    async def wait_open(self, patience: float) -> SlotLease:
        """Wait until submissions are no longer paused.

        Args:
            patience: Seconds to wait at most.

        Returns:
            A lease that takes no slot. It may be the probe that ends the pause: call ``accepted``
            and ``release`` with the answer to the submission, or ``refused``, which then does what
            ``refused_without_lease`` does.

        Raises:
            RateLimited: The pause lasts longer than ``patience``.
            SlotUnavailable: The pool was closed meanwhile.
        """
        ...

    def stats(self) -> SlotStats:
        """Return the present figures. May be called from any thread.

        Returns:
            The figures.
        """
        ...

    async def aclose(self) -> None:
        """Send pending messages, and free all resources.

        Waiting callers get ``SlotUnavailable``. Call it when no client uses the pool any more.
        """
        ...


class Submitting(msgspec.Struct, eq=False):
    """The submission of an item, or of a server batch, of a bulk run.

    It counts as bulk: it leaves the reserve of the request limiter to others, and a refused
    submission queues again through its lease, without a time limit.

    Attributes:
        lease: The lease under which it is sent. Its owner calls ``accepted`` and ``release``.
        stopped: Set when the run has stopped submitting: its submissions stop waiting, and raise
            ``SlotUnavailable``. None if nothing stops it.
        confirm: Awaited right before each POST; returns whether it may still be sent. None if
            nothing but the lease can forbid it.
    """

    lease: SlotLease
    stopped: Stop | None = None
    confirm: Callable[[], Awaitable[bool]] | None = None

    @property
    def owner(self) -> object:
        """Identifies the item; None for a batch."""
        return None

    @property
    def lost(self) -> bool:
        """Whether nothing may be submitted; see ``SlotLease``."""
        return self.lease.lost

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after a refusal; see ``SlotLease``."""
        await self.lease.refused(retry_after, patience)

    async def count_resend(self) -> None:
        """Note that a call without a key, which may have been carried out, is sent again."""


# What the calls of this task submit; None outside a bulk run.
submitting: ContextVar[Submitting | None] = ContextVar("heygen_async_submitting", default=None)


@contextmanager
def submitting_under(submission: Submitting) -> Iterator[None]:
    """Submit what the calls of a block create as one submission. Context manager."""
    token = submitting.set(submission)
    try:
        yield
    finally:
        submitting.reset(token)
