"""Adapter for ASGI: Starlette, FastAPI and others, under any server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from heygen_async.webhooks.apps.http_rules import (
    DISCONNECTED,
    TOO_LARGE,
    TOO_SLOW,
    DeliveryTarget,
    WebhookAnswer,
    answer_without_body,
)

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ASGIApp:
    """An ASGI app that receives deliveries at any path.

    Served alone, it also opens and closes the receiver.

    Args:
        receiver: The receiver.
    """

    def __init__(self, receiver: DeliveryTarget) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _respond(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {key.decode("latin-1"): text.decode("latin-1") for key, text in scope["headers"]}
        answer = answer_without_body(
            scope["method"],
            headers.get("content-type"),
            headers.get("content-length"),
            self._receiver.max_body,
        )
        if answer is None:
            body = await self._read(receive)
            if isinstance(body, WebhookAnswer):
                answer = body
            else:
                answer = await self._receiver.handle(body, headers)
        await _send(answer, send)

    async def _read(self, receive: Receive) -> bytes | WebhookAnswer:
        body = bytearray()
        try:
            async with asyncio.timeout(self._receiver.body_timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return DISCONNECTED
                    body += message.get("body", b"")
                    if len(body) > self._receiver.max_body:
                        return TOO_LARGE
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            return TOO_SLOW

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        """Open and close the receiver by ASGI's lifespan protocol."""
        await receive()
        started = False
        try:
            async with self._receiver.lifespan():
                await send({"type": "lifespan.startup.complete"})
                started = True
                await receive()
        except Exception as error:
            await send(
                {
                    "type": f"lifespan.{'shutdown' if started else 'startup'}.failed",
                    "message": str(error),
                }
            )
            raise
        await send({"type": "lifespan.shutdown.complete"})


async def _send(answer: WebhookAnswer, send: Send) -> None:
    text = answer.text.encode()
    fields = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(text)),
        **answer.headers,
    }
    headers = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
