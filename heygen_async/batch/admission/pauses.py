"""Pauses of a run: the account has no credit, or the API accepts nothing."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from heygen_async.batch.outcome import RunStats
from heygen_async.batch.submitter import SubmissionCancelled
from heygen_async.client import HeyGen
from heygen_async.errors import APIError, PaymentRequired, RateLimited
from heygen_async.pricing.account import balance, has_moved
from heygen_async.pricing.budget import Budget
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.pricing.wallet import ask_account, what_is_missing

logger: logging.Logger = logging.getLogger("heygen_async.batch")

# Seconds between two requests for the balance, and seconds until a submission is tried although the
# balance has not changed: the account may not show credits that were added.
_POLL_BALANCE = 15.0
_TRY_ANYWAY = 300.0
# Pauses of at least this many seconds are reported; shorter ones are part of finding the limit.
_WORTH_TELLING = 30.0
_STUCK = 60.0
_LONGEST_TICK = 1.0
# Pauses of at least this many seconds are part of the progress.
_WORTH_SHOWING = 1.0


class CreditPause:
    """Pause submissions after a 402 until the balance changes or a submission is accepted.

    Items wait in a queue. The first item polls the balance and is sent when the balance has
    changed. If it is accepted, all others follow; if it is refused again, it goes to the end of the
    queue.

    Args:
        heygen: The client.
        budget: The budget of the run.
        rest: Estimates the remaining cost, given the positions of the waiting items; None if it is
            unknown.

    Attributes:
        paused: Whether submissions are paused.
        refusal: The latest 402, or None.
        message: The amounts of the latest pause, and advice for the user.
    """

    def __init__(
        self,
        heygen: HeyGen,
        budget: Budget,
        rest: Callable[[Collection[int]], Awaitable[RunEstimate | None]],
    ) -> None:
        self.paused: bool = False
        self.refusal: PaymentRequired | None = None
        self.message: str = ""
        self._heygen = heygen
        self._budget = budget
        self._rest = rest
        self._line = asyncio.Lock()
        self._over = asyncio.Event()
        self._positions: set[int] = set()
        self._stopped = False

    def refused(self, refusal: PaymentRequired) -> None:
        """Pause submissions after a refusal."""
        if not (self.paused or self._stopped):
            self._over.clear()
            self.message = ""
        self.paused, self.refusal = not self._stopped, refusal

    def over(self) -> None:
        """Release all items after a submission was accepted."""
        self.paused = False
        self._over.set()

    def stop(self) -> None:
        """End the wait of all items with ``SubmissionCancelled``."""
        self._stopped = True
        self.over()

    async def wait(self, position: int) -> None:
        """Wait until the item at a position may be sent.

        Raises:
            SubmissionCancelled: Submissions stopped during the wait.
        """
        self._positions.add(position)
        try:
            async with self._line:
                if self.paused:
                    await self._until_moved()
        finally:
            self._positions.discard(position)
        if self._stopped:
            raise SubmissionCancelled

    async def _until_moved(self) -> None:
        loop = asyncio.get_running_loop()
        try_at = loop.time() + _TRY_ANYWAY
        before = await self._tell()
        while not self._over.is_set() and loop.time() < try_at:
            try:
                async with asyncio.timeout(_POLL_BALANCE):
                    await self._over.wait()
            except TimeoutError:
                user = await ask_account(self._heygen.users.me)
                now = None if user is None else balance(user)
                if has_moved(before, now):
                    logger.warning("the balance has changed; submissions are tried again")
                    return
                before = before if now is None else now

    async def _tell(self) -> float | str | None:
        """Report the missing amount once per pause; return the remaining balance."""
        user = await ask_account(self._heygen.users.me)
        if not self.message:
            rest = await self._rest(self._positions)
            self.message = what_is_missing(user, self._budget, rest)
            logger.warning(
                "HeyGen refuses submissions because credit is missing (%s): %s. Submissions pause "
                "until the balance changes",
                self.refusal,
                self.message,
            )
        return None if user is None else balance(user)


class Sender(Protocol):
    """State of the submissions in progress.

    Attributes:
        sending: Number of submissions that are unanswered or paused.
        held_until: End of the latest pause that HeyGen requested, on the loop's clock.
    """

    sending: int
    held_until: float


class PauseWatch:
    """Check periodically whether submissions are paused, and eventually give the run up.

    A run continues while any of its jobs is in flight. If no job is in flight and items remain to
    be sent, the run is given up after ``give_up_after`` seconds in which no submission was accepted
    and no item ended.

    Args:
        heygen: The client.
        stats: Statistics of the run; the pauses are set on them.
        sender: Sends the items.
        credit: The pause after a 402.
        give_up_after: Seconds, or None to wait indefinitely.
        changed: Called when a pause begins or ends, and periodically during a pause.
        give_up: Called with the reason and its error, once.
    """

    def __init__(
        self,
        heygen: HeyGen,
        stats: RunStats,
        sender: Sender,
        credit: CreditPause,
        give_up_after: float | None,
        changed: Callable[[], None],
        give_up: Callable[[str, APIError], None],
    ) -> None:
        self._heygen = heygen
        self._stats = stats
        self._sender = sender
        self._credit = credit
        self._give_up_after = math.inf if give_up_after is None else give_up_after
        self._changed = changed
        self._give_up = give_up
        self._every = min(_LONGEST_TICK, max(0.1, self._give_up_after / 10))
        self._ended: int | None = None  # items at the latest look
        self._stuck_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start checking."""
        self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def stop(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        stats, now = self._stats, asyncio.get_running_loop().time()
        waits = self._credit.paused or self._sender.sending > 0
        if stats.running or not waits or stats.ended != self._ended:
            self._ended, self._stuck_since = stats.ended, now
        stuck = now - self._stuck_since
        if stuck >= self._give_up_after:
            self._stop(stuck)
            return
        since, unchanged = stats.paused_since, self._stuck_since < now
        requests = self._heygen.paused_seconds  # including polls
        held = max(self._sender.held_until - now, requests)
        long = held > _WORTH_TELLING or stuck >= _STUCK
        goes_on = since is not None and (held > 0 or unchanged)
        paused = (waits or requests > 0) and (self._credit.paused or long or goes_on)
        if paused and since is None:
            stats.paused_since = now - stuck
            if not self._credit.paused:
                self._warn(held, stuck)
        elif not paused and since is not None:
            logger.warning("submissions continue after %.0f s", now - since)
            stats.paused_since = None
        stats.no_credit = self._credit.paused
        was_held = stats.held_until is not None
        shown = held >= _WORTH_SHOWING and (waits or requests > 0)
        stats.held_until = now + held if shown else None
        if paused or since is not None or shown or was_held:
            self._changed()
        self.start()

    def _warn(self, held: float, stuck: float) -> None:
        what = (
            f"HeyGen asked to send nothing for {held:.0f} s more"
            if held > 0
            else f"HeyGen has accepted nothing for {stuck:.0f} s"
        )
        limit = f"ends after {self._give_up_after:.0f} s without any job in flight"
        bound = f", or {limit}" if self._give_up_after < math.inf else ""
        logger.warning("submissions pause: %s. The run continues by itself%s", what, bound)

    def _stop(self, stuck: float) -> None:
        refusal, said = self._credit.refusal, f"no submission was accepted for {stuck:,.0f} s"
        if self._credit.paused and refusal is not None:
            self._give_up(f"{said}: {refusal}; {self._credit.message}", refusal)
            return
        message = f"{said}, and no job is in flight"
        limited = RateLimited(message, status=429, code="rate_limit_exceeded", attempts=0)
        self._give_up(message, limited)
