"""A server with prescribed answers about jobs, which records the times of all requests."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import web

from ..web_servers import under_aiohttp

Said: TypeAlias = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""HTTP status, the body (JSON, or bytes as they are), and headers."""


class Adversary:
    """Answers statuses and details of videos.

    Attributes:
        statuses: Answers for the ids that are asked for together.
        detail: Answers for one id.
        asked_together: Times of the requests for statuses.
        asked_singly: Times of the requests for details, by id.
    """

    def __init__(
        self, statuses: Callable[[list[str]], Said], detail: Callable[[str], Said]
    ) -> None:
        self.statuses = statuses
        self.detail = detail
        self.asked_together: list[float] = []
        self.asked_singly: dict[str, list[float]] = defaultdict(list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on loopback; the base URL."""
        app = web.Application()
        app.router.add_get("/v3/videos/statuses", self._statuses)
        app.router.add_get("/v3/videos/{id}", self._detail)
        async with under_aiohttp(app) as address:
            yield address

    async def _statuses(self, request: web.Request) -> web.Response:
        ids = request.query["video_ids"].split(",")
        assert len(ids) <= 100
        self.asked_together.append(asyncio.get_running_loop().time())
        return _response(self.statuses(ids))

    async def _detail(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        self.asked_singly[job_id].append(asyncio.get_running_loop().time())
        return _response(self.detail(job_id))


def _response(said: Said) -> web.Response:
    status, body, *more = said
    headers: dict[str, str] = dict(*more)
    if isinstance(body, bytes):
        content_type = "application/json"
        return web.Response(status=status, body=body, content_type=content_type, headers=headers)
    return web.json_response(body, status=status, headers=headers)


def video(job_id: str, status: str, **more: Any) -> dict[str, Any]:
    url = f"https://m.example/{job_id}.mp4"
    return {"data": {"id": job_id, "status": status, "video_url": url, **more}}


def listing(entries: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {"data": [{"video_id": job_id, "status": status} for job_id, status in entries]}


def shortest_gap(times: list[float]) -> float:
    return min((b - a for a, b in itertools.pairwise(times)), default=math.inf)


def most_within(times: list[float], seconds: float) -> int:
    """The most of these times that lie within so many seconds."""
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
