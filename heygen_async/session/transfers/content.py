"""Read the body of a media answer: decompress it, and refuse a web page."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Iterator
from typing import Literal, TypeAlias

import aiohttp

from heygen_async.session.failures import TRANSPORT_ERRORS

Expected: TypeAlias = Literal["media", "subtitles"]
"""The content that a URL should serve: pictures and sound, which are never text, or subtitles."""

_MEDIA = frozenset(
    f".{ending}"
    for ending in (
        *("mp4", "m4v", "mov", "webm", "mkv", "gif", "png", "jpg", "jpeg", "webp"),
        *("mp3", "wav", "m4a", "aac", "ogg", "zip"),
    )
)
_SUBTITLES = frozenset({".srt", ".vtt"})
_GZIP = b"\x1f\x8b\x08"
_HEAD = 512
STEP = 16 * 1024
"""Bytes that count as progress; a transfer of less within the read timeout counts as stalled."""
# The most bytes decompressed at once: a small chunk can hold a thousand times its size.
_PIECE = 1024 * 1024
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<error", b"<head", b"<body", b'{"')
_TEXT_TYPES = ("text/html", "application/json", "application/xml", "text/xml")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\x1b")


class BrokenContentError(ValueError):
    """The body of an answer cannot be decompressed."""


def expected_by(name: str) -> Expected | None:
    """Return the content expected in a file of this name, or None if the name does not show it."""
    ending = os.path.splitext(name)[1].lower()
    if ending in _MEDIA:
        return "media"
    return "subtitles" if ending in _SUBTITLES else None


def unexpected(head: bytes, content_type: str, expected: Expected | None) -> str | None:
    """Return why a body cannot be the expected content, or None if it can.

    Args:
        head: Its first bytes; empty for an empty body.
        content_type: Media type that the server gives.
        expected: The expected content; None accepts everything.
    """
    if expected is None:
        return None
    if not head:
        return "the file is empty"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    # Subtitles are text themselves, and servers may call them JSON.
    media = expected == "media"
    is_page = start.startswith((b"<", b"{", b"[") if media else _PAGES)
    labelled = content_type.lower().startswith(_TEXT_TYPES if media else "text/html")
    if (is_page or labelled) and not _CONTROLS.intersection(head):
        return f"a page or message was sent ({content_type or 'without a type'}), not the file"
    return None


class Body:
    """The body of one answer, in pieces.

    Args:
        response: The answer.
        patience: Seconds within which at least ``STEP`` bytes must arrive.

    Attributes:
        decompressed: Whether the pieces differ from the bytes on the wire.
    """

    def __init__(self, response: aiohttp.ClientResponse, patience: float) -> None:
        self.decompressed: bool = False
        self._content = response.content
        self._patience = patience
        self._received, self._waited = 0, 0.0  # since the last step
        self._decoder: _Plain | _Gzip = _Plain()
        self._pieces: Iterator[bytes] = iter(())
        self._first = b""
        self._ended = False

    async def start(self, encoding: str) -> bytes:
        """Return the first bytes; decompress gzip if the encoding says gzip.

        Storage may label other files as gzip, so the bytes themselves are checked too.

        Args:
            encoding: The header ``Content-Encoding``.

        Raises:
            Exception: As ``read``.
        """
        head = bytearray()
        try:
            while len(head) < _HEAD and (chunk := await self._next_chunk()):
                head += chunk
        except TRANSPORT_ERRORS:
            # Raised again when the rest is read; the bytes before it count.
            if not head:
                raise
        self.decompressed = "gzip" in encoding.lower() and head.startswith(_GZIP)
        if self.decompressed:
            self._decoder = _Gzip()
        self._pieces = self._decoder.pieces(bytes(head))
        self._first = await self.read()
        return self._first[:_HEAD]

    async def read(self) -> bytes:
        """Return the next piece, or empty bytes at the end.

        Raises:
            BrokenContentError: It cannot be decompressed.
            Exception: Those of aiohttp, if the connection breaks.
        """
        if self._first:
            first, self._first = self._first, b""
            return first
        while (piece := next(self._pieces, None)) is None:
            if self._ended:
                return b""
            chunk = await self._next_chunk()
            self._ended = not chunk
            self._pieces = self._decoder.pieces(chunk) if chunk else self._decoder.end()
        if self.decompressed:
            await asyncio.sleep(0)  # a chunk may hold a thousand times its size
        return piece

    async def _next_chunk(self) -> bytes:
        loop = asyncio.get_running_loop()
        before = loop.time()
        chunk = await self._content.readany()
        self._waited += loop.time() - before
        self._received += len(chunk)
        if self._received >= STEP:
            self._received, self._waited = 0, 0.0
        elif chunk and self._waited > self._patience:
            raise TimeoutError
        return chunk


class _Plain:
    """Passes the bytes on unchanged."""

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        if raw:
            yield raw

    def end(self) -> Iterator[bytes]:
        return iter(())


class _Gzip:
    """Decompresses a gzip stream of one or several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        while raw:
            if self._member.eof:
                if not raw.startswith(_GZIP[: len(raw)]):
                    return  # padding
                self._member = zlib.decompressobj(wbits=31)
            if piece := self._decompressed(raw):
                yield piece
            raw = self._member.unconsumed_tail or self._member.unused_data

    def end(self) -> Iterator[bytes]:
        if piece := self._member.flush():
            yield piece
        if not self._member.eof:
            raise BrokenContentError("the compressed file is cut short")

    def _decompressed(self, raw: bytes) -> bytes:
        try:
            return self._member.decompress(raw, _PIECE)
        except zlib.error:
            raise BrokenContentError("the compressed file is damaged") from None
