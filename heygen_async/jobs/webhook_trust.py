"""Decide whether webhook deliveries can be relied on for a kind of job. No I/O.

It cannot be known beforehand whether deliveries reach this process: an endpoint may be registered
but unreachable, or not registered at all. Therefore each ended job counts: for the deliveries of
its kind if its end was notified before a poll found it, against them otherwise. The weighted share
of notified ends decides; older jobs count less. A notification has twice the weight of a miss,
because frequent polls often find an end first, so deliveries are relied on again as soon as a third
of the ends are notified first.
"""

from __future__ import annotations

SAFETY_POLL = 60.0
"""Seconds between two polls of jobs whose ends are notified, as a safety net."""

_RELIABLE_FROM = 0.5
_WEIGHT_OF_A_NOTIFICATION = 1 / 4
_WEIGHT_OF_A_MISS = 1 / 8


class WebhookTrust:
    """The share of ends that were notified before a poll found them, by kind of job."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}

    def relies_on(self, kind: str) -> bool:
        """Return whether most ends of jobs of this kind are notified.

        Args:
            kind: Kind of the jobs.
        """
        return self._shares.get(kind, 0.0) >= _RELIABLE_FROM

    def expect(self, kind: str) -> None:
        """Rely on deliveries for this kind until they fail, because an endpoint is registered.

        Args:
            kind: Kind of the jobs.
        """
        self._shares[kind] = 1.0

    def notified(self, kind: str) -> None:
        """Record an end that was notified before a poll found it.

        Args:
            kind: Kind of the job.
        """
        share = self._shares.get(kind, 0.0)
        self._shares[kind] = share + (1.0 - share) * _WEIGHT_OF_A_NOTIFICATION

    def missed(self, kind: str) -> None:
        """Record an end that a poll found before any notification.

        Args:
            kind: Kind of the job.
        """
        share = self._shares.get(kind)
        if share is not None:
            self._shares[kind] = share - share * _WEIGHT_OF_A_MISS

    def clear(self) -> None:
        """Forget all records; polls become as frequent as without webhooks."""
        self._shares.clear()
