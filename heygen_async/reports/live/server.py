"""``LiveReport``: serve a page about a run that refreshes itself, on this machine only."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.resources import files
from string import Template
from types import TracebackType
from typing import TypeAlias

import msgspec
from aiohttp import web

from heygen_async.errors import HeyGenError
from heygen_async.journal import JournalLocation, JournalReader
from heygen_async.reports.live.sections import LiveSections, Sections

Action: TypeAlias = Callable[[Mapping[str, str]], Awaitable[str]]
"""What a form of the page does: called with its fields, returns a message for the person."""

logger: logging.Logger = logging.getLogger("heygen_async.reports")

_FILES = files("heygen_async.reports")
_LONGEST_FORM = 1 << 20
# Seconds between two comments in a silent stream, so that a closed page is noticed.
_KEEP_ALIVE = 15.0
_HEADERS = {
    "Cache-Control": "no-store",
    # Styles in attributes give bars their widths. Media and pictures are the results at HeyGen.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data: https: http://127.0.0.1:*; "
        "media-src 'self' https: http://127.0.0.1:*; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With "no-referrer", browsers send no origin with a form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class ActionRefused(HeyGenError):
    """An action cannot be carried out; the message tells the person why."""


class LiveReport:
    """Serve a live page about a run: its status each second, and its report as it changes.

    Async context manager. The page is served on 127.0.0.1 under a random path, which only the user
    is told. Requests with another host name are refused, so that no page of the web can read it
    through a name that leads here; forms are accepted from the page itself only. The journal is
    read, never written or locked, by the page; actions do what their functions do.

    Args:
        journal: The journal of a run or a chain; it may not exist yet.
        actions: Functions for forms of the page, by name: a form is posted to ``actions/NAME``
            relative to the page. Default: none.
        sections: Functions that return more sections of a run, by name, given its reader; called
            in a thread.
        port: The port. Default 0: any free one.
        every: Seconds between two looks at the journal; more if a look takes more than a tenth of
            them. Default 1.

    Attributes:
        url: The page's address, once it is served.
        over: Set when every run has ended.
    """

    def __init__(
        self,
        journal: JournalLocation,
        *,
        actions: Mapping[str, Action] | None = None,
        sections: Iterable[Callable[[JournalReader], Sections]] = (),
        port: int = 0,
        every: float = 1.0,
    ) -> None:
        self.url: str = ""
        self.over: asyncio.Event = asyncio.Event()
        self._source = LiveSections(journal, sections)
        self._actions = actions or {}
        self._port = port
        self._every = every
        self._token = secrets.token_urlsafe(24)
        self._hosts: set[str] = set()
        self._found: dict[str, str] = {}
        self._changed = asyncio.Condition()
        self._stale = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LiveReport:
        app = web.Application(middlewares=[self._guard], client_max_size=_LONGEST_FORM)
        app.router.add_get("/{token}/", self._page)
        app.router.add_get("/{token}/live.js", self._script)
        app.router.add_get("/{token}/events", self._events)
        app.router.add_post("/{token}/actions/{name}", self._act)
        self._found = await asyncio.to_thread(self._load)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.url = f"http://127.0.0.1:{port}/{self._token}/"
        self._task = asyncio.create_task(self._refresh())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None and self._task.cancel():
            await asyncio.wait([self._task])
        if self._runner is not None:
            await self._runner.cleanup()

    def _load(self) -> dict[str, str]:
        """Read the files of the page, and return its sections. Blocks."""
        self._template = (_FILES / "live" / "page.html").read_text("utf-8")
        self._script_text = (_FILES / "live" / "live.js").read_text("utf-8")
        styles = (_FILES / "style.css", _FILES / "live" / "live.css")
        self._style = "".join(style.read_text("utf-8") for style in styles)
        return self._source.read()

    async def _refresh(self) -> None:
        """Read the journal again and again, and wake the pages when a section has changed."""
        while True:
            started = time.monotonic()
            self._stale.clear()  # before the look, which may miss what is decided during it
            found = self._found
            try:
                found = await asyncio.to_thread(self._source.read)
            except Exception:  # of a function for more sections; the page goes on
                logger.exception("the live page could not be refreshed")
            async with self._changed:
                if found != self._found:
                    self._found = found
                    self._changed.notify_all()
            if self._source.over:
                self.over.set()
            pause = max(self._every, 10 * (time.monotonic() - started))
            try:
                async with asyncio.timeout(pause):
                    await self._stale.wait()
            except TimeoutError:
                pass

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Refuse requests of other sites, and keep the path a secret."""
        token = request.match_info.get("token", "")
        if request.host not in self._hosts:
            return web.Response(status=421, text="The page is served as 127.0.0.1 only.\n")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return web.Response(status=404, text="Not found\n")
        if request.method == "POST":
            origin = request.headers.get("Origin", "").removeprefix("http://")
            if origin != request.host:
                return web.Response(status=403, text="The form is not of this page.\n")
        return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        body = "".join(_placed(name, html) for name, html in self._found.items())
        text = Template(self._template).substitute(style=self._style, body=body)
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def _script(self, request: web.Request) -> web.Response:
        return web.Response(
            text=self._script_text, content_type="text/javascript", headers=_HEADERS
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Send the sections that the page does not have, whenever some have changed."""
        stream = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the page was closed
            await self._send_changes(stream)
        return stream

    async def _send_changes(self, stream: web.StreamResponse) -> None:
        sent: dict[str, str] = {}
        while True:
            found = self._found
            if found != sent:
                changed = {name: html for name, html in found.items() if sent.get(name) != html}
                event = msgspec.json.encode({"order": list(found), "changed": changed})
                await stream.write(b"data: " + event + b"\n\n")
                sent = found
            try:
                async with asyncio.timeout(_KEEP_ALIVE), self._changed:
                    if self._found is found:
                        await self._changed.wait()
            except TimeoutError:
                await stream.write(b": \n\n")

    async def _act(self, request: web.Request) -> web.Response:
        """Carry out an action; a script gets its message, a form without one the page again."""
        action = self._actions.get(request.match_info["name"])
        if action is None:
            return web.Response(status=404, text="There is no such action.\n", headers=_HEADERS)
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            message = await action(fields)
        except HeyGenError as error:
            return web.Response(status=409, text=str(error), headers=_HEADERS)
        finally:
            self._stale.set()
        if "text/html" in request.headers.get("Accept", ""):
            return web.Response(status=303, headers={**_HEADERS, "Location": "../"})
        return web.Response(text=message, headers=_HEADERS)


def _placed(name: str, html: str) -> str:
    return f'<div id="{name}" class="placed">{html}</div>'
