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
    """Share the slots of an account among all its processes, through Redis or Valkey.

    Use ``HeyGen(jobs=RedisSlots("redis://…", account="acme"))`` in every process. The limit that
    one process learns, and each pause after a 429, apply to all processes. Slots are granted first
    in, first out across the processes; interactive callers precede bulk callers.

    Leases end ``ttl`` seconds after the last contact with their process, as do its callers' places
    in the queue. A process that was suspended for longer loses its leases: it continues to wait for
    its jobs, which are counted again, and submits nothing until it has new leases.

    While the server is unreachable, nothing that needs a slot is submitted; callers wait for
    ``patience`` seconds. Interactive submissions need no slot, unless ``HeyGen(slots_for="all")``
    is set, and continue. If the server comes back without its data, each process restores its own
    part.

    Extra ``redis``. Redis 6.2 or later, Valkey 8 or later.

    Args:
        server: The server's URL: ``redis://``, ``rediss://`` (TLS) or ``unix://``; or a
            ``RedisServer``.
        account: Name of the account, the same in all its processes. Not the API key.
        ceiling: Maximum number of concurrent jobs, even if the account allows more. Default 50. For
            this and the following two settings, the values of the most recently started process
            apply to all.
        probe_every: Seconds between attempts to grow by one. Default 60.
        reserve: Slots that bulk runs leave free for interactive submissions. Default 0.
        start: The initial limit if none is known. Default: the ceiling.
        ttl: Seconds after which the slots of a dead process are freed. Default 30.
        patience: Seconds that callers wait for an unreachable server. Default 600.
        poll: Seconds between two polls by a process that waits for slots, in case a message was
            lost. Default 1.

    Raises:
        ConfigurationError: A setting is invalid; the message names it.
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
        SlotLimit(ceiling, start=start, probe_every=probe_every, reserve=reserve)  # validates them
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

        The first call starts listening for updates from other processes.
        """
        return self._bind().closed

    def stats(self) -> SlotStats:
        """Return the statistics from the last answer of the server. Can be called in any thread.

        Returns:
            The statistics of all processes, except for ``waiting``, which covers only this process;
            at most ``ttl / 3`` seconds old.
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
        """Return None, because the server has to be asked."""

    async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> RedisSlot:
        """Wait for a slot, first in, first out within a priority, among all processes.

        Args:
            priority: ``bulk`` (default), or ``interactive``, which takes precedence.
            patience: Maximum number of seconds to wait.

        Returns:
            The lease; ``release`` returns the slot.

        Raises:
            RateLimited: There was no slot within ``patience``.
            SlotsUnavailable: The server was unreachable for longer than the pool's patience.
            SlotUnavailable: The pool was closed during the wait.
        """
        lane = Lane.INTERACTIVE if priority == "interactive" else Lane.BULK
        lease = RedisSlot(self._bind(), lane)
        await lease.wait(patience, math.inf)
        return lease

    async def refused_without_lease(self, retry_after: float, patience: float) -> RedisSlot:
        """Wait after an interactive submission was refused; see ``SlotPool``.

        While the server is unreachable, it only waits for ``retry_after``.

        Args:
            retry_after: Seconds that the answer asked for.
            patience: Maximum number of seconds to wait.

        Returns:
            The lease for sending it again.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotUnavailable: The pool was closed during the wait.
        """
        lease = RedisSlot(self._bind(), GATE)
        await lease.refused(retry_after, patience)
        return lease

    async def wait_open(self, patience: float) -> RedisSlot:
        """Wait until submissions are no longer paused, or the server is unreachable.

        Args:
            patience: Maximum number of seconds to wait.

        Returns:
            A lease that takes no slot.

        Raises:
            RateLimited: The pause lasts longer than ``patience`` seconds.
            SlotUnavailable: The pool was closed during the wait.
        """
        lease = RedisSlot(self._bind(), GATE)
        await lease.wait(patience, 0.0)
        return lease

    async def aclose(self) -> None:
        """End all waits with ``SlotUnavailable``, and return all slots of this process.

        A later call reopens the pool.
        """
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.loop is asyncio.get_running_loop():
            await exchange.aclose()

    def _bind(self) -> SlotExchange:
        """Bind to the running event loop; slots of another loop end with their time to live."""
        loop = asyncio.get_running_loop()
        if self._exchange is None or self._exchange.loop is not loop:
            self._exchange = SlotExchange(self._server, self._settings, loop)
        return self._exchange


class RedisSlot:
    """A ``SlotLease`` of ``RedisSlots``.

    Args:
        exchange: The exchange that grants its slot.
        lane: The queue in which it waits.

    Attributes:
        lane: Changed by a refusal.
        running: Whether its job was accepted.
    """

    __slots__ = ("_exchange", "_id", "_lost", "lane", "running")

    def __init__(self, exchange: SlotExchange, lane: int) -> None:
        self._exchange = exchange
        self._id: str | None = None  # set while it holds a slot
        self._lost = False
        self.lane: int = lane
        self.running: bool = False

    @property
    def counted(self) -> bool:
        """Whether it takes a slot that others could use."""
        return Lane.UNCOUNTED < self.lane < GATE

    @property
    def lost(self) -> bool:
        """Whether its slot was lost: not renewed in time, or forgotten by the server."""
        if self.counted and self._id is not None and self._exchange.expired:
            self._lost = True
        return self._lost

    def lose(self) -> None:
        """Note that its slot is lost; a lease without a slot is not affected."""
        self._lost = self.counted

    def accepted(self) -> None:
        """Note that HeyGen has accepted the job."""
        if self._id is not None and not self.running:
            self.running = True
            self._exchange.accepted(self._id, self)

    def release(self) -> None:
        """Return the slot; further calls do nothing."""
        lease_id, self._id = self._id, None
        if lease_id is not None:
            self.running = False
            self._exchange.release(lease_id)

    async def refused(self, retry_after: float, patience: float = math.inf) -> None:
        """Queue again after the submission was refused; see ``SlotLease``.

        Args:
            retry_after: Seconds that the answer asked for.
            patience: Maximum number of seconds to wait.

        Raises:
            RateLimited: There was no slot within ``patience``, or ``retry_after`` is longer.
            SlotsUnavailable: The server was unreachable for longer than the pool's patience.
            SlotUnavailable: The pool was closed during the wait.
        """
        lease_id, self._id, self.running = self._id, None, False
        self._exchange.refused(lease_id, self.lane, retry_after)
        self.lane = _REFUSED.get(self.lane, self.lane)
        if retry_after > patience:
            raise out_of_patience(retry_after, patience)
        if self.counted:
            await self.wait(patience, math.inf)
            return
        if retry_after > LONGEST_PAUSE:  # this caller obeys it in full; another one is the probe
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
