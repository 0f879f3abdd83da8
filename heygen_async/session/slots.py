"""Job slots: how many jobs run at HeyGen at the same time.

An account may run a number of jobs at once (10 on pay-as-you-go, more by contract); one more is
refused with 429. The number is not told, so it is learned:

- A slot is taken before a job is submitted and given back when the job has ended.
- A refusal shrinks the limit to the jobs that are running, which is what the account allows
  right now, and closes the gate for as long as ``Retry-After`` says. The refused submission
  gives its slot back, stands at the head of the queue, and is sent again under the same
  Idempotency-Key once a running job has ended.
- Each minute in which all slots were taken and somebody waited, the limit grows by one towards
  the ceiling, in case the account allows more again. From the second such probe that is accepted
  in a row on, the next one comes in half the time.
- Requests that come too fast are refused with the same words. Where clearly more jobs have run at
  once than do now, a refusal closes the gate alone; the one that follows it shrinks the limit.

So a limit of 10 under a ceiling of 50 costs one burst of refusals and one probe a minute, where
workers that each sleep their own ``Retry-After`` are refused a hundred times for each job.

Submissions outside a bulk run take no slot. Only after a refusal do they stand in the queue,
before all bulk submissions, so that the next job that ends makes room for them. They are sent
again one at a time, so that one refusal is one pause for all of them; and since their jobs are
not counted here, their refusal says nothing about the limit while no job of a bulk run is
running.
"""

from __future__ import annotations

import asyncio
import math
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

from heygen_async.errors import ConfigurationError
from heygen_async.session.limits import check_patience
from heygen_async.session.waiting import Queue

_INTERACTIVE, _REFUSED, _NEW = 0, 1, 2
# Down to a thirty-second of the time between two probes.
_HALVINGS = 5
# Jobs that have ended at HeyGen and count as running here make a difference of some.
_CLEARLY = 0.9
# A submission is on its way, its job runs at HeyGen, or the slot was given back.
_State: TypeAlias = Literal["held", "running", "free"]


class Slot:
    """The right to have one job running; made by ``JobSlots.acquire``."""

    __slots__ = ("_interactive", "_loop", "_slots", "_state")

    def __init__(self, slots: JobSlots, *, interactive: bool = False) -> None:
        self._slots = slots
        self._interactive = interactive
        self._loop = slots._loop
        self._state: _State = "held"

    def accepted(self) -> None:
        """The submission was accepted: the job counts as running."""
        if self._state == "held":
            self._state = "running"
            if self._loop is self._slots._loop:
                self._slots._accepted()

    async def refused(self, seconds: float, *, patience: float = math.inf) -> None:
        """The submission was refused for the concurrency limit: queue again, at the head.

        Args:
            seconds: How long the API asked to wait.
            patience: The longest such wait that the caller allows.

        Raises:
            RateLimited: ``seconds`` is longer than ``patience``.
        """
        self._slots.bind(asyncio.get_running_loop())
        # In this order: a slot given back first would send the next one into the same refusal.
        self._slots._refused(seconds, counted=not self._interactive)
        self.release()
        lane = _INTERACTIVE if self._interactive else _REFUSED
        await self._slots._queue_up(lane, patience)
        self._loop = self._slots._loop
        self._state = "held"

    def release(self) -> None:
        """Give the slot back; further calls do nothing."""
        if self._state != "free":
            running = self._state == "running"
            self._state = "free"
            # On another event loop all slots started anew.
            if self._loop is self._slots._loop:
                self._slots._released(running=running, interactive=self._interactive)

    def bulk(self) -> _Bulk:
        """Mark the calls inside, ``with slot.bulk():``, as those of a bulk run that holds it."""
        return _Bulk(self)


class _Bulk:
    __slots__ = ("_slot", "_token")

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def __enter__(self) -> None:
        self._token = current_slot.set(self._slot)

    def __exit__(self, *exception: object) -> None:
        current_slot.reset(self._token)


# The slot that the calls of this task submit under; None outside a bulk run.
current_slot: ContextVar[Slot | None] = ContextVar("heygen_async_slot", default=None)


class JobSlots:
    """Adapts the number of running jobs to what the account allows.

    Share one among clients of one event loop that use the same account.

    Args:
        ceiling: Jobs that may run at once at most, however many the account allows.
            Default 50.
        start: The limit to start with. Default: the ceiling.
        probe_every: Seconds between attempts to grow by one. Default 60.

    Attributes:
        limit: Jobs that may run at once at present.
        held: Slots that are held now.
        running: Those of them whose job HeyGen has accepted.
        refusals: Submissions that HeyGen has refused as too many ran, summed up.
    """

    def __init__(
        self, ceiling: int = 50, *, start: int | None = None, probe_every: float = 60.0
    ) -> None:
        if ceiling < 1:
            raise ConfigurationError(f"jobs: expected a ceiling >= 1, got {ceiling!r}")
        if not probe_every > 0:
            raise ConfigurationError(f"jobs: expected probe_every > 0, got {probe_every!r}")
        self.ceiling = ceiling
        self.probe_every = probe_every
        self.limit: int = ceiling if start is None else max(1, min(start, ceiling))
        self.held: int = 0
        self.running: int = 0
        self.refusals: int = 0
        self._proven = 0  # how many have run at once since the limit was last measured
        self._doubted = False  # whether the last answer was a refusal that this speaks against
        self._probing = False  # whether the last growth has not been answered yet
        self._probes_accepted = 0  # one after the other
        self._retrying = False  # whether an interactive submission is being sent again
        self._changed_at = 0.0
        self._closed_until = 0.0
        self._queue = Queue(3, self._grant)
        self._loop: asyncio.AbstractEventLoop | None = None
        # Of a slot that is held, the time of its beginning has been taken off.
        self._held_seconds = 0.0
        self._limit_seconds = 0.0  # up to the last change of the limit
        self._limited_at = 0.0

    def __repr__(self) -> str:
        return (
            f"JobSlots(ceiling={self.ceiling}, limit={self.limit}, held={self.held}, "
            f"running={self.running})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _slots, (self.ceiling, self.limit, self.probe_every)

    @property
    def waiting(self) -> int:
        """How many submissions wait for a slot."""
        return self._queue.waiting

    @property
    def closed(self) -> bool:
        """Whether a refusal holds all submissions back at present."""
        if self._closed_until and self._loop and self._loop.time() >= self._closed_until:
            self._closed_until = 0.0
        return bool(self._closed_until)

    def usage(self) -> tuple[float, float]:
        """Seconds that slots were held, and that they could have been, both summed up."""
        if self._loop is None:
            return self._held_seconds, self._limit_seconds
        now = self._loop.time()
        open_seconds = (now - self._limited_at) * self.limit
        return self._held_seconds + now * self.held, self._limit_seconds + open_seconds

    def acquire_nowait(self) -> Slot | None:
        """A slot that is free, if there is one and nobody waits."""
        loop = asyncio.get_running_loop()
        self.bind(loop)
        if self._queue.waiting or self._grant(_NEW, loop.time()) != 0.0:
            return None
        return Slot(self)

    async def acquire(self) -> Slot:
        """Wait for a slot, first in, first out.

        Returns:
            The slot; ``release`` gives it back.
        """
        await self._queue_up(_NEW, math.inf)
        return Slot(self)

    async def acquire_after_refusal(self, seconds: float, *, patience: float) -> Slot:
        """A slot for a refused submission that held none: before those of bulk runs.

        Args:
            seconds: How long the API asked to wait.
            patience: The longest such wait that the caller allows.

        Raises:
            RateLimited: ``seconds`` is longer than ``patience``.
        """
        self.bind(asyncio.get_running_loop())
        self._refused(seconds, counted=False)
        await self._queue_up(_INTERACTIVE, patience)
        return Slot(self, interactive=True)

    async def opened(self, *, patience: float) -> None:
        """Wait until no refusal holds submissions back.

        Args:
            patience: Seconds that may be left to wait at most.

        Raises:
            RateLimited: That lasts longer than ``patience`` seconds.
        """
        while self.closed:
            assert self._loop is not None
            hold = self._closed_until - self._loop.time()
            check_patience(hold, patience)
            await asyncio.sleep(hold)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on this event loop from now on; those who waited on another one are gone.

        Args:
            loop: The loop that runs now.
        """
        if loop is not self._loop:
            self._held_seconds, self._limit_seconds = self.usage()
            self._loop = loop
            self.held = self.running = self._proven = 0
            self._probing = self._doubted = False
            self._probes_accepted = 0
            self._retrying = False
            self._closed_until = 0.0
            self._changed_at = self._limited_at = loop.time()
            self._queue.forget()

    async def _queue_up(self, lane: int, patience: float) -> None:
        loop = asyncio.get_running_loop()
        self.bind(loop)
        check_patience(self._closed_until - loop.time(), patience)
        if self._queue.waiting or self._grant(lane, loop.time()) != 0.0:
            interactive = lane == _INTERACTIVE
            await self._queue.wait(
                lane,
                give_back=lambda: self._released(running=False, interactive=interactive),
            )

    def _grant(self, lane: int, now: float) -> float | None:
        if now < self._closed_until:
            return self._closed_until - now
        if lane == _INTERACTIVE and self._retrying:
            return None
        if self.held >= self.limit:
            if self.limit >= self.ceiling:
                return None
            until_probe = self._changed_at + self._pace() - now
            if until_probe > 0:
                return until_probe
            self._set_limit(self.limit + 1)
            self._probing = True
            if self.held >= self.limit:
                return self._pace()
        self.held += 1
        self._held_seconds -= now
        self._retrying |= lane == _INTERACTIVE
        return 0.0

    def _pace(self) -> float:
        """Seconds from a change of the limit to the next probe."""
        # One alone may have been accepted because a job had just ended at HeyGen.
        halvings = min(max(0, self._probes_accepted - 1), _HALVINGS)
        return self.probe_every * 0.5**halvings

    def _accepted(self) -> None:
        self.running += 1
        self._proven = max(self._proven, self.running)
        self._doubted = False
        # Sent before the last refusal came in, so the limit was measured without it.
        if self.running > self.limit:
            self._set_limit(self.running)
        if self._probing and self.running >= self.limit:
            self._probing = False
            self._probes_accepted += 1
            self._wake()  # the next one may come sooner

    def _refused(self, seconds: float, *, counted: bool) -> None:
        assert self._loop is not None
        self.refusals += 1
        self._probing = False
        # While the gate is closed, it is an answer to what was sent before.
        self._doubted = self.running < _CLEARLY * self._proven and (
            self.closed or not self._doubted
        )
        if (counted or self.running) and not self._doubted:
            self._set_limit(max(1, self.running))
            self._proven, self._probes_accepted = self.running, 0
        self._closed_until = max(self._closed_until, self._loop.time() + seconds)

    def _released(self, *, running: bool, interactive: bool) -> None:
        assert self._loop is not None
        self.held -= 1
        self._held_seconds += self._loop.time()
        self.running -= running
        if interactive:
            self._retrying = False
        self._wake()

    def _wake(self) -> None:
        if self._queue.waiting:
            assert self._loop is not None
            self._queue.wake(self._loop)

    def _set_limit(self, limit: int) -> None:
        assert self._loop is not None
        now = self._loop.time()
        self._limit_seconds += (now - self._limited_at) * self.limit
        self.limit = limit
        self._changed_at = self._limited_at = now


def _slots(ceiling: int, start: int, probe_every: float) -> JobSlots:
    return JobSlots(ceiling, start=start, probe_every=probe_every)
