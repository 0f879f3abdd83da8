"""A web app whose workers share slots: ``POST /`` makes a video, and answers with its id."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from aiohttp import web

from heygen_async import AvatarVideoRequest, HeyGen
from heygen_async.distributed import RedisSlots

slots = RedisSlots(os.environ["REDIS"], account=os.environ["ACCOUNT"], ceiling=12)
heygen = HeyGen(jobs=slots, slots_for="all", expected={"video": 0.2})


async def make(request: web.Request) -> web.Response:
    job = await heygen.videos.create(
        AvatarVideoRequest(avatar_id=os.environ["AVATAR_ID"], script="Hello")
    )
    video = await job.wait()
    return web.Response(text=f"{os.getpid()} {video.id}")


async def closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await heygen.aclose()
    await slots.aclose()


app = web.Application()
app.router.add_post("/", make)
app.cleanup_ctx.append(closing)
