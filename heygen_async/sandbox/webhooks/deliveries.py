"""Deliveries of events: to the registered endpoints, signed, and to `callback_url`s, unsigned.

One task does it all, and it begins with the first endpoint or `callback_url`: before, nothing
is scheduled. It sleeps until the next job ends or the next delivery is due by the sandbox's
clock, and wakes early when that clock is turned. Attempts run beside each other, a bounded
number at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import hmac
import itertools
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import anyio
from anyio.abc import TaskGroup

from ..account.store import Store
from ..answers import Json
from ..clock import Clock
from ..jobs import Job, Slots
from .delivery_client import DeliveryClient
from .events import Agenda, Announcement, Event, Tidings, iso

if TYPE_CHECKING:
    from ..faults import Faults

__all__ = ["Deliveries", "Delivery", "Endpoint"]

#: Attempts under way at once.
_AT_ONCE = 64
#: Sandbox seconds after the first attempt in which there are others: 1 s after it, then 2, 4, …
_RETRY_LIFETIME = 86_400.0
#: Sandbox seconds by which a delivery that is overtaken, or the second of two, is late at most.
_DISORDER = 60.0
#: Loop seconds of the shortest sleep: a loop's clock cannot tell less apart once it is large.
_SHORTEST_SLEEP = 1e-6


@dataclass(slots=True, eq=False)
class Endpoint:
    """A registered endpoint.

    Attributes:
        id: Its id.
        url: Where events go.
        secret: What their signatures are keyed with.
        events: The types it wants; None for all.
        entity_id: The one resource it wants to hear of; None for all.
        created_at: Sandbox seconds.
    """

    id: str
    url: str
    secret: str = field(repr=False)
    events: list[str] | None
    entity_id: str | None
    created_at: float

    def wants(self, event: Event, at: float) -> bool:
        """Whether an event of that moment is for it."""
        return (
            self.created_at <= at
            and (self.events is None or event.type in self.events)
            and self.entity_id in (None, event.entity_id)
        )


@dataclass(slots=True, eq=False)
class Delivery:
    """An event on its way to one target.

    Attributes:
        event: What it tells.
        target: Where it goes, at present.
        body: What is sent, the same bytes each time.
        endpoint: The registered endpoint; None for a `callback_url`.
        older: It has the older form: the header `Signature`, and neither event id nor time.
        state: `waiting` for its next attempt, `delivered`, `failed` for good, or `lost` by a
            fault.
        attempts: How often it was sent.
        status: HTTP status of the last answer; None where there was none.
        error: Why there was none, or no more attempt.
        first_at: Sandbox seconds of the first attempt.
    """

    event: Event
    target: str
    body: bytes = field(repr=False)
    endpoint: Endpoint | None = None
    older: bool = False
    state: Literal["waiting", "delivered", "failed", "lost"] = "waiting"
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    first_at: float | None = None

    @property
    def event_type(self) -> str:
        """Type of the event, such as `avatar_video.success`."""
        return self.event.type

    @property
    def signed(self) -> bool:
        """Whether it carries a signature: those to registered endpoints do."""
        return self.endpoint is not None

    def headers(self, unix: int) -> dict[str, str]:
        """What it carries when it is sent at that time.

        Args:
            unix: Unix seconds of the time.
        """
        if self.endpoint is None:
            return {}
        secret = self.endpoint.secret.encode()
        signature = hmac.new(secret, self.body, hashlib.sha256).hexdigest()
        if self.older:
            return {"Signature": signature}
        return {
            "Heygen-Signature": signature,
            "Heygen-Timestamp": str(unix),
            "Heygen-Event-Id": self.event.id,
        }


class Deliveries:
    """Who is told of what, and how that went.

        await sandbox.deliveries.settled()
        assert [delivery.status for delivery in sandbox.deliveries.records] == [204]

    A delivery that is not answered with 2xx within 10 s of the event loop is repeated 1, 2, 4, …
    sandbox seconds later, for 24 hours. Only addresses on loopback are sent to; deliveries to
    any other fail at once. What goes wrong on the way is a matter of `sandbox.faults`.

    Args:
        clock: The sandbox's clock.
        slots: The jobs that run, and those that wait for their turn.
        seed: What ids of events and the draws of faults derive from.
        faults: The present plan of what goes wrong.

    Attributes:
        records: Every delivery, in the order in which they came up.
        hosts: Names beside loopback that may be sent to, such as a service's in a network of
            containers; none by default.
        older: Share of the deliveries to registered endpoints that have the older form, 0 to 1.
        wall_clock: Gives the unix time in `Heygen-Timestamp`. Receivers compare it with their
            own clock, so it is the real time by default, however fast the sandbox's runs.
        endpoints: The registered endpoints.
        events: The events of which somebody was to be told.
    """

    def __init__(self, clock: Clock, slots: Slots, seed: int, faults: Callable[[], Faults]) -> None:
        self.records: list[Delivery] = []
        self.older: float = 0.0
        self.wall_clock: Callable[[], float] = time.time
        self.endpoints: Store[Endpoint] = Store("webhook", newest_first=False)
        self.events: Store[Event] = Store("resource")
        self._clock = clock
        self._slots = slots
        self._faults = faults
        self._client = DeliveryClient()
        self.hosts: set[str] = self._client.hosts
        self._agenda = Agenda()
        self._queue: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._sending = 0
        self._ids = random.Random(f"{seed}/events")  # noqa: S311 - ids are no secrets
        self._chance = random.Random(f"{seed}/deliveries")  # noqa: S311 - no secret
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()

    async def settled(self) -> None:
        """Wait until all that is due by now has been sent and answered.

        What is due later, such as another attempt, is not waited for. It returns under a clock
        that stands still, too: turn it, then wait again.
        """
        self._wake.set()
        while self._task is not None:
            if self._task.done():
                self._task.result()
            if not self._has_due():
                return
            self._progress.clear()
            await self._progress.wait()

    def emit(self, event_type: str, event_data: Json, *, entity_id: str | None = None) -> str:
        """Tell the registered endpoints of an event of any type, made up by the caller.

        To be called on the sandbox's event loop.

        Args:
            event_type: Its type, also one that the API does not have.
            event_data: What it says.
            entity_id: Id of the resource that it is about.

        Returns:
            Its id.
        """
        self.start()
        return self._tell([(event_type, event_data)], entity_id, None, self._clock.now())[0].id

    def start(self) -> None:
        """Begin to deliver: somebody wants to be told."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            # The clock may be turned in another thread.
            self._clock.on_turn = partial(loop.call_soon_threadsafe, self._wake.set)
            self._task = loop.create_task(self._run(loop))

    def announce(
        self, job: Job, entity_id: str, tell: Callable[[], Tidings], callback_url: str | None
    ) -> None:
        """Plan to tell what becomes of a job.

        Args:
            job: The job.
            entity_id: Id of its resource.
            tell: What became of it; asked after its end.
            callback_url: Whom to tell besides the registered endpoints.
        """
        if callback_url is not None:
            self.start()
        if self._task is None:
            # Nobody listens, so what has ended is of no interest to anybody any more.
            for _ in self._agenda.ended(job.created_at):
                pass
        self._agenda.add(Announcement(job, entity_id, tell, callback_url))
        self._wake.set()

    def replan(self, job: Job) -> None:
        """Take note that a job ends earlier than it was going to.

        Args:
            job: The job, whose `seconds` are the new ones.
        """
        self._agenda.replan(job)
        self._wake.set()

    def register(self, endpoint: Endpoint) -> Endpoint:
        """Deliver to an endpoint from now on.

        Args:
            endpoint: Where to deliver, and what.

        Returns:
            The endpoint itself.
        """
        self.start()
        return self.endpoints.add(endpoint.id, endpoint)

    async def takes_options(self, url: str) -> bool:
        """Whether an address passes the check before it is registered.

        It must answer OPTIONS with 2xx within 1 s of the event loop. An address beyond loopback
        is not asked and passes.

        Args:
            url: The address.
        """
        return not self._client.may_reach(url) or await self._client.takes_options(url)

    async def aclose(self) -> None:
        """Stop delivering; what waits stays undelivered."""
        self._clock.on_turn = None
        task, self._task = self._task, None
        try:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
                if not task.cancelled():
                    task.result()
        finally:
            await self._client.close()

    def catch_up(self) -> None:
        """Take note of all jobs that have ended by now: plan the deliveries of their events."""
        now = self._clock.now()
        self._slots.settle(now)
        for announcement in self._agenda.ended(now):
            self._tell(
                announcement.tell(),
                announcement.entity_id,
                announcement.callback_url,
                announcement.job.ends_at,
            )

    def _has_due(self) -> bool:
        return self._sending > 0 or self._next_due() <= self._clock.now()

    def _next_due(self) -> float:
        """When there is something to do next, in sandbox seconds; infinity for never."""
        queued = self._queue[0][0] if self._queue else math.inf
        return min(queued, self._agenda.next_at, self._slots.next_turn)

    def _tell(
        self, tidings: Tidings, entity_id: str | None, callback_url: str | None, at: float
    ) -> list[Event]:
        told = []
        for event_type, event_data in tidings:
            identifier = f"{self._ids.getrandbits(128):032x}"
            created_at = iso(self._clock.epoch + at)
            event = Event(identifier, event_type, event_data, created_at, entity_id)
            told.append(event)
            listeners: list[Endpoint | None] = [
                endpoint for endpoint in self.endpoints if endpoint.wants(event, at)
            ]
            if callback_url is not None:
                listeners.append(None)
            if listeners:
                self.events.add(identifier, event)
            for endpoint in listeners:
                target = endpoint.url if endpoint is not None else callback_url or ""
                self._plan(event, endpoint, target, at)
        return told

    def _plan(self, event: Event, endpoint: Endpoint | None, target: str, at: float) -> None:
        """Queue a delivery, as the faults will have it."""
        faults = self._faults()
        # All numbers are drawn every time, so that one fault never shifts the draws of others.
        lost, twice, overtaken, late, disorder, gap, older = (
            self._chance.random() for _ in range(7)
        )
        is_older = endpoint is not None and older < self.older
        body = event.body(older=is_older)
        delivery = Delivery(event, target, body, endpoint, is_older)
        self.records.append(delivery)
        if lost < faults.lose:
            delivery.state = "lost"
            return
        delay = faults.delay
        shortest, longest = delay if isinstance(delay, tuple) else (delay, delay)
        due = at + shortest + (longest - shortest) * late
        if overtaken < faults.reorder:
            due += _DISORDER * disorder
        self._queue_up(delivery, due)
        if twice < faults.duplicate:
            second = Delivery(event, target, body, endpoint, is_older)
            self.records.append(second)
            self._queue_up(second, due + _DISORDER * gap)

    def _queue_up(self, delivery: Delivery, due: float) -> None:
        heapq.heappush(self._queue, (due, next(self._order), delivery))
        self._wake.set()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            async with anyio.create_task_group() as attempts:
                while True:
                    self._wake.clear()
                    self.catch_up()
                    self._send_due(attempts)
                    self._progress.set()
                    await self._sleep(loop)
        finally:
            self._progress.set()

    def _send_due(self, attempts: TaskGroup) -> None:
        now = self._clock.now()
        while self._queue and self._queue[0][0] <= now and self._sending < _AT_ONCE:
            delivery = heapq.heappop(self._queue)[2]
            self._sending += 1
            attempts.start_soon(self._attempt, delivery)

    async def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sleep until something is due, or the clock is turned, or something else came up."""
        due, speed = self._next_due(), self._clock.speed
        timer = None
        if due < math.inf and speed > 0 and self._sending < _AT_ONCE:
            seconds = (due - self._clock.now()) / speed
            timer = loop.call_later(max(seconds, _SHORTEST_SLEEP), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        finally:
            self._sending -= 1
            self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        endpoint = delivery.endpoint
        if endpoint is not None:
            if endpoint.id not in self.endpoints:
                delivery.state, delivery.error = "failed", "the endpoint was deleted"
                return
            delivery.target = endpoint.url
        if not self._client.may_reach(delivery.target):
            delivery.state, delivery.error = "failed", "not an address on loopback"
            return
        if delivery.first_at is None:
            delivery.first_at = self._clock.now()
        delivery.attempts += 1
        answer = await self._client.post(
            delivery.target, delivery.body, delivery.headers(int(self.wall_clock()))
        )
        delivery.status = answer if isinstance(answer, int) else None
        delivery.error = None if isinstance(answer, int) else answer
        if delivery.status is not None and 200 <= delivery.status < 300:
            delivery.state = "delivered"
            return
        due = self._clock.now() + 2.0 ** (delivery.attempts - 1)
        if due > delivery.first_at + _RETRY_LIFETIME:
            delivery.state = "failed"
        else:
            self._queue_up(delivery, due)
