"""Adapter for aiohttp: an app and a handler that receive deliveries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from heygen_async.webhooks.apps.http_rules import (
    DISCONNECTED,
    TOO_LARGE,
    TOO_SLOW,
    DeliveryTarget,
    WebhookAnswer,
    answer_without_body,
)


def make_app(receiver: DeliveryTarget) -> web.Application:
    """Return an app that receives deliveries at any path, and opens and closes the receiver.

    Args:
        receiver: The receiver.
    """

    async def handler(request: web.Request) -> web.StreamResponse:
        return await respond(receiver, request)

    async def open_and_close(app: web.Application) -> AsyncIterator[None]:
        async with receiver.lifespan(app):
            yield

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    app.router.add_route("*", "", handler)
    app.cleanup_ctx.append(open_and_close)
    return app


async def respond(receiver: DeliveryTarget, request: web.Request) -> web.StreamResponse:
    """Answer one request.

    Args:
        receiver: The receiver.
        request: The delivery.
    """
    headers = request.headers
    answer = answer_without_body(
        request.method,
        headers.get("Content-Type"),
        headers.get("Content-Length"),
        receiver.max_body,
    )
    if answer is None:
        body = await _read(request, receiver)
        answer = body if isinstance(body, WebhookAnswer) else await receiver.handle(body, headers)
    response = web.Response(status=answer.status, text=answer.text, headers=answer.headers)
    if request.body_exists and not request.content.is_eof():
        # Otherwise aiohttp would read the rest, for up to 10 s.
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
        request.protocol.force_close()
    return response


async def _read(request: web.Request, receiver: DeliveryTarget) -> bytes | WebhookAnswer:
    body = bytearray()
    try:
        async with asyncio.timeout(receiver.body_timeout):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > receiver.max_body:
                    return TOO_LARGE
    except TimeoutError:
        return TOO_SLOW
    except ConnectionError:
        return DISCONNECTED
    return bytes(body)
