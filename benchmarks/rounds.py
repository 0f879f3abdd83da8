"""Compare two ways of doing the same work in pairs, on a machine whose speed varies."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Compared(NamedTuple):
    """The result of paired rounds.

    Attributes:
        measured: Median of the first one's figures.
        reference: Median of the second one's figures.
        ratio: Median of the ratios of each round, first to second.
    """

    measured: float
    reference: float
    ratio: float


def compare(measured: Callable[[], float], reference: Callable[[], float], rounds: int) -> Compared:
    """Measure both in each round, in alternating order.

    Args:
        measured: Does the work one way and returns what it cost.
        reference: Does the same work the other way.
        rounds: How many pairs are measured.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            first = measured()
            second = reference()
        else:
            second = reference()
            first = measured()
        pairs.append((first, second))
    return Compared(
        statistics.median(first for first, _ in pairs),
        statistics.median(second for _, second in pairs),
        statistics.median(first / second for first, second in pairs),
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time that the work takes in this process, all threads included."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began
