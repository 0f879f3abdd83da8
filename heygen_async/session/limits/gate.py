"""The gate: one answer with ``Retry-After`` pauses all callers once.

A circuit breaker as pure arithmetic: it uses no clock and no event loop; every method takes
``now``. The gate is open, or closed until a given time. At the end of a pause it is half-open: one
caller, the probe, passes, and the others wait for its answer. A successful answer opens the gate,
another refusal closes it again, and after a probe without an answer another one passes.
"""

from __future__ import annotations

# Seconds of the longest pause after one answer, whatever it asks for; then a probe is sent. One
# minute less than ten leaves callers with the default patience enough time for the probe's answer.
LONGEST_PAUSE = 540.0
# Seconds after which another probe follows one that has not been answered.
_PROBE_SECONDS = 60.0


class Gate:
    """Pauses many callers after one refusal. Times are in seconds of any steady clock.

    Attributes:
        shut: Whether a caller has to ask ``wait``: from a refusal until a probe gets a good answer.
    """

    __slots__ = ("_pause_ends", "_probe_ends", "shut")

    def __init__(self) -> None:
        self.shut: bool = False
        self._pause_ends = 0.0
        self._probe_ends = 0.0  # deadline for the answer to the probe in flight

    def close(self, now: float, seconds: float) -> None:
        """Close for ``seconds``, ``LONGEST_PAUSE`` at most; a longer pause in force is kept.

        Args:
            now: The present.
            seconds: Wait that the answer asked for.
        """
        until = now + min(max(0.0, seconds), LONGEST_PAUSE)
        self._pause_ends = max(self._pause_ends, until) if self.shut else until
        self.shut = True

    def paused(self, now: float) -> bool:
        """Return whether no caller may pass: during a pause, or while a probe is in flight."""
        return self.wait(now) > 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next caller may pass; 0 if it may pass now.

        While a probe is in flight, its answer may open the gate sooner.
        """
        return max(0.0, self._pause_ends - now, self._probe_ends - now) if self.shut else 0.0

    def enter(self, now: float) -> bool:
        """Pass the gate. Call only after ``wait`` has returned 0.

        Returns:
            Whether the caller is the probe, and must call ``answered`` or ``retry``.
        """
        if self.shut:
            self._probe_ends = now + _PROBE_SECONDS
        return self.shut

    def answered(self, now: float) -> None:
        """Open the gate after a successful answer to the probe, unless a new pause has begun."""
        self._probe_ends = 0.0
        self.shut = now < self._pause_ends

    def retry(self) -> None:
        """Allow another probe, after one that was refused or got no answer."""
        self._probe_ends = 0.0
