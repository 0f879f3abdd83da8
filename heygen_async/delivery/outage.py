"""``Outage``: repeat deliveries to one target, which fails for all of them at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from heygen_async.errors import HeyGenError
from heygen_async.session.retry import wait_before_next, waits
from heygen_async.session.settings import Retry

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.delivery")

_POLICY = Retry(first=1.0, longest=60.0)
# Failures of one delivery while others succeed.
_MOST_FAILURES = 5


class TargetFailure(Exception):
    """A target has failed.

    Args:
        error: The error for the user.
        passing: Whether another attempt may succeed.
        retry_after: Seconds that the target asks to wait, or None.
    """

    def __init__(
        self, error: HeyGenError, *, passing: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.passing = passing
        self.retry_after = retry_after


class Outage:
    """Let deliveries to a target through; after a failure, one at a time until it succeeds.

    The waits between the attempts are those of the retry policy, with full jitter, up to a minute.
    All other deliveries wait for the result. If the target has failed for longer than
    ``patience``, they fail with its last error, and one of them is tried each minute.

    Args:
        name: Name of the target, for the log.
        patience: Seconds for which deliveries wait; None waits indefinitely.
    """

    def __init__(self, name: str, patience: float | None) -> None:
        self._name = name
        self._patience = patience
        self._since: float | None = None  # when it failed first, on the clock of the loop
        self._next = 0.0
        self._bounds: Iterator[float] = waits(_POLICY)
        self._error: HeyGenError
        self._probing = False
        self._changed = asyncio.Event()
        self._successes = 0

    async def attempt(self, deliver: Callable[[], Awaitable[T]]) -> T:
        """Make attempts until one succeeds, and return its result.

        Args:
            deliver: Makes one attempt; raises ``TargetFailure`` if the target fails. Other
                exceptions are raised unchanged.

        Raises:
            HeyGenError: The error of the last attempt.
        """
        failures, successes = 0, self._successes
        while True:
            is_probe = await self._wait()
            try:
                result = await deliver()
            except TargetFailure as failure:
                if not failure.passing:  # it answers
                    self._succeeded()
                    raise failure.error from None
                if self._successes != successes:
                    failures, successes = failures + 1, self._successes
                if failures >= _MOST_FAILURES:
                    raise failure.error from None
                self._failed(failure)
            else:
                self._successes += 1
                self._succeeded()
                return result
            finally:
                if is_probe:
                    self._probing = False
                    self._notify()

    async def _wait(self) -> bool:
        """Wait for a turn, and return whether this attempt is the only one."""
        loop = asyncio.get_running_loop()
        while self._since is not None:
            now = loop.time()
            ends = self._since + (float("inf") if self._patience is None else self._patience)
            if not self._probing and now >= self._next:
                self._probing = True
                return True
            if now >= ends:
                raise self._error
            until = None if self._probing else min(self._next, ends) - now
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), until)
        return False

    def _failed(self, failure: TargetFailure) -> None:
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since, self._bounds = now, waits(_POLICY)
            logger.warning("%s: %s; deliveries wait for it", self._name, failure.error)
        self._error = failure.error
        self._next = now + wait_before_next(next(self._bounds), failure.retry_after)

    def _succeeded(self) -> None:
        if self._since is not None:
            self._since = None
            logger.info("%s: deliveries go on", self._name)
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
