"""``WebhookReceiver``: takes in deliveries, settles the jobs that wait, and runs handlers."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias, TypeVar, overload

from heygen_async.endpoints.jobs import Jobs
from heygen_async.endpoints.webhooks import Webhooks
from heygen_async.errors import (
    ConfigurationError,
    MalformedDelivery,
    SignatureMissing,
    WebhookError,
)
from heygen_async.models.webhooks import WebhookEndpoint, WebhookEventName
from heygen_async.session.tasks import shield
from heygen_async.webhooks.bus import Bus, JobNews, hint
from heygen_async.webhooks.delivery_log import MemorySeen, SeenEvents
from heygen_async.webhooks.events import Callback, Event, EventJob
from heygen_async.webhooks.handler_pool import Worklist
from heygen_async.webhooks.handlers import Handlers, event_class, run
from heygen_async.webhooks.parsing import event_from, parse
from heygen_async.webhooks.registration import Wanted, event_names, kinds_told_of, register
from heygen_async.webhooks.requests import TOO_LARGE, WebhookAnswer
from heygen_async.webhooks.signature import TOLERANCE, signing_keys, verify_with

if TYPE_CHECKING:
    from aiohttp import web

    from heygen_async.webhooks.asgi import ASGIApp

E = TypeVar("E", bound=Event | Callback)
R = TypeVar("R")
OnHandlerError: TypeAlias = Literal["acknowledge", "retry"]

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

_OK = WebhookAnswer(200, "ok")
_DUPLICATE = WebhookAnswer(200, "seen before")
_REFUSED = WebhookAnswer(401, "not verified")
_MALFORMED = WebhookAnswer(400, "not an event")
_FAILED = WebhookAnswer(500, "a handler failed")
_BUSY = WebhookAnswer(503, "busy", {"Retry-After": "5"})

# Unsigned deliveries, which anybody can send, must not crowd out the signed ones.
_SHARE_OF_CALLBACKS = 0.5
_CALLBACKS_REMEMBERED = 10_000
# Deliveries come in no order: what came shortly before the newest one may have been missed.
_OVERLAP = 600.0


class Client(Protocol):
    """What a receiver needs of ``HeyGen``."""

    jobs: Jobs
    webhooks: Webhooks

    async def aclose(self) -> None:
        """Close all connections."""


class _Registering(Protocol[E]):
    """Adds a handler, and gives it back as it is."""

    def __call__(self, handler: Callable[[E], R], /) -> Callable[[E], R]: ...


@dataclass(slots=True)
class WebhookCounts:
    """What a receiver has been through since it was made.

    Attributes:
        events: Verified events, each once.
        callbacks: Unsigned deliveries, each once.
        duplicates: Deliveries of what had come before.
        refused: Deliveries that were not verified, or no events.
        turned_away: Deliveries for which there was no room, or no memory of what came before.
        recovered: Events that were read back, as their deliveries were missed.
        handler_errors: Handlers that raised.
    """

    events: int = 0
    callbacks: int = 0
    duplicates: int = 0
    refused: int = 0
    turned_away: int = 0
    recovered: int = 0
    handler_errors: int = 0


class WebhookReceiver:
    """Receives what HeyGen delivers.

    A delivery settles the job that waits for it: ``await job.wait()`` returns after one request
    for the detail. It is also handed to the handlers that the app has for its type::

        receiver = WebhookReceiver(heygen, secrets=os.environ["HEYGEN_WEBHOOK_SECRET"])

        @receiver.on("avatar_video.success")
        async def done(event: AvatarVideoSuccess) -> None: ...

    A signed delivery is verified and becomes an ``Event``. An unsigned one, as HeyGen sends to a
    ``callback_url``, becomes a ``Callback``, of which nothing is believed but the ids to look up;
    where a job's request had a ``callback_id``, one with another is ignored.

    Enter it as ``async with receiver:`` or let ``lifespan`` or one of the apps do so.

    Args:
        heygen: The client whose jobs wait.
        secrets: The endpoint's secret (``whsec_…``), or several while one replaces another.
        on_handler_error: ``acknowledge`` answers 200 at once and runs the handlers after that; an
            event whose handler fails, or whose process is killed, is not delivered again.
            ``retry`` runs them first and answers 500 if one fails or takes too long; HeyGen then
            repeats the delivery, for up to 24 h, and all handlers of the event run again.
        callbacks: Whether unsigned deliveries are taken at all. Default True.
        seen: Remembers which events came before. By default the latest 100,000, in memory.
        bus: Tells other processes of ended jobs, and hears of them.
        tolerance: Seconds by which a delivery's timestamp may be off.
        max_body: Bytes that a body may have. Default 1 MB.
        body_timeout: Seconds that a body may take to arrive. Default 10.
        handler_timeout: Seconds that the handlers of one event may take with ``retry``; HeyGen
            waits 10 s for the answer. Default 8.
        workers: Events worked on at the same time with ``acknowledge``.
        backlog: Events that may wait for a worker; beyond, deliveries are answered 503, and
            HeyGen repeats them.
        patience: Seconds that ``aclose`` waits for work in hand. Default 30.

    Attributes:
        counts: What has come so far.

    Raises:
        ConfigurationError: A secret cannot be right.
    """

    def __init__(
        self,
        heygen: Client,
        secrets: str | Iterable[str] = (),
        *,
        on_handler_error: OnHandlerError = "acknowledge",
        callbacks: bool = True,
        seen: SeenEvents | None = None,
        bus: Bus | None = None,
        tolerance: float = TOLERANCE,
        max_body: int = 1_000_000,
        body_timeout: float = 10.0,
        handler_timeout: float = 8.0,
        workers: int = 20,
        backlog: int = 1_000,
        patience: float = 30.0,
    ) -> None:
        if on_handler_error not in ("acknowledge", "retry"):
            raise ConfigurationError(
                f"on_handler_error: expected 'acknowledge' or 'retry', got {on_handler_error!r}"
            )
        self.heygen = heygen
        self.max_body = max_body
        self.body_timeout = body_timeout
        self.counts: WebhookCounts = WebhookCounts()
        self._keys = signing_keys(secrets)
        self._tolerance = tolerance
        self._retries = on_handler_error == "retry"
        self._takes_callbacks = callbacks
        self._handler_timeout = handler_timeout
        self._patience = patience
        self._handlers = Handlers()
        self._seen = MemorySeen() if seen is None else seen
        self._seen_callbacks = MemorySeen(_CALLBACKS_REMEMBERED)
        self._bus = bus
        self._work = Worklist(workers, backlog)
        self._at_work: set[str] = set()
        self._newest = -math.inf
        self._entered = AsyncExitStack()
        self._closed = False

    def __repr__(self) -> str:
        return f"<WebhookReceiver: {len(self._keys)} secrets, {len(self._handlers)} handlers>"

    @overload
    def on(self, event: type[E]) -> _Registering[E]: ...
    @overload
    def on(self, event: WebhookEventName) -> _Registering[Any]: ...
    def on(self, event: type[Any] | str) -> _Registering[Any]:
        """Decorate a handler: a function, sync or async, that is called with the event.

        Args:
            event: A type of events, as a name or as a class. ``Event`` stands for all of them,
                ``UnknownEvent`` for those that are new to this SDK, ``Callback`` for unsigned
                deliveries.

        Returns:
            What registers the handler, and gives it back unchanged.

        Raises:
            ConfigurationError: There is no such type of event.
        """
        wanted = event_class(event)

        def register_handler(handler: Callable[[Any], R], /) -> Callable[[Any], R]:
            self._handlers.add(wanted, handler)
            return handler

        return register_handler

    def add_secret(self, secret: str) -> None:
        """Accept what is signed with this secret too.

        Args:
            secret: As HeyGen has shown it, ``whsec_…`` as a rule.

        Raises:
            ConfigurationError: It cannot be one.
        """
        self._keys = tuple(dict.fromkeys((*signing_keys(secret), *self._keys)))

    async def __aenter__(self) -> Self:
        self._closed = False
        self._work.open = True
        if self._bus is not None:
            await self._entered.enter_async_context(self._bus.listen(partial(hint, self.heygen)))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Take no more deliveries, and finish the work in hand; the client stays open."""
        self._closed = True
        left = await self._work.drain(self._patience)
        if left:
            logger.warning("%d events were not worked on to their end: out of time", left)
        await self._entered.aclose()
        self.heygen.jobs.forget_deliveries()

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Open this receiver when an app starts; close it and its client when the app ends.

        ``FastAPI(lifespan=receiver.lifespan)``, or within a lifespan of your own ``async with
        receiver.lifespan(): ...``. The apps that the receiver makes do so by themselves, where
        their events of start and end reach them.

        Args:
            app: What the framework hands over; it is not used.
        """
        try:
            async with self:
                yield
        finally:
            await self.heygen.aclose()

    def aiohttp_app(self) -> web.Application:
        """An aiohttp app that takes deliveries at any path, alone or as a sub-app.

        ``app.add_subapp("/webhooks/heygen", receiver.aiohttp_app())``. It opens the receiver, and
        closes it with its client.
        """
        from heygen_async.webhooks import aiohttp_app

        return aiohttp_app.make_app(self)

    async def aiohttp_handler(self, request: web.Request) -> web.StreamResponse:
        """A handler for a route of an aiohttp app.

        ``app.router.add_route("*", "/webhooks/heygen", receiver.aiohttp_handler)``

        Args:
            request: The delivery.
        """
        from heygen_async.webhooks import aiohttp_app

        return await aiohttp_app.respond(self, request)

    def asgi_app(self) -> ASGIApp:
        """An ASGI app that takes deliveries at any path, alone or as a route.

        ``app.add_route("/webhooks/heygen", receiver.asgi_app())`` in Starlette and FastAPI, with
        ``lifespan=receiver.lifespan``. (A mount answers its own path with a redirect, which
        HeyGen need not follow.) Served alone, it opens the receiver by itself.
        """
        from heygen_async.webhooks.asgi import ASGIApp

        return ASGIApp(self)

    async def handle(self, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Take in one delivery.

        Args:
            body: The raw body of the POST request, byte by byte as it came.
            headers: Its headers, their names in any case.

        Returns:
            What to answer. Nothing that a sender does raises.
        """
        if len(body) > self.max_body:
            self.counts.refused += 1
            return TOO_LARGE
        if self._closed:
            return self._turn_away("the receiver is closed")
        try:
            found = self._read(body, headers)
        except WebhookError as error:
            self.counts.refused += 1
            logger.warning(
                "a delivery was refused: %s", error, extra={"error": type(error).__name__}
            )
            return _MALFORMED if isinstance(error, MalformedDelivery) else _REFUSED
        event = type(found).__name__
        logger.debug("a delivery came: %s", event, extra={"event": event})
        if isinstance(found, Callback):
            return await self._take_callback(found, body)
        return await self._take_event(found, found.event_id or _digest(body))

    def _read(self, body: bytes, headers: Mapping[str, str]) -> Event | Callback:
        """What a delivery says: an event if it is signed, a callback if it is not.

        Raises:
            WebhookError: It is neither.
        """
        try:
            verified = verify_with(self._keys, body, headers, time.time(), self._tolerance)
        except SignatureMissing:
            if not self._takes_callbacks:
                raise
            return parse(body)
        return parse(verified)

    async def ensure_registered(
        self, url: str, events: Wanted = "all", *, rotate: bool = False
    ) -> WebhookEndpoint:
        """Make sure that the account delivers events to this app.

        Where no enabled endpoint has the address, one is created, and its secret is accepted from
        then on. Where one has, its events are brought in line. Doing it again changes nothing, and
        several workers may do it at the same time. From now on jobs of the kinds that the events
        tell of are looked at less often.

        Args:
            url: The public address of this receiver.
            events: Types of events, as names or classes.
            rotate: Where the endpoint exists, and this receiver has no secret: give it a new one,
                which voids the one that other processes may use.

        Returns:
            The endpoint. Keep its ``secret`` if it has one: it is not shown again.

        Raises:
            ConfigurationError: The endpoint exists, its secret is not known here, and ``rotate``
                is False; or there is no such type of event.
        """
        names = event_names(events)
        endpoint = await register(
            self.heygen.webhooks.endpoints,
            url,
            names,
            knows_a_secret=bool(self._keys),
            rotate=rotate,
        )
        if endpoint.secret:
            self.add_secret(endpoint.secret)
        self.heygen.jobs.expect_deliveries(kinds_told_of(names))
        return endpoint

    async def recover(self, since: datetime | float | None = None) -> int:
        """Read back events whose deliveries were missed, such as while the app was down.

        HeyGen's list of past events is read from its newest one. What was seen before is left
        out; the rest settles jobs and goes to the handlers, like any delivery. It stops where the
        receiver is closed meanwhile.

        Args:
            since: How far to go back: a time, or unix seconds. By default ten minutes before the
                newest event that this receiver has seen.

        Returns:
            How many events had been missed.

        Raises:
            ConfigurationError: Without ``since``, and no event has been seen yet.
        """
        if isinstance(since, datetime):
            since = since.timestamp()
        start = self._newest - _OVERLAP if since is None else since
        if start == -math.inf:
            raise ConfigurationError("since: no event has been seen yet, so say how far to go back")
        recovered = 0
        async for listed in self.heygen.webhooks.events(limit=100):
            if self._closed or _unix_seconds(listed.created_at, math.inf) < start:
                break
            recovered += await self._recover(event_from(listed), listed.event_id)
        self.counts.recovered += recovered
        return recovered

    async def _recover(self, event: Event, key: str) -> bool:
        """Take in a past event; whether it was new."""
        if key in self._at_work or not await self._seen.add(key):
            return False
        news = self._announce(event.jobs, verified=True)
        work = partial(self._run, event, self._handlers.of(event), news)
        taken = False
        try:
            taken = await (work() if self._retries else self._work.put_in_time(work))
        finally:
            if not taken:
                with shield():
                    await self._forget(key)
        return taken or self._retries

    async def _take_event(self, event: Event, key: str) -> WebhookAnswer:
        if key in self._at_work:
            return self._turn_away("it is being worked on")
        try:
            is_new = await self._seen.add(key)
        except Exception:
            logger.exception("whether an event came before cannot be told")
            return self._turn_away("its like is not known")
        if not is_new:
            self.counts.duplicates += 1
            return _DUPLICATE
        news = self._announce(event.jobs, verified=True)
        answer = _BUSY
        try:
            answer = await self._work_on(event, key, news)
        finally:
            if answer is not _OK:
                with shield():
                    await self._forget(key)
        if answer is _OK:
            self.counts.events += 1
            self._newest = max(self._newest, _unix_seconds(event.created_at))
        return answer

    async def _take_callback(self, callback: Callback, body: bytes) -> WebhookAnswer:
        key = f"callback {_digest(body)}"
        if key in self._at_work:
            return self._turn_away("it is being worked on")
        if not self._seen_callbacks.note(key):
            self.counts.duplicates += 1
            return _DUPLICATE
        news = self._announce(callback.jobs, verified=False, callback_id=callback.callback_id)
        answer = _BUSY
        try:
            answer = await self._work_on(callback, key, news, share=_SHARE_OF_CALLBACKS)
        finally:
            if answer is not _OK:
                await self._seen_callbacks.discard(key)
        if answer is _OK:
            self.counts.callbacks += 1
        return answer

    def _announce(
        self, jobs: Sequence[EventJob], *, verified: bool, callback_id: str | None = None
    ) -> list[JobNews]:
        """Let the jobs be looked at that wait for it here; the news for those who wait elsewhere.

        Done before anything else: it costs next to nothing, and a job's waiter is in a hurry.
        """
        for job in jobs:
            self.heygen.jobs.hint(job.kind, job.job_id, callback_id=callback_id, verified=verified)
        if self._bus is None:
            return []
        return [JobNews(job.kind, job.job_id, verified, callback_id) for job in jobs]

    async def _work_on(
        self, event: Event | Callback, key: str, news: list[JobNews], *, share: float = 1.0
    ) -> WebhookAnswer:
        handlers = self._handlers.of(event)
        if not handlers and not news:
            return _OK
        work = partial(self._run, event, handlers, news)
        if not self._retries:
            return _OK if self._work.put(work, share=share) else self._turn_away("too much to do")
        self._at_work.add(key)
        try:
            async with asyncio.timeout(self._handler_timeout):
                return _OK if await work() else _FAILED
        except TimeoutError:
            self.counts.handler_errors += 1
            logger.exception("the handlers of %s took too long", type(event).__name__)
            return _FAILED
        finally:
            self._at_work.discard(key)

    async def _run(
        self,
        event: Event | Callback,
        handlers: Sequence[Callable[[Any], object]],
        news: Sequence[JobNews],
    ) -> bool:
        """Publish the news and run all handlers; whether these ended well."""
        if self._bus is not None:
            for one in news:
                try:
                    await self._bus.publish(one)
                except Exception:  # polling notices the end all the same
                    logger.exception("the bus does not take news of a job")
        failures = 0
        for handler in handlers:
            failures += not await run(handler, event)
        self.counts.handler_errors += failures
        return not failures

    def _turn_away(self, why: str) -> WebhookAnswer:
        """Have a delivery repeated later."""
        self.counts.turned_away += 1
        logger.warning("a delivery was put off: %s", why)
        return _BUSY

    async def _forget(self, key: str) -> None:
        try:
            await self._seen.discard(key)
        except Exception:
            logger.exception("an event that was not worked on cannot be forgotten")


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _unix_seconds(created_at: str | None, otherwise: float = -math.inf) -> float:
    """An ISO 8601 time in unix seconds; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(created_at or "")
    except ValueError:
        return otherwise
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
