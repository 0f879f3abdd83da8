"""The gate: one answer with ``Retry-After`` is one pause for everybody.

A circuit breaker, as pure arithmetic: it knows no clock and no event loop, and takes ``now`` in
every method. It is open, or closed until a time. At the end of a pause it is half-open: one
caller, the probe, passes; the others wait for the answer to it. A good answer opens the gate,
another refusal closes it again, and a probe that ends without an answer is followed by another.
"""

from __future__ import annotations

# One answer pauses a client for no longer, whatever it asks for; then a probe goes. The minute
# less than ten leaves callers with the default patience the time to see the probe's answer.
LONGEST_PAUSE = 540.0
# A probe that has not been answered after so many seconds is followed by another.
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
        self._probe_ends = 0.0  # the time allowed for the answer to the probe in flight

    def close(self, now: float, seconds: float) -> None:
        """Close for ``seconds``, ``LONGEST_PAUSE`` at most; a longer pause in force is kept.

        Args:
            now: The present.
            seconds: How long the answer asked to wait.
        """
        until = now + min(max(0.0, seconds), LONGEST_PAUSE)
        self._pause_ends = max(self._pause_ends, until) if self.shut else until
        self.shut = True

    def paused(self, now: float) -> bool:
        """Return whether nobody may pass: during a pause, or while a probe is in flight."""
        return self.wait(now) > 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next caller may pass, 0 for now.

        While a probe is in flight, its answer may come sooner.
        """
        return max(0.0, self._pause_ends - now, self._probe_ends - now) if self.shut else 0.0

    def enter(self, now: float) -> bool:
        """Pass the gate, where ``wait`` has returned 0.

        Returns:
            Whether the caller is the probe, and must call ``answered`` or ``retry``.
        """
        if self.shut:
            self._probe_ends = now + _PROBE_SECONDS
        return self.shut

    def answered(self, now: float) -> None:
        """Open: the probe got a good answer. A pause that began meanwhile is kept."""
        self._probe_ends = 0.0
        self.shut = now < self._pause_ends

    def retry(self) -> None:
        """Let another probe go: this one was refused, or ended without an answer."""
        self._probe_ends = 0.0
