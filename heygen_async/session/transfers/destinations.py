"""The destination of a download: a file that appears when complete, or a sink of the caller."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import io
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import msgspec

from heygen_async.errors import InvalidRequest, TransferError
from heygen_async.session.tasks import in_thread
from heygen_async.session.transfers.regular_files import open_regular

if sys.platform != "win32":
    import fcntl

# The marks of an unfinished download have to fit beside the name.
_LONGEST_NAME = 255 - len("..part.json")
_LONGEST_LABEL = 10_000
# Using a thread for each chunk from the socket would cost more than the writing.
_BATCH = 1024 * 1024


class WritesBytes(Protocol):
    """An object with a ``write`` method, sync or async, such as a file opened in binary mode."""

    def write(self, data: bytes, /) -> Any:
        """Take these bytes."""


Sink: TypeAlias = WritesBytes | Callable[[bytes], Awaitable[object]]
"""Receives the bytes of a download: an object to write to, or an async callable.

An async ``write`` is awaited on the event loop; a sync one is called in a thread, except that of
an ``asyncio.StreamWriter``.
"""


class Version(msgspec.Struct, frozen=True, array_like=True):
    """Identifies the content of a URL, to decide whether two answers are of the same file.

    Attributes:
        validator: A strong ETag, else the date of the last change; None if the server gives
            neither, and the download cannot be resumed.
        size: Bytes of the whole file, or None if not known.
        decompressed: Whether the server sends it compressed, which makes its positions differ.
    """

    validator: str | None = None
    size: int | None = None
    decompressed: bool = False


class Destination(Protocol):
    """The object that a download writes to.

    Attributes:
        batch: Bytes to collect before each ``write``.
        position: Bytes written so far.
        version: The content that these bytes belong to.
    """

    batch: int
    position: int
    version: Version

    async def open(self) -> None:
        """Prepare for writing, and find the partial file of an earlier download."""

    async def begin(self, version: Version) -> None:
        """Start this content from its first byte."""

    async def write(self, chunk: bytes) -> None:
        """Write the next bytes."""

    async def finish(self) -> None:
        """Finish: the content is complete."""

    async def close(self) -> None:
        """Free all resources, whether the content is complete or not."""


def destination_for(to: str | os.PathLike[str] | Sink) -> Destination:
    """Return the destination for the argument ``to`` of a download.

    Raises:
        InvalidRequest: It is neither a path nor a sink.
    """
    if isinstance(to, str | os.PathLike):
        path = Path(to)
        if not path.name:
            raise InvalidRequest(f"to: expected the path of a file, got {to!r}", param="to")
        return FileDestination(path)
    if isinstance(to, asyncio.StreamWriter):
        return SinkDestination(partial(_write_and_drain, to), threaded=False)
    if isinstance(to, io.RawIOBase):
        return SinkDestination(partial(_write_whole, to), threaded=True)
    write = getattr(to, "write", None)
    if write is None and callable(to):
        return SinkDestination(to, threaded=False)
    if not callable(write) or isinstance(to, io.TextIOBase):
        raise InvalidRequest(
            f"to: expected a path, an object to write bytes to, or an async callable, "
            f"got {type(to).__name__}",
            param="to",
        )
    return SinkDestination(write, threaded=not inspect.iscoroutinefunction(write))


async def _write_and_drain(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    writer.write(chunk)
    await writer.drain()


def _write_whole(file: io.RawIOBase, chunk: bytes) -> None:
    """Write all bytes to an unbuffered file, whose ``write`` may take only some of them."""
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) or 0 :]


class SinkDestination:
    """Passes the bytes to a sink, which cannot be undone."""

    def __init__(self, write: Callable[[bytes], Any], *, threaded: bool) -> None:
        self.batch = _BATCH if threaded else 1
        self.position: int = 0
        self.version: Version = Version()
        self._write = write
        self._threaded = threaded

    async def open(self) -> None:
        """Do nothing: the sink belongs to the caller."""

    async def begin(self, version: Version) -> None:
        """Start this content from its first byte.

        Raises:
            TransferError: Bytes of another content have been passed on already.
        """
        if self.position:
            raise TransferError(
                f"the connection broke after {self.position:,} bytes were written to the sink, and "
                "the server cannot continue the same content from there; download it again"
            )
        self.version = version

    async def write(self, chunk: bytes) -> None:
        """Pass on the next bytes; the sink's own exceptions pass through."""
        taken = await in_thread(self._write, chunk) if self._threaded else self._write(chunk)
        if inspect.isawaitable(taken):
            await taken
        self.position += len(chunk)

    async def finish(self) -> None:
        """Do nothing: the sink belongs to the caller."""

    async def close(self) -> None:
        """Do nothing: the sink belongs to the caller."""


def _hidden_stem(name: str) -> str:
    """Return the name of a partial file without its ending; file systems allow 255 bytes."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST_NAME:
        return f".{name}"
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f".{encoded[: _LONGEST_NAME - 17].decode(errors='ignore')}-{digest}"


class FileDestination:
    """A file that appears under its name only when it is complete.

    Until then it is ``.name.part`` in the same folder; ``.name.part.json`` beside it identifies the
    content, and a later download continues it. The label is written with the first full batch, or
    when an incomplete file is closed. Fewer bytes wait in memory, so a small file takes two calls
    in a thread: to open it, and to write, finish and close it.
    """

    def __init__(self, path: Path) -> None:
        self.batch = _BATCH
        self.position: int = 0
        self.version: Version = Version()
        self._path = path
        stem = _hidden_stem(path.name)
        self._part = path.with_name(f"{stem}.part")
        self._label = path.with_name(f"{stem}.part.json")
        self._labelled = False
        self._rest = b""  # bytes of ``position`` that are not written yet
        self._file: io.FileIO | None = None

    async def open(self) -> None:
        """Open a new or an earlier partial file; create missing folders.

        Raises:
            TransferError: The file cannot be written, or another download writes to the same path.
        """
        await self._on_disk(self._open)

    async def begin(self, version: Version) -> None:
        """Drop the present bytes and start this content.

        Raises:
            TransferError: The file cannot be written.
        """
        if self.position:
            await self._on_disk(self._drop)
        self.version = version

    async def write(self, chunk: bytes) -> None:
        """Append the next bytes; keep less than a batch in memory.

        Raises:
            TransferError: The file cannot be written.
        """
        self._rest += chunk
        self.position += len(chunk)
        if len(self._rest) >= self.batch:
            await self._on_disk(self._append)

    async def finish(self) -> None:
        """Give the file its final name.

        Raises:
            TransferError: The file cannot be written.
        """
        await self._on_disk(self._finish)

    async def close(self) -> None:
        """Close the file; keep bytes that a later download can continue."""
        if self._file is not None:
            await in_thread(self._close)

    async def _on_disk(self, work: Callable[[], None]) -> None:
        try:
            await in_thread(work)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            reason = getattr(error, "strerror", None) or str(error)
        else:
            return
        raise TransferError(f"cannot write {self._path}: {reason}")

    def _open(self) -> None:
        if self._path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if self._path.exists() and not self._path.is_file():
            # The finished file would replace a device such as /dev/null.
            raise OSError(0, "it is a device or a pipe; pass an open file instead of its path")
        self._part.parent.mkdir(parents=True, exist_ok=True)
        # Opened for appending, so nothing is lost before the lock is taken.
        file = open_regular(self._part, "ab")
        try:
            self._lock(file)
        except BaseException:
            file.close()
            raise
        self._file = file
        self.position = file.tell()
        if not self.position:
            with contextlib.suppress(FileNotFoundError):
                open_regular(self._label, "rb").close()
                self._label.unlink()
            return
        with (
            contextlib.suppress(OSError, msgspec.MsgspecError),
            open_regular(self._label, "rb") as label,
        ):
            self.version = msgspec.json.decode(label.read(_LONGEST_LABEL), type=Version)
            self._labelled = True

    def _lock(self, file: io.FileIO) -> None:
        if sys.platform != "win32":  # where an open file cannot be renamed by another
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(0, "another download writes to it") from None
            except OSError:
                return  # a file system without locks
            # Another download may have given it its final name after it was opened here.
            if not self._part.exists() or not os.path.samestat(
                os.fstat(file.fileno()), self._part.stat()
            ):
                raise BlockingIOError(0, "another download has just completed it")

    def _drop(self) -> None:
        assert self._file is not None
        self._label.unlink(missing_ok=True)  # first: it must never name other bytes
        self._labelled, self._rest = False, b""
        self._file.truncate(0)
        self.position = 0

    def _append(self) -> None:
        assert self._file is not None
        if not self._labelled and self.version.validator is not None:
            with open_regular(self._label, "wb") as label:
                label.write(msgspec.json.encode(self.version))
            self._labelled = True
        self._write_rest()

    def _write_rest(self) -> None:
        assert self._file is not None
        rest, self._rest = self._rest, b""
        try:
            _write_whole(self._file, rest)
        finally:
            self.position = self._file.tell()

    def _finish(self) -> None:
        assert self._file is not None
        self._write_rest()
        if sys.platform == "win32":
            self._file.close()
        self._part.replace(self._path)
        if self._labelled:
            self._label.unlink(missing_ok=True)
        self._file.close()
        self._file = None

    def _close(self) -> None:
        assert self._file is not None
        try:
            with contextlib.suppress(OSError):
                if self.position and self.version.validator is not None:
                    self._append()
                else:
                    self._part.unlink(missing_ok=True)
                    self._label.unlink(missing_ok=True)
        finally:
            self._file.close()
            self._file = None
