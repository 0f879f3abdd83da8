"""A sandbox, a client of it, and a receiver that listens on a socket of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from heygen_async import AvatarVideoRequest, HeyGen, WebhookReceiver
from heygen_async.sandbox import Sandbox

from ..web_servers import under_aiohttp

DURATIONS = {"video": 100.0, "translation": 300.0, "agent": 400.0, "proofread": 150.0}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1, concurrency=5_000, durations=DURATIONS) as sandbox:
        yield sandbox


@pytest.fixture
async def heygen(sandbox: Sandbox) -> AsyncIterator[HeyGen]:
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        yield heygen


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
