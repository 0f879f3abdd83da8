"""The web apps among the examples, spoken to over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import aiohttp_app
import fastapi_app
import pytest

from heygen_async import HeyGen, WebhookReceiver
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.webhooks import AvatarVideoFail, AvatarVideoSuccess

from ..web_servers import under_aiohttp, under_uvicorn

# Not a multiple of the ten seconds between two polls.
DURATION = 97.0

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(durations={"video": DURATION})]


class Visitor:
    """A person with a browser, and an app to visit."""

    def __init__(self, browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self._browser = browser
        self.avatar_id = sandbox.avatar_id

    async def get(self, path: str) -> tuple[int, str]:
        async with self._browser.get(path) as answer:
            return answer.status, await answer.text()

    async def ticket(self) -> str:
        """Open the form, and return its hidden fields."""
        status, page = await self.get("/")
        assert status == 200
        assert f'<option value="{self.avatar_id}"' in page
        return page.partition('name="ticket" value="')[2].partition('"')[0]

    async def send(self, **fields: str) -> tuple[int, str]:
        """Send the form, and return the status, and the redirect or the text."""
        fields = {"avatar_id": self.avatar_id, "script": "Hello"} | fields
        async with self._browser.post("/videos", data=fields, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    async def make(self, **fields: str) -> str:
        """Send a new form, and return the address of the video's page."""
        status, location = await self.send(ticket=await self.ticket(), **fields)
        assert status == 303
        return location

    async def states(self, path: str) -> AsyncIterator[str]:
        """Return the states that the page gets until the video has ended."""
        async with self._browser.get(f"{path}/events") as answer:
            assert answer.content_type == "text/event-stream"
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield line.decode().removeprefix("data: ").strip()


Serve = Callable[[Any], AbstractAsyncContextManager[str]]
APPS: list[tuple[Callable[[HeyGen, WebhookReceiver], Any], Serve]] = [
    (fastapi_app.make_app, under_uvicorn),
    (aiohttp_app.make_app, under_aiohttp),
]


@pytest.fixture(params=APPS, ids=["fastapi", "aiohttp"])
async def visitor(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Visitor]:
    make_app, serve = request.param
    heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
    receiver = WebhookReceiver(heygen)
    async with serve(make_app(heygen, receiver)) as address:
        url = f"{address}/webhooks/heygen"
        await receiver.ensure_registered(url, [AvatarVideoSuccess, AvatarVideoFail])
        async with aiohttp.ClientSession(address) as browser:
            yield Visitor(browser, sandbox)


async def test_a_page_follows_its_video_to_the_end(visitor: Visitor, sandbox: Sandbox) -> None:
    path = await visitor.make(script="One & two")
    assert "new EventSource" in (await visitor.get(path))[1]
    states = [state async for state in visitor.states(path)]
    assert sandbox.clock.now() == pytest.approx(DURATION, abs=0.5)  # the webhook has reported it
    assert [delivery.status for delivery in sandbox.deliveries.records] == [200]
    assert len(states) >= 2
    assert "on its way" in states[0]
    assert "is ready" in states[-1]
    assert "One &amp; two" in states[-1]
    (source,) = re.findall(r'<video [^>]*src="([^"]+)"', states[-1])
    async with aiohttp.ClientSession() as browser, browser.get(html.unescape(source)) as video:
        assert (video.status, video.content_type) == (200, "video/mp4")
    ended = (await visitor.get(path))[1]
    assert "<video" in ended
    assert "EventSource" not in ended


async def test_a_form_that_is_sent_twice_makes_one_video(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    ticket = await visitor.ticket()
    first = await visitor.send(ticket=ticket)
    assert await visitor.send(ticket=ticket) == first
    assert await visitor.send(ticket=ticket, script="Hello again") != first
    assert await visitor.send(ticket=await visitor.ticket()) != first
    assert await visitor.send(ticket="") != await visitor.send(ticket="")
    assert sandbox.ledger.count("video") == 5


async def test_what_is_wrong_is_said_beside_what_was_filled_in(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    status, page = await visitor.send(script="  ")
    assert status == 400
    assert "must have between 1 and 5,000 characters" in page
    assert 'aria-invalid="true"' in page
    assert f'<option value="{sandbox.avatar_id}" selected' in page
    status, page = await visitor.send(script="Hello <script>", avatar_id="nobody")
    assert status in (400, 404)
    assert "nobody" in page
    assert ">Hello &lt;script&gt;</textarea>" in page
    assert sandbox.ledger.count("video") == 0


async def test_a_video_that_fails_says_why(visitor: Visitor, sandbox: Sandbox) -> None:
    sandbox.fail_next("video", message="No <faces> found")
    path = await visitor.make(script="<b>Bold</b>")
    last = [state async for state in visitor.states(path)][-1]
    assert "The video failed" in last
    assert "No &lt;faces&gt; found" in last
    assert "&lt;b&gt;Bold&lt;/b&gt;" in last
    assert last in (await visitor.get(path))[1]


async def test_who_comes_back_finds_the_state_of_things(visitor: Visitor, sandbox: Sandbox) -> None:
    path = await visitor.make()
    async for state in visitor.states(path):
        assert "on its way" in state
        break
    last = [state async for state in visitor.states(path)][-1]
    assert "is ready" in last
    assert [state async for state in visitor.states(path)] == [last]


async def test_a_video_that_is_not_there(visitor: Visitor) -> None:
    status, page = await visitor.get("/videos/nothing")
    assert status == 404
    assert "Video not found." in page


async def test_an_api_that_refuses(visitor: Visitor, sandbox: Sandbox) -> None:
    for operation in ("videos.create", "avatars.looks.list"):
        sandbox.faults.add(operation, Fault.status(402), times=1)
        status, page = await (visitor.send() if "create" in operation else visitor.get("/"))
        assert status == 502
        assert "try again later" in page
        assert sandbox.api_key not in page
