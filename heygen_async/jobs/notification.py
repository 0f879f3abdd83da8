"""Notifications that a job may have ended, including those that arrive before any wait."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import msgspec

# A notification that is dropped only delays a later waiter by some seconds.
_CAPACITY = 10_000
LONGEST_ID = 200
"""The most characters of an id from outside; HeyGen's ids are shorter."""
LONGEST_CALLBACK_ID = 1_000
"""The most characters of a ``callback_id`` from outside; callers choose these ids."""


class JobNotification(msgspec.Struct, frozen=True, order=True):
    """A notification that a job may have ended.

    It names the job to poll, but not how the job ended: only the API's answer counts for that.

    Attributes:
        kind: Kind of the job, such as ``video``.
        job_id: Id of the job.
        verified: Whether it comes from a delivery with HeyGen's signature.
        callback_id: The ``callback_id`` of an unsigned delivery, or None.
    """

    kind: str
    job_id: str
    verified: bool = True
    callback_id: str | None = None

    def matches(self, callback_id: str | None) -> bool:
        """Return whether it is valid for a job whose request had this ``callback_id``.

        Anybody can send an unsigned delivery, but only HeyGen and the caller know the
        ``callback_id``.

        Args:
            callback_id: The ``callback_id`` of the job's request, or None.
        """
        if self.verified or callback_id is None:
            return True
        # Comparing digests takes the same time whatever the ids have in common.
        return _digest(self.callback_id or "") == _digest(callback_id)


def _digest(callback_id: str) -> bytes:
    return hashlib.sha256(callback_id.encode(errors="surrogatepass")).digest()


class PendingNotifications:
    """Notifications about jobs without a waiter; the latest 10,000 are kept."""

    def __init__(self) -> None:
        self._by_job: OrderedDict[tuple[str, str], JobNotification] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_job)

    def add(self, notification: JobNotification) -> None:
        """Keep a notification, unless its ids are longer than any real one.

        An unsigned notification does not replace a verified one.

        Args:
            notification: The notification.
        """
        kind, job_id, callback_id = notification.kind, notification.job_id, notification.callback_id
        if len(kind) > LONGEST_ID or len(job_id) > LONGEST_ID:
            return
        if callback_id is not None and len(callback_id) > LONGEST_CALLBACK_ID:
            return
        key = kind, job_id
        earlier = self._by_job.pop(key, notification)
        self._by_job[key] = notification if notification.verified else earlier
        if len(self._by_job) > _CAPACITY:
            self._by_job.popitem(last=False)

    def pop(self, kind: str, job_id: str) -> JobNotification | None:
        """Remove and return the notification about a job, or None if there is none.

        Args:
            kind: Kind of the job.
            job_id: Id of the job.
        """
        return self._by_job.pop((kind, job_id), None)
