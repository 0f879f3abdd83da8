"""What the report page shows of a run, added up item by item in flat memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from heygen_async.journal import ItemRecord, JournalReader, RunRecord, Totals
from heygen_async.reports.pauses import Pause, Silences, WorkingTime

# Columns of the plots over time; those of the throughput are wider, as they count few.
BINS = 240
WIDE_BINS = 60

# Seconds are counted by their logarithm, half a per cent apart.
_LOG_STEP = 0.005
_SHORTEST = 1e-3

_CODES = 40
_ITEMS_OF_A_CODE = 100
_OUTPUTS = 500
_LONGEST_MESSAGE = 400


@dataclass(slots=True)
class Failure:
    """One failed item, as the page lists it."""

    key: str
    job_id: str | None
    message: str


@dataclass(slots=True)
class FailureGroup:
    """The items that failed with one code; the first ones, and how many."""

    count: int = 0
    items: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class Output:
    """What one item has made."""

    key: str
    url: str
    seconds: float | None


class _Made(msgspec.Struct):
    video_url: str | None = None
    audio_url: str | None = None


class Level:
    """How high something that goes up and down stood, as means over equal stretches of time.

    Args:
        seconds: All of the time.
        bins: How many stretches there are.
    """

    def __init__(self, seconds: float, bins: int = BINS) -> None:
        self._width = seconds / bins
        self._bins = bins
        self._from_next = [0.0] * (bins + 1)
        self._within = [0.0] * bins

    def step(self, at: float, by: float) -> None:
        """It changes by so much, for good, after so many seconds."""
        place = min(max(at / self._width, 0.0), float(self._bins))
        index = int(place)
        if index < self._bins:
            self._within[index] += by * (index + 1 - place)
            self._from_next[index + 1] += by

    def means(self) -> list[float]:
        """The mean of each stretch."""
        level, means = 0.0, []
        for index in range(self._bins):
            level += self._from_next[index]
            means.append(max(0.0, level + self._within[index]))
        return means


class Lengths:
    """How long things took, in logarithmic bins."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.count: int = 0

    def add(self, seconds: float) -> None:
        """One more."""
        self._bins[int(math.log(max(seconds, _SHORTEST)) // _LOG_STEP)] += 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """What this share of them did not exceed, in seconds, to half a per cent."""
        wanted, seen = share * self.count, 0
        for index in sorted(self._bins):
            seen += self._bins[index]
            if seen >= wanted:
                return math.exp((index + 1) * _LOG_STEP)
        return 0.0

    def histogram(self, edges: list[float]) -> list[float]:
        """How many fall between each two edges; those beyond the last count in the last."""
        counts = [0.0] * (len(edges) - 1)
        width = edges[1] - edges[0]
        for index, count in self._bins.items():
            low, high = math.exp(index * _LOG_STEP), math.exp((index + 1) * _LOG_STEP)
            first = int((low - edges[0]) / width)
            last = int((high - edges[0]) / width)
            for place in range(first, last + 1):
                left = edges[0] + place * width
                share = (min(high, left + width) - max(low, left)) / (high - low)
                counts[min(max(place, 0), len(counts) - 1)] += count * share
        return counts


class RunSums:
    """All that the page shows.

    Args:
        view: A journal; all of it is read, twice.

    Attributes:
        run: What the run was asked to do.
        totals: Its sums.
        begin: Unix seconds of the first intent.
        end: Of the last thing that is known.
        pauses: Stretches in which nothing was going on, such as from a crash to the next start.
        seconds: How long all of it took without them; what stands over time is over these.
        running: Jobs in flight.
        limits: The slot limit in each stretch of time; None before it is known.
        completed: Items that completed, in each of the wide stretches.
        failed: Those that failed.
        lengths: How long completed jobs took, those left out that span a pause: when they ended
            is not known.
        failures: Failed items by code.
        other_failures: Failed items of yet other codes.
        outputs: The first of what was made.
        made: How many items completed.
    """

    def __init__(self, view: JournalReader) -> None:
        self.run: RunRecord = view.run
        self.totals: Totals = view.totals()
        self.begin: float = self.totals.first_intended_at or self.run.created_at
        latest = max((sample.at for sample in view.slots()), default=0.0)
        self.end: float = max(self.totals.last_ended_at or 0.0, latest, self.begin + 1.0)
        self.pauses: list[Pause] = _pauses(view, self.begin, self.end)
        self._time = WorkingTime(self.begin, self.pauses)
        # As above: the last thing that is known may be the end of a pause.
        self.seconds: float = max(self._time.at(self.end), 1.0)
        self.running: Level = Level(self.seconds)
        self.limits: list[int | None] = [None] * BINS
        self.completed: list[int] = [0] * WIDE_BINS
        self.failed: list[int] = [0] * WIDE_BINS
        self.lengths: Lengths = Lengths()
        self.failures: dict[str, FailureGroup] = {}
        self.other_failures: int = 0
        self.outputs: list[Output] = []
        self.made: int = 0
        for sample in view.slots():
            self.limits[self._stretch(sample.at, BINS)] = sample.slot_limit
        for index in range(1, BINS):
            if self.limits[index] is None:
                self.limits[index] = self.limits[index - 1]
        for entry in view.records():
            self._add(entry)

    @property
    def slot_use(self) -> float | None:
        """The share of the slots that were taken while the limit was known, 0 to 1."""
        held = allowed = 0.0
        for running, limit in zip(self.running.means(), self.limits, strict=True):
            if limit is not None:
                held += min(running, limit)
                allowed += limit
        return held / allowed if allowed else None

    @property
    def cuts(self) -> list[tuple[float, Pause]]:
        """Where in the plots over time a pause was left out, 0 to 1."""
        return [(self._time.at(pause.begin) / self.seconds, pause) for pause in self.pauses]

    def _stretch(self, at: float, bins: int) -> int:
        return min(max(int(self._time.at(at) / self.seconds * bins), 0), bins - 1)

    def _add(self, entry: ItemRecord) -> None:
        """Count one item."""
        if entry.submitted_at is not None:
            self.running.step(self._time.at(entry.submitted_at), 1)
            if entry.ended_at is not None:
                self.running.step(self._time.at(entry.ended_at), -1)
        if entry.ended_at is None:
            return
        stretch = self._stretch(entry.ended_at, WIDE_BINS)
        if entry.state == "completed":
            self.completed[stretch] += 1
            begun = entry.submitted_at
            if begun is not None and not self._time.spans_one(begun, entry.ended_at):
                self.lengths.add(entry.ended_at - begun)
            self._output(entry)
        elif entry.state == "failed":
            self.failed[stretch] += 1
            self._failure(entry)

    def _failure(self, entry: ItemRecord) -> None:
        code = entry.error_code or entry.error_type or "unknown"
        if code not in self.failures and len(self.failures) >= _CODES:
            self.other_failures += 1
            return
        group = self.failures.setdefault(code, FailureGroup())
        group.count += 1
        if len(group.items) < _ITEMS_OF_A_CODE:
            message = (entry.error_message or "")[:_LONGEST_MESSAGE]
            group.items.append(Failure(entry.key, entry.job_id, message))

    def _output(self, entry: ItemRecord) -> None:
        self.made += 1
        if len(self.outputs) >= _OUTPUTS or entry.result is None:
            return
        try:
            made = msgspec.json.decode(entry.result, type=_Made)
        except msgspec.MsgspecError:
            return  # a result of another kind
        url = made.video_url or made.audio_url
        # Anything else, such as a script, must not become a link.
        if url is not None and url.startswith(("https://", "http://")):
            self.outputs.append(Output(entry.key, url, entry.output_seconds))


def _pauses(view: JournalReader, begin: float, end: float) -> list[Pause]:
    silences, lengths = Silences(begin, end), Lengths()
    for sample in view.slots():
        silences.add(sample.at)
    for entry in view.records():
        for moment in (entry.intended_at, entry.submitted_at, entry.ended_at):
            silences.add(moment)
        if entry.submitted_at is not None and entry.ended_at is not None:
            lengths.add(entry.ended_at - entry.submitted_at)
    return silences.pauses(lengths.quantile(0.5))
