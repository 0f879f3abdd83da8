"""Whether webhooks tell of the ends of jobs: arithmetic only, no I/O.

Nobody can know beforehand whether deliveries reach this process: an endpoint may be registered
and unreachable, or never registered at all. What counts is what happens. Each job whose end was
announced before a look found it speaks for the deliveries of its kind, each that a look found
first speaks against them. The share of the former, with the past fading, decides. A delivery
weighs twice what a miss does, because while looks are frequent many of them win the race; so
deliveries are relied on again as soon as they bring a third of the news.
"""

from __future__ import annotations

SWEEP = 60.0
"""Seconds between two looks at jobs whose ends are announced; the safety net under deliveries."""

_RELIED_ON = 0.5
_WEIGHT_OF_NEWS = 1 / 4
_WEIGHT_OF_A_MISS = 1 / 8


class Deliveries:
    """What is known about the deliveries of each kind of job."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}

    def relied_on(self, kind: str) -> bool:
        """Whether deliveries bring most of the news about jobs of this kind."""
        return self._shares.get(kind, 0.0) >= _RELIED_ON

    def expect(self, kind: str) -> None:
        """An endpoint is registered for this kind; believe in it until it fails."""
        self._shares[kind] = 1.0

    def announced(self, kind: str) -> None:
        """A delivery told of an end that no look had found."""
        share = self._shares.get(kind, 0.0)
        self._shares[kind] = share + (1.0 - share) * _WEIGHT_OF_NEWS

    def missed(self, kind: str) -> None:
        """A look found an end that no delivery had told of."""
        share = self._shares.get(kind)
        if share is not None:
            self._shares[kind] = share - share * _WEIGHT_OF_A_MISS

    def forget(self) -> None:
        """Deliveries come no more."""
        self._shares.clear()
