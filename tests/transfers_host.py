"""A media host with prescribed faults, and a session to download from it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heygen_async.session.limits.job_slots import JobSlots
from heygen_async.session.limits.request_limiter import RequestLimiter
from heygen_async.session.session import Session
from heygen_async.session.settings import Retry, Timeout, settings_from

# The served file: three of the blocks that are written to disk at once.
CONTENT = random.Random(1).randbytes(3_000_000)

API_KEY = "sk_V2_mine"


@contextlib.asynccontextmanager
async def open_session(
    base_url: str = "http://127.0.0.1:9",
    *,
    api_key: str = API_KEY,
    attempts: int = 5,
    patience: float = 600.0,
) -> AsyncIterator[Session]:
    settings = settings_from(
        api_key=api_key,
        token=None,
        base_url=base_url,
        timeout=Timeout(),
        retry=Retry(attempts=attempts, patience=patience),
        trust_env=False,
    )
    session = Session(settings, RequestLimiter(), JobSlots())
    try:
        yield session
    finally:
        await session.connection.close()


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    target: str
    headers: dict[str, str]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer as bytes; underscores in header names stand for dashes."""
    lines = {"Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} Sent\r\n{head}\r\n".encode() + body


def storage(code: str) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>x</Message></Error>"
    return answer(400, body.encode(), Content_Type="application/xml")


PAGE = b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"
NOT_A_FILE = {
    "nothing": answer(200),
    "page": answer(200, PAGE, Content_Type="text/html"),
    "page of no type": answer(200, PAGE),
    "page that says it is a video": answer(200, b"\xef\xbb\xbf\n" + PAGE, Content_Type="video/mp4"),
    "message": answer(200, b'{"error": "not ready"}', Content_Type="application/json"),
    "text": answer(200, b"Not ready.", Content_Type="text/html; charset=utf-8"),
    "error in XML": answer(200, b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>'),
    "page in gzip": answer(200, gzip.compress(PAGE), Content_Encoding="gzip"),
}


@dataclass
class MediaFile:
    """A file on the host, sent with ranges or without."""

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    stops: list[int] = field(default_factory=list)
    """After how many bytes of a body the connection breaks, answer by answer."""

    def __call__(self, seen: Seen) -> bytes:
        start, status, extra = 0, 200, {}
        size = len(self.content)
        wanted = seen.headers.get("range")
        if wanted and self.ranges and seen.headers.get("if-range", self.etag) == self.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= size:
                return answer(416, Content_Range=f"bytes */{size}")
            status, extra = 206, {"Content_Range": f"bytes {start}-{size - 1}/{size}"}
        body = self.content[start:]
        if self.stops:
            cut = self.stops.pop(0)
            whole = answer(status, body, ETag=self.etag, **extra)
            return whole[: len(whole) - len(body) + cut]
        return answer(status, body, ETag=self.etag, **extra)


Reply = bytes | Callable[[Seen], bytes]


@dataclass
class Host:
    """Answers one request per connection.

    Attributes:
        origin: Its address.
        replies: What to answer next; the last one is repeated.
        seen: The requests.
    """

    origin: str
    replies: list[Reply]
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.origin}/media/file.mp4?Signature=s3cr3t"

    @property
    def ranges(self) -> list[str | None]:
        return [seen.headers.get("range") for seen in self.seen]


@contextlib.asynccontextmanager
async def media_host(*replies: Reply) -> AsyncIterator[Host]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.rstrip().split("\r\n")
            headers: Mapping[str, str] = dict(line.split(": ", 1) for line in lines)
            seen = Seen(request.split()[1], {name.lower(): v for name, v in headers.items()})
            host.seen.append(seen)
            reply = host.replies.pop(0) if len(host.replies) > 1 else host.replies[0]
            writer.write(reply if isinstance(reply, bytes) else reply(seen))
            await writer.drain()
            await asyncio.sleep(0.1)  # until all of it has been read
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            serving.discard(task)

    serving: set[asyncio.Task[Any]] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = Host(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", list(replies))
    try:
        yield host
    finally:
        server.close()
        await asyncio.gather(*serving)
        await server.wait_closed()


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def everything_said(error: BaseException) -> str:
    """All text that hangs on an exception: its chain, arguments and attributes."""
    said = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        said += [repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join(said)
