"""Read parts of a file at a URL, without the API key and never from a private network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from yarl import URL

from heygen_async.errors import ConfigurationError
from heygen_async.media.addresses import ForbiddenAddress, GuardedResolver
from heygen_async.session.addresses import is_local
from heygen_async.session.connection import USER_AGENT, proxy_options
from heygen_async.session.failures import TRANSPORT_ERRORS
from heygen_async.session.settings import Settings, is_loopback, ssl_context
from heygen_async.session.tasks import in_thread

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_HEAD_WITHOUT_RANGES = 256 * 1024
_CONTENT_RANGE = r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)\Z"
# Parameters of signed links of common stores, in lower case.
_SIGNED = {"signature", "x-amz-signature", "x-goog-signature", "sig", "se", "expires", "token"}


class Unusable(Exception):
    """HeyGen cannot use the source; the message gives the reason."""


class Unreadable(Exception):
    """The source cannot be probed; the message gives the reason. HeyGen may still use it."""


class Part(msgspec.Struct, frozen=True):
    """A part of a file.

    Attributes:
        data: The bytes.
        size: Size of the whole file, or None if the server does not report it.
        content_type: MIME type according to the server, or None.
        ranged: Whether the server sends ranges. Otherwise the part is the head of the file.
    """

    data: bytes
    size: int | None
    content_type: str | None
    ranged: bool


def _is_public(host: str) -> bool:
    return not is_local(host)


def parsed_url(url: str) -> URL:
    """Return the parsed URL; its encoding is kept, because a signature covers it.

    Raises:
        Unusable: It is not an http(s) URL with a host.
    """
    try:
        address = URL(url, encoded=url.isascii() and " " not in url)
        valid = url.isprintable() and address.scheme in ("http", "https") and bool(address.host)
        _ = address.port
    except ValueError:
        valid = False
    if not valid:
        raise Unusable("not an http:// or https:// URL")
    return address.with_fragment(None)


class RemoteReader:
    """Fetches parts of files.

    Args:
        session: A session without the key that uses ``resolver``.
        resolver: Decides which addresses are allowed.
        loopback_only: Whether only hosts on this machine are allowed.
        proxied: Returns the proxy arguments of a request to a URL.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        resolver: GuardedResolver,
        *,
        loopback_only: bool,
        proxied: Callable[[URL], dict[str, object]],
    ) -> None:
        self._session = session
        self._resolver = resolver
        self._proxied = proxied
        self._loopback_only = loopback_only

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[RemoteReader]:
        """Open a reader. Context manager.

        Args:
            settings: Settings of the client. If its API is on this machine, such as the sandbox,
                only URLs on this machine are read; otherwise such URLs are not read.
        """
        loopback_only = is_loopback(URL(settings.base_url).host or "")
        proxies = set[str]()
        resolver = GuardedResolver(is_loopback if loopback_only else _is_public, proxies)

        def proxied(address: URL) -> dict[str, object]:
            if loopback_only or not settings.trust_env:
                return {}
            try:
                options = proxy_options(str(address.origin()))
            except ConfigurationError as error:
                raise Unreadable(str(error)) from error
            if options:
                proxies.add(URL(options["proxy"]).host or "")
            return options

        tls = await in_thread(ssl_context, settings.ssl)  # may read certificates
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        )
        async with session:
            yield cls(session, resolver, loopback_only=loopback_only, proxied=proxied)

    def may_read(self, address: URL) -> bool:
        """Return whether the host of a URL is allowed, before its name is resolved."""
        return not self._loopback_only or is_loopback(address.host or "")

    async def read(self, address: URL, offset: int, length: int) -> Part:
        """Fetch a part of a file, following redirects. Each of their targets is checked too.

        Args:
            address: URL of the file.
            offset: First byte.
            length: The most bytes to fetch.

        Raises:
            Unusable: HeyGen cannot fetch the file either.
            Unreadable: The server cannot be reached or does not send the part.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            found = await self._read_once(address, offset, length)
            if isinstance(found, Part):
                return found
            address = found
        raise Unreadable("too many redirects")

    async def _read_once(self, address: URL, offset: int, length: int) -> Part | URL:
        """Return a part, or the target of a redirect."""
        try:
            host = address.host or ""
            self._resolver.check(host)
            proxy = self._proxied(address)
            if proxy:  # it would connect to any address, so check the address of the name here
                await self._resolver.resolve(host)
            async with self._session.get(
                address,
                headers={"Range": f"bytes={offset}-{offset + length - 1}"},
                allow_redirects=False,
                **proxy,  # type: ignore[arg-type]
            ) as response:
                if response.status in _REDIRECTS:
                    return _target(address, response.headers.get("Location", ""))
                return await _part(response, address, offset, length)
        except ForbiddenAddress:
            raise _forbidden() from None
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                raise _forbidden() from None
            raise Unreadable("its host name cannot be resolved here") from error
        except TRANSPORT_ERRORS as error:
            raise Unreadable(f"it cannot be fetched from here ({type(error).__name__})") from error


def _forbidden() -> Unreadable:
    return Unreadable("its address is private, or outside this machine when the API is on it")


def _target(address: URL, location: str) -> URL:
    try:
        return parsed_url(str(address.join(URL(location, encoded=True))))
    except (Unusable, ValueError):
        raise Unreadable("it redirects to an address that is not allowed") from None


async def _part(response: aiohttp.ClientResponse, address: URL, offset: int, length: int) -> Part:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower() or None
    if response.status == 206:
        span = re.match(_CONTENT_RANGE, response.headers.get("Content-Range", ""))
        if span is None or span[1] is None or int(span[1]) != offset:
            raise Unreadable("its server sent another part than requested")
        size = None if span[2] == "*" else int(span[2])
        return Part(await _body(response, length), size, kind, ranged=True)
    if response.status == 200:
        if offset:
            raise Unreadable("its server does not send ranges")
        data = await _body(response, max(length, _HEAD_WITHOUT_RANGES))
        size = response.content_length
        if size is None and response.content.at_eof():
            size = len(data)
        return Part(data, size, kind, ranged=False)
    if response.status == 416 and response.headers.get("Content-Range") == "bytes */0":
        raise Unusable("it is empty")
    raise _status_error(response.status, address)


async def _body(response: aiohttp.ClientResponse, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        chunk = await response.content.read(length - len(data))
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _status_error(status: int, address: URL) -> Unusable | Unreadable:
    """Return the exception for an error status."""
    signed = {name.lower() for name in address.query} & _SIGNED
    if status in (400, 401, 403) and signed:
        return Unusable(f"its signed link has expired or is not valid ({status}); make a new link")
    if status in (401, 403):
        return Unusable(f"it is private ({status}); make it public, or upload it with upload()")
    if status in (404, 410):
        return Unusable(f"it does not exist ({status})")
    return Unreadable(f"its server answered {status}")
