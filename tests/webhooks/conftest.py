"""A sandbox, a client of it, and a receiver that listens on a socket of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from heygen_async import AvatarVideoRequest, WebhookReceiver
from heygen_async.sandbox import Sandbox

from ..web_servers import under_aiohttp

DURATIONS = {"video": 100.0, "translation": 300.0, "agent": 400.0, "proofread": 150.0}


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    return {"concurrency": 5_000, "durations": DURATIONS}


@asynccontextmanager
async def listening_at(receiver: WebhookReceiver) -> AsyncIterator[str]:
    """Serve a receiver on loopback, without closing its client; its address."""
    app = web.Application()
    app.router.add_route("*", "/hooks", receiver.aiohttp_handler)
    async with under_aiohttp(app) as address, receiver:
        yield f"{address}/hooks"


def video_request(sandbox: Sandbox, callback_url: str | None = None) -> AvatarVideoRequest:
    return AvatarVideoRequest(
        avatar_id=sandbox.avatar_id, script="Hello", callback_url=callback_url
    )
