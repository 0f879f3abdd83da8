"""Keep probes away from private networks: which addresses may be connected to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenAddress(OSError):
    """A host resolves to an address that must not be connected to."""


def is_public(address: IPAddress) -> bool:
    """Return whether an address belongs to the public internet.

    IPv6 addresses that carry an IPv4 address are judged by it as well.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            embedded.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if not all(inner is None or is_public(inner) for inner in embedded):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not address.is_multicast


def is_loopback_address(address: IPAddress) -> bool:
    """Return whether an address is this machine itself."""
    return address.is_loopback


def literal_address(host: str) -> IPAddress | None:
    """Return the address that a host of a URL spells out, or None if it is a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None


class GuardedResolver(AbstractResolver):
    """Resolve names for aiohttp, which then connects to exactly the addresses checked here.

    aiohttp asks no resolver for literal addresses: check those with ``check_literal``.

    Args:
        allowed: Decides about each address.
        exempt: Names that may resolve to any address, such as those of proxies.
    """

    def __init__(self, allowed: Callable[[IPAddress], bool], exempt: Collection[str] = ()) -> None:
        self._allowed = allowed
        self._exempt = exempt
        self._resolver = aiohttp.ThreadedResolver()

    def check_literal(self, host: str) -> None:
        """Refuse a literal address that is not allowed.

        Raises:
            ForbiddenAddress: It is not allowed.
        """
        address = literal_address(host)
        if address is not None and not self._allowed(address):
            raise ForbiddenAddress(f"{host} is not an address to connect to")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            ForbiddenAddress: One of them is not allowed.
            OSError: The host is unknown.
        """
        results = await self._resolver.resolve(host, port, family)
        if host not in self._exempt:
            for result in results:
                self.check_literal(result["host"])
        return results

    async def close(self) -> None:
        """Release resources."""
        await self._resolver.close()
