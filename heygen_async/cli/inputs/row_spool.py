"""Store rows in a temporary file without a name, which only its owner can read."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from collections.abc import Iterator

# Line number and length of each row, stored before its bytes.
_HEAD = struct.Struct("<QI")
# Number of bytes kept in memory; more are written to the file.
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16


class RowSpool:
    """Encoded rows in the order in which they were appended; they can be read many times."""

    def __init__(self) -> None:
        self._count = 0
        self._size = 0  # bytes in the file
        self._buffer = bytearray()  # bytes after those in the file
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def append(self, line: int, row: bytes) -> int:
        """Add a row, and return its place for ``at``.

        Args:
            line: Its line in the source file.
            row: Its bytes.

        Raises:
            OSError: The temporary file cannot be created or written.
        """
        place = self._size + len(self._buffer)
        self._buffer += _HEAD.pack(line, len(row))
        self._buffer += row
        self._count += 1
        if len(self._buffer) > _IN_MEMORY:
            self._flush()
        return place

    def at(self, place: int) -> bytes:
        """Return the bytes of the row at a place."""
        _, length = _HEAD.unpack(self._read(place, _HEAD.size))
        return bytes(self._read(place + _HEAD.size, length))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield line and bytes of each row."""
        at, end = 0, self._size + len(self._buffer)
        chunk = memoryview(b"")
        while at < end:
            if len(chunk) < _HEAD.size:
                chunk = self._read(at, _CHUNK)
            line, length = _HEAD.unpack_from(chunk)
            size = _HEAD.size + length
            if len(chunk) < size:
                chunk = self._read(at, max(size, _CHUNK))
            yield line, bytes(chunk[_HEAD.size : size])
            chunk = chunk[size:]
            at += size

    def _flush(self) -> None:
        if self._descriptor is None:
            # Mode 0600; removed from its folder at once if the system allows it.
            with tempfile.TemporaryFile(buffering=0) as file:
                self._descriptor = os.dup(file.fileno())
        data = memoryview(self._buffer)
        while data:
            data = data[os.write(self._descriptor, data) :]
        self._size += len(self._buffer)
        self._buffer = bytearray()

    def _read(self, at: int, size: int) -> memoryview:
        """Return up to ``size`` bytes from a position, across file and buffer."""
        parts = []
        if at < self._size:
            parts.append(self._read_file(at, min(size, self._size - at)))
            at, size = self._size, size - len(parts[0])
        start = at - self._size
        parts.append(bytes(self._buffer[start : start + size]))
        return memoryview(b"".join(parts))

    def _read_file(self, at: int, size: int) -> bytes:
        assert self._descriptor is not None
        parts = []
        while size:
            part = self._read_some(self._descriptor, at, size)
            if not part:
                raise OSError(f"the temporary file of the rows ends at byte {at}")
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return b"".join(parts)

    def _read_some(self, descriptor: int, at: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(descriptor, size, at)
        with self._lock:  # Windows
            os.lseek(descriptor, at, os.SEEK_SET)
            return os.read(descriptor, size)
