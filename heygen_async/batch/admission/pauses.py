"""What holds a run back: an account without credit, and an API that accepts nothing."""

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

# Seconds between two questions for the balance, and until it is tried whether credit is back
# although the balance has not moved: the account may not tell of the credits that were added.
_POLL_BALANCE = 15.0
_TRY_ANYWAY = 300.0
# Pauses of so many seconds and more are told; shorter ones are part of finding the limit.
_WORTH_TELLING = 30.0
_STUCK = 60.0
_LONGEST_TICK = 10.0


class CreditPause:
    """Holds submissions back after a 402, until the balance moves or one is accepted.

    Items wait in a line. The first one asks for the balance; when that has moved, it is sent. If
    it is accepted, all others follow; if it is refused again, it goes to the end of the line.

    Args:
        heygen: The client.
        budget: The budget of the run.
        rest: Estimates what is left to pay, from the positions of the items that wait; None if
            that is not known.

    Attributes:
        paused: Whether submissions are held back.
        refusal: The latest 402, or None.
        message: The figures of the latest pause, and what to do.
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
        """Hold submissions back: one was refused."""
        if not (self.paused or self._stopped):
            self._over.clear()
            self.message = ""
        self.paused, self.refusal = not self._stopped, refusal

    def over(self) -> None:
        """Let all items go on: one was accepted."""
        self.paused = False
        self._over.set()

    def stop(self) -> None:
        """Let none of those that wait go on."""
        self._stopped = True
        self.over()

    async def wait(self, position: int) -> None:
        """Wait until the item at a position may be sent.

        Raises:
            SubmissionCancelled: Submissions have stopped meanwhile.
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
        """Say once for each pause how much is missing; return what is left in the account."""
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
    """What is known of the submissions that are under way.

    Attributes:
        sending: How many were sent and not answered, or are held back.
        held_until: The end of the latest pause that HeyGen asked for, on the loop's clock.
    """

    sending: int
    held_until: float


class PauseWatch:
    """Looks from time to time whether submissions are held back, and gives the run up at last.

    A run goes on for as long as any of its jobs is in flight. With none in flight, and items that
    are to be sent, it is given up once nothing was accepted, and no item has ended, for
    ``give_up_after`` seconds.

    Args:
        heygen: The client.
        stats: Figures of the run; gets ``paused_since``.
        sender: Sends the items.
        credit: The pause after a 402.
        give_up_after: Seconds, or None for as long as it takes.
        changed: Called when a pause begins or ends, and from time to time during one.
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
        self._seen: tuple[int, int] | None = None
        self._stuck_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        stats, now = self._stats, asyncio.get_running_loop().time()
        waits = self._credit.paused or self._sender.sending > 0
        seen = (stats.accepted, stats.ended)
        if stats.running or not waits or seen != self._seen:
            self._seen, self._stuck_since = seen, now
        stuck = now - self._stuck_since
        if stuck >= self._give_up_after:
            self._stop(stuck)
            return
        since, unchanged = stats.paused_since, self._stuck_since < now
        requests = self._heygen.paused_seconds  # those of polls, too
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
        if paused or since is not None:
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
