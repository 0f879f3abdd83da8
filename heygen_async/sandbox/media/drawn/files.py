"""Draw files when they are first asked for, in a pool of processes, and keep them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import msgspec

from .drawing import HEADER, Drawing, Task

__all__ = ["DrawingFailed", "DrawnFile", "DrawnFiles", "require_packages"]

_MOST_PROCESSES = 8
_PACKAGE = __package__


class DrawingFailed(Exception):
    """A file could not be drawn."""


def require_packages() -> None:
    """Check that PyAV and Pillow are installed.

    Raises:
        ModuleNotFoundError: One of them is not.
    """
    missing = [name for name in ("av", "PIL") if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            "media='drawn' needs PyAV and Pillow: pip install av pillow (the extra sandbox-media)",
            name=missing[0],
        )


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """A complete file and its size in bytes."""

    path: Path
    size: int


class _Encoder:
    """A process that draws one file after another.

    Its program is not the caller's, which need not guard its start as `multiprocessing` demands.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", f"{_PACKAGE}.encoding"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the sandbox, which ends its processes
        )

    def draw(self, task: Task) -> None:
        """Write a file; blocks until it is complete.

        Raises:
            DrawingFailed: It could not be drawn, or the process has ended.
        """
        sent, answers = self._process.stdin, self._process.stdout
        assert sent is not None
        assert answers is not None
        message = msgspec.msgpack.encode(task)
        try:
            sent.write(len(message).to_bytes(HEADER, "big") + message)
            sent.flush()
            size = int.from_bytes(_exactly(answers, HEADER), "big")
            error = _exactly(answers, size).decode(errors="replace")
        except OSError:
            self.kill()
            status = self._process.wait()
            raise DrawingFailed(f"the drawing process ended with status {status}") from None
        if error:
            raise DrawingFailed(error)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process, also while it draws."""
        self._process.kill()

    def close(self) -> None:
        """Close the pipes to the process, which has ended and which nobody uses."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # of what was not sent
                pipe.close()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise ConnectionResetError
    return content


class DrawnFiles:
    """Files of drawings by content, kept until it is closed.

    Raises:
        ModuleNotFoundError: PyAV or Pillow is not installed.
    """

    def __init__(self) -> None:
        require_packages()
        self._folder: Path | None = None
        self._threads = ThreadPoolExecutor(min(_MOST_PROCESSES, os.cpu_count() or 1))
        self._of_thread = threading.local()  # its encoder
        self._encoders: list[_Encoder] = []
        self._lock = threading.Lock()
        self._closed = False
        self._files: dict[str, asyncio.Future[DrawnFile]] = {}

    async def file(self, drawing: Drawing, extension: str) -> DrawnFile:
        """Return a file, and draw it if it is not here yet.

        Args:
            drawing: Its content.
            extension: `mp4`, `webm`, `png` or `gif`.

        Raises:
            DrawingFailed: It could not be drawn.
        """
        name = f"{drawing.digest}.{extension}"
        drawn = self._files.get(name)
        if drawn is None:
            loop = asyncio.get_running_loop()
            drawn = loop.run_in_executor(self._threads, self._draw, drawing, extension, name)
            self._files[name] = drawn
            drawn.add_done_callback(partial(self._ended, name))
        # A client that disconnects does not end the work that others wait for.
        return await asyncio.shield(drawn)

    def _ended(self, name: str, drawn: asyncio.Future[DrawnFile]) -> None:
        if drawn.cancelled() or drawn.exception() is not None:
            del self._files[name]  # the next request tries again

    def _draw(self, drawing: Drawing, extension: str, name: str) -> DrawnFile:
        encoder: _Encoder | None = getattr(self._of_thread, "encoder", None)
        if encoder is None or encoder.ended:
            encoder = self._of_thread.encoder = self._start()
        path = self._folder_path() / name
        encoder.draw(Task(drawing, extension, str(path)))
        return DrawnFile(path, path.stat().st_size)

    def _folder_path(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="heygen-sandbox-"))
            return self._folder

    def _start(self) -> _Encoder:
        with self._lock:
            if self._closed:
                raise DrawingFailed("the sandbox was closed")
            encoder = _Encoder()
            self._encoders.append(encoder)
            return encoder

    async def close(self) -> None:
        """End the processes, and remove the files."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            for encoder in self._encoders:
                encoder.kill()
        self._threads.shutdown(cancel_futures=True)
        for encoder in self._encoders:
            encoder.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
