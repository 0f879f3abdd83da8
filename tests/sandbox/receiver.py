"""A receiver of events: a server on loopback that records its requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any

from aiohttp import web

from .api import Api


class Received:
    """One request; `at` is the loop's time."""

    def __init__(self, method: str, path: str, headers: Any, raw: bytes, at: float) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.raw = raw
        self.at = at

    @property
    def event(self) -> Any:
        return json.loads(self.raw)

    def is_signed_with(self, secret: str, header: str = "Heygen-Signature") -> bool:
        expected = hmac.new(secret.encode(), self.raw, hashlib.sha256).hexdigest()
        return bool(self.headers.get(header) == expected)


class Receiver:
    """Answers each POST with `answer`, after `slow` seconds; OPTIONS with 204."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.arrived = asyncio.Event()
        self.options = 0
        self.options_status = 204
        self.answer: Callable[[int], int] = lambda number: 204
        self.location: str | None = None
        self.slow = 0.0
        self.open = 0
        self.most_open = 0
        self.url = ""

    @property
    def connections(self) -> int:
        """Return the number of open connections."""
        return len(self._server.connections)

    async def __aenter__(self) -> Receiver:
        self._server = web.Server(self._handle)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hook"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "OPTIONS":
            self.options += 1
            await asyncio.sleep(self.slow)
            return web.Response(status=self.options_status)
        at = asyncio.get_running_loop().time()
        raw = await request.read()
        self.got.append(Received(request.method, request.path, request.headers, raw, at))
        self.arrived.set()
        status = self.answer(len(self.got))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(self.slow)
        self.open -= 1
        headers = {} if self.location is None else {"Location": self.location}
        return web.Response(status=status, headers=headers)

    @property
    def types(self) -> list[str]:
        """Return the types of the events, in the order of their arrival."""
        return [received.event["event_type"] for received in self.got]

    async def register(self, api: Api, **fields: Any) -> Any:
        """Register this address, and return the endpoint."""
        return (await api.post("/v3/webhooks/endpoints", {"url": self.url, **fields})).data
