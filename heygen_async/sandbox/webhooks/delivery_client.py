"""Send the sandbox's own requests, to addresses on loopback only."""

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
#: Seconds between two checks for idle connections, which the other end closes.
_KEEPALIVE = 86_400.0


def host_of(url: str) -> str | None:
    """Return the host of a web address, or None for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises if it is invalid
    except ValueError:
        return None
    return host if parts.scheme in ("http", "https") else None


class DeliveryClient:
    """An HTTP client that sends requests to loopback only.

    Attributes:
        hosts: Further allowed host names, such as that of a service in a container network.
    """

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    def may_reach(self, url: str) -> bool:
        """Return whether requests to an address are allowed."""
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
        """Send JSON, and return the status of the answer, or the reason why there was none.

        Redirects are not followed.
        """
        return await self._send(
            "POST", url, ANSWER_TIMEOUT, body, {**headers, "Content-Type": "application/json"}
        )

    async def takes_options(self, url: str) -> bool:
        """Return whether an address answers OPTIONS with success within a second."""
        status = await self._send("OPTIONS", url, _OPTIONS_TIMEOUT)
        return isinstance(status, int) and 200 <= status < 300

    async def close(self) -> None:
        """Close the connections."""
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
            raise ValueError(f"{url} is not on loopback; the sandbox sends nothing there")
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
