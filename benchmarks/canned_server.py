"""A server with canned answers, so a benchmark measures the client alone.

It runs in a process of its own: ``python canned_server.py`` prints its port and serves until its
standard input closes.
"""

from __future__ import annotations

import asyncio
import sys

_VIDEO = (
    b'{"data":{"id":"3f1c2a9e5d7b4c68a1e0f2d3b4c5a697","status":"completed","title":"Launch",'
    b'"created_at":1767225600,"completed_at":1767225722,"duration":31.4,'
    b'"video_url":"https://files.example.com/3f1c2a9e.mp4?Expires=1767830400&Signature=abcdef",'
    b'"thumbnail_url":"https://files.example.com/3f1c2a9e.png?Expires=1767830400&Signature=ab",'
    b'"subtitle_url":"https://files.example.com/3f1c2a9e.srt?Expires=1767830400&Signature=ab",'
    b'"video_page_url":"https://app.heygen.com/videos/3f1c2a9e5d7b4c68a1e0f2d3b4c5a697"}}'
)
_CREATED = (
    b'{"data":{"video_id":"3f1c2a9e5d7b4c68a1e0f2d3b4c5a697","status":"waiting",'
    b'"output_format":"mp4"}}'
)
_COMPLETION = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1767225600,"model":"m","choices":'
    b'[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello there"}}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}'
)
_PREDICTION = (
    b'{"id":"3f1c2a9e5d7b4c68a1e0f2d3b4c5a697","model":"o/m","version":"1","status":"succeeded",'
    b'"input":{"prompt":"Hello there"},"output":["https://files.example.com/3f1c2a9e.mp4"],'
    b'"logs":"","error":null,"metrics":{"predict_time":31.4},"created_at":"2026-01-01T00:00:00Z",'
    b'"started_at":"2026-01-01T00:00:01Z","completed_at":"2026-01-01T00:00:32Z","urls":'
    b'{"get":"https://api.example.com/3f1c2a9e","cancel":"https://api.example.com/cancel"}}'
)
_TASK = (
    b'{"id":"3f1c2a9e-5d7b-4c68-a1e0-f2d3b4c5a697","status":"SUCCEEDED",'
    b'"createdAt":"2026-01-01T00:00:00Z","output":["https://files.example.com/3f1c2a9e.mp4"]}'
)
_FAL_STATUS = b'{"status":"COMPLETED","logs":null,"metrics":{"inference_time":31.4}}'


def _answer(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"x-amzn-requestid: 7c0d2f6e-41b5-4a6f-9d0e-5b8a1c3e2f40\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


# By the start of the request; the first that fits is sent.
ANSWERS = {
    b"get /v3/": _answer(_VIDEO),
    b"post /v3/": _answer(_CREATED),
    b"post /v1/chat/": _answer(_COMPLETION),
    b"get /v1/predictions/": _answer(_PREDICTION),
    b"get /v1/tasks/": _answer(_TASK),
    b"get /fal/": _answer(_FAL_STATUS),
}


class _Canned(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = 0
            if (at := head.find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(
                next(answer for start, answer in ANSWERS.items() if head.startswith(start))
            )


async def _main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Canned, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
