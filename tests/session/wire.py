"""Clients for the sandbox, and servers with prescribed answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from heygen_async import AvatarVideoRequest, HeyGen
from heygen_async.sandbox import Sandbox


def client(sandbox: Sandbox, **settings: Any) -> HeyGen:
    return HeyGen(sandbox.api_key, base_url=sandbox.base_url, **settings)


def video(sandbox: Sandbox, script: str = "Hello") -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=script)


@dataclass
class RawServer:
    """The address of a server, and the head and body of every request."""

    base_url: str = ""
    requests: list[tuple[str, bytes]] = field(default_factory=list)


Play = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(play: Play) -> AsyncIterator[RawServer]:
    """Serve by passing each request's head to ``play``, and then close the connection."""
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (
                    int(line[15:])
                    for line in head.lower().split("\r\n")
                    if line[:15] == "content-length:"
                ),
                0,
            )
            server.requests.append((head, await reader.readexactly(length)))
            await play(head, reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client or the test has closed it
        finally:
            tasks.discard(task)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()


def answering(answer: bytes) -> Play:
    """Answer every request with exactly these bytes."""

    async def play(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return play
