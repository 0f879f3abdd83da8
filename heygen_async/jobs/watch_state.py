"""The state of one watched job. Pure decisions; the time is an argument.

A job is polled together with the others of its kind while it is ``RUNNING``. In the other phases
its detail is requested singly, at growing intervals. Whatever the API answers, in whatever order,
the detail of a job is requested at most once a second.
"""

from __future__ import annotations

import math
from enum import Enum

MIN_INTERVAL = 1.0
"""The fewest seconds between two requests for the detail of one job."""

# Requests for a detail that lags behind: at once, then after 1, 2, 4 and 8 s.
_TRIES = 5
_LONGEST_INTERVAL = 60.0
# Seconds. A missing job usually has one minute to appear, and a longer wait would use up too much
# of it.
_LONGEST_WHILE_MISSING = 15.0
_LONGEST_WHILE_UNLISTED = 20.0
# The most doublings of an interval, which is capped long before.
_MOST_DOUBLINGS = 10


class Phase(Enum):
    """The phase of a watched job."""

    RUNNING = "not known to have ended"
    NOTIFIED = "a notification says that it may have ended"
    REPORTED = "the list of statuses says that it has ended, its detail does not yet"
    INCOMPLETE = "it has ended, and its result is not complete yet"
    MISSING = "the API does not find it"


class WatchState:
    """The phase of a watched job, and the time of the next request for its detail.

    Attributes:
        phase: The phase.
        detail_due: Time at which to request the detail, or infinity.
        requested_at: Time of the last request for the detail.
        requesting: Whether a request for the detail is in flight.
    """

    __slots__ = (
        "_attempts",
        "_end_known",
        "_missing_since",
        "_omissions",
        "_warn_from_age",
        "detail_due",
        "phase",
        "requested_at",
        "requesting",
    )

    def __init__(self) -> None:
        self.phase: Phase = Phase.RUNNING
        self.detail_due: float = math.inf
        self.requested_at: float = -math.inf
        self.requesting: bool = False
        self._attempts = 0
        self._omissions = 0
        self._missing_since = math.inf
        self._warn_from_age = 0.0
        self._end_known = False

    @property
    def awaits_detail(self) -> bool:
        """Whether the detail is being requested, or will be."""
        return self.requesting or self.detail_due < math.inf

    def until_request(self, now: float) -> float:
        """Return the seconds until the detail may be requested; 0 if it may be requested now.

        Args:
            now: The time.
        """
        if self.requesting or self.detail_due < math.inf:
            return MIN_INTERVAL  # it is being requested
        return max(0.0, self.requested_at + MIN_INTERVAL - now)

    def request_detail(self, now: float) -> None:
        """Request the detail as soon as the interval allows, unless the phase sets the time.

        Args:
            now: The time.
        """
        if self.phase in (Phase.RUNNING, Phase.NOTIFIED):
            self._request_at(now)

    def notified(self, now: float) -> None:
        """Record a notification that the job may have ended.

        Args:
            now: The time.
        """
        if self.phase in (Phase.RUNNING, Phase.MISSING):
            self._enter(Phase.NOTIFIED)
            self._request_at(now)

    def reported(self, now: float) -> bool:
        """Record that the list of statuses reports the end of the job.

        Args:
            now: The time.

        Returns:
            Whether this is new; each job counts once.
        """
        if self.phase in (Phase.REPORTED, Phase.INCOMPLETE):
            return False
        self._enter(Phase.REPORTED)
        self._request_at(now)
        return True

    def listed(self) -> None:
        """Record that the list of statuses reports the job as running."""
        self._omissions = 0

    def unlisted(self, now: float) -> None:
        """Record a list that omits the job or does not know it, and request the detail instead.

        Args:
            now: The time.
        """
        wait = 0.0 if self._omissions == 0 else _doubled(self._omissions, _LONGEST_WHILE_UNLISTED)
        self._omissions += 1
        self._request_at(now + wait)

    def requested(self, now: float) -> None:
        """Record that the detail is being requested.

        Args:
            now: The time.
        """
        self.requesting = True
        self.requested_at = now
        self.detail_due = math.inf

    def running(self, now: float) -> None:
        """Record a detail of a running job.

        Args:
            now: The time.
        """
        self.requesting = False
        if self.phase is Phase.MISSING:
            self._enter(Phase.RUNNING)
        self._retry(now, 0.0)

    def request_failed(self, now: float, retry_after: float) -> None:
        """Record that a request for the detail failed for a reason that is not about the job.

        Args:
            now: The time.
            retry_after: The fewest seconds to wait.
        """
        self.requesting = False
        self._retry(now, retry_after)

    def incomplete(self, now: float) -> bool:
        """Record a detail of a job that has ended, whose result is not complete.

        Args:
            now: The time.

        Returns:
            Whether to accept it as it is, because it was requested often enough.
        """
        self.requesting = False
        if self.phase is not Phase.INCOMPLETE:
            # A job whose status goes back and forth keeps its number of attempts.
            attempts = self._attempts if self.phase is Phase.REPORTED else 0
            self._enter(Phase.INCOMPLETE)
            self._attempts = min(attempts, _TRIES - 2)
        self._attempts += 1
        if self._attempts >= _TRIES:
            return True
        self._request_at(now + _doubled(self._attempts, _LONGEST_INTERVAL))
        return False

    def missing(self, now: float, patience: float) -> bool:
        """Record an answer that the job was not found.

        Args:
            now: The time.
            patience: Seconds for which the job may be missing.

        Returns:
            Whether to give up.
        """
        self.requesting = False
        if self.phase is not Phase.MISSING:
            self._enter(Phase.MISSING)
            self._missing_since = now
        left = self._missing_since + patience - now
        if left <= 0:
            return True
        self._attempts += 1
        self._request_at(now + min(_doubled(self._attempts, _LONGEST_WHILE_MISSING), left))
        return False

    def end_is_news(self) -> bool:
        """Return whether the end of the job was not known before; True once."""
        known, self._end_known = self._end_known, True
        return not known

    def worth_a_warning(self, age: float) -> bool:
        """Return whether to warn about an unknown status: at first, and when the age has doubled.

        Args:
            age: Age of the job in seconds.
        """
        if age < self._warn_from_age:
            return False
        self._warn_from_age = max(2 * age, MIN_INTERVAL)
        return True

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._attempts = 0

    def _retry(self, now: float, at_least: float) -> None:
        """Request the detail again after a growing interval, if the phase needs it."""
        if self.phase is Phase.RUNNING:
            return
        self._attempts += 1
        if self.phase is Phase.NOTIFIED and self._attempts >= _TRIES:
            self._enter(Phase.RUNNING)
            return
        wait = _doubled(self._attempts, _LONGEST_INTERVAL)
        self._request_at(now + max(wait, at_least))

    def _request_at(self, when: float) -> None:
        if self.requesting:
            return  # the answer decides, depending on the phase
        self.detail_due = min(self.detail_due, max(when, self.requested_at + MIN_INTERVAL))


def _doubled(attempts: int, longest: float) -> float:
    """Return 1, 2, 4, 8 … s for 1, 2, 3, 4 … attempts, up to ``longest``."""
    return min(2.0 ** (min(attempts, _MOST_DOUBLINGS) - 1), longest)
