"""Deliver events: signed to registered endpoints, unsigned to `callback_url`s.

One task sends all deliveries. It starts with the first endpoint or `callback_url`, and sleeps until
the next job ends or the next delivery is due on the sandbox's clock, or until that clock is
advanced. A limited number of attempts run at once.
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
from .events import Agenda, Event, EventPayloads, ScheduledEvents, iso

if TYPE_CHECKING:
    from ..faults import Faults

__all__ = ["Deliveries", "Delivery", "Endpoint"]

#: The most attempts at once.
_AT_ONCE = 64
#: Sandbox seconds during which a delivery is repeated, 1 s after the first attempt, then 2, 4, …
_RETRY_LIFETIME = 86_400.0
#: The most sandbox seconds by which a reordered or second delivery is delayed.
_DISORDER = 60.0
#: Loop seconds of the shortest sleep: a large value of a loop's clock has no finer resolution.
_SHORTEST_SLEEP = 1e-6


@dataclass(slots=True, eq=False)
class Endpoint:
    """A registered endpoint.

    Attributes:
        id: Its id.
        url: Its address.
        secret: The secret for signatures.
        events: Types of its events; None for all.
        entity_id: The only resource of its events; None for all.
        created_at: Sandbox seconds.
    """

    id: str
    url: str
    secret: str = field(repr=False)
    events: list[str] | None
    entity_id: str | None
    created_at: float

    def wants(self, event: Event, at: float) -> bool:
        """Return whether an event of that time is for the endpoint."""
        return (
            self.created_at <= at
            and (self.events is None or event.type in self.events)
            and self.entity_id in (None, event.entity_id)
        )


@dataclass(slots=True, eq=False)
class Delivery:
    """The delivery of an event to one target.

    Attributes:
        event: The event.
        target: Its current address.
        body: The body, the same in all attempts.
        endpoint: The registered endpoint; None for a `callback_url`.
        older: Whether it has the older form: the header `Signature`, and neither event id nor time.
        state: `waiting` for its next attempt, `delivered`, finally `failed`, or `lost` by a fault.
        attempts: Number of attempts.
        status: HTTP status of the last answer, or None if there was none.
        error: Reason why there was no answer or no further attempt.
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
        """Whether it has a signature, as all deliveries to registered endpoints have."""
        return self.endpoint is not None

    def headers(self, unix: int) -> dict[str, str]:
        """Return the headers for an attempt at the given time.

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
    """All webhook deliveries and their outcomes.

        await sandbox.deliveries.settled()
        assert [delivery.status for delivery in sandbox.deliveries.records] == [204]

    A delivery that is not answered with 2xx within 10 s of the event loop is repeated 1, 2, 4, …
    sandbox seconds later, for 24 hours. Only addresses on loopback are used; other deliveries fail
    at once. `sandbox.faults` can inject faults.

    Args:
        clock: The sandbox's clock.
        slots: The running jobs, and those that wait for a slot.
        seed: Seed of event ids and of the draws of faults.
        faults: The current plan of faults.

    Attributes:
        records: All deliveries, in the order in which they were created.
        hosts: Further allowed host names besides loopback, such as that of a service in a container
            network. Default: none.
        older: Share of the deliveries to registered endpoints in the older form, 0 to 1.
        wall_clock: Returns the unix time for `Heygen-Timestamp`. Receivers compare it with their
            own clock, so the default is the real time, whatever the speed of the sandbox.
        endpoints: The registered endpoints.
        events: All events that had a recipient.
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
        """Wait until all deliveries that are due by now were sent and answered.

        It does not wait for later deliveries, such as another attempt. It also returns if the clock
        stands still: advance the clock, then wait again.
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
        """Send an event of any type to the registered endpoints.

        Call it on the sandbox's event loop.

        Args:
            event_type: Its type, even one that the API does not have.
            event_data: Its data.
            entity_id: Id of its resource, or None.

        Returns:
            Its id.
        """
        self.start()
        return self._create_events([(event_type, event_data)], entity_id, None, self._clock.now())[
            0
        ].id

    def start(self) -> None:
        """Start the task, because there is a recipient."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            # Another thread may advance the clock.
            self._clock.on_turn = partial(loop.call_soon_threadsafe, self._wake.set)
            self._task = loop.create_task(self._run(loop))

    def schedule(
        self,
        job: Job,
        entity_id: str,
        payloads: Callable[[], EventPayloads],
        callback_url: str | None,
    ) -> None:
        """Schedule the events of a job.

        Args:
            job: The job.
            entity_id: Id of its resource.
            payloads: Returns its events; called after its end.
            callback_url: A recipient besides the registered endpoints.
        """
        if callback_url is not None:
            self.start()
        if self._task is None:
            # There is no recipient, so the events of ended jobs can be dropped.
            for _ in self._agenda.ended(job.created_at):
                pass
        self._agenda.add(ScheduledEvents(job, entity_id, payloads, callback_url))
        self._wake.set()

    def replan(self, job: Job) -> None:
        """Update the schedule for a job that ends earlier than planned.

        Args:
            job: The job, with its new `seconds`.
        """
        self._agenda.replan(job)
        self._wake.set()

    def register(self, endpoint: Endpoint) -> Endpoint:
        """Deliver to an endpoint from now on.

        Args:
            endpoint: The endpoint.

        Returns:
            The endpoint.
        """
        self.start()
        return self.endpoints.add(endpoint.id, endpoint)

    async def takes_options(self, url: str) -> bool:
        """Return whether an address passes the check before its registration.

        It must answer OPTIONS with 2xx within 1 s of the event loop. An address outside of loopback
        is not checked and passes.

        Args:
            url: The address.
        """
        return not self._client.may_reach(url) or await self._client.takes_options(url)

    async def aclose(self) -> None:
        """Stop delivering; waiting deliveries are not sent."""
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
        """Plan the deliveries for all jobs that have ended by now."""
        now = self._clock.now()
        self._slots.settle(now)
        for scheduled in self._agenda.ended(now):
            self._create_events(
                scheduled.payloads(),
                scheduled.entity_id,
                scheduled.callback_url,
                scheduled.job.ends_at,
            )

    def _has_due(self) -> bool:
        return self._sending > 0 or self._next_due() <= self._clock.now()

    def _next_due(self) -> float:
        """Return the sandbox time of the next step; infinity if there is none."""
        queued = self._queue[0][0] if self._queue else math.inf
        return min(queued, self._agenda.next_at, self._slots.next_turn)

    def _create_events(
        self, payloads: EventPayloads, entity_id: str | None, callback_url: str | None, at: float
    ) -> list[Event]:
        created = []
        for event_type, event_data in payloads:
            identifier = f"{self._ids.getrandbits(128):032x}"
            created_at = iso(self._clock.epoch + at)
            event = Event(identifier, event_type, event_data, created_at, entity_id)
            created.append(event)
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
        return created

    def _plan(self, event: Event, endpoint: Endpoint | None, target: str, at: float) -> None:
        """Queue a delivery, with the faults of the plan."""
        faults = self._faults()
        # All numbers are always drawn, so one fault never changes the draws of others.
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
        """Sleep until a step is due, the clock is advanced, or there is new work."""
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
