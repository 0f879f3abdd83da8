"""A web service that makes a video inside one request, with one client for the whole app.

python web_handler.py AVATAR_ID
curl -d '{"script": "Hello"}' -H 'Content-Type: application/json' localhost:8080/videos
"""

import sys
from collections.abc import AsyncIterator

from aiohttp import web

from heygen_async import AvatarVideoRequest, HeyGen, HeyGenError, InvalidRequest, JobTimeout

HEYGEN = web.AppKey("heygen", HeyGen)
AVATAR = web.AppKey("avatar", str)


async def client(app: web.Application) -> AsyncIterator[None]:
    async with HeyGen() as app[HEYGEN]:
        yield


async def make_video(request: web.Request) -> web.Response:
    heygen, body = request.app[HEYGEN], await request.json()
    try:
        job = await heygen.videos.create(
            AvatarVideoRequest(avatar_id=request.app[AVATAR], script=body.get("script", ""))
        )
        video = await job.wait(timeout=300)
    except InvalidRequest as error:
        return web.json_response({"error": str(error)}, status=400)
    except JobTimeout as error:
        # It continues at HeyGen: heygen.jobs.attach(Video, job_id) waits for it again.
        return web.json_response({"job_id": error.job_id}, status=202)
    except HeyGenError as error:
        return web.json_response({"error": str(error)}, status=502)
    return web.json_response({"video_url": video.video_url, "seconds": video.duration})


def make_app(avatar_id: str) -> web.Application:
    app = web.Application()
    app[AVATAR] = avatar_id
    app.cleanup_ctx.append(client)
    app.router.add_post("/videos", make_video)
    return app


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    web.run_app(make_app(sys.argv[1]), host="127.0.0.1")
