"""``RedisSlots``: the slot pool of all processes that use one account."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import Any, Self

from heygen_async.distributed.server import RedisServer, checked_account, server_of
from heygen_async.distributed.slot_exchange import GATE, SharedSettings, SlotExchange
from heygen_async.errors import ConfigurationError
from heygen_async.session.limits.gate import LONGEST_PAUSE
from heygen_async.session.limits.request_limiter import out_of_patience
from heygen_async.session.limits.slot_limit import Lane, SlotLimit
from heygen_async.session.slots import Priority, SlotPool, SlotStats

_REFUSED = {
    Lane.INTERACTIVE: Lane.INTERACTIVE_REFUSED,
    Lane.BULK: Lane.BULK_REFUSED,
    GATE: Lane.UNCOUNTED,
}


class RedisSlots(SlotPool):
    """Shares the slots of an account among all its processes, through Redis or Valkey.

    ``HeyGen(jobs=RedisSlots("redis://…", account="acme"))`` in every process. What one of them
    learns of the limit, and each pause after a 429, holds for all. First in, first out across the
    processes; interactive callers before bulk ones.

    Leases end ``ttl`` seconds after their process was last heard of, and so do the places of its
    callers in the queue. A process that was suspended for longer finds its leases lost: it waits
    on for its jobs, which count again, and submits nothing until it has new ones.

    While the server is away nothing that needs a slot is submitted; callers wait for ``patience``.
    Interactive submissions need none, unless ``HeyGen(slots_for="all")``, and go on. If the server
    comes back without its data, each process restores its own.

    Extra ``redis``. Redis 6.2 or later, Valkey 8 or later.

    Args:
        server: The server's URL: ``redis://``, ``rediss://`` (TLS) or ``unix://``; or a
            ``RedisServer``.
        account: Names the account, the same in all its processes. Not the API key.
        ceiling: Jobs that may run at once at most, however many the account allows. Default 50.
            Of this and the two settings that follow, those of the process that has started last
            hold for all.
        probe_every: Seconds between attempts to grow by one. Default 60.
        reserve: Slots that bulk runs leave free for interactive submissions. Default 0.
        start: The limit to start with where none is known. Default: the ceiling.
        ttl: Seconds after which the slots of a process that died are free. Default 30.
        patience: Seconds that callers wait for a server that is away. Default 600.
        poll: Seconds between two looks of a process that waits for slots, in case a message was
            lost. Default 1.

    Raises:
        ConfigurationError: A setting makes no sense; the message says which.
    """

    def __init__(
        self,
        server: str | RedisServer,
        *,
        account: str,
        ceiling: int = 50,
        start: int | None = None,
        probe_every: float = 60.0,
        reserve: int = 0,
        ttl: float = 30.0,
        patience: float = 600.0,
        poll: float = 1.0,
    ) -> None:
        SlotLimit(ceiling, start=start, probe_every=probe_every, reserve=reserve)  # checks them
        for name, seconds in (("ttl", ttl), ("patience", patience), ("poll", poll)):
            if not seconds > 0:
                raise ConfigurationError(f"{name}: expected seconds > 0, got {seconds!r}")
        self._server = server_of(server)
        self._settings = SharedSettings(
            account=checked_account(account),
            ceiling=ceiling,
            start=start,
            probe_every=probe_every,
            reserve=reserve,
            ttl=ttl,
            patience=patience,
            poll=min(poll, ttl / 4),
        )
        self._exchange: SlotExchange | None = None

    def __repr__(self) -> str:
        return (
            f"RedisSlots({self._server.address!r}, account={self._settings.account!r}, "
            f"ceiling={self.ceiling}, limit={self.limit}, held={self.held}, running={self.running})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _slots, (type(self), self._server, self._settings)

    async def __aenter__(self) -> Self:
        self._bind()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def closed(self) -> bool:
        """Whether submissions are paused, as far as this process knows.

        The first call starts to listen to what the other processes learn.
        """
        return self._bind().closed

    def stats(self) -> SlotStats:
        """Return the figures of the last answer of the server. May be called in any thread.

        Returns:
            The figures, of all processes but for ``waiting``; at most ``ttl / 3`` seconds old.
        """
        if self._exchange is not None:
            return self._exchange.stats()
        one = self._settings
        return SlotStats(
            held=0,
            running=0,
            waiting=0,
            limit=one.start,
            ceiling=one.ceiling,
            refusals=0,
            held_seconds=0.0,
            limit_seconds=0.0,
        )

    def try_acquire(self) -> None:
        """Return None: the server has to be asked."""

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> RedisSlot:
        """Wait for a slot, first in, first out within a priority, among all processes.

        Args:
            priority: ``bulk`` (default), or ``interactive``, which goes first.
            patience: Seconds to wait at most.

        Returns:
            The lease; ``release`` gives the slot back.

        Raises:
            RateLimited: There was no slot within ``patience``.
            SlotsUnavailable: The server is away, for longer than the pool's patience.
            SlotUnavailable: The pool was closed meanwhile.
        """
        lane = Lane.INTERACTIVE if priority == "interactive" else Lane.BULK
        lease = RedisSlot(self._bind(), lane)
        await lease.wait(patience, math.inf)
        return lease

    async def refused_without_lease(self, retry_after: float, patience: float) -> RedisSlot:
        """Wait after an interactive submission was refused; see ``SlotPool``.

        While the server is away it waits for ``retry_after`` alone.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.

        Returns:
            The lease to send it again under.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed meanwhile.
        """
        lease = RedisSlot(self._bind(), GATE)
        await lease.refused(retry_after, patience)
        return lease

    async def wait_open(self, patience: float) -> RedisSlot:
        """Wait until submissions are not paused any more, or the server is away.

        Args:
            patience: Seconds to wait at most.

        Returns:
            A lease that takes no slot.

        Raises:
            RateLimited: That lasts longer than ``patience`` seconds.
            SlotUnavailable: The pool was closed meanwhile.
        """
        lease = RedisSlot(self._bind(), GATE)
        await lease.wait(patience, 0.0)
        return lease

    async def aclose(self) -> None:
        """End all waiting with ``SlotUnavailable``, and give all slots of this process back.

        A later call uses the pool again.
        """
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.loop is asyncio.get_running_loop():
            await exchange.aclose()

    def _bind(self) -> SlotExchange:
        """Work on the running event loop; what another one held ends with its time to live."""
        loop = asyncio.get_running_loop()
        if self._exchange is None or self._exchange.loop is not loop:
            self._exchange = SlotExchange(self._server, self._settings, loop)
        return self._exchange


class RedisSlot:
    """A ``SlotLease`` of ``RedisSlots``.

    Args:
        exchange: Where its slot comes from.
        lane: Where it waits.

    Attributes:
        lane: Changed by a refusal.
        running: Whether its job was accepted.
    """

    __slots__ = ("_exchange", "_id", "_lost", "lane", "running")

    def __init__(self, exchange: SlotExchange, lane: int) -> None:
        self._exchange = exchange
        self._id: str | None = None  # while it holds a slot
        self._lost = False
        self.lane = lane
        self.running: bool = False

    @property
    def counted(self) -> bool:
        """Whether it takes a slot that others could have."""
        return Lane.UNCOUNTED < self.lane < GATE

    @property
    def lost(self) -> bool:
        """Whether its slot was lost: not renewed in time, or forgotten by the server."""
        if self.counted and self._id is not None and self._exchange.expired:
            self._lost = True
        return self._lost

    def lose(self) -> None:
        """Note that its slot is lost; one that takes no slot has nothing to lose."""
        self._lost = self.counted

    def accepted(self) -> None:
        """Note that HeyGen has accepted the job."""
        if self._id is not None and not self.running:
            self.running = True
            self._exchange.accepted(self._id, self)

    def release(self) -> None:
        """Give the slot back; further calls do nothing."""
        lease_id, self._id = self._id, None
        if lease_id is not None:
            self.running = False
            self._exchange.release(lease_id)

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after the submission was refused; see ``SlotLease``.

        Args:
            retry_after: Seconds that the answer asked to wait.
            patience: Seconds to wait at most.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotsUnavailable: The server is away, for longer than the pool's patience.
            SlotUnavailable: The pool was closed meanwhile.
        """
        lease_id, self._id, self.running = self._id, None, False
        self._exchange.refused(lease_id, self.lane, retry_after)
        self.lane = _REFUSED.get(self.lane, self.lane)
        if retry_after > patience:
            raise out_of_patience(retry_after, patience)
        if self.counted:
            await self.wait(patience, math.inf)
            return
        if retry_after > LONGEST_PAUSE:  # obeyed in full; others are the probe
            await asyncio.sleep(retry_after - LONGEST_PAUSE)
            patience -= retry_after - LONGEST_PAUSE
            retry_after = LONGEST_PAUSE
        await self.wait(patience, retry_after)

    async def wait(self, patience: float, may_go_after: float) -> None:
        """Wait for a slot; see ``SlotExchange.wait``."""
        self._id = await self._exchange.wait(self, patience, may_go_after)
        self._lost = False


def _slots(kind: type[RedisSlots], server: RedisServer, one: SharedSettings) -> RedisSlots:
    return kind(
        server,
        account=one.account,
        ceiling=one.ceiling,
        start=one.start,
        probe_every=one.probe_every,
        reserve=one.reserve,
        ttl=one.ttl,
        patience=one.patience,
        poll=one.poll,
    )
