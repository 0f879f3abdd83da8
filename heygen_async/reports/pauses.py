"""Stretches of time in which a run stood still, left out of the report's plots.

A run that is stopped and started again the next day writes nothing meanwhile. In plots over time
that night would leave the work itself two slivers at the edges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Slots of time in which it is noted when something happened.
_SLOTS = 20_000
# A silence is a pause if it is longer than jobs take, and at least, and surely, so many seconds:
# between two jobs that take an hour nothing happens either.
_TIMES_A_JOB = 4.0
_AT_LEAST, _SURELY = 300.0, 4500.0


@dataclass(frozen=True, slots=True)
class Pause:
    """The run stood still.

    Attributes:
        begin: Unix seconds of the last thing before it.
        end: Of the first thing after it.
    """

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


class Silences:
    """Finds the long silences between moments, which come in any order; in flat memory.

    Args:
        begin: Unix seconds of the first moment.
        end: Of the last one.
    """

    def __init__(self, begin: float, end: float) -> None:
        self._begin, self._end = begin, end
        self._first = [math.inf] * _SLOTS
        self._last = [-math.inf] * _SLOTS

    def add(self, moment: float | None) -> None:
        """Something happened then; None is no moment."""
        if moment is None:
            return
        share = (moment - self._begin) / (self._end - self._begin)
        slot = min(max(int(share * _SLOTS), 0), _SLOTS - 1)
        self._first[slot] = min(self._first[slot], moment)
        self._last[slot] = max(self._last[slot], moment)

    def pauses(self, job_seconds: float) -> list[Pause]:
        """The pauses, in their order.

        Args:
            job_seconds: How long a job takes as a rule.
        """
        longest = min(max(_TIMES_A_JOB * job_seconds, _AT_LEAST), _SURELY)
        found = []
        last = self._begin
        for first, latest in zip(self._first, self._last, strict=True):
            if first == math.inf:
                continue
            if first - last > longest:
                found.append(Pause(last, first))
            last = latest
        return found


class WorkingTime:
    """Turns moments into seconds at work: pauses take no time.

    Args:
        begin: Unix seconds of the begin.
        pauses: The pauses, in their order.
    """

    def __init__(self, begin: float, pauses: Iterable[Pause]) -> None:
        self._begin = begin
        self._pauses = list(pauses)

    def at(self, moment: float) -> float:
        """Seconds at work from the begin up to a moment."""
        left_out = sum(
            min(moment, pause.end) - pause.begin for pause in self._pauses if moment > pause.begin
        )
        return moment - self._begin - left_out

    def spans_one(self, begin: float, end: float) -> bool:
        """Whether there is a pause between two moments."""
        return any(begin < pause.end and end > pause.begin for pause in self._pauses)
