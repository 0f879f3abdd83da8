"""Decide which hosts probes may connect to: this machine only, or public hosts only."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


class ForbiddenAddress(OSError):
    """A host is, or resolves to, an address to which connections are not allowed."""


class GuardedResolver(AbstractResolver):
    """Resolves names for aiohttp, which then connects to exactly the addresses checked here.

    aiohttp does not resolve literal addresses, so ``check`` each host before a request.

    Args:
        allowed: Returns whether a host is allowed: an address, or a name that is not resolved yet.
        exempt: Names that may resolve to any address, such as those of proxies.
    """

    def __init__(self, allowed: Callable[[str], bool], exempt: Collection[str] = ()) -> None:
        self._allowed = allowed
        self._exempt = exempt
        self._resolver = aiohttp.ThreadedResolver()

    def check(self, host: str) -> None:
        """Refuse a host that is not allowed.

        Raises:
            ForbiddenAddress: It is not allowed.
        """
        if not self._allowed(host):
            raise ForbiddenAddress(f"connections to {host} are not allowed")

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
                self.check(result["host"])
        return results

    async def close(self) -> None:
        """Release resources."""
        await self._resolver.close()
