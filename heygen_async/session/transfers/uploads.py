"""The source of an upload: read in chunks in a thread, never whole, and again for each attempt."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import inspect
import io
import os
import re
import stat
import tempfile
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Any, Protocol, TypeAlias

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from heygen_async.errors import InvalidRequest, TransferError
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.tasks import in_thread


class UploadedField(Protocol):
    """An uploaded file in a web framework, such as FastAPI's ``UploadFile``."""

    @property
    def filename(self) -> str | None:
        """The file name that the browser sent."""


Uploadable: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | IO[bytes]
    | AsyncIterable[bytes]
    | UploadedField
)
"""A path, bytes, an open binary file (read from its position), an uploaded file in a web framework
(read from its start), or an async iterable of bytes."""

UploadProgress: TypeAlias = Callable[[int, int], object]
"""Called with the bytes sent so far and the bytes of the whole file."""

_CHUNK = 1024 * 1024
_HEAD = 64


class UploadSource:
    """A file to upload, open during all its attempts.

    Attributes:
        size: Size in bytes.
        name: Its name without folders, or None.
        head: Its first bytes.
        sent_sha256: SHA-256 of the bytes sent by the last complete attempt, in hexadecimal.
        failure: The exception of reading the file or of the caller's ``progress``, or None.
    """

    def __init__(
        self, file: IO[bytes], name: str | None, progress: UploadProgress | None = None
    ) -> None:
        self.name = name
        self.failure: Exception | None = None
        self.sent_sha256: str | None = None
        self._progress = progress
        self._file = file
        # An abandoned attempt may still be reading when the next one begins.
        self._lock = threading.Lock()
        self._start = file.tell()
        self.size: int = file.seek(0, io.SEEK_END) - self._start
        self.head: bytes = self.read(0, _HEAD)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset``; blocks."""
        with self._lock:
            self._file.seek(self._start + offset)
            return self._file.read(count)

    async def sha256(self) -> str:
        """Return the SHA-256 of all bytes, in hexadecimal.

        Raises:
            InvalidRequest: It cannot be read.
        """
        digest, offset = hashlib.sha256(), 0

        def next_chunk() -> int:
            chunk = self.read(offset, min(_CHUNK, self.size - offset))
            digest.update(chunk)
            return len(chunk)

        while count := await _on_disk(next_chunk):
            offset += count
        return digest.hexdigest()

    def report(self, sent: int) -> None:
        """Report the bytes that an attempt has sent; an exception of the caller's function ends it.

        Raises:
            OSError: The caller's function raised an exception, which is now the ``failure``.
        """
        if self._progress is None:
            return
        try:
            self._progress(sent, self.size)
        except Exception as error:  # of the caller's function
            self.failure = error
            raise OSError("progress") from error


class StreamedBody(aiohttp.Payload):
    """The body of one attempt to send a file.

    Args:
        source: The file.
        before: Bytes to send before it.
        after: Bytes to send after it.

    Raises:
        TransferError: Reading the file failed in an earlier attempt.
        Exception: The caller's ``progress`` raised it in an earlier attempt.
    """

    _autoclose = True  # the file belongs to the source

    def __init__(self, source: UploadSource, *, before: bytes = b"", after: bytes = b"") -> None:
        if source.failure is not None:
            raise source.failure
        super().__init__(source, content_type="application/octet-stream")
        self._size = len(before) + source.size + len(after)
        self._source = source
        self._before, self._after = before, after
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes that were read for sending, in hexadecimal."""
        return self._digest.hexdigest()

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raise TypeError: a file is not decoded."""
        raise TypeError("a file is not decoded to be sent")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the body. Called by aiohttp."""
        self._digest = hashlib.sha256()
        if self._before:
            await writer.write(self._before)
        offset = 0
        while offset < self._source.size:
            chunk = await in_thread(self._next, offset)
            await writer.write(chunk)
            offset += len(chunk)
            self._source.report(offset)
        self._source.sent_sha256 = self.sha256
        if self._after:
            await writer.write(self._after)

    def _next(self, offset: int) -> bytes:
        source = self._source
        reason = "it has become shorter"
        try:
            chunk = source.read(offset, min(_CHUNK, source.size - offset))
        except OSError as error:
            chunk, reason = b"", error.strerror or type(error).__name__
        if not chunk:
            source.failure = TransferError(f"cannot read {source.name or 'the file'}: {reason}")
            # End the attempt: the server would wait for the announced bytes.
            raise OSError(reason)
        self._digest.update(chunk)
        return chunk


@asynccontextmanager
async def opened(
    source: Uploadable, *, limit: int, progress: UploadProgress | None = None
) -> AsyncIterator[UploadSource]:
    """Open the file for the argument ``source`` of an upload.

    A source that cannot be read twice is first copied to a temporary file.

    Args:
        source: The caller's argument.
        limit: The most bytes that it may have.
        progress: Called on the event loop while an attempt sends the file, with the bytes that the
            attempt has sent and the bytes of the file.

    Raises:
        InvalidRequest: It cannot be read, is empty or too large.
    """
    file: IO[bytes]
    given, name = _field_of(source)
    if isinstance(given, str | os.PathLike):
        file, name = await _opened_file(_open, given), os.path.basename(os.fsdecode(given))
    elif isinstance(given, bytes | bytearray | memoryview):
        file = io.BytesIO(given)
    elif inspect.iscoroutinefunction(getattr(given, "read", None)):
        file = await _spooled(_awaited_chunks(given), limit)
    elif isinstance(given, AsyncIterable):
        file = await _spooled(given, limit)
    elif hasattr(given, "read") and not hasattr(given, "encoding"):
        seekable = hasattr(given, "seekable") and await _on_disk(given.seekable)
        if seekable and name is not None:
            await _on_disk(given.seek, 0)  # the app may have read it to find out its type
        name = name or _name_of(given)
        file = given if seekable else await _spooled(_chunks_of(given), limit)
    else:
        raise InvalidRequest(
            "source: expected a path, bytes, a file opened in binary mode, an uploaded file of a "
            f"web framework, or an async iterable of bytes, got {type(given).__name__}",
            param="source",
        )
    try:
        upload = await _on_disk(UploadSource, file, name, progress)
        check_size(upload.size, limit, name)
        yield upload
    finally:
        if file is not given:
            await in_thread(file.close)


def _field_of(source: Any) -> tuple[Any, str | None]:
    """Return the file inside an uploaded file in a web framework, and its name.

    FastAPI, Starlette, aiohttp and Litestar call it ``file``, Flask and Quart ``stream``. Any other
    source is returned unchanged.
    """
    name = getattr(source, "filename", None)
    if not isinstance(name, str):
        return source, None
    # Old browsers sent whole paths.
    name = re.split(r"[/\\]", name)[-1] or None
    files = (getattr(source, attribute, None) for attribute in ("file", "stream"))
    return next((file for file in files if hasattr(file, "read")), source), name


def check_size(size: int, limit: int, name: str | None = None) -> None:
    """Refuse a file that is empty or too large.

    Raises:
        InvalidRequest: The size is 0 or more than ``limit``, in bytes.
    """
    what = name or "the file"
    if not size:
        raise InvalidRequest(f"source: {what} is empty", param="source")
    if size > limit:
        megabytes = f"{limit:,} bytes ({limit // 1024**2} MB)"
        raise InvalidRequest(
            f"source: {what} is larger than {megabytes}, the most that HeyGen accepts",
            param="source",
        )


async def _spooled(chunks: AsyncIterable[bytes], limit: int) -> IO[bytes]:
    """Return a temporary file with all the chunks."""
    file = await _opened_file(tempfile.TemporaryFile)
    size, gathered = 0, bytearray()
    try:
        async for chunk in chunks:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise InvalidRequest(
                    f"source: expected bytes, got {type(chunk).__name__}", param="source"
                )
            gathered += chunk
            if len(gathered) >= _CHUNK:
                size += len(gathered)
                check_size(size, limit)
                await _on_disk(file.write, bytes(gathered))
                gathered.clear()
        await _on_disk(file.write, bytes(gathered))
        await _on_disk(file.seek, 0)
    except BaseException:
        await in_thread(file.close)
        raise
    return file


async def _chunks_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    # From a pipe, read only what is there: a thread that waits for more cannot be cancelled.
    read = getattr(file, "read1", file.read)
    while True:
        await _readable(file)
        chunk = await _on_disk(read, _CHUNK)
        if not chunk:
            return
        yield chunk


async def _awaited_chunks(file: Any) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


async def _readable(file: IO[bytes]) -> None:
    """Wait until a pipe, socket or terminal is readable; other files always are."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = file.fileno()
        there: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, _resolve, there)
    except (AttributeError, OSError, ValueError, NotImplementedError):
        return  # it has no descriptor, or one that cannot be waited for
    try:
        await there
    finally:
        loop.remove_reader(descriptor)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _opened_file(opening: Callable[..., IO[bytes]], *args: Any) -> IO[bytes]:
    """Open a file, and close it again if the caller is cancelled meanwhile."""
    file: IO[bytes] | None = None

    def keep() -> None:
        nonlocal file
        file = opening(*args)

    try:
        await _on_disk(keep)
    except BaseException:
        if file is not None:
            await in_thread(file.close)
        raise
    assert file is not None
    return file


async def _on_disk(work: Any, *args: Any) -> Any:
    try:
        return await in_thread(work, *args)
    except (OSError, ValueError) as error:  # ValueError: closed, or a path with a null byte
        reason = getattr(error, "strerror", None) or str(error)
        path = getattr(error, "filename", None)
    # The caller may have passed a URL, which may be signed.
    what = "it" if path is None else redact(os.fsdecode(path))
    raise InvalidRequest(f"source: cannot read {what}: {reason}", param="source")


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    def opener(name: str, flags: int) -> int:
        # Without the flag, opening a pipe waits for a writer.
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    file = open(path, "rb", opener=opener)  # noqa: SIM115, the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a pipe or a device; pass it as an open file", path)
    return file


def _name_of(file: IO[bytes]) -> str | None:
    name = getattr(file, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None
