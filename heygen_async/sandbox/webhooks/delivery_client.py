"""Requests that the sandbox itself makes: to addresses on loopback, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

__all__ = ["ANSWER_TIMEOUT", "DeliveryClient", "host_of"]

#: Seconds of the event loop within which a delivery must be answered.
ANSWER_TIMEOUT = 10.0
#: Seconds of the event loop within which an address must answer OPTIONS to be registered.
_OPTIONS_TIMEOUT = 1.0
#: Seconds between two looks after idle connections. They are closed by the other end.
_KEEPALIVE = 86_400.0


def host_of(url: str) -> str | None:
    """The host of a web address, None for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    return host if parts.scheme in ("http", "https") else None


class DeliveryClient:
    """An HTTP client that is kept from sending traffic to anybody else.

    Attributes:
        hosts: Names beside loopback that may be reached, such as a service's in a container
            network.
    """

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    def may_reach(self, url: str) -> bool:
        """Whether an address is one that requests are sent to."""
        host = host_of(url)
        if host is None:
            return False
        if host == "localhost" or host in self.hosts:
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        """Send JSON; the status of the answer, or why there was none.

        Redirects are not followed.
        """
        return await self._send(
            "POST", url, ANSWER_TIMEOUT, body, {**headers, "Content-Type": "application/json"}
        )

    async def takes_options(self, url: str) -> bool:
        """Whether an address answers OPTIONS well, within a second."""
        status = await self._send("OPTIONS", url, _OPTIONS_TIMEOUT)
        return isinstance(status, int) and 200 <= status < 300

    async def close(self) -> None:
        """Give up the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self,
        method: str,
        url: str,
        timeout: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int | str:
        if not self.may_reach(url):
            raise ValueError(f"the sandbox sends nothing to {url}")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                return response.status
        except TimeoutError:
            return f"no answer within {timeout:g} s"
        except (aiohttp.ClientError, OSError) as error:
            return str(error) or type(error).__name__
