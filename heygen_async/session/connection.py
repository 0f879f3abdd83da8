"""The aiohttp sessions of a client, bound to the running event loop.

They open with the first request and close with ``close()``. A script that does neither ends without
a warning: an asynchronous generator holds each session, and the event loop finishes its generators
before it closes. On another event loop (a second ``asyncio.run``) new sessions open.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import os
import platform
import threading
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace
from yarl import URL

from heygen_async.errors import ConfigurationError
from heygen_async.session.addresses import PublicResolver, Resolver, is_local
from heygen_async.session.answers.reading import ACCEPT_ENCODING
from heygen_async.session.diagnostics.redact import echo_filter
from heygen_async.session.failures import NothingAnswersError
from heygen_async.session.settings import Settings, is_loopback, ssl_context
from heygen_async.session.tasks import running_loop
from heygen_async.version import __version__

USER_AGENT = f"heygen-async/{__version__} Python/{platform.python_version()}"

# Seconds. Longer than the gap between two polls of a job: a new TLS connection costs ten times as
# much as a kept one.
_KEEPALIVE = 120.0
# Failed attempts after which a host that has never answered is given up. Calls that begin within
# the same second fail together and count as one failure.
_TRIES = 2
_SAME_MOMENT = 0.05
# Gateways and proxies add headers, and these must not make the answer to a paid call fail.
_HEADER_LIMITS: dict[str, Any] = {
    name: value
    for name, value in (
        ("max_line_size", 128 * 1024),
        ("max_field_size", 128 * 1024),
        ("max_headers", 2_000),
    )
    if name in (aiohttp.ClientSession.__init__.__kwdefaults__ or {})  # the last one is newer
}


class Connection:
    """Two aiohttp sessions: one that has the API key, and one for media, without the key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ssl = ssl_context(settings.ssl)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._process = self._thread = 0  # where it opened
        self.api: aiohttp.ClientSession
        # The proxy of each request, and the headers for it.
        self.proxy: str | None = None
        self.proxy_headers: dict[str, str] | None = None
        self.without_secret: Callable[[bytes], bytes] = echo_filter(settings.secret)
        self._media: dict[type[Resolver], aiohttp.ClientSession] = {}
        self._local_hosts: set[str] = set()
        self._media_proxies: dict[URL, dict[str, Any]] = {}
        self._guards: list[AsyncGenerator[None]] = []

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open sessions on this loop; sessions of another loop end with that loop.

        Raises:
            ConfigurationError: The other loop still runs, in another thread. Callers there that
                wait for an answer or a job would wait forever.
        """
        process, thread = os.getpid(), threading.get_ident()
        # A forked child has a copy of its parent's loop, which seems to run.
        elsewhere = self._process == process and self._thread != thread
        if elsewhere and self.loop is not None and self.loop.is_running():
            raise ConfigurationError(
                "this client is in use on the event loop of another thread; create one client for "
                "each event loop"
            )
        self._process, self._thread = process, thread
        self.loop = loop
        self._guards = []
        self._media = {}
        self._media_proxies = {}
        # Read once. aiohttp's own trust_env is not used: it calls a thread for each request,
        # supports fewer forms of proxies, and sends the passwords in ~/.netrc to the hosts that
        # they name.
        options = proxy_options(self._settings.base_url) if self._settings.trust_env else {}
        self.proxy, self.proxy_headers = options.get("proxy"), options.get("proxy_headers")
        headers = {
            hdrs.ACCEPT: "application/json",
            hdrs.ACCEPT_ENCODING: ACCEPT_ENCODING,
            hdrs.USER_AGENT: USER_AGENT,
            **self._settings.auth_headers,
        }
        if self.proxy_headers and self._settings.base_url.startswith("http:"):
            # Plain http takes no tunnel: the proxy reads the request itself.
            headers |= self.proxy_headers
            self.proxy_headers = None
        self.api = self._session(
            connector=_ApiConnector,
            request_class=_requests_with(headers),
            response_class=_Response,
            auto_decompress=False,  # session/answers/reading.py does, in bounded memory
        )

    @property
    def request(self) -> Callable[..., Awaitable[aiohttp.ClientResponse]]:
        """The function that sends a request, with the arguments of aiohttp's ``request``.

        That one wraps it in a context manager, which takes 4 % of the time of a call.
        """
        request: Callable[..., Awaitable[aiohttp.ClientResponse]]
        # Looked up for each call, since tools for tests and tracing replace it.
        request = getattr(self.api, "_request", self.api.request)
        return request

    @property
    def media(self) -> aiohttp.ClientSession:
        """Session for media and uploads: any host, never the key."""
        return self._media_session(Resolver)

    @property
    def public_media(self) -> aiohttp.ClientSession:
        """Session for redirects of media: connects to public addresses only."""
        return self._media_session(PublicResolver)

    def may_be_local(self, address: URL) -> bool:
        """Return whether a redirect of this URL may lead to a private network.

        Args:
            address: The URL that was fetched first.
        """
        host = address.host or ""
        base = urlsplit(self._settings.base_url).hostname or ""
        return is_loopback(base) or is_local(host) or host in self._local_hosts

    def media_options(self, address: URL, headers: dict[str, str]) -> dict[str, Any]:
        """Return the arguments of a media request: its headers, and the proxy for its host.

        Raises:
            ConfigurationError: The environment names a proxy that cannot be used.
        """
        origin = address.origin()
        if self._settings.trust_env and origin not in self._media_proxies:
            self._media_proxies[origin] = proxy_options(str(origin))
        options = self._media_proxies.get(origin, {}).copy()
        if address.scheme == "http":  # no tunnel, as above
            headers = headers | options.pop("proxy_headers", {})
        return {"headers": headers, **options}

    async def close(self) -> None:
        """Close the sessions; a later request opens new ones."""
        guards, self._guards = self._guards, []
        loop, self.loop = self.loop, None
        self._media = {}
        if loop is running_loop():
            for guard in guards:
                await guard.aclose()

    def _media_session(self, resolver: type[Resolver]) -> aiohttp.ClientSession:
        if resolver not in self._media:
            self._media[resolver] = self._session(
                headers={"User-Agent": USER_AGENT}, resolver=resolver(self._local_hosts)
            )
        return self._media[resolver]

    def _session(
        self,
        *,
        connector: type[aiohttp.TCPConnector] = aiohttp.TCPConnector,
        resolver: AbstractResolver | None = None,
        **options: Any,
    ) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            # The request limiter comes first; aiohttp's own limit is not first in, first out.
            connector=connector(
                limit=0, keepalive_timeout=_KEEPALIVE, resolver=resolver, ssl=self._ssl
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            **_HEADER_LIMITS,
            **options,
        )
        # By default aiohttp repeats a request that broke on a kept connection. A DELETE that had
        # succeeded would then get a 404 in what is counted as its first attempt.
        session._retry_connection = False
        guard = _close_at_the_end(session, resolver)
        with contextlib.suppress(StopIteration):
            guard.__anext__().send(None)  # run it to its yield
        self._guards.append(guard)
        return session


class _ApiConnector(aiohttp.TCPConnector):
    """Connects to the API, and soon gives up on a host that has never answered.

    A host that never answers means a wrong ``base_url`` or a missing network, not a brief failure.
    """

    _answered = False
    _failures = 0
    _first_failure = math.inf

    # Not ``connect``, through which kept connections pass too.
    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        """Return a new connection.

        Raises:
            NothingAnswersError: This is the second failure, and no connection ever succeeded.
        """
        try:
            connected = await super()._create_connection(req, traces, timeout)
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientSSLError):
            raise  # a proxy is not the API, and a certificate counts as an answer
        except aiohttp.ClientConnectorError as error:
            now = asyncio.get_running_loop().time()
            self._failures += 1
            self._first_failure = min(self._first_failure, now)
            again = self._failures >= _TRIES and now > self._first_failure + _SAME_MOMENT
            if again and not self._answered:
                raise NothingAnswersError(*error.args) from None
            raise
        self._answered = True
        return connected


def _requests_with(headers: dict[str, str]) -> type[aiohttp.ClientRequest]:
    """Return the class of the requests that carry these headers.

    aiohttp copies the headers of a session twice for each request, and sends them to a proxy that
    it asks for a tunnel.
    """
    return type("_ApiRequest", (aiohttp.ClientRequest,), {"DEFAULT_HEADERS": headers})


class _Response(aiohttp.ClientResponse):
    """A response whose repr omits the headers: a server may echo the key in them."""

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def proxy_options(base_url: str) -> dict[str, Any]:
    """Return the arguments of a request for the proxy that the environment names, if any.

    Raises:
        ConfigurationError: The environment names a proxy that is not ``http://`` or ``https://``.
    """
    target = urlsplit(base_url)
    proxy = urllib.request.getproxies().get(target.scheme)
    # NO_PROXY may name a host with or without its port.
    if not proxy or any(
        urllib.request.proxy_bypass(name) for name in (target.hostname or "", target.netloc)
    ):
        return {}
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # The value itself may hold a password.
        raise ConfigurationError(
            f"{target.scheme.upper()}_PROXY: expected http://host:port or https://host:port; pass "
            "trust_env=False to ignore the proxies of the environment."
        )
    options: dict[str, Any] = {"proxy": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        basic = base64.b64encode(login.encode()).decode()
        options["proxy_headers"] = {"Proxy-Authorization": f"Basic {basic}"}
    return options


async def _close_at_the_end(
    session: aiohttp.ClientSession, resolver: AbstractResolver | None
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await session.close()
        if resolver is not None:
            await resolver.close()
