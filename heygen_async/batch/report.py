"""Counts of a bulk run: while it goes on, and at its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from heygen_async.batch.outcome import Outcome
from heygen_async.errors import APIError, HeyGenError, JobFailed
from heygen_async.pricing.estimates import dollars
from heygen_async.session.session import Traffic
from heygen_async.session.slots import SlotPool


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands.

    Attributes:
        total: How many items there are, or None where the source does not tell.
        running: Jobs of this run that HeyGen has accepted and that are waited for.
        completed: Items that ended well.
        failed: Items that did not.
        resumed: How many of both ended in an earlier run.
        elapsed: Seconds since the run began.
        limit: Jobs that the account lets run at once, as far as is known; with
            ``via="api-batch"`` how many the run has queued or running at HeyGen at most.
        usd: What the items have cost in US dollars, an estimate from the real lengths; those of
            an earlier run count, and those whose cost is not known do not.
    """

    total: int | None
    running: int
    completed: int
    failed: int
    elapsed: float
    limit: int
    resumed: int = 0
    usd: float = 0.0

    @property
    def done(self) -> int:
        """Items that have ended, well or not."""
        return self.completed + self.failed

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the rate so far, or None where there is nothing to go by."""
        ended = self.done - self.resumed
        if not self.total or not ended:
            return None
        return (self.total - self.done) * self.elapsed / ended


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did.

    Attributes:
        completed: Items that ended well.
        failed: Items that did not.
        resumed: How many of both ended in an earlier run.
        failures: How many failed with each code; without a code, with each exception class.
        elapsed: Seconds from the first item to the last outcome.
        most_running: The most jobs that ran at once.
        slot_use: The share of the slot-seconds that the account allowed which were taken, 0 to
            1; other runs on the same slots count too.
        requests: Requests that the client sent meanwhile, for whatever it did.
        retries: How many of them repeated an earlier one.
        rate_limited: Answers of 429 among them.
        usd: What the items have cost in US dollars, an estimate from the real lengths; those of
            an earlier run count, and those whose cost is not known do not.
    """

    completed: int
    failed: int
    failures: dict[str, int]
    elapsed: float
    most_running: int
    slot_use: float
    requests: int
    retries: int
    rate_limited: int
    resumed: int = 0
    usd: float = 0.0

    @property
    def items(self) -> int:
        """All items that have an outcome."""
        return self.completed + self.failed

    @property
    def per_minute(self) -> float:
        """Outcomes a minute, without those of an earlier run."""
        ended = self.items - self.resumed
        return ended * 60 / self.elapsed if self.elapsed > 0 else 0.0

    def __str__(self) -> str:
        failures = ", ".join(f"{count} {code}" for code, count in self.failures.items())
        return (
            f"{self.completed} completed, {self.failed} failed"
            + (f" ({failures})" if failures else "")
            + f" in {self.elapsed:.1f} s ({self.per_minute:.1f} a minute); up to "
            f"{self.most_running} jobs at once, slots {self.slot_use:.0%} used; "
            f"{self.requests} requests, {self.retries} retries, {self.rate_limited} times 429; "
            f"estimate: {dollars(self.usd)}"
        )


class Tally:
    """Counts while a run goes on.

    Args:
        slots: The slots that it runs on.
        traffic: The client's counts, of which it takes the difference.
        total: How many items there are, or None.
    """

    def __init__(self, slots: SlotPool, traffic: Traffic, total: int | None) -> None:
        self._slots = slots
        self._traffic = traffic
        self._total = total
        self._began: float | None = None
        self._over = False
        self._running = 0
        self._most_running = 0
        self._completed = 0
        self._failed = 0
        self._resumed = 0
        self._failures: Counter[str] = Counter()
        self._elapsed = 0.0
        self._usd = 0.0
        self._begin = self._end = self._readings()

    def began(self, now: float) -> None:
        """The run begins; times are those of the loop's clock, in seconds."""
        self._began = now
        self._begin = self._readings()

    def stopped(self) -> None:
        """The run is over; what goes on at the client does not count any more."""
        self._end = self._readings()
        self._over = True

    @property
    def running(self) -> int:
        """Jobs that run."""
        return self._running

    def accepted(self) -> None:
        """One more job runs."""
        self._running += 1
        self._most_running = max(self._most_running, self._running)

    def left(self) -> None:
        """One job less runs, or is waited for."""
        self._running -= 1

    def ended(self, outcome: Outcome[Any], now: float) -> None:
        """One item has its outcome."""
        self._resumed += outcome.resumed
        self._usd += outcome.usd or 0.0
        if outcome.error is None:
            self._completed += 1
        else:
            self._failed += 1
            self._failures[failure_code(outcome.error)] += 1
        assert self._began is not None
        self._elapsed = now - self._began

    def progress(self, now: float) -> Progress:
        """How it stands."""
        return Progress(
            total=self._total,
            running=self._running,
            completed=self._completed,
            failed=self._failed,
            resumed=self._resumed,
            elapsed=now - self._began if self._began is not None else 0.0,
            limit=self._slots.limit,
            usd=round(self._usd, 6),
        )

    def report(self) -> Report:
        """What it has done up to its last outcome."""
        end = self._end if self._over or self._began is None else self._readings()
        requests, retries, rate_limited, held, allowed = (
            after - before for after, before in zip(end, self._begin, strict=True)
        )
        return Report(
            completed=self._completed,
            failed=self._failed,
            resumed=self._resumed,
            failures=dict(self._failures.most_common()),
            elapsed=self._elapsed,
            most_running=self._most_running,
            slot_use=min(1.0, held / allowed) if allowed > 0 else 0.0,
            requests=round(max(0, requests)),
            retries=round(max(0, retries)),
            rate_limited=round(max(0, rate_limited)),
            usd=round(self._usd, 6),
        )

    def _readings(self) -> tuple[float, ...]:
        traffic, stats = self._traffic, self._slots.stats()
        counts = traffic.requests, traffic.retries, traffic.rate_limited
        return (*counts, stats.held_seconds, stats.limit_seconds)


def failure_code(error: HeyGenError) -> str:
    """The API's code of a failure, or the name of its exception class."""
    code = error.code if isinstance(error, APIError | JobFailed) else None
    return code or type(error).__name__
