"""Make small pictures of one or a few colours for thumbnails and previews."""

from __future__ import annotations

import struct
import zlib

__all__ = ["colours_of", "gif", "png"]

#: Width and height of a thumbnail in pixels.
PNG_SIZE = (64, 36)


def colours_of(name: str, count: int) -> list[tuple[int, int, int]]:
    """Return ``count`` colours (red, green, blue; 0-255) that derive from the name."""
    colours = []
    for index in range(count):
        mixed = zlib.crc32(f"{index}:{name}".encode())
        colours.append((mixed & 0xFF, mixed >> 8 & 0xFF, mixed >> 16 & 0xFF))
    return colours


def png(name: str) -> bytes:
    """Return a PNG of three horizontal bands."""
    width, height = PNG_SIZE
    colours = colours_of(name, 3)
    rows = b"".join(b"\0" + bytes(colours[row * 3 // height]) * width for row in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def gif(name: str) -> bytes:
    """Return a GIF of one pixel."""
    palette = bytes(colours_of(name, 1)[0]) + b"\0\0\0"
    return (
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00"
        + palette
        + b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    )
