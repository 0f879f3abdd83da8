"""Slots: the right to have one job running, and where they come from.

An account may run a number of jobs at once, whatever the process that submitted them. A
``SlotPool`` hands out that number of leases: ``JobSlots`` (session/limits/job_slots.py) to the
clients of one event loop. Another implementation can share one limit among all processes of an
account.
Every implementation passes the suite in tests/conformance/slot_pool.py.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol, TypeAlias

import msgspec

Priority: TypeAlias = Literal["interactive", "bulk"]


class SlotStats(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a slot pool at one moment.

    Attributes:
        held: Leases that are held now, by all processes that share the pool.
        running: Those whose job HeyGen has accepted.
        waiting: Callers of this process that wait for a lease.
        limit: Jobs that the account lets run at once; None before a refusal has shown it.
        ceiling: The most leases that the pool ever hands out at once.
        refusals: Submissions that HeyGen refused because too many jobs ran, summed up.
        held_seconds: Seconds that leases were held, summed up.
        limit_seconds: Seconds that they could have been held, summed up.
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
        """Whether the pool has taken the lease back, such as after its time ran out unrenewed.

        Checked before each POST. The holder keeps waiting for a job that was accepted, and
        submits nothing under this lease. Once lost, a lease stays lost until ``refused`` has
        given it another slot.
        """
        ...

    def accepted(self) -> None:
        """Note that HeyGen has accepted the job. Never raises; further calls do nothing."""
        ...

    def release(self) -> None:
        """Give the slot back. Never raises; further calls do nothing.

        A pool that lives elsewhere is told in the background.
        """
        ...

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after HeyGen refused the submission because too many jobs run.

        The limit shrinks to the jobs that run, submissions pause (see ``SlotPool``), and the slot
        is given back. The caller then waits before all new callers of its priority; on return
        the lease holds a slot again. At the end of a pause it may be the probe.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most, all in all.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer. The
                lease holds nothing.
        """
        ...


class SlotPool(Protocol):
    """Hands out leases, never more at a time than the account runs jobs.

    **Order.** First in, first out within a priority; interactive callers go before bulk ones, and
    refused callers before new ones of their priority. Bulk callers get a lease only while the
    leases held are fewer than the limit less the pool's ``reserve``.

    **Limit.** A refusal shrinks the limit to the jobs that run. While all slots are taken and
    somebody waits, it grows by one from time to time, up to the ceiling.

    **Pause.** A refusal closes the gate for ``retry_after`` seconds, at most ten minutes. At the
    end of a pause one caller passes as a probe, and the others wait for the answer to it: one
    answer never disables a client for longer. Callers wait for their patience at most; one whose
    patience is shorter than what is left of the pause is refused at once.

    **Cancellation.** A caller that is cancelled while it waits leaves nothing behind.

    Calls work on the running event loop. ``try_acquire``, ``closed`` and ``stats`` do no I/O.

    Implementations derive from this class, which answers ``limit``, ``held`` and the like from
    ``stats``.
    """

    @property
    def ceiling(self) -> int:
        """The most leases that are ever held at once."""
        return self.stats().ceiling

    @property
    def limit(self) -> int:
        """Jobs that may run at once at present; the ceiling before it is learned."""
        stats = self.stats()
        return stats.ceiling if stats.limit is None else stats.limit

    @property
    def held(self) -> int:
        """Leases that are held now."""
        return self.stats().held

    @property
    def running(self) -> int:
        """Leases whose job HeyGen has accepted."""
        return self.stats().running

    @property
    def waiting(self) -> int:
        """Callers of this process that wait."""
        return self.stats().waiting

    @property
    def refusals(self) -> int:
        """Submissions that HeyGen refused because too many jobs ran, summed up."""
        return self.stats().refusals

    @property
    def closed(self) -> bool:
        """Whether submissions are paused now, or wait for the answer to a probe.

        The session asks before each submission without a lease, and calls ``wait_open`` only
        where this is true. A pool that is shared with other processes may learn late.
        """
        ...

    def try_acquire(self) -> SlotLease | None:
        """Return a bulk lease if one can be had without waiting. May always return None."""
        ...

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> SlotLease:
        """Wait for a lease.

        Args:
            priority: ``bulk`` (default), or ``interactive``.
            patience: Seconds to wait at most.

        Returns:
            The lease.

        Raises:
            RateLimited: There was none within ``patience``.
            SlotUnavailable: The pool was closed meanwhile.
        """
        ...

    async def refused_without_lease(self, retry_after: float, patience: float) -> SlotLease:
        """Wait after an interactive submission that held no lease was refused.

        Submissions pause as after ``SlotLease.refused``; the limit stays where no lease is running,
        since the refusal then says nothing about this pool. The caller waits before all others.
        One caller at a time is sent again: release the lease when it is answered.

        Args:
            retry_after: Seconds that the answer asked to wait; the caller waits them in full.
            patience: Seconds to wait at most, all in all.

        Returns:
            The lease to send the submission under again. Its job is not counted: call
            ``accepted`` and ``release`` with the answer.

        Raises:
            RateLimited: There was none within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed meanwhile.
        """
        ...

    async def wait_open(self, patience: float) -> SlotLease:
        """Wait until submissions are not paused any more.

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
        """Return the figures of the moment. May be called in any thread.

        Returns:
            The figures.
        """
        ...

    async def aclose(self) -> None:
        """Send what is still to be sent, and free all resources.

        Callers that wait get ``SlotUnavailable``. Call it when no client uses the pool any more.
        """
        ...


# The lease that the calls of this task submit under; None outside a bulk run.
submitting_lease: ContextVar[SlotLease | None] = ContextVar(
    "heygen_async_submitting_lease", default=None
)

# Set when the run of this task submits nothing more: its submissions stop waiting.
submissions_stopped: ContextVar[asyncio.Event | None] = ContextVar(
    "heygen_async_submissions_stopped", default=None
)


@contextmanager
def submitting_under(lease: SlotLease, stopped: asyncio.Event | None = None) -> Iterator[None]:
    """Submit the calls of a block under a lease. Context manager.

    They are calls of a bulk run: they leave the reserve of the request limiter to others, and a
    submission that is refused queues again through the lease, for as long as it takes.

    Args:
        lease: Held by the caller, who also calls ``accepted`` and ``release``.
        stopped: Set when nothing more is submitted; a call that waits to be sent then raises
            ``SlotUnavailable``.
    """
    token, outer = submitting_lease.set(lease), submissions_stopped.set(stopped)
    try:
        yield
    finally:
        submitting_lease.reset(token)
        submissions_stopped.reset(outer)
