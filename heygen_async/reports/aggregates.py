"""Aggregate a run item by item, in constant memory, for the report page."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from heygen_async.journal import ItemRecord, JournalReader, RunRecord, Totals
from heygen_async.reports.charts import time_step
from heygen_async.reports.pauses import ActiveTime, Pause, PauseFinder
from heygen_async.reports.players import fetched_by

# Columns of the chart of jobs in flight, and the most columns of the outcomes over time, which are
# wider, since each has few items.
BINS = 240
_WIDE_BINS = 60

# Durations are counted in logarithmic bins, 0.5 % apart.
_LOG_STEP = 0.005
_MIN_DURATION = 1e-3

_MAX_CODES = 40
_MAX_ITEMS_PER_CODE = 100
_MAX_OUTPUTS = 500
_MAX_MESSAGE = 400
_MAX_WORKERS = 100
# Seconds after which the next sample of a worker says nothing about the time before it.
_SAMPLE_LASTS = 5.0


@dataclass(slots=True)
class Failure:
    """One failed item.

    Attributes:
        key: Key of the item.
        job_id: Its job, or None.
        message: The reason, at most 400 characters.
    """

    key: str
    job_id: str | None
    message: str


@dataclass(slots=True)
class FailureGroup:
    """Items that failed with the same code.

    Attributes:
        count: Number of items.
        items: The first 100 of them.
    """

    count: int = 0
    items: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class Output:
    """Result of one item.

    Attributes:
        key: Key of the item.
        job_id: Its job, or None if it cannot be fetched.
        url: URL of the download; it is signed and expires.
        seconds: Length of the video or audio, or None if unknown.
        file: URL of the downloaded file, or None.
    """

    key: str
    job_id: str | None
    url: str
    seconds: float | None
    file: str | None = None


class _ResultUrls(msgspec.Struct):
    video_url: str | None = None
    audio_url: str | None = None


class BinnedLevel:
    """Means of a changing level over periods of equal length.

    Args:
        seconds: Total duration of all periods in seconds.
        bins: Number of periods.
    """

    def __init__(self, seconds: float, bins: int = BINS) -> None:
        self._width = seconds / bins
        self._bins = bins
        self._from_next = [0.0] * (bins + 1)
        self._within = [0.0] * bins

    def change(self, at: float, by: float) -> None:
        """Raise the level by ``by`` at the time ``at`` in seconds; a negative ``by`` lowers it."""
        position = min(max(at / self._width, 0.0), float(self._bins))
        index = int(position)
        if index < self._bins:
            self._within[index] += by * (index + 1 - position)
            self._from_next[index + 1] += by

    def means(self) -> list[float]:
        """Return the mean of each period."""
        level, means = 0.0, []
        for index in range(self._bins):
            level += self._from_next[index]
            means.append(max(0.0, level + self._within[index]))
        return means


class DurationHistogram:
    """Durations in seconds, counted in logarithmic bins.

    Attributes:
        count: Number of durations.
    """

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.count: int = 0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._bins[int(math.log(max(seconds, _MIN_DURATION)) // _LOG_STEP)] += 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """Return the quantile of the durations in seconds, with a precision of 0.5 %.

        Args:
            share: 0 to 1; 0.5 gives the median.
        """
        wanted, seen = share * self.count, 0
        for index in sorted(self._bins):
            seen += self._bins[index]
            if seen >= wanted:
                return math.exp((index + 1) * _LOG_STEP)
        return 0.0

    def histogram(self, edges: list[float]) -> list[int]:
        """Return the counts between consecutive edges; longer durations count in the last bin."""
        counts = [0] * (len(edges) - 1)
        width = edges[1] - edges[0]
        for index, count in self._bins.items():
            position = int((math.exp((index + 0.5) * _LOG_STEP) - edges[0]) / width)
            counts[min(max(position, 0), len(counts) - 1)] += count
        return counts


class WorkerBand:
    """Work of one process over time.

    Args:
        seconds: Total duration of the run in seconds.

    Attributes:
        running: Jobs in flight.
        ended: Number of items that ended there.
    """

    def __init__(self, seconds: float) -> None:
        self.running: BinnedLevel = BinnedLevel(seconds)
        self.ended: int = 0
        self._latest = 0.0
        self._level = 0

    def sample(self, at: float, running: int) -> None:
        """Record the number of running jobs at a time in seconds; times never decrease."""
        if at > self._latest + _SAMPLE_LASTS:  # it died, or had nothing to do
            self.finish()
        self.running.change(at, running - self._level)
        self._latest, self._level = at, running

    def finish(self) -> None:
        """Record that there are no more samples for some time."""
        self.running.change(self._latest + 1.0, -self._level)
        self._level = 0


class RunAggregates:
    """Everything that the report page shows about a run.

    Args:
        view: A journal. All its items are read twice.

    Attributes:
        run: The record of the run.
        totals: Its totals.
        start: Time of the first intent, in Unix seconds.
        end: Time of the last known activity, in Unix seconds.
        pauses: Idle periods, such as from a crash to the next start.
        seconds: Duration in seconds without the pauses, covered by the charts over time.
        running: Jobs in flight.
        workers: Work of each process, by its host and process, if several processes can work on the
            run; the first 100 of them.
        limits: Known limit of the account in each period; None while it is unknown.
        period: Duration of the wide periods in seconds, a round number.
        completed: Completed items in each of the wide periods.
        failed: Failed items in each of the wide periods.
        durations: Durations of completed jobs. Jobs that span a pause are excluded, since their end
            is unknown.
        failures: Failed items by code.
        other_failures: Number of failed items with codes beyond the first 40.
        outputs: The first 500 results.
        completed_count: Number of completed items.
    """

    def __init__(self, view: JournalReader) -> None:
        self.run: RunRecord = view.run
        self.totals: Totals = view.totals()
        self.start: float = self.totals.first_intended_at or self.run.created_at
        last_sample = max((sample.at for sample in view.slots()), default=0.0)
        self.end: float = max(self.totals.last_ended_at or 0.0, last_sample, self.start + 1.0)
        self.pauses: list[Pause] = _find_pauses(view, self.start, self.end)
        self._active = ActiveTime(self.start, self.pauses)
        # At least one second here too: the last known activity may be the end of a pause.
        self.seconds: float = max(self._active.at(self.end), 1.0)
        self.running: BinnedLevel = BinnedLevel(self.seconds)
        self.workers: dict[str, WorkerBand] = {}
        self.limits: list[int | None] = self._samples(view)
        self.period: float = time_step(self.seconds, _WIDE_BINS)
        periods = math.ceil(self.seconds / self.period - 1e-9)
        self.completed: list[int] = [0] * periods
        self.failed: list[int] = [0] * periods
        self.durations: DurationHistogram = DurationHistogram()
        self.failures: dict[str, FailureGroup] = {}
        self.other_failures: int = 0
        self.outputs: list[Output] = []
        self.completed_count: int = 0
        for record in view.records():
            self._add(record)

    @property
    def slot_use(self) -> float | None:
        """Share of the slots in use while the limit was known, 0 to 1; None if it never was."""
        used = available = 0.0
        for running, limit in zip(self.running.means(), self.limits, strict=True):
            if limit is not None:
                used += min(running, limit)
                available += limit
        return used / available if available else None

    @property
    def cuts(self) -> list[tuple[float, Pause]]:
        """Position of each pause in the charts over time, 0 to 1, with the pause."""
        return [(self._active.at(pause.start) / self.seconds, pause) for pause in self.pauses]

    @property
    def usd_in_flight(self) -> tuple[float, bool] | None:
        """Cost of the items in flight in US dollars, and whether it is what the budget reserves.

        Otherwise it is computed from the mean of the completed items. None if it is unknown.
        """
        amounts = self.totals.in_flight(resubmit_uncertain=False)
        known = [usd for usd in amounts if usd is not None]
        if not amounts or len(known) == len(amounts):
            return (sum(known), True) if amounts else None
        completed = self.totals.counts["completed"]
        return (len(amounts) * self.totals.usd / completed, False) if completed else None

    def _samples(self, view: JournalReader) -> list[int | None]:
        """Read what each worker ran; return the known limit of the account in each period."""
        changes: dict[int, int | None] = {}
        for sample in view.slots():
            if sample.writer and len(self.workers) < _MAX_WORKERS:
                self.workers.setdefault(sample.writer, WorkerBand(self.seconds))
            if (worker := self.workers.get(sample.writer)) is not None:
                worker.sample(self._active.at(sample.at), sample.running)
            if sample.slot_limit != 0:  # during a pause it stays as it is
                changes[self._bin(sample.at, self.seconds / BINS, BINS)] = sample.slot_limit
        for worker in self.workers.values():
            worker.finish()
        limit: int | None = None
        limits = []
        for index in range(BINS):
            limit = changes.get(index, limit)
            limits.append(limit)
        return limits

    def _bin(self, at: float, width: float, bins: int) -> int:
        return min(max(int(self._active.at(at) / width), 0), bins - 1)

    def _add(self, record: ItemRecord) -> None:
        if record.submitted_at is not None:
            self.running.change(self._active.at(record.submitted_at), 1)
            if record.ended_at is not None:
                self.running.change(self._active.at(record.ended_at), -1)
        if record.ended_at is None:
            return
        worker = (record.owner or "").rsplit(".", 2)[0]
        if worker in self.workers:
            self.workers[worker].ended += 1
        position = self._bin(record.ended_at, self.period, len(self.completed))
        if record.state == "completed":
            self.completed[position] += 1
            started = record.submitted_at
            if started is not None and not self._active.spans_pause(started, record.ended_at):
                self.durations.add(record.ended_at - started)
            self._add_output(record)
        elif record.state == "failed":
            self.failed[position] += 1
            self._add_failure(record)

    def _add_failure(self, record: ItemRecord) -> None:
        code = record.error_code or record.error_type or "unknown"
        if code not in self.failures and len(self.failures) >= _MAX_CODES:
            self.other_failures += 1
            return
        group = self.failures.setdefault(code, FailureGroup())
        group.count += 1
        if len(group.items) < _MAX_ITEMS_PER_CODE:
            message = (record.error_message or "")[:_MAX_MESSAGE]
            group.items.append(Failure(record.key, record.job_id, message))

    def _add_output(self, record: ItemRecord) -> None:
        self.completed_count += 1
        if len(self.outputs) >= _MAX_OUTPUTS or record.result is None:
            return
        try:
            urls = msgspec.json.decode(record.result, type=_ResultUrls)
        except msgspec.MsgspecError:
            return  # the result has another shape
        url = urls.video_url or urls.audio_url
        # Other schemes, such as javascript:, must not become links.
        if url is not None and url.startswith(("https://", "http://")):
            self.outputs.append(Output(record.key, fetched_by(record), url, record.output_seconds))


def _find_pauses(view: JournalReader, start: float, end: float) -> list[Pause]:
    finder, durations = PauseFinder(start, end), DurationHistogram()
    for sample in view.slots():
        finder.add(sample.at)
    for record in view.records():
        for at in (record.intended_at, record.submitted_at, record.ended_at):
            finder.add(at)
        if record.submitted_at is not None and record.ended_at is not None:
            durations.add(record.ended_at - record.submitted_at)
    return finder.pauses(durations.quantile(0.5))
