"""A minimal API and storage, so that benchmarks measure the client alone.

It serves videos that complete after a fixed time, files of any size, and direct uploads, without
checks and without state beyond a counter. It runs in a process of its own, which
``running(SECONDS)`` starts: ``python job_server.py SECONDS`` prints its port and serves until its
standard input closes.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

_BLOCK = bytes(range(256)) * 1024  # 256 KiB that are no text
_STARTED: dict[str, float] = {}


@contextmanager
def running(seconds: float = 0.0) -> Iterator[str]:
    """Run the server in another process, and return its base URL.

    Args:
        seconds: How long each video takes.
    """
    command = [sys.executable, __file__, str(seconds)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, with or without a body."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._head = ""
        self._body_left = 0
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        self._resumed.clear()

    def resume_writing(self) -> None:
        self._resumed.set()

    def data_received(self, data: bytes) -> None:
        while data:
            if self._body_left:
                self._body_left -= len(data)
                data = b""
            else:
                self._buffer += data
                head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
                if not end:
                    return
                self._buffer.clear()
                self._head = head.decode("latin-1")
                lower = head.lower()
                at = lower.find(b"content-length:")
                length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                self._body_left = length - len(rest)
                data = b""
            if self._body_left == 0:
                self._answer()

    def _answer(self) -> None:
        method, target, _ = self._head.split(" ", 2)
        path, _, query = target.partition("?")
        if path.startswith("/files/"):
            size = int(path.removeprefix("/files/").partition(".")[0])
            self._sending = self._loop.create_task(self._send_file(size))
        elif method == "PUT":
            self._send(b"", "text/plain")
        else:
            self._send(self._json(method, path, query).encode(), "application/json")

    def _json(self, method: str, path: str, query: str) -> str:
        now = self._loop.time()
        if path == "/v3/videos" and method == "POST":
            video_id = f"{len(_STARTED):032x}"
            _STARTED[video_id] = now
            return f'{{"data":{{"video_id":"{video_id}","status":"waiting"}}}}'
        if path == "/v3/videos/statuses":
            ids = unquote(query.partition("video_ids=")[2]).split(",")
            entries = (f'{{"video_id":"{one}","status":"{self._status(one, now)}"}}' for one in ids)
            return f'{{"data":[{",".join(entries)}],"has_more":false,"next_token":null}}'
        if path.startswith("/v3/videos/"):
            video_id = path.removeprefix("/v3/videos/")
            return (
                f'{{"data":{{"id":"{video_id}","status":"{self._status(video_id, now)}",'
                f'"title":"Launch","created_at":{int(time.time())},"completed_at":{int(time.time())},'
                f'"duration":31.4,"video_url":"http://127.0.0.1/{video_id}.mp4?Signature=abcdef",'
                f'"thumbnail_url":"http://127.0.0.1/{video_id}.png?Signature=abcdef"}}}}'
            )
        if path == "/v3/assets/direct-uploads":
            host = self._transport.get_extra_info("sockname")[1]
            return (
                f'{{"data":{{"asset_id":"a1","upload_url":"http://127.0.0.1:{host}/storage",'
                '"upload_headers":{"Content-Type":"video/mp4"},"max_bytes":209715200,'
                '"expires_in_seconds":3600,"status":"pending_upload"}}'
            )
        if path.startswith("/v3/assets/"):
            return (
                '{"data":{"asset_id":"a1","url":"http://127.0.0.1/a1.mp4","status":"ready",'
                '"name":"a1.mp4","mime_type":"video/mp4","size_bytes":1,"file_type":"video"}}'
            )
        return '{"data":{"username":"benchmark"}}'

    def _status(self, video_id: str, now: float) -> str:
        return "completed" if now - _STARTED[video_id] >= self._seconds else "processing"

    def _send(self, body: bytes, content_type: str, length: int | None = None) -> None:
        size = len(body) if length is None else length
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n"
            f'ETag: "{size}"\r\n\r\n'
        )
        self._transport.write(head.encode() + body)

    async def _send_file(self, size: int) -> None:
        first = _BLOCK[: min(size, len(_BLOCK))]
        self._send(first, "video/mp4", size)
        sent = len(first)
        while sent < size:
            await self._resumed.wait()
            block = memoryview(_BLOCK)[: size - sent]
            self._transport.write(block)
            sent += len(block)


async def _main(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(seconds), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
