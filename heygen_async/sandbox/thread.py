"""Run the sandbox in a thread or as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

from .sandbox import Sandbox

__all__ = ["SandboxThread", "serve"]


class SandboxThread:
    """A sandbox in a thread with its own event loop, for synchronous callers.

        with SandboxThread(speed=600) as sandbox:
            sandbox.base_url

    Its ledger, faults and clock can be used from the caller's thread.

    Args:
        **settings: Settings of `Sandbox`.

    Attributes:
        sandbox: The sandbox.
    """

    def __init__(self, **settings: Any) -> None:
        self.sandbox: Sandbox = Sandbox(**settings)
        self._opened = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="heygen-sandbox", daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self._failure = failure
            self._opened.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        async with self.sandbox:
            self._opened.set()
            await self._closing.wait()

    def __enter__(self) -> Sandbox:
        self._thread.start()
        self._opened.wait()
        if self._failure is not None:
            raise self._failure
        return self.sandbox

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._closing is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()


async def serve(*, out: TextIO | None = None, **settings: Any) -> None:
    """Serve until SIGTERM or SIGINT, or until cancelled.

    It first prints one line of JSON with `base_url`, `api_key` and `media_origin`.

    Args:
        out: File for the line. Default: standard output.
        **settings: Settings of `Sandbox`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    # Threads other than the main one, and loops on Windows, cannot handle signals.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in signals:
            loop.add_signal_handler(number, stop.set)
    try:
        async with Sandbox(**settings) as sandbox:
            line = {
                "base_url": sandbox.base_url,
                "api_key": sandbox.api_key,
                "media_origin": sandbox.media_origin,
            }
            print(json.dumps(line), file=out or sys.stdout, flush=True)
            await stop.wait()
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in signals:
                loop.remove_signal_handler(number)
