"""The ledger: all accepted jobs, and their estimated cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .jobs import Job

__all__ = ["PRICES", "PRICES_DATE", "Ledger", "LedgerJob"]

#: USD per second of output, self-serve. Prices change; these are of `PRICES_DATE`.
PRICES: dict[str, float] = {
    "avatar": 0.0667,
    "avatar_photo": 0.05,
    "avatar_iii": 0.0433,
    "agent": 0.0333,
    "translation_speed": 0.0333,
    "translation_precision": 0.0667,
    "translation_speed_audio": 0.0167,
    "translation_precision_audio": 0.0333,
    "proofread": 0.0083,
    "lipsync_speed": 0.0333,
    "lipsync_precision": 0.0667,
    "speech": 0.000667,
}
PRICES_DATE = "2026-06"
#: USD of a cinematic video of any length.
CINEMATIC_PRICE = 7.00
#: USD of one avatar, and of one clip.
AVATAR_PRICE = 1.00
CLIP_PRICE = 0.15
#: USD per minute of the source of a filler-word removal, at least one minute.
FILLER_WORDS_PRICE = 0.30
#: 4K costs a quarter more.
FOUR_K_FACTOR = 1.25


@dataclass(slots=True)
class LedgerJob:
    """One accepted job.

    Attributes:
        kind: `video` (including templates), `agent`, `translation`, `proofread`, `speech`,
            `voice_clone`, `lipsync`, `ai_clipping`, `avatar`, `background_removal`,
            `filler_word_removal` or `hyperframes`.
        id: Id of the resource.
        operation: The operation that created it, such as `templates.generate`.
        created_at: Sandbox seconds.
        seconds: Length of the output.
        usd: Its cost; 0 for failed and stuck jobs, and for test renders.
        failed: Whether it fails.
        charged: Whether it costs something.
        idempotency_key: Its Idempotency-Key, if its operation takes one.
        template_id: The template it renders.
        title: Its title.
        callback_id: The ``callback_id`` of the request.
    """

    kind: str
    id: str
    operation: str
    created_at: float
    seconds: float = 0.0
    usd: float = 0.0
    failed: bool = False
    charged: bool = False
    idempotency_key: str | None = None
    template_id: str | None = None
    title: str | None = None
    callback_id: str | None = None


class Ledger:
    """All accepted jobs; replays do not count again.

    Attributes:
        jobs: All jobs in the order of acceptance.
        requests: Number of requests to the API, including refused ones and those with faults.
        spent: Total USD of all jobs.
    """

    def __init__(self) -> None:
        self.jobs: list[LedgerJob] = []
        self.requests = 0
        self.spent: float = 0.0

    def charge(self, entry: LedgerJob, job: Job | None, seconds: float, usd: float) -> None:
        """Record the length and cost of a job; a job that fails or never ends costs nothing.

        Args:
            entry: The job in the ledger.
            job: Its course, which determines whether it fails; None if it is complete at once.
            seconds: Length of the output.
            usd: Its cost if it succeeds.
        """
        before = entry.usd
        entry.seconds = seconds
        entry.failed = job is not None and job.failure is not None
        entry.usd = 0.0 if entry.failed or (job is not None and job.stuck) else usd
        entry.charged = entry.usd > 0
        self.spent += entry.usd - before

    def count(self, kind: str | None = None) -> int:
        """Return the number of accepted jobs.

        Args:
            kind: A job's `kind`, or an operation id; None (default) counts all.
        """
        if kind is None:
            return len(self.jobs)
        return sum(kind in (job.kind, job.operation) for job in self.jobs)

    @property
    def usd(self) -> float:
        """Return the estimated cost of all jobs."""
        return sum((job.usd for job in self.jobs), start=0.0)
