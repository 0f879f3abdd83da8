"""Leases of interactive submissions, which end with their jobs (``HeyGen(slots_for="all")``)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from heygen_async.session.slots import SlotLease, SlotPool

# Seconds after which a job has probably ended. The program may never wait for it.
_LONGEST = 3600.0


class JobLeases:
    """Releases each lease when all its jobs have ended, or after 60 minutes."""

    def __init__(self) -> None:
        self._leases: dict[str, tuple[SlotLease, set[str], asyncio.TimerHandle]] = {}

    def hold(self, lease: SlotLease, job_ids: Sequence[str]) -> None:
        """Keep a lease until its jobs have ended.

        Args:
            lease: A lease whose job was accepted.
            job_ids: The jobs that one submission has created.
        """
        if not job_ids:
            lease.release()
            return
        running = set(job_ids)
        timer = asyncio.get_running_loop().call_later(_LONGEST, self._expire, lease, running)
        for job_id in job_ids:
            self._leases[job_id] = (lease, running, timer)

    def ended(self, job_id: str) -> None:
        """Note the end of a job; ignore a job that holds no lease."""
        entry = self._leases.pop(job_id, None)
        if entry is not None:
            lease, running, timer = entry
            running.discard(job_id)
            if not running:
                timer.cancel()
                lease.release()

    def _expire(self, lease: SlotLease, running: set[str]) -> None:
        for job_id in running:
            self._leases.pop(job_id, None)
        lease.release()


class InteractiveLease:
    """The lease of one interactive submission, which takes a slot only if required.

    Args:
        pool: The slot pool.
        leases: Holds a counted slot until the job has ended.
        counted: Whether the submission takes a slot, as in a bulk run.
    """

    __slots__ = ("_counted", "_lease", "_leases", "_pool")

    def __init__(self, pool: SlotPool, leases: JobLeases, *, counted: bool) -> None:
        self._pool = pool
        self._leases = leases
        self._counted = counted
        self._lease: SlotLease | None = None

    async def begin(self, patience: float) -> None:
        """Wait until the submission may be sent.

        Args:
            patience: Seconds to wait at most.

        Raises:
            RateLimited: The wait would be longer than ``patience``.
            SlotUnavailable: The pool was closed.
        """
        if self._counted:
            self._lease = await self._pool.acquire("interactive", patience)
        elif self._pool.closed:
            self._lease = await self._pool.wait_open(patience)

    @property
    def lost(self) -> bool:
        """Whether its slot is lost, which forbids sending anything under it."""
        return self._lease is not None and self._lease.lost

    async def refused(self, retry_after: float, patience: float) -> None:
        """Wait after the submission was refused; see ``SlotLease``."""
        if self._lease is None:
            self._lease = await self._pool.refused_without_lease(retry_after, patience)
        else:
            await self._lease.refused(retry_after, patience)

    def settle(self, job_ids: Sequence[str]) -> None:
        """Note the end of the call.

        Args:
            job_ids: The jobs that it has created; empty if it failed.
        """
        lease, self._lease = self._lease, None
        if lease is None:
            return
        if job_ids:
            lease.accepted()
        if job_ids and self._counted:
            self._leases.hold(lease, job_ids)
        else:
            lease.release()
