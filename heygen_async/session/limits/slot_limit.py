"""The limit of jobs that run at once: the arithmetic of every slot pool.

An account may run a certain number of jobs at once (10 on pay-as-you-go, more by contract); further
jobs are refused with 429. The API does not report the number, so it is learned:

- A submission takes a slot before it is sent and gives it back when its job has ended.
- A 429 lowers the limit to the number of running jobs, which is what the account allows at that
  moment, and closes the gate for as long as ``Retry-After`` says. The refused submission gives its
  slot back, moves to the head of the queue, and is sent again under the same Idempotency-Key when
  a running job has ended.
- After each minute in which all slots were taken and a caller waited, the limit grows by one, up
  to the ceiling, in case the account allows more again. From the second accepted growth in a row
  on, the time until the next one is halved.
- Requests that come too fast get the same 429. If far more jobs ran recently than now, the first
  429 is treated as request limiting and only closes the gate; the next one lowers the limit.

A limit of 10 under a ceiling of 50 therefore costs one burst of refusals and one probe a minute;
workers that each sleep for their own ``Retry-After`` are refused a hundred times for each job.

Interactive submissions take no slot by default. They queue only after a refusal, before all bulk
submissions, and the next job that ends makes room for them. They are sent again one at a time. As
their jobs are not counted here, their refusal does not change the limit while no counted job runs.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from heygen_async.errors import ConfigurationError
from heygen_async.session.limits.gate import Gate

# Most halvings of the time between two growths: down to 1/32.
_HALVINGS = 5
# A few jobs may have ended at HeyGen and still count as running here.
_CLEARLY = 0.9


class Lane(IntEnum):
    """The position of a submission in the queue; lower numbers go first."""

    UNCOUNTED = 0  # refused without a lease
    INTERACTIVE_REFUSED = 1
    INTERACTIVE = 2
    BULK_REFUSED = 3
    BULK = 4


_UNCOUNTED = Lane.UNCOUNTED  # read for each job


class Grant(msgspec.Struct, eq=False):
    """The state of one lease, which ``SlotLimit`` keeps.

    Attributes:
        lane: The lane in which it waits; a refusal changes it. None for a lease that only passes
            the gate.
        held: Whether it holds a slot.
        running: Whether its job has been accepted.
        probe: Whether it is the probe that ends a pause.
    """

    lane: Lane | None
    held: bool = False
    running: bool = False
    probe: bool = False


class SlotLimit:
    """Decides which caller gets a slot. Pure: takes ``now``, in seconds of a steady clock.

    Args:
        ceiling: The most slots at once.
        start: The limit to start with. Default: the ceiling.
        probe_every: Seconds between two attempts to grow by one.
        reserve: Slots that bulk submissions leave to interactive ones.

    Attributes:
        limit: Slots that may be held now.
        learned: Whether ``limit`` was measured or given, rather than assumed.
        held: Slots that are held.
        running: Slots whose job HeyGen has accepted.
        refusals: Total number of refusals.
        gate: Pauses all submissions after a refusal.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        ceiling: int,
        *,
        start: int | None = None,
        probe_every: float = 60.0,
        reserve: int = 0,
    ) -> None:
        if ceiling < 1:
            raise ConfigurationError(f"jobs: expected a ceiling >= 1, got {ceiling!r}")
        if not probe_every > 0:
            raise ConfigurationError(f"jobs: expected probe_every > 0, got {probe_every!r}")
        if not 0 <= reserve < ceiling:
            raise ConfigurationError(
                f"jobs: expected a reserve from 0 to {ceiling - 1}, less than the ceiling, "
                f"got {reserve!r}"
            )
        self.ceiling = ceiling
        self.probe_every = probe_every
        self.reserve = reserve
        self.limit: int = ceiling if start is None else max(1, min(start, ceiling))
        self.learned: bool = start is not None
        self.refusals: int = 0
        # Minus the start time of each slot that is held.
        self._held_seconds = 0.0
        self._limit_seconds = 0.0  # until the last change of the limit
        self._limited_at = 0.0
        self.held: int = 0
        self.running: int = 0
        self.gate: Gate = Gate()
        self.restart(0.0, 0.0)

    def restart(self, before: float, now: float) -> None:
        """Forget all grants, on another clock; the limit and the sums stay.

        Args:
            before: The present on the clock used so far.
            now: The present on the clock to use from now on.
        """
        self._held_seconds, self._limit_seconds = self.usage(before)
        self.held = self.running = 0
        self.gate = Gate()
        self._proven = 0  # the most jobs that ran at once since the limit was last measured
        self._doubted = False  # whether the last answer was a refusal that contradicts this number
        self._growing = False  # whether the last growth has not been tested by an answer yet
        self._growths_accepted = 0  # in a row
        self._retrying = False  # whether an uncounted submission is being sent again
        self._changed_at = self._limited_at = now

    def usage(self, now: float) -> tuple[float, float]:
        """Return the total seconds for which slots were held, and for which they were available."""
        open_seconds = (now - self._limited_at) * self.limit
        return self._held_seconds + now * self.held, self._limit_seconds + open_seconds

    def take_free(self, now: float) -> bool:
        """Take a slot for a new grant if there is one for any caller, as there nearly always is.

        Returns:
            Whether it was taken; the caller notes it in the grant.
        """
        if self.gate.shut or self.held >= self.limit - self.reserve:
            return False
        self.held += 1
        self._held_seconds -= now
        return True

    def take(self, grant: Grant, now: float) -> float | None:
        """Take a slot for the caller at the head of the queue.

        Returns:
            0 if it was taken; else the seconds after which to ask again, or None if only a release
            or an answer can help.
        """
        gate, lane = self.gate, grant.lane
        if gate.shut and (wait := gate.wait(now)) > 0:
            return wait
        if lane is None:
            grant.held, grant.probe = True, gate.enter(now)
            return 0.0
        if lane is _UNCOUNTED and self._retrying:
            return None
        reserve = self.reserve if self.reserve and lane >= Lane.BULK_REFUSED else 0
        if self.held >= self.limit - reserve:
            if self.limit >= self.ceiling:
                return None
            until_growth = self._changed_at + self._pace() - now
            if until_growth > 0:
                return until_growth
            self._set_limit(self.limit + 1, now)
            self._growing = True
            if self.held >= self.limit - reserve:
                return self._pace()
        self.held += 1
        self._held_seconds -= now
        if lane is _UNCOUNTED:
            self._retrying = True
        grant.held = True
        if gate.shut:
            grant.probe = gate.enter(now)
        return 0.0

    def accepted(self, grant: Grant, now: float) -> bool:
        """Note that HeyGen has accepted the job of a grant.

        Returns:
            Whether a caller that waits may get a slot now, or sooner than before.
        """
        if grant.running or not grant.held:
            return False
        changed = grant.probe
        if changed:
            grant.probe = False
            self.gate.answered(now)
        if not grant.lane:  # None or UNCOUNTED
            return changed
        grant.running = True
        self.running = running = self.running + 1
        if running > self._proven:
            self._proven = running
        self._doubted = False
        # It was sent before the last refusal arrived, so the limit was measured without it.
        if running > self.limit:
            self._set_limit(running, now)
            changed = True
        if self._growing and running >= self.limit - self.reserve:
            self._growing = False
            self._growths_accepted += 1
            changed = True
        return changed

    def refused(self, grant: Grant, retry_after: float, now: float) -> None:
        """Note that the submission of a grant was refused, and take its slot back.

        The grant may also be one that never held a slot: that of a submission without a lease.
        """
        counted = grant.lane is not None and grant.lane is not Lane.UNCOUNTED
        self.refusals += 1
        self._growing = False
        # During a pause, it answers a request that was sent before.
        late = self.gate.paused(now) and not grant.probe
        self._doubted = self.running < _CLEARLY * self._proven and (late or not self._doubted)
        if (counted or self.running) and not self._doubted:
            self._set_limit(max(1, self.running), now)
            self.learned = True
            self._proven, self._growths_accepted = self.running, 0
        self.released(grant, now)
        self.gate.close(now, retry_after)
        if not counted:
            grant.lane = Lane.UNCOUNTED
        elif grant.lane is Lane.INTERACTIVE:
            grant.lane = Lane.INTERACTIVE_REFUSED
        elif grant.lane is Lane.BULK:
            grant.lane = Lane.BULK_REFUSED

    def released(self, grant: Grant, now: float) -> None:
        """Take the slot of a grant back, if it holds one."""
        if not grant.held:
            return
        if grant.probe:
            grant.probe = False
            self.gate.retry()
        if grant.lane is not None:
            self.held -= 1
            self._held_seconds += now
            if grant.lane is _UNCOUNTED:
                self._retrying = False
        self.running -= grant.running
        grant.held = grant.running = False

    def _pace(self) -> float:
        """Return the seconds from a change of the limit to the next growth."""
        # A single growth may have been accepted because a job had just ended at HeyGen.
        halvings = min(max(0, self._growths_accepted - 1), _HALVINGS)
        return self.probe_every * 0.5**halvings

    def _set_limit(self, limit: int, now: float) -> None:
        self._limit_seconds += (now - self._limited_at) * self.limit
        self.limit = limit
        self._changed_at = self._limited_at = now
