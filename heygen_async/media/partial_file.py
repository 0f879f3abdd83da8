"""A file of which only some parts are present. Pure: it neither fetches nor waits."""

from __future__ import annotations

import io
import os


class MissingBytes(OSError):
    """A part of the file was read that is not present.

    Attributes:
        offset: The first byte that is missing.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"byte {offset} of the file was not fetched yet")
        self.offset = offset


class PartialFile(io.RawIOBase):
    """A read-only binary file that is filled part by part.

    A parser reads it like any file. If it needs a part that is not present, ``MissingBytes`` is
    raised and ``missing`` is set; add that part, call ``restart`` and run the parser again.

    Args:
        size: Size of the whole file in bytes.

    Attributes:
        missing: The first missing byte of the first read that failed since the last restart, or
            None. It is set even if the parser replaces or suppresses the exception.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.missing: int | None = None
        self._size = size
        self._parts: dict[int, bytes] = {}
        self._position = 0

    @property
    def held(self) -> int:
        """Number of bytes present."""
        return sum(map(len, self._parts.values()))

    def add(self, offset: int, data: bytes) -> None:
        """Add a part. It may continue another part, but not overlap one."""
        for start, part in self._parts.items():
            if start + len(part) == offset:
                self._parts[start] = part + data
                return
        self._parts[offset] = data

    def restart(self) -> None:
        """Return to the beginning and clear ``missing``."""
        self._position = 0
        self.missing = None

    def gap_at(self, offset: int) -> int:
        """Return how many bytes are missing from ``offset`` up to the next part or the end."""
        later = [start for start in self._parts if start > offset]
        return min(later, default=self._size) - offset

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, which may be beyond the end.

        Raises:
            OSError: It would be negative.
        """
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative position")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes, or up to the end.

        Raises:
            MissingBytes: One of the bytes is not present.
        """
        left = max(0, self._size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._slice(self._position, wanted)
        self._position += wanted
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer; return the number of bytes.

        Raises:
            MissingBytes: One of the bytes is not present.
        """
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _slice(self, start: int, length: int) -> bytes:
        pieces = []
        while length:
            for offset, part in self._parts.items():
                if offset <= start < offset + len(part):
                    piece = part[start - offset : start - offset + length]
                    break
            else:
                self.missing = start if self.missing is None else self.missing
                raise MissingBytes(start)
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return b"".join(pieces)
