"""URLs of media and uploads: which of them may be fetched, and their form for messages."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from heygen_async.errors import InvalidRequest
from heygen_async.session.settings import is_loopback

# IPv4 addresses behind a NAT64 translator.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LONGEST_SHOWN = 500  # characters; a redirect may lead to an URL of any length


def checked_address(url: str) -> URL:
    """Return the parsed URL; its encoding is kept, because a signature covers it.

    Raises:
        InvalidRequest: It is not an http(s) URL, or it is plain http to another machine.
    """
    address = None
    if isinstance(url, str) and url.isprintable():
        try:
            address = URL(url, encoded=url.isascii() and " " not in url)
            host = address.host
            _ = address.port
        except ValueError:
            address = None
    if address is None or address.scheme not in ("http", "https") or not host:
        # The value itself may carry a signature.
        raise InvalidRequest("url: expected an https:// URL", param="url")
    if address.scheme == "http" and not is_loopback(host):
        raise InvalidRequest(
            f"url: http://{host} is not encrypted; use https (plain http is for loopback only)",
            param="url",
        )
    return address.with_fragment(None)


def redirect_target(address: URL, location: str, *, local: bool) -> URL | None:
    """Return the target of a redirect, or None if it must not be fetched.

    Args:
        address: The URL that was requested.
        location: The header ``Location``.
        local: Whether the redirect may lead to this machine or a private network.
    """
    if not location:
        return None
    with contextlib.suppress(ValueError):  # InvalidRequest is one too
        target = checked_address(str(address.join(URL(location, encoded=True))))
        if local or (target.scheme == "https" and not is_local(target.host or "")):
            return target
    return None


def is_local(host: str) -> bool:
    """Return whether a host is this machine or an address of a private network.

    Args:
        host: A name or an IP address; a name other than ``localhost`` is not resolved.
    """
    host = host.rstrip(".")
    if is_loopback(host):
        return True
    try:
        return not _is_public(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        # The system also accepts 127.1, 0x7f000001 and 2130706433 as addresses, and aiohttp does
        # not ask the resolver about names that consist of digits.
        return not _is_public(ipaddress.IPv4Address(socket.inet_aton(host)))
    except OSError:
        return False


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


class LocalAddressError(OSError):
    """A host name resolves only to this machine or a private network, which is not allowed here."""


class Resolver(AbstractResolver):
    """Resolves host names and records which of them are local.

    Args:
        local_hosts: Updated with the hosts whose addresses were all local when last resolved.
    """

    def __init__(self, local_hosts: set[str]) -> None:
        self._local_hosts = local_hosts
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host."""
        found = await self._resolver.resolve(host, port, family)
        self._local_hosts.discard(host)
        if all(is_local(address["host"]) for address in found):
            self._local_hosts.add(host)
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()


class PublicResolver(Resolver):
    """Resolves host names to public addresses only."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a host.

        Raises:
            LocalAddressError: The host has no public address.
        """
        found = await super().resolve(host, port, family)
        public = [address for address in found if not is_local(address["host"])]
        if not public:
            raise LocalAddressError("a private address")
        return public


def shown(address: URL) -> str:
    """Return scheme, host and path: the part of a signed URL that is not secret. It is cut."""
    port = "" if address.is_default_port() else f":{address.port}"
    text = f"{address.scheme}://{address.host}{port}{address.raw_path}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
