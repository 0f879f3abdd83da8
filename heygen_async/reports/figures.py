"""Figures of a run in progress, and their words, for bars."""

from __future__ import annotations

import msgspec

from heygen_async.batch import Progress
from heygen_async.pricing.estimates import dollars


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run at one moment.

    Attributes:
        done: Number of items that have ended.
        total: Number of items, or None if unknown.
        elapsed: Seconds since the start.
        failed: Number of items that have failed.
        running: Number of running jobs.
        waiting: Number of items that wait, or None if unknown.
        rate: Items per time, as text; empty if unknown.
        usd: Estimated cost in US dollars.
        left: Estimated seconds left, or None.
        note: Why nothing is submitted, as text; empty if that is not so.
        ticking: Whether time passes for the run.
    """

    done: int = 0
    total: int | None = None
    elapsed: float = 0.0
    failed: int = 0
    running: int = 0
    waiting: int | None = None
    rate: str = ""
    usd: float = 0.0
    left: float | None = None
    note: str = ""
    ticking: bool = True

    def later(self, seconds: float) -> Figures:
        """Return the figures after some seconds in which nothing was reported."""
        if not self.ticking:
            return self
        left = None if self.left is None else max(0.0, self.left - seconds)
        return msgspec.structs.replace(self, elapsed=self.elapsed + seconds, left=left)

    def details(self) -> list[tuple[str, str]]:
        """Return the texts beside the bar, with the style of each part."""
        parts = [(whole_duration(self.elapsed), "")]
        if self.failed:
            parts.append((f"{self.failed:,} failed", "red"))
        if self.running:
            parts.append((f"{self.running:,} running", "dim"))
        if self.waiting:
            parts.append((f"{self.waiting:,} waiting", "dim"))
        if self.rate:
            parts.append((self.rate, "cyan"))
        if self.usd:
            parts.append((f"~{dollars(self.usd)}", "dim"))
        if self.left is not None and self.left >= 1:
            parts.append((f"{whole_duration(self.left)} left", ""))
        return parts


def figures_of(progress: Progress) -> Figures:
    """Return the figures of a run in this process."""
    return Figures(
        done=progress.done,
        total=progress.total,
        elapsed=progress.elapsed,
        failed=progress.failed,
        running=progress.running,
        waiting=progress.waiting,
        rate=rate(progress.done - progress.resumed, progress.elapsed)
        if progress.done > progress.resumed
        else "",
        usd=progress.usd,
        left=progress.seconds_left,
        note=_pause(progress),
    )


def _pause(progress: Progress) -> str:
    """Return why submissions are paused, or an empty string."""
    since = "" if progress.paused is None else f" for {whole_duration(progress.paused)}"
    if progress.no_credit:
        return f"paused{since}: the account has no credit; continues when the balance changes"
    if progress.resumes_in is not None:
        return f"paused: HeyGen asked to wait {whole_duration(progress.resumes_in)} more"
    return since and f"paused{since}: HeyGen accepts nothing"


def rate(count: int, seconds: float) -> str:
    """Return items per second, or per minute if there are few."""
    if seconds <= 0:
        return ""
    per_second = count / seconds
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


def duration(seconds: float) -> str:
    """Return seconds, minutes or hours as text."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def whole_duration(seconds: float) -> str:
    """Return a duration as text, without parts of a second."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else duration(whole)
