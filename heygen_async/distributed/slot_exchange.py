"""Exchange of one process with the server that stores the slots of its account.

Leases post operations. One task sends all queued operations in one call, and hands out the slots
that the answers grant. If an answer is lost, the call is sent again under the same number and
applied only once. Slots that become free for this process between calls arrive as messages; a poll
every second detects lost messages. Each call renews all leases of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

import msgspec

from heygen_async.distributed.server import SERVER_ERRORS, RedisServer, Script, reason
from heygen_async.errors import SlotsUnavailable, SlotUnavailable
from heygen_async.session.limits.request_limiter import out_of_patience
from heygen_async.session.limits.slot_limit import Lane
from heygen_async.session.slots import SlotStats

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

SCRIPT = Script("slots.lua")
GATE = max(Lane) + 1
"""The lane of callers that wait only for the gate, after all lanes of ``Lane``."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 1.0
_SHORTEST = 0.001  # between two calls without operations
# A connection that was idle for a while may be broken; only a second failure is significant.
_FAILURES = 2


class SharedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the slots of one account; see ``RedisSlots``."""

    account: str
    ceiling: int
    start: int | None
    probe_every: float
    reserve: int
    ttl: float
    patience: float
    poll: float


class Holder(Protocol):
    """A lease, as seen by the exchange."""

    @property
    def lane(self) -> int:
        """The queue in which it waits."""
        ...

    @property
    def counted(self) -> bool:
        """Whether it takes a slot that others could use."""
        ...

    @property
    def running(self) -> bool:
        """Whether its job was accepted."""
        ...

    def lose(self) -> None:
        """Note that its slot is lost."""
        ...


class Wait:
    """A waiting caller.

    Attributes:
        holder: The future lease.
        granted: Set to True with a slot, or to False if the caller may proceed without one.
        deadline: Time at which its patience ends, on the clock of the event loop.
        may_go_at: Time at which it may proceed without a slot while the server is unreachable;
            ``inf`` for never.
        began: Time at which it began to wait, on the clock of the event loop.
    """

    __slots__ = ("began", "deadline", "granted", "holder", "may_go_at")

    def __init__(
        self, holder: Holder, patience: float, may_go_after: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.holder: Holder = holder
        self.granted: asyncio.Future[bool] = loop.create_future()
        self.began: float = loop.time()
        self.deadline: float = self.began + patience
        self.may_go_at: float = self.began + may_go_after

    def fail(self, error: Exception) -> None:
        """Raise an exception in the caller."""
        if not self.granted.done():
            self.granted.set_exception(error)


class _Figures(NamedTuple):
    """The numbers of an answer, in the order of the script."""

    held: float = 0.0
    running: float = 0.0
    limit: float = 0.0
    learned: float = 0.0
    ceiling: float = 0.0
    refusals: float = 0.0
    held_seconds: float = 0.0
    limit_seconds: float = 0.0
    shut: float = 0.0
    gate_wait: float = 0.0


class SlotExchange:
    """Exchange operations for leases, on one event loop.

    Args:
        server: The server.
        settings: The settings of the account's slots.
        loop: The running event loop.

    Attributes:
        loop: The event loop that it works on.
    """

    def __init__(
        self, server: RedisServer, settings: SharedSettings, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self._server = server
        self._settings = settings
        self._owner = secrets.token_hex(8)
        prefix = f"heygen:{{{settings.account}}}:slots:"
        self._channel = prefix
        self._keys = [prefix + name for name in ("state", "grants", "queue", "owners", "batches")]
        self._made = 0
        self._posted: list[str] = []
        self._sending: list[str] | None = None
        self._batch = 0
        self._waits: dict[str, Wait] = {}
        self._held: dict[str, Holder] = {}
        self._work = asyncio.Event()
        self._checked_at = -math.inf  # time of the last check of all leases
        self._due = 0.0  # time of the next call without operations
        self._valid_until = math.inf  # on the server object's clock
        self._failures = 0
        self._away_since: float | None = None
        self._figures = _Figures(limit=settings.ceiling, ceiling=settings.ceiling)
        self._figures_at = loop.time()
        self._tasks = [
            loop.create_task(self._run()),
            loop.create_task(
                server.listen(
                    [prefix + self._owner, prefix + "all"], self._on_message, self._check_soon
                )
            ),
        ]

    @property
    def closed(self) -> bool:
        """Whether submissions are paused, as far as this process knows."""
        return self._figures.shut == 1 and self._away_since is None

    @property
    def expired(self) -> bool:
        """Whether all leases have expired because no call has renewed them."""
        return self._server.now() > self._valid_until

    def stats(self) -> SlotStats:
        """Return the statistics of the last answer."""
        figures, since = self._figures, self.loop.time() - self._figures_at
        return SlotStats(
            held=int(figures.held),
            running=int(figures.running),
            waiting=len(self._waits),
            limit=int(figures.limit) if figures.learned else None,
            ceiling=int(figures.ceiling),
            refusals=int(figures.refusals),
            held_seconds=figures.held_seconds + since * figures.held,
            limit_seconds=figures.limit_seconds + since * figures.limit,
        )

    async def wait(self, holder: Holder, patience: float, may_go_after: float) -> str | None:
        """Wait for a slot.

        Args:
            holder: The future lease.
            patience: Maximum number of seconds to wait.
            may_go_after: Seconds after which it may proceed without a slot if the server is
                unreachable.

        Returns:
            The id under which it holds a slot, or None if it proceeds without one.

        Raises:
            RateLimited: There was no slot within ``patience``.
            SlotsUnavailable: The server is unreachable.
            SlotUnavailable: The pool was closed during the wait.
        """
        self._made += 1
        lease_id = f"{self._owner}:{self._made}"
        waiting = self._waits[lease_id] = Wait(holder, patience, may_go_after, self.loop)
        self.post(f"acquire {lease_id} {holder.lane}")
        timer = None
        if patience < math.inf:
            timer = self.loop.call_later(patience, self._out_of_patience, waiting)
        try:
            return lease_id if await waiting.granted else None
        except BaseException:
            self._waits.pop(lease_id, None)
            self.release(lease_id)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def accepted(self, lease_id: str, holder: Holder) -> None:
        """Note that the job of a lease runs; a lost lease is counted again."""
        self._held[lease_id] = holder
        self.post(f"accepted {lease_id} {holder.lane}")

    def refused(self, lease_id: str | None, lane: int, retry_after: float) -> None:
        """Note a refusal; it ends the lease, if there is one."""
        lease_id = lease_id or f"{self._owner}:-"
        self._held.pop(lease_id, None)
        self._figures = self._figures._replace(shut=1.0)
        self.post(f"refused {lease_id} {lane} {float(retry_after)!r}")

    def release(self, lease_id: str) -> None:
        """Return a slot."""
        self._held.pop(lease_id, None)
        self.post(f"release {lease_id}")

    def post(self, operation: str) -> None:
        """Queue an operation to be sent."""
        self._posted.append(operation)
        self._work.set()

    async def aclose(self) -> None:
        """End all waits, return all slots, and close the connections."""
        for waiting in self._waits.values():
            waiting.fail(SlotUnavailable("the slot pool was closed; nothing was sent"))
        for lease_id, holder in list(self._held.items()):
            holder.lose()
            self.release(lease_id)
        # The waiting callers release what they waited for.
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._away_since is None:
            with contextlib.suppress(*SERVER_ERRORS):
                async with self._server.connect() as redis:
                    while self._sending or self._posted:
                        await self._call(redis)

    # Sending.

    async def _run(self) -> None:
        while True:
            try:
                async with self._server.connect() as redis:
                    self._checked_at = -math.inf
                    while True:
                        await self._call(redis)
                        await self._until_due()
            except Exception as error:  # any error must end the waits
                await self._failed(error)

    async def _call(self, redis: Any) -> None:
        """Send the posted operations, and apply the answer."""
        if self._sending is None:
            self._work.clear()
            self._sending, self._posted = self._posted, []
            self._batch += 1
            # A timer of the event loop may fire slightly early.
            if (now := self.loop.time()) + _SHORTEST >= self._check_due():
                self._checked_at = now
                self._sending += [f"check {one}" for one in (*self._waits, *self._held)]
        sent_at = self._server.now()
        answer = await self._server.run(redis, SCRIPT, self._keys, self._arguments())
        asked = {operation.split()[1] for operation in self._sending}
        self._sending = None
        self._came_back()
        if self.expired:
            self._lose_all()
        self._valid_until = sent_at + self._settings.ttl
        self._apply(answer, asked)

    def _check_due(self) -> float:
        one = self._settings
        return self._checked_at + (one.poll if self._waits else one.ttl / 3)

    def _arguments(self) -> list[str]:
        one, figures = self._settings, self._figures
        start = int(figures.limit) if figures.learned else one.start
        return [
            self._owner,
            str(self._batch),
            repr(one.ttl),
            self._channel,
            str(one.ceiling),
            repr(one.probe_every),
            str(one.reserve),
            "" if start is None else str(start),
            *(self._sending or ()),
        ]

    def _apply(self, answer: Any, asked: Collection[str]) -> None:
        numbers, again, mine, unknown = answer
        self._figures = figures = _Figures(*map(float, numbers.split()))
        self._figures_at = now = self.loop.time()
        for lease_id in mine:
            self._granted(lease_id.decode())
        for lease_id in unknown:
            self._unknown(lease_id.decode())
        for lease_id, waiting in self._waits.items():
            left = waiting.deadline - now
            # An unrequested slot may be the probe that the gate waits for.
            if left <= 0 or (figures.gate_wait > left and lease_id in asked):
                waiting.fail(out_of_patience(figures.gate_wait, max(0.0, left)))
        due = self._check_due()
        if self._waits and again:
            due = min(due, now + float(again))
        self._due = max(due, now + _SHORTEST)

    def _granted(self, lease_id: str) -> None:
        waiting = self._waits.pop(lease_id, None)
        if waiting is None or waiting.granted.done():
            return  # it has ended, and its release is being sent
        self._held[lease_id] = waiting.holder
        waiting.granted.set_result(True)

    def _unknown(self, lease_id: str) -> None:
        """Restore leases lost by the server: it restarted, or this process was suspended."""
        if lease_id in self._waits:
            self.post(f"acquire {lease_id} {self._waits[lease_id].holder.lane}")
        elif lease_id in self._held:
            self._lose(lease_id)

    def _lose_all(self) -> None:
        for lease_id in list(self._held):
            self._lose(lease_id)

    def _lose(self, lease_id: str) -> None:
        holder = self._held[lease_id]
        holder.lose()
        if holder.running and holder.counted:  # no other job may be submitted instead
            self.accepted(lease_id, holder)
        else:
            self.release(lease_id)

    async def _until_due(self) -> None:
        """Wait until there are operations to send, or the next call is due."""
        timer = self.loop.call_at(self._due, self._work.set)
        try:
            await self._work.wait()
        finally:
            timer.cancel()

    def _check_soon(self) -> None:
        self._checked_at = -math.inf
        self._work.set()

    def _on_message(self, channel: str, message: str) -> None:
        if channel == self._channel + "all":
            shut, limit, learned = map(float, message.split())
            self._figures = self._figures._replace(shut=shut, limit=limit, learned=learned)
            return
        for lease_id in message.split():
            self._granted(lease_id)

    def _out_of_patience(self, waiting: Wait) -> None:
        if self._away_since is not None:
            waiting.fail(self._unavailable())
        elif self._sending is None and not self._posted:  # otherwise the answer may grant a slot
            waiting.fail(out_of_patience(self._figures.gate_wait, 0.0))

    # While the server is unreachable.

    async def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures < _FAILURES:
            return
        if self._away_since is None:
            self._away_since = self.loop.time()
            logger.warning(
                "the slots of account %r are kept on %s, which does not answer: %s. Submissions "
                "that need a slot wait until it answers again",
                self._settings.account,
                self._server.address,
                reason(error),
            )
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(self._failures - _FAILURES, 10))
        self._due = self.loop.time() + delay
        while self.loop.time() < self._due:
            self._serve_without()
            self._work.clear()
            await self._until_due()

    def _serve_without(self) -> None:
        """Let callers proceed that need no slot, and end the patience of the others."""
        assert self._away_since is not None
        now = self.loop.time()
        for lease_id, waiting in list(self._waits.items()):
            patience_ends = max(waiting.began, self._away_since) + self._settings.patience
            if now >= waiting.may_go_at:
                del self._waits[lease_id]
                self.release(lease_id)
                if not waiting.granted.done():
                    waiting.granted.set_result(False)
            elif now >= min(waiting.deadline, patience_ends):
                waiting.fail(self._unavailable())

    def _unavailable(self) -> SlotsUnavailable:
        return SlotsUnavailable(
            f"the slots are kept on {self._server.address}, which does not answer; nothing was sent"
        )

    def _came_back(self) -> None:
        self._failures = 0
        if self._away_since is not None:
            seconds = self.loop.time() - self._away_since
            self._away_since = None
            logger.warning("%s answers again after %.0f s", self._server.address, seconds)
