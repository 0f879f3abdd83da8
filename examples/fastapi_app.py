"""A web app that makes videos: a form, and for each video a page that shows it when it is done.

    pip install fastapi uvicorn python-multipart
    python fastapi_app.py --sandbox

Then open http://127.0.0.1:8000. For the real API set HEYGEN_API_KEY, and give --public-url the
address at which HeyGen reaches this app; without one, the app asks how its videos stand.
"""

import argparse
import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Annotated

import uvicorn
import video_pages as pages
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from heygen_async import AvatarVideoRequest, HeyGen, HeyGenError, Video, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.webhooks import AvatarVideoFail, AvatarVideoSuccess

logger = logging.getLogger("uvicorn.error")

WEBHOOKS = "/webhooks/heygen"


def make_app(heygen: HeyGen, receiver: WebhookReceiver) -> FastAPI:
    """One client for all requests; it is closed when the app ends."""
    app = FastAPI(lifespan=receiver.lifespan)
    app.add_route(WEBHOOKS, receiver.asgi_app())  # type: ignore[arg-type]

    @app.get("/", response_class=HTMLResponse)
    async def form() -> str:
        looks = await heygen.avatars.looks.list(limit=50).first_page()
        return pages.form_page(looks.items)

    @app.post("/videos")
    async def create(
        ticket: Annotated[str, Form()] = "",
        avatar_id: Annotated[str, Form()] = "",
        script: Annotated[str, Form()] = "",
    ) -> Response:
        script = script.strip()
        try:
            job = await heygen.videos.create(
                AvatarVideoRequest(
                    avatar_id=avatar_id, script=script, title=pages.title_of(script)
                ),
                idempotency_key=pages.key_of(ticket, avatar_id, script),
            )
        except HeyGenError as error:
            logger.info("no video: %s", error)
            looks = await heygen.avatars.looks.list(limit=50).first_page()
            page = pages.form_page(looks.items, avatar_id=avatar_id, script=script, error=error)
            return HTMLResponse(page, pages.status_of(error))
        return RedirectResponse(f"/videos/{job.id}", 303)

    @app.get("/videos/{video_id}", response_class=HTMLResponse)
    async def show(video_id: str) -> str:
        return pages.video_page(await heygen.videos.get(video_id))

    @app.get("/videos/{video_id}/events", response_class=EventSourceResponse)
    async def follow(video_id: str) -> AsyncIterator[ServerSentEvent]:
        # The webhook reports the end at once; polls in between show the earlier steps.
        job = heygen.jobs.attach(Video, video_id)
        with contextlib.suppress(HeyGenError):  # the page connects again
            async for video in job.updates(every=10):
                yield ServerSentEvent(raw_data=pages.video_state(video))

    @app.exception_handler(HeyGenError)
    async def problem(request: Request, error: HeyGenError) -> HTMLResponse:
        logger.warning("%s: %s", request.url.path, error)
        return HTMLResponse(pages.problem_page(error), pages.status_of(error))

    return app


class Server(uvicorn.Server):
    """A server that registers its webhook address when it accepts connections."""

    def __init__(self, app: FastAPI, receiver: WebhookReceiver, port: int, public_url: str | None):
        super().__init__(uvicorn.Config(app, port=port, timeout_graceful_shutdown=2))
        self.receiver = receiver
        self.public_url = public_url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, then register: HeyGen sends a request to the address first."""
        await super().startup(sockets)
        if self.started and self.public_url:
            # One process may replace the secret at each start. Several share one: they pass
            # secrets= to the receiver, and register once, after a deployment.
            await self.receiver.ensure_registered(
                self.public_url + WEBHOOKS, [AvatarVideoSuccess, AvatarVideoFail], rotate=True
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the pages that wait for their video, which would delay the shutdown."""
        # Other requests in progress are repeated under the same key.
        await self.receiver.heygen.aclose()
        await super().shutdown(sockets)


async def serve(heygen: HeyGen, port: int, public_url: str | None) -> None:
    receiver = WebhookReceiver(heygen)

    @receiver.on(AvatarVideoSuccess)
    async def done(event: AvatarVideoSuccess) -> None:
        logger.info("video %s is done", event.event_data.video_id)  # or note it in your database

    await Server(make_app(heygen, receiver), receiver, port, public_url).serve()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
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
