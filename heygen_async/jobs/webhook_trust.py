"""What deliveries say about jobs, and whether they are to be relied on: no I/O.

Nobody can know beforehand whether deliveries reach this process: an endpoint may be registered
and unreachable, or never registered at all. What counts is what happens. Each job whose end was
announced before a look found it speaks for the deliveries of its kind, each that a look found
first speaks against them. The share of the former, with the past fading, decides. A delivery
weighs twice what a miss does, because while looks are frequent many of them win the race; so
deliveries are relied on again as soon as they bring a third of the news.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import msgspec

SWEEP = 60.0
"""Seconds between two looks at jobs whose ends are announced; the safety net under deliveries."""

_RELIED_ON = 0.5
_WEIGHT_OF_NEWS = 1 / 4
_WEIGHT_OF_A_MISS = 1 / 8
# A hint that is forgotten costs a later waiter some seconds, no more.
_KEPT = 10_000


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


class Hint(msgspec.Struct, frozen=True):
    """Says that a job may have ended.

    Attributes:
        verified: Whether HeyGen signed it.
        callback_id: What it says that the job's request had, or None.
    """

    verified: bool
    callback_id: str | None

    def fits(self, callback_id: str | None) -> bool:
        """Whether to follow it for a job whose request had this ``callback_id``.

        Anybody can send an unsigned one, but nobody else knows the ``callback_id``.
        """
        if self.verified or callback_id is None:
            return True
        # How long this takes says nothing about the id.
        return _digest(self.callback_id or "") == _digest(callback_id)


def _digest(callback_id: str) -> bytes:
    return hashlib.sha256(callback_id.encode(errors="surrogatepass")).digest()


class EarlyHints:
    """Hints about jobs that nobody waits for, the latest 10,000."""

    def __init__(self) -> None:
        self._hints: OrderedDict[tuple[str, str], Hint] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hints)

    def keep(self, kind: str, job_id: str, hint: Hint) -> None:
        """Remember a hint; an unsigned one does not replace a verified one."""
        known = self._hints.pop((kind, job_id), hint)
        self._hints[kind, job_id] = hint if hint.verified else known
        if len(self._hints) > _KEPT:
            self._hints.popitem(last=False)

    def take(self, kind: str, job_id: str) -> Hint | None:
        """The hint about a job that somebody begins to wait for, if there is one."""
        return self._hints.pop((kind, job_id), None)
