"""Store uploads: short ones in memory, long ones in a temporary folder, with their hash.

All disk work is done in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["FileStore", "StoredFile", "TooLarge", "read_file"]

#: Bytes up to which an upload stays in memory.
MEMORY_LIMIT = 256 * 1024
_CHUNK = 256 * 1024


class TooLarge(Exception):
    """An upload is larger than the limit."""


class StoredFile:
    """One upload.

    Attributes:
        size: Size in bytes.
        sha256: Hexadecimal digest.
        head: The first bytes, at most `MEMORY_LIMIT`.
        path: Path of a long upload, or None for one in memory.
    """

    def __init__(self, head: bytes, size: int, sha256: str, path: Path | None) -> None:
        self.head = head
        self.size = size
        self.sha256 = sha256
        self.path = path

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to `stop` (exclusive) in chunks."""
        if self.path is None:
            yield self.head[start:stop]
            return
        async for chunk in read_file(self.path, start, stop):
            yield chunk

    async def text(self) -> str:
        """Return the whole upload as text; replace bytes that are not UTF-8."""
        parts = [part async for part in self.read(0, self.size)]
        return b"".join(parts).decode(errors="replace").removeprefix("\ufeff")

    def seconds(self) -> float | None:
        """Return the playing time from the header of a wav, or None for other files."""
        if self.head[:4] != b"RIFF" or self.head[8:12] != b"WAVE" or len(self.head) < 44:
            return None
        bytes_per_second = int.from_bytes(self.head[28:32], "little")
        return round((self.size - 44) / bytes_per_second, 3) if bytes_per_second else None


class FileStore:
    """Stores uploads until it is closed."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    async def save(self, chunks: AsyncIterator[bytes], limit: int) -> StoredFile:
        """Store an upload.

        Raises:
            TooLarge: It has more than `limit` bytes.
        """
        digest = hashlib.sha256()
        head = bytearray()
        size = 0
        path: Path | None = None
        spill: BinaryIO | None = None
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge
                digest.update(chunk)
                if spill is None and len(head) + len(chunk) <= MEMORY_LIMIT:
                    head += chunk
                    continue
                if spill is None:
                    path = await asyncio.to_thread(self._new_path)
                    spill = await asyncio.to_thread(path.open, "wb")
                    await asyncio.to_thread(spill.write, bytes(head))
                await asyncio.to_thread(spill.write, chunk)
        finally:
            if spill is not None:
                await asyncio.to_thread(spill.close)
        return StoredFile(bytes(head), size, digest.hexdigest(), path)

    def _new_path(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="heygen-sandbox-"))
        self._count += 1
        return self._folder / str(self._count)

    async def close(self) -> None:
        """Remove all uploads."""
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None


async def read_file(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    """Yield the bytes of a file from `start` to `stop` (exclusive) in chunks."""
    while start < stop:
        chunk = await asyncio.to_thread(_read_at, path, start, min(_CHUNK, stop - start))
        yield chunk
        start += len(chunk)


def _read_at(path: Path, start: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(count)
