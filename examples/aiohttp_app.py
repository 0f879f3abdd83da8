"""The app of `fastapi_app.py` with aiohttp alone.

    python aiohttp_app.py --sandbox

It needs the extra `sandbox`; for the real API see `fastapi_app.py`.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import video_pages as pages
from aiohttp import web

from heygen_async import AvatarVideoRequest, HeyGen, HeyGenError, Video, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.webhooks import AvatarVideoFail, AvatarVideoSuccess

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

WEBHOOKS = "/webhooks/heygen"


def make_app(heygen: HeyGen, receiver: WebhookReceiver) -> web.Application:
    """One client for all requests; it is closed when the app ends."""
    routes = web.RouteTableDef()

    @routes.get("/")
    async def form(request: web.Request) -> web.Response:
        looks = await heygen.avatars.looks.list(limit=50).first_page()
        return html(pages.form_page(looks.items))

    @routes.post("/videos")
    async def create(request: web.Request) -> web.Response:
        fields = {name: str(text) for name, text in (await request.post()).items()}
        avatar_id, script = fields.get("avatar_id", ""), fields.get("script", "").strip()
        try:
            job = await heygen.videos.create(
                AvatarVideoRequest(
                    avatar_id=avatar_id, script=script, title=pages.title_of(script)
                ),
                idempotency_key=pages.key_of(fields.get("ticket", ""), avatar_id, script),
            )
        except HeyGenError as error:
            looks = await heygen.avatars.looks.list(limit=50).first_page()
            page = pages.form_page(looks.items, avatar_id=avatar_id, script=script, error=error)
            return html(page, pages.status_of(error))
        raise web.HTTPSeeOther(f"/videos/{job.id}")

    @routes.get("/videos/{id}")
    async def show(request: web.Request) -> web.Response:
        return html(pages.video_page(await heygen.videos.get(request.match_info["id"])))

    @routes.get("/videos/{id}/events")
    async def follow(request: web.Request) -> web.StreamResponse:
        job = heygen.jobs.attach(Video, request.match_info["id"])
        events = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await events.prepare(request)
        with contextlib.suppress(HeyGenError):  # the page connects again
            async for video in job.updates(every=10):
                lines = pages.video_state(video).splitlines()
                await events.write(("".join(f"data: {line}\n" for line in lines) + "\n").encode())
        return events

    app = web.Application(middlewares=[show_problems])
    app.add_routes(routes)
    app.add_subapp(WEBHOOKS, receiver.aiohttp_app())  # opens receiver and client, and closes them
    return app


@web.middleware
async def show_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HeyGenError as error:
        return html(pages.problem_page(error), pages.status_of(error))


def html(page: str, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html")


async def serve(heygen: HeyGen, port: int, public_url: str | None) -> None:
    receiver = WebhookReceiver(heygen)
    # If a page is closed before its video is complete, its wait ends.
    runner = web.AppRunner(
        make_app(heygen, receiver), handler_cancellation=True, shutdown_timeout=2
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        if public_url:  # only now, for HeyGen asks the address at once
            await receiver.ensure_registered(
                public_url + WEBHOOKS, [AvatarVideoSuccess, AvatarVideoFail], rotate=True
            )
        print(f"http://127.0.0.1:{port}")
        await asyncio.Event().wait()
    finally:
        # Pages that wait for their video would delay the shutdown. Other requests are repeated.
        await heygen.aclose()
        await runner.cleanup()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=8000)
    arguments.add_argument("--public-url", help="where HeyGen reaches this app, such as https://…")
    arguments.add_argument("--sandbox", action="store_true", help="use a sandbox of its own")
    given = arguments.parse_args()
    if given.sandbox:
        async with Sandbox(speed=10) as sandbox:
            heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
            await serve(heygen, given.port, f"http://127.0.0.1:{given.port}")
    else:
        await serve(HeyGen(), given.port, given.public_url)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
