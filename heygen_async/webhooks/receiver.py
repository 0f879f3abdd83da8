"""``WebhookReceiver``: verify deliveries, settle waiting jobs, and run handlers."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
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
from heygen_async.jobs.notification import LONGEST_ID
from heygen_async.models.webhooks import WebhookEndpoint, WebhookEventName
from heygen_async.webhooks.apps.http_rules import TOO_LARGE, WebhookAnswer
from heygen_async.webhooks.delivery_log import DeliveryLog, MemoryDeliveryLog
from heygen_async.webhooks.events import Callback, Event
from heygen_async.webhooks.handler_pool import HandlerPool
from heygen_async.webhooks.handlers import Handlers, event_class
from heygen_async.webhooks.parsing import event_from, parse
from heygen_async.webhooks.processor import OK, Delivery, DeliveryProcessor, WebhookCounts
from heygen_async.webhooks.registration import Wanted, event_names, notified_kinds, register
from heygen_async.webhooks.seen_events import (
    Bus,
    MemoryBus,
    MemorySeen,
    SeenEvents,
    SeenEventsLog,
)
from heygen_async.webhooks.signature import (
    TOLERANCE,
    Headers,
    event_time,
    header_names,
    looks_signed,
    signing_keys,
    unix_seconds,
    verify_with,
)

if TYPE_CHECKING:
    from aiohttp import web

    from heygen_async.webhooks.apps.asgi import ASGIApp

E = TypeVar("E", bound=Event | Callback)
R = TypeVar("R")
OnHandlerError: TypeAlias = Literal["acknowledge", "retry"]

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

_NOT_VERIFIED = WebhookAnswer(401, "not verified")
_MALFORMED = WebhookAnswer(400, "not an event")

# Anybody can send unsigned deliveries; they must not crowd out the signed ones.
_CALLBACK_SHARE = 0.5
_CALLBACKS_REMEMBERED = 10_000
# Seconds. Deliveries arrive in any order: an event shortly before the newest one may be missing.
_OVERLAP = 600.0
_LONGEST_LOGGED = 500


class Client(Protocol):
    """The parts of ``HeyGen`` that a receiver uses."""

    jobs: Jobs
    webhooks: Webhooks

    async def aclose(self) -> None:
        """Close all connections."""


class _RegisterHandler(Protocol[E]):
    """A decorator that registers a handler and returns it unchanged."""

    def __call__(self, handler: Callable[[E], R], /) -> Callable[[E], R]: ...


class WebhookReceiver:
    """Receiver of the deliveries that HeyGen sends.

    A delivery settles the job that it is about: ``await job.wait()`` returns after one request for
    the detail. Then the app's handlers for its type run::

        receiver = WebhookReceiver(heygen, secrets=os.environ["HEYGEN_WEBHOOK_SECRET"])

        @receiver.on("avatar_video.success")
        async def done(event: AvatarVideoSuccess) -> None: ...

    A signed delivery is verified and becomes an ``Event``. An unsigned delivery, which HeyGen sends
    to a ``callback_url``, becomes a ``Callback``, of which only the ids are used; if a job's
    request had a ``callback_id``, callbacks with another one are ignored.

    Enter it as ``async with receiver:`` or let ``lifespan`` or one of the apps do so.

    Args:
        heygen: The client that waits for jobs.
        secrets: The endpoint's secret (``whsec_…``), or several while one replaces another.
        on_handler_error: ``acknowledge`` (default) answers 200 at once and then runs the handlers;
            an event whose handler fails, or whose process is killed, is not delivered again.
            ``retry`` runs them first and answers 500 if one fails or takes too long; HeyGen then
            repeats the delivery, for up to 24 h, and all handlers of the event run again. An app
            whose event loop ends with each request (WSGI, ``asyncio.run``) needs ``retry``.
        callbacks: Whether unsigned deliveries are accepted. Default True.
        log: Deduplicates events and passes on notifications between all processes of the app.
            Default: a ``MemoryDeliveryLog``, which serves one process.
        seen: A store of version 0.1.0, instead of ``log``.
        bus: A channel of version 0.1.0, instead of ``log``.
        tolerance: The most seconds by which a delivery's timestamp may be off. Default 300.
        max_body: The most bytes of a body. Default 1 MB.
        body_timeout: The most seconds for a body to arrive. Default 10.
        handler_timeout: The most seconds for the handlers of one event with ``retry``; HeyGen waits
            10 s for the answer. Default 8.
        workers: The most events whose handlers run at the same time with ``acknowledge``. Default
            20.
        backlog: The most events that may wait for a worker; further deliveries are answered 503,
            and HeyGen repeats them. Default 1,000.
        patience: The most seconds that ``aclose`` waits for handlers. Default 30.

    Attributes:
        counts: Counts of deliveries and events.

    Raises:
        ConfigurationError: A secret is invalid, or ``log`` is given together with ``seen`` or
            ``bus``.
    """

    def __init__(
        self,
        heygen: Client,
        secrets: str | Iterable[str] = (),
        *,
        on_handler_error: OnHandlerError = "acknowledge",
        callbacks: bool = True,
        log: DeliveryLog | None = None,
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
        self._accepts_callbacks = callbacks
        self._patience = patience
        self._handlers = Handlers()
        self._log = _delivery_log(log, seen, bus)
        self._callback_log = MemoryDeliveryLog(_CALLBACKS_REMEMBERED)
        self._pool = HandlerPool(workers, backlog)
        self._processor = DeliveryProcessor(
            heygen,
            self._handlers,
            self._pool,
            self.counts,
            retry=on_handler_error == "retry",
            handler_timeout=handler_timeout,
        )
        self._newest = -math.inf
        self._entered = AsyncExitStack()
        self._closed = False
        self._warned_of_unsigned = False

    def __repr__(self) -> str:
        return f"<WebhookReceiver: {len(self._keys)} secrets, {len(self._handlers)} handlers>"

    @overload
    def on(self, event: type[E]) -> _RegisterHandler[E]: ...
    @overload
    def on(self, event: WebhookEventName) -> _RegisterHandler[Any]: ...
    def on(self, event: type[Any] | str) -> _RegisterHandler[Any]:
        """Register a handler: a sync or async function that is called with the event. Decorator.

        Args:
            event: A type of events, as a name or a class. ``Event`` means all of them,
                ``UnknownEvent`` those that are newer than this SDK, ``Callback`` unsigned
                deliveries.

        Returns:
            A decorator that registers the handler and returns it unchanged.

        Raises:
            ConfigurationError: The type of event is not known.
        """
        wanted = event_class(event)

        def register_handler(handler: Callable[[Any], R], /) -> Callable[[Any], R]:
            self._handlers.add(wanted, handler)
            return handler

        return register_handler

    def add_secret(self, secret: str) -> None:
        """Also accept deliveries that are signed with this secret.

        Args:
            secret: The secret as HeyGen showed it, usually ``whsec_…``.

        Raises:
            ConfigurationError: It is not a valid secret.
        """
        self._keys = {**signing_keys(secret), **self._keys}

    def remove_secret(self, secret: str) -> None:
        """Stop accepting deliveries that are signed with this secret.

        Args:
            secret: A secret that was replaced or has leaked.

        Raises:
            ConfigurationError: It is not a valid secret.
        """
        removed = signing_keys(secret)
        self._keys = {key: code for key, code in self._keys.items() if key not in removed}

    async def __aenter__(self) -> Self:
        self._closed = False
        self._pool.open = True
        await self._entered.enter_async_context(self._log.subscribe(self._processor.hear))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop accepting deliveries, and finish the running handlers. The client stays open."""
        self._closed = True
        abandoned = await self._pool.drain(self._patience)
        if abandoned:
            logger.warning(
                "%d events were not handled within %g s of the close; they count as not handled",
                abandoned,
                self._patience,
            )
        await self._entered.aclose()
        self.heygen.jobs.forget_deliveries()

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Open this receiver when an app starts; close it and its client when the app ends.

        Use ``FastAPI(lifespan=receiver.lifespan)``, or ``async with receiver.lifespan(): ...``
        within a lifespan of your own. The apps made by the receiver do this themselves if they get
        the server's events of startup and shutdown.

        Args:
            app: The app, as passed by the framework; it is not used.
        """
        try:
            async with self:
                yield
        finally:
            await self.heygen.aclose()

    def aiohttp_app(self) -> web.Application:
        """Return an aiohttp app that receives deliveries at any path, alone or as a sub-app.

        ``app.add_subapp("/webhooks/heygen", receiver.aiohttp_app())``. It opens the receiver, and
        closes it with its client.
        """
        from heygen_async.webhooks.apps.aiohttp_app import make_app

        return make_app(self)

    async def aiohttp_handler(self, request: web.Request) -> web.StreamResponse:
        """Handle a route of an aiohttp app.

        ``app.router.add_route("*", "/webhooks/heygen", receiver.aiohttp_handler)``

        Args:
            request: The delivery.

        Returns:
            The answer to it.
        """
        from heygen_async.webhooks.apps.aiohttp_app import respond

        return await respond(self, request)

    def asgi_app(self) -> ASGIApp:
        """Return an ASGI app that receives deliveries at any path, alone or as a route.

        ``app.add_route("/webhooks/heygen", receiver.asgi_app())`` in Starlette and FastAPI, with
        ``lifespan=receiver.lifespan``. (A mount answers its own path with a redirect, which HeyGen
        may not follow.) Served alone, it opens the receiver itself.
        """
        from heygen_async.webhooks.apps.asgi import ASGIApp

        return ASGIApp(self)

    async def handle(self, body: bytes, headers: Headers) -> WebhookAnswer:
        """Process one delivery.

        Args:
            body: The raw body of the POST request, byte for byte.
            headers: The headers of the request, with names in any case. The forms of WSGI
                (``HTTP_HEYGEN_SIGNATURE``), ASGI (bytes) and AWS Lambda (lists) are accepted.

        Returns:
            The answer to send. A faulty delivery does not raise an exception.
        """
        if len(body) > self.max_body:
            self.counts.refused += 1
            return TOO_LARGE
        if self._closed:
            return self._processor.turn_away("the receiver is closed")
        try:
            delivery = self._read(body, headers)
        except WebhookError as error:
            self.counts.refused += 1
            logger.warning(
                "a delivery was refused: %s", error, extra={"error": type(error).__name__}
            )
            return _MALFORMED if isinstance(error, MalformedDelivery) else _NOT_VERIFIED
        if logger.isEnabledFor(logging.DEBUG):
            name = type(delivery.event).__name__
            logger.debug("received a delivery: %s", name, extra={"event": name})
        answer = await self._processor.process(delivery)
        if answer is OK:
            if isinstance(delivery.event, Callback):
                self.counts.callbacks += 1
            else:
                self.counts.events += 1
                self._newest = max(self._newest, delivery.created)
        return answer

    def _read(self, body: bytes, headers: Headers) -> Delivery:
        """Return the event of a signed delivery, or the callback of an unsigned one.

        Raises:
            WebhookError: It is neither.
        """
        now = time.time()
        try:
            verified = verify_with(self._keys, body, headers, now, self._tolerance)
        except SignatureMissing:
            if not self._accepts_callbacks:
                raise
            callback = parse(body)
            self._warn_of_lost_signature(body, headers)
            return Delivery(callback, _digest(body), self._callback_log, _CALLBACK_SHARE)
        event = parse(verified)
        created = event_time(event.created_at, now)
        key = _key(event.event_id) if event.event_id else _digest(body)
        return Delivery(event, key, self._log, created=-math.inf if created is None else created)

    def _warn_of_lost_signature(self, body: bytes, headers: Headers) -> None:
        """Warn about an event that HeyGen signed and that arrived without the signature."""
        if looks_signed(headers):
            logger.warning(
                "a delivery has the headers of a signed event, but no signature was found in them: "
                "%s; it counts as an unsigned callback, so the handlers of events do not run. Pass "
                "the headers of the request unchanged",
                ", ".join(map(repr, header_names(headers)))[:_LONGEST_LOGGED],
            )
        elif self._keys and not self._warned_of_unsigned and b'"event_id"' in body:
            # A callback_url may get the same bodies, so this is logged once.
            self._warned_of_unsigned = True
            logger.warning(
                "an event arrived without a signature and counts as an unsigned callback, so the "
                "handlers of events do not run. If it was not sent to a callback_url, a proxy or "
                "the app has removed the header Heygen-Signature"
            )

    async def ensure_registered(
        self, url: str, events: Wanted = "all", *, rotate: bool = False
    ) -> WebhookEndpoint:
        """Make sure that the account delivers events to this app.

        If no enabled endpoint has the address, one is created, and its secret is accepted from then
        on; a disabled endpoint that occupies the address is deleted. If an enabled endpoint has the
        address, its events are updated. Repeated calls change nothing, and several workers may call
        it at the same time. Afterwards jobs whose ends the events notify are polled less often.

        Args:
            url: The public address of this receiver.
            events: Types of events, as names or classes.
            rotate: Whether to give the endpoint a new secret if it exists and this receiver has
                none. The old secret becomes invalid, also for other processes that use it.

        Returns:
            The endpoint. Store its ``secret`` if it has one: it is not shown again.

        Raises:
            ConfigurationError: The endpoint exists, its secret is not known here, and ``rotate`` is
                False; or a type of event is not known.
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
        self.heygen.jobs.expect_deliveries(notified_kinds(names))
        return endpoint

    async def recover(self, since: datetime | float | None = None) -> int:
        """Fetch and process events whose deliveries were missed, such as while the app was down.

        HeyGen's list of past events is read from the newest event on. Events that were handled
        before are skipped; the others settle jobs and run handlers, like any delivery. The method
        stops if the receiver is closed meanwhile.

        Args:
            since: How far to go back: a time, or unix seconds. Default: ten minutes before the
                newest event that this receiver has seen.

        Returns:
            The number of events that had been missed.

        Raises:
            ConfigurationError: ``since`` is not given, and no event has been seen yet.
        """
        if isinstance(since, datetime):
            since = since.timestamp()
        start = self._newest - _OVERLAP if since is None else since
        if start == -math.inf:
            raise ConfigurationError("since: no event was received yet; pass a time to go back to")
        recovered = 0
        async for listed in self.heygen.webhooks.events(limit=100):
            created = unix_seconds(listed.created_at)
            if self._closed or (created is not None and created < start):
                break
            delivery = Delivery(event_from(listed), _key(listed.event_id), self._log)
            recovered += await self._processor.recover(delivery)
        self.counts.recovered += recovered
        return recovered


def _delivery_log(log: DeliveryLog | None, seen: SeenEvents | None, bus: Bus | None) -> DeliveryLog:
    if seen is None and bus is None:
        return MemoryDeliveryLog() if log is None else log
    if log is not None:
        raise ConfigurationError("log: cannot be combined with seen or bus, which it replaces")
    return SeenEventsLog(
        MemorySeen() if seen is None else seen, MemoryBus() if bus is None else bus
    )


def _key(event_id: str) -> str:
    """Return the key of an event in the log: its id, or a digest of an id that is too long."""
    return event_id if len(event_id) <= LONGEST_ID else _digest(event_id.encode())


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
