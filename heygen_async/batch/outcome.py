"""Outcomes of items, and statistics of a run, both in progress and at its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from html import escape
from typing import Any, Generic, Literal, NoReturn, TypeAlias, TypeVar

import msgspec

from heygen_async.client import HeyGen
from heygen_async.dubs.issues import Issue
from heygen_async.endpoints.lost_creates import CLOCK_MARGIN
from heygen_async.errors import APIError, BatchStopped, HeyGenError, ItemRejected, JobFailed
from heygen_async.jobs.schedule import time_left
from heygen_async.models.outputs import find_output_url
from heygen_async.models.plain import Plain, plain_dict, plain_value
from heygen_async.pricing.estimates import dollars, paid_twice
from heygen_async.session.retry import unix_time
from heygen_async.session.slots import SlotPool

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.batch")

# Seconds by which a job must be older than its run to count as older.
_CLEARLY = 30.0
_REPLAYED = (
    "item %s: HeyGen answered with job %s, which was created before this run. For 24 hours the "
    "same item of the same run gets the same job, even if the journal was deleted; to make it "
    "again, pass another run_id or another name of the journal"
)


RESULT_COLUMNS = ("status", "job_id", "url", "file", "seconds", "usd", "error")
"""Columns that ``Outcome.to_row`` adds to the columns of an item."""


def result_columns(columns: Collection[str]) -> list[str]:
    """Return the names for ``RESULT_COLUMNS`` that do not clash with the items' columns.

    A column of the items keeps its name; a result column with the same name gets the prefix
    ``heygen_``, repeated until the name is unique.
    """
    names = []
    for name in RESULT_COLUMNS:
        while name in columns:
            name = f"heygen_{name}"
        names.append(name)
    return names


class Outcome(Plain, Generic[T], frozen=True, kw_only=True):
    """The outcome of one item: a ``Succeeded`` or a ``Failed``.

    ``if outcome.ok:`` distinguishes them for mypy; ``if outcome.error is None:`` and
    ``isinstance(outcome, Succeeded)`` for pyright too.

    Attributes:
        key: The item's key; by default its position as a decimal number.
        index: Its position among the items, from 0.
        item: The item, unchanged.
        job_id: Its job, or None if it was not accepted; ``batch_id#index`` if HeyGen accepted it in
            a server batch and its job has not started.
        result: The result of the job, or None if it failed.
        error: The error it failed with, or None.
        seconds: Seconds from the time it got a slot to its end.
        usd: Estimated cost in US dollars, or None if unknown.
        resumed: Whether it ended in an earlier run and comes from the journal.
        resends: Number of times it was resent although an earlier attempt may have been paid for,
            since its operation (such as speech) takes no idempotency key.
        resent_usd: Additional cost in US dollars, if each attempt was paid for.
        file: The file that ``batch.download`` has written, or None.
        also: Additional files that ``batch.download(also=…)`` has written, by kind, such as
            ``subtitles``.
        download_error: Why ``batch.download`` could not fetch one of the files, or None; the job
            itself is not affected.
        public_url: Public URL of ``file``, if ``batch.download(public_base=…)`` asked for one.
        delivery_error: Why one of the receivers of ``on_done`` has not got the outcome, or None;
            the next run of the same journal tries again.
        delivery_id: Identifies the outcome for the receivers of ``on_done``: the same each time it
            is delivered. None if nothing was delivered.
        stage: The stage of a chain that it ended in, such as ``videos`` of ``narrate``; None
            outside of chains.
        issues: What a person should look at first, of a dub that ``batch.translate`` or
            ``localize`` has made.
    """

    key: str
    index: int
    item: Any
    job_id: str | None = None
    result: T | None = None
    error: HeyGenError | None = None
    seconds: float = 0.0
    usd: float | None = None
    resumed: bool = False
    resends: int = 0
    resent_usd: float = 0.0
    file: str | None = None
    also: Mapping[str, str] = {}
    download_error: HeyGenError | None = None
    public_url: str | None = None
    delivery_error: HeyGenError | None = None
    delivery_id: str | None = None
    stage: str | None = None
    issues: tuple[Issue, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the job completed."""
        return self.error is None

    @property
    def status(self) -> str:
        """``completed``, ``failed``, or ``rejected`` if a person has rejected the result."""
        rejected = isinstance(self.error, ItemRejected)
        return "completed" if self.ok else "rejected" if rejected else "failed"

    def unwrap(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; values without a JSON type become text."""
        return {**plain_dict(self), "ok": self.ok}

    def to_row(self) -> dict[str, Any]:
        """Return the outcome as one row of a table.

        The first columns are those of the item if it is a mapping, otherwise its ``key``. They are
        followed by ``status`` (``completed``, ``failed`` or ``rejected``), ``job_id``, ``url`` (the
        public URL, otherwise the signed URL, which expires), ``file``, ``seconds``, ``usd`` and
        ``error``. If the item has a column with one of these names, the result column is called
        ``heygen_status``, and so on.
        """
        row: dict[str, Any] = {"key": self.key}
        if isinstance(self.item, Mapping):
            row = {str(name): plain_value(value) for name, value in self.item.items()}
        return row | dict(zip(result_columns(row), self.result_values(), strict=True))

    def result_values(self) -> tuple[str | float | None, ...]:
        """Return the values of ``RESULT_COLUMNS``."""
        return (
            self.status,
            self.job_id,
            self.public_url
            or (None if self.result is None else find_output_url(self.result, None)),
            self.file,
            round(self.seconds, 3),
            self.usd,
            None if self.error is None else str(self.error),
        )


class Succeeded(Outcome[T], frozen=True, kw_only=True):
    """The outcome of an item whose job completed; see ``Outcome``."""

    result: T
    error: None = None

    @property
    def ok(self) -> Literal[True]:
        """True: the job completed."""
        return True

    def unwrap(self) -> T:
        """Return the result."""
        return self.result


class Failed(Outcome[Any], frozen=True, kw_only=True):
    """The outcome of an item that failed; see ``Outcome``."""

    error: HeyGenError
    result: None = None

    @property
    def ok(self) -> Literal[False]:
        """False: the item failed."""
        return False

    def unwrap(self) -> NoReturn:
        """Raise the error."""
        raise self.error


Ended: TypeAlias = Succeeded[T] | Failed
"""The type that a run yields for each item."""


Durable: TypeAlias = Awaitable[None] | None
"""The awaitable to wait for before an outcome is handed on, or None if nothing was written."""


class ItemResult(msgspec.Struct, Generic[T], frozen=True):
    """The result of processing one item.

    Attributes:
        key: The item's key.
        job_id: Its job, or None.
        result: The result of the job, or None.
        error: The error it failed with, or None.
        usd: Estimated cost in US dollars, or None.
        resumed: Whether it ended in an earlier run.
        resends: Number of additional times it may have been paid for.
        durable: The awaitable to wait for before the result is handed on, or None.
    """

    key: str
    job_id: str | None
    result: T | None = None
    error: HeyGenError | None = None
    usd: float | None = None
    resumed: bool = False
    resends: int = 0
    durable: Durable = None

    def outcome(self, index: int, item: Any, seconds: float) -> Ended[T]:
        """Return the outcome for the user.

        Args:
            index: Position of the item, from 0.
            item: The item, unchanged.
            seconds: Duration in seconds.
        """
        ended: Any = Succeeded if self.error is None else Failed
        outcome: Ended[T] = ended(
            key=self.key,
            index=index,
            item=item,
            job_id=self.job_id,
            result=self.result,
            error=self.error,
            seconds=seconds,
            usd=self.usd,
            resumed=self.resumed,
            resends=self.resends,
            resent_usd=self.resends * (self.usd or 0.0),
        )
        return outcome


class Progress(Plain, frozen=True, kw_only=True):
    """Statistics of a run in progress.

    Attributes:
        total: Number of items, or None if the source does not state it.
        running: Jobs of this run that HeyGen has accepted and that have not ended.
        completed: Items that completed.
        failed: Items that failed.
        resumed: Completed and failed items that ended in an earlier run.
        elapsed: Seconds since the run started.
        limit: Known limit of concurrent jobs on the account; with ``via="api-batch"`` the maximum
            that the run has queued or running at HeyGen.
        usd: Estimated cost of the items in US dollars, from the actual lengths. Items of an earlier
            run are included; items of unknown cost are not.
        paused: Seconds for which submissions have been paused, because HeyGen asked for a pause or
            the account has no credit. None if they are not paused, or only for a moment.
        resumes_in: Seconds until a pause that HeyGen asked for ends (``Retry-After``), or None.
        no_credit: Whether submissions wait for credit on the account.
        at_once: Maximum number of its jobs that run at once: ``limit``, or ``concurrency`` if that
            is lower.
        job_seconds: Expected duration of a job in seconds: the median of the client's latest jobs
            of this kind, or an estimate until three have ended. None before the first job.
        youngest: Seconds since HeyGen accepted its latest job.
    """

    total: int | None
    running: int
    completed: int
    failed: int
    elapsed: float
    limit: int
    resumed: int = 0
    usd: float = 0.0
    paused: float | None = None
    resumes_in: float | None = None
    no_credit: bool = False
    at_once: int | None = None
    job_seconds: float | None = None
    youngest: float = 0.0

    @property
    def waiting(self) -> int | None:
        """Number of items that have no job and no outcome; None if the total is unknown."""
        return None if self.total is None else max(0, self.total - self.done - self.running)

    @property
    def done(self) -> int:
        """Number of items that have completed or failed."""
        return self.completed + self.failed

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left, or None without a total or a job.

        It follows from the expected duration of a job, and from the rate once as many jobs have
        ended as run at once.
        """
        if not self.total or self.waiting is None:
            return None
        return time_left(
            waiting=self.waiting,
            running=self.running,
            at_once=max(1, self.at_once or self.limit),
            ended=self.done - self.resumed,
            elapsed=self.elapsed,
            job_seconds=self.job_seconds,
            youngest=self.youngest,
        )


class Report(Plain, frozen=True, kw_only=True):
    """Statistics of a run up to its last outcome.

    Attributes:
        completed: Items that completed.
        failed: Items that failed.
        resumed: Completed and failed items that ended in an earlier run.
        failures: Number of failures by API code, or by exception class if there is no code.
        elapsed: Seconds from the first item to the last outcome.
        most_running: Maximum number of concurrent jobs.
        slot_use: Share of the account's available slot-seconds that were used, 0 to 1, including
            other runs on the same slots. 0 if this run has used none.
        requests: Requests that the client sent during the run, for any purpose.
        retries: Number of these requests that were retries.
        rate_limited: Number of these requests that were answered with 429.
        usd: Estimated cost of the items in US dollars, from the actual lengths. Items of an earlier
            run are included; items of unknown cost are not.
        resent: Items that may have been paid for more than once, including items without an
            outcome: they take no idempotency key and were resent after an attempt that may have
            been carried out.
        resent_usd: Their additional cost in US dollars, if each attempt was paid for.
        balance_change: Change of a wallet's balance in US dollars from the start of the run to its
            end, for any reason; negative if the balance fell. None if the account does not show a
            balance, if the items were not a collection, or if the run was left early.
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
    resent: int = 0
    resent_usd: float = 0.0
    balance_change: float | None = None

    @property
    def items(self) -> int:
        """Number of items with an outcome."""
        return self.completed + self.failed

    @property
    def per_minute(self) -> float:
        """Outcomes per minute, without items of an earlier run."""
        ended = self.items - self.resumed
        return ended * 60 / self.elapsed if self.elapsed > 0 else 0.0

    def __str__(self) -> str:
        failures = ", ".join(f"{count} {code}" for code, count in self.failures.items())
        return (
            f"{self.completed} completed, {self.failed} failed"
            + (f" ({failures})" if failures else "")
            + f" in {self.elapsed:.1f} s ({self.per_minute:.1f} a minute); at most "
            f"{self.most_running} at once, slots {self.slot_use:.0%} used; "
            f"{self.requests} requests, {self.retries} retries, {self.rate_limited} times 429; "
            f"estimate: {dollars(self.usd)}{self.balance_moved}"
            + (f"; {paid_twice(self.resent, self.resent_usd)}" if self.resent else "")
        )

    def _repr_html_(self) -> str:
        """Return the statistics as a table, for notebooks."""
        rows = (
            ("completed", f"{self.completed:,}"),
            ("failed", f"{self.failed:,}"),
            *((f"… {code}", f"{count:,}") for code, count in self.failures.items()),
            ("of an earlier run", f"{self.resumed:,}"),
            ("time", f"{self.elapsed:,.1f} s, {self.per_minute:,.1f} items a minute"),
            ("jobs at once", f"{self.most_running:,}, slots {self.slot_use:.0%} used"),
            (
                "requests",
                f"{self.requests:,}, {self.retries:,} retries, {self.rate_limited:,} times 429",
            ),
            ("estimated cost", f"{dollars(self.usd)}{self.balance_moved}"),
            *([("sent again", paid_twice(self.resent, self.resent_usd))] if self.resent else []),
        )
        cells = (f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
        return f"<table>{''.join(cells)}</table>"

    @property
    def balance_moved(self) -> str:
        """Return the change of the balance, as a supplement to the estimate; empty if unknown."""
        change = self.balance_change
        if change is None:
            return ""
        return f"; the balance moved by {'-' if change < 0 else ''}{dollars(abs(change))}"


OnError: TypeAlias = Literal["collect", "stop", "stop-if-all-fail"]
"""How failed items affect a run; see ``Batch``."""


class EarlyFailures:
    """Detect whether the first items of a run all failed quickly and for the same reason.

    In this case the others would probably fail too.

    Args:
        on_error: How failed items affect the run.

    Attributes:
        stopped: The reason why the run stops, or None.
        over: Whether further outcomes do not matter.
    """

    COUNT = 20
    """Number of items that are examined."""
    FAST = 60.0
    """Maximum number of seconds from the time an item gets a slot to its end."""

    def __init__(self, on_error: OnError) -> None:
        self.stopped: BatchStopped | None = None
        self.over: bool = False
        self._on_error = on_error
        self._count = 0
        self._reason: tuple[str, str | None] | None = None

    def add(self, outcome: Outcome[Any]) -> bool:
        """Add an outcome, and return whether the run stops. Log a warning if it continues."""
        if not self._completes_series(outcome) or outcome.error is None:
            return False
        what = f"the first {self.COUNT} items all failed with one reason: {outcome.error}"
        if self._on_error != "stop-if-all-fail":
            logger.warning("%s; on_error='stop-if-all-fail' stops such a run", what)
            return False
        self.stopped = BatchStopped(f"stopped, since {what}", key=outcome.key, error=outcome.error)
        return True

    def _completes_series(self, outcome: Outcome[Any]) -> bool:
        if outcome.resumed:
            return False
        self._count += 1
        reason = None if outcome.error is None else _reason(outcome.error)
        if self._count == 1:
            self._reason = reason
        same = reason is not None and reason == self._reason and outcome.seconds <= self.FAST
        self.over = not same or self._count == self.COUNT
        return same and self.over


def _reason(error: HeyGenError) -> tuple[str, str | None]:
    """Return the common reason of failures of one kind; messages contain the names of items."""
    return failure_code(error), getattr(error, "param", None)


class RunStats:
    """Collect the statistics of a run, and report its progress soon after each change.

    Args:
        slots: The slots that it runs on.
        heygen: The client; differences between its counters are reported.
        workers: Maximum number of items that are processed at once.
        progress: Called with the progress, or None.

    Attributes:
        total: Number of items, or None while it is unknown.
        running: Number of running jobs.
        most_running: Maximum number of jobs that ran at once; 0 if none was accepted.
        paused_since: Time at which submissions were paused, on the loop's clock, or None.
        held_until: End of a pause that HeyGen asked for, on the loop's clock, or None.
        no_credit: Whether submissions wait for credit.
        balance_change: See ``Report``.
    """

    REPORT_AFTER = 0.1
    """Seconds from a change until the progress is reported, with all changes until then."""

    def __init__(
        self,
        slots: SlotPool,
        heygen: HeyGen,
        workers: int,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.total: int | None = None
        self.running: int = 0
        self.most_running: int = 0
        self.paused_since: float | None = None
        self.held_until: float | None = None
        self.no_credit: bool = False
        self.balance_change: float | None = None
        self._slots = slots
        self._heygen = heygen
        self._traffic = heygen.traffic
        self._workers = workers
        self._callback = progress
        self._timer: asyncio.TimerHandle | None = None
        self._latest = 0.0  # when the latest job was accepted, on the loop's clock
        self._result: type[Any] | None = None  # of its latest job
        self._started_at: float | None = None
        self._stopped = False
        self._completed = 0
        self._failed = 0
        self._resumed = 0
        self._failures: Counter[str] = Counter()
        self._ended_at = 0.0  # when the latest item ended, on the loop's clock
        self._usd = 0.0
        self._resent = 0
        self._oldest: float | None = None  # jobs created before it are replayed; None: unused
        self._resent_usd = 0.0
        self._resending: dict[int, float] = {}  # USD by position of items without an outcome
        self._begin = self._end = self._readings()

    def __str__(self) -> str:
        total = "" if self.total is None else f" of {self.total}"
        if self._started_at is None:
            return "not begun"
        return f"{self.ended}{total} items ended{', over' if self._stopped else ''}"

    def start(self, now: float, *, new_journal: bool = False) -> None:
        """Start the clock of the run.

        Args:
            now: Seconds of the loop's clock.
            new_journal: Whether its journal is empty, so no job can be older.
        """
        if new_journal:
            # Use HeyGen's own clock, if it is known.
            answered_at = unix_time(self._traffic.date) or time.time() - CLOCK_MARGIN
            self._oldest = answered_at - _CLEARLY
        self._started_at = self._ended_at = now
        self._begin = self._readings()
        self.changed()

    def stop(self) -> None:
        """Stop counting the requests of the client, and report the last changes."""
        self.report_now()
        self._end = self._readings()
        self._stopped = True

    def job_started(self, result: type[Any]) -> None:
        """Count one more running job, whose result has this type."""
        self.running = running = self.running + 1
        if running > self.most_running:
            self.most_running = running
        if self._callback is not None:
            self._latest, self._result = asyncio.get_running_loop().time(), result
            self.changed()

    def item_resent(self, index: int, usd: float) -> None:
        """Count an item that may be paid for twice and has no outcome.

        Args:
            index: Its position.
            usd: Possible additional cost in US dollars.
        """
        self._resending[index] = usd

    def item_ended(self, outcome: Outcome[Any], now: float) -> None:
        """Count an outcome."""
        error = outcome.error
        if self._oldest is not None:
            job = outcome.result if error is None else getattr(error, "last", None)
            created_at = getattr(job, "created_at", None)
            # Outcomes are counted in the order in which they arrive.
            if isinstance(created_at, int | float) and created_at < self._oldest:
                self._oldest = None
                logger.warning(_REPLAYED, outcome.key, outcome.job_id)
        if error is None:
            self._completed += 1
        else:
            self._failed += 1
            self._failures[failure_code(error)] += 1
        if outcome.resumed:
            self._resumed += 1
        if outcome.usd:
            self._usd += outcome.usd
        if self._resending:
            self._resending.pop(outcome.index, None)
        if outcome.resends:
            self._resent += 1
            self._resent_usd += outcome.resent_usd
        self._ended_at = now
        if self._callback is not None:
            self.changed()

    @property
    def ended(self) -> int:
        """Number of items with an outcome."""
        return self._completed + self._failed

    def changed(self) -> None:
        """Report the progress soon."""
        if self._timer is None and self._callback is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.REPORT_AFTER, self.report_now)

    def report_now(self) -> None:
        """Report the progress if something has changed."""
        timer, self._timer = self._timer, None
        if timer is None or self._callback is None:
            return
        timer.cancel()
        try:
            self._callback(self.progress(asyncio.get_running_loop().time()))
        except Exception:  # a sample must not cost a paid outcome
            self._callback = None
            logger.exception("the progress callback raised an exception and is disabled")

    def progress(self, now: float) -> Progress:
        """Return the current statistics."""
        limit, result = self._slots.limit, self._result
        return Progress(
            total=self.total,
            running=self.running,
            completed=self._completed,
            failed=self._failed,
            resumed=self._resumed,
            elapsed=now - self._started_at if self._started_at is not None else 0.0,
            limit=limit,
            usd=round(self._usd, 6),
            paused=None if self.paused_since is None else now - self.paused_since,
            resumes_in=None if self.held_until is None else max(0.0, self.held_until - now),
            no_credit=self.no_credit,
            at_once=min(limit, self._workers),
            job_seconds=None if result is None else self._heygen.jobs.expected_seconds(result),
            youngest=now - self._latest,
        )

    def report(self) -> Report:
        """Return the statistics up to the last outcome."""
        end = self._end if self._stopped or self._started_at is None else self._readings()
        requests, retries, rate_limited, held, allowed = (
            after - before for after, before in zip(end, self._begin, strict=True)
        )
        return Report(
            completed=self._completed,
            failed=self._failed,
            resumed=self._resumed,
            failures=dict(self._failures.most_common()),
            elapsed=self._ended_at - (self._started_at or 0.0),
            most_running=self.most_running,
            slot_use=min(1.0, held / allowed) if allowed > 0 and self.most_running else 0.0,
            requests=round(max(0, requests)),
            retries=round(max(0, retries)),
            rate_limited=round(max(0, rate_limited)),
            usd=round(self._usd, 6),
            resent=self._resent + len(self._resending),
            resent_usd=round(self._resent_usd + sum(self._resending.values()), 6),
            balance_change=self.balance_change,
        )

    def _readings(self) -> tuple[float, ...]:
        traffic, stats = self._traffic, self._slots.stats()
        counts = traffic.requests, traffic.retries, traffic.rate_limited
        return (*counts, stats.held_seconds, stats.limit_seconds)


def failure_code(error: HeyGenError) -> str:
    """Return the API's code of a failure, or the name of its exception class."""
    code = error.code if isinstance(error, APIError | JobFailed) else None
    return code or type(error).__name__
