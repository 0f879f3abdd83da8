"""Find the periods in which a run was idle, to leave them out of the charts.

A run that is stopped and resumed the next day records nothing in between. In a chart over time, the
work would be compressed into narrow areas at both edges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Number of time slots in which activity is recorded.
_SLOTS = 20_000
# A gap is a pause if it is longer than this many times the usual duration of a job, since there may
# be no activity for an hour if jobs take an hour. Gaps under _MIN_SECONDS are never pauses, and
# gaps over _MAX_SECONDS always are.
_JOB_DURATIONS = 4.0
_MIN_SECONDS, _MAX_SECONDS = 300.0, 4500.0


@dataclass(frozen=True, slots=True)
class Pause:
    """A period in which the run was idle.

    Attributes:
        start: Time of the last activity before it, in Unix seconds.
        end: Time of the first activity after it, in Unix seconds.
    """

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.end - self.start


class PauseFinder:
    """Find long gaps between timestamps in any order. Memory use is constant.

    Args:
        start: The earliest timestamp, in Unix seconds.
        end: The latest timestamp, in Unix seconds.
    """

    def __init__(self, start: float, end: float) -> None:
        self._start, self._end = start, end
        self._first = [math.inf] * _SLOTS
        self._last = [-math.inf] * _SLOTS

    def add(self, at: float | None) -> None:
        """Record activity at a time in Unix seconds; None is ignored."""
        if at is None:
            return
        share = (at - self._start) / (self._end - self._start)
        slot = min(max(int(share * _SLOTS), 0), _SLOTS - 1)
        self._first[slot] = min(self._first[slot], at)
        self._last[slot] = max(self._last[slot], at)

    def pauses(self, job_seconds: float) -> list[Pause]:
        """Return the pauses in chronological order.

        Args:
            job_seconds: Usual duration of a job in seconds.
        """
        longest_gap = min(max(_JOB_DURATIONS * job_seconds, _MIN_SECONDS), _MAX_SECONDS)
        pauses = []
        previous = self._start
        for first, last in zip(self._first, self._last, strict=True):
            if first == math.inf:
                continue
            if first - previous > longest_gap:
                pauses.append(Pause(previous, first))
            previous = last
        return pauses


class ActiveTime:
    """Convert timestamps to seconds of activity, excluding pauses.

    Args:
        start: Start of the run, in Unix seconds.
        pauses: The pauses in chronological order.
    """

    def __init__(self, start: float, pauses: Iterable[Pause]) -> None:
        self._start = start
        self._pauses = list(pauses)

    def at(self, timestamp: float) -> float:
        """Return the active seconds from the start up to a timestamp."""
        paused = sum(
            min(timestamp, pause.end) - pause.start
            for pause in self._pauses
            if timestamp > pause.start
        )
        return timestamp - self._start - paused

    def spans_pause(self, start: float, end: float) -> bool:
        """Return whether there is a pause between two timestamps."""
        return any(start < pause.end and end > pause.start for pause in self._pauses)
