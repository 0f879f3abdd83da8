"""What deliveries say about jobs, and the memory of those that nobody waited for yet."""

from __future__ import annotations

import hmac
from collections import OrderedDict

import msgspec

# A hint that is forgotten costs a later waiter some seconds, no more.
_KEPT = 10_000


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
        return hmac.compare_digest((self.callback_id or "").encode(), callback_id.encode())


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
