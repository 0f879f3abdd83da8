"""Read and decompress the bodies of answers in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import aiohttp
from aiohttp import hdrs

# Encodings that the session asks for. Some releases of aiohttp would decompress without a bound.
ACCEPT_ENCODING = "gzip, deflate"
# Most bytes of an answer after decompression, by default.
MAX_ANSWER = 64 * 1024 * 1024

_WBITS = {"gzip": (zlib.MAX_WBITS | 16,), "x-gzip": (zlib.MAX_WBITS | 16,)}
_DEFLATE = (zlib.MAX_WBITS, -zlib.MAX_WBITS)  # with its header, and as some servers send it


class AnswerTooLarge(Exception):
    """An answer is larger than the limit."""


async def read_answer(
    response: aiohttp.ClientResponse, limit: int, without_secret: Callable[[bytes], bytes]
) -> bytes:
    """Read the body of an answer, and decompress it.

    Args:
        response: An answer whose body has not been read or decompressed.
        limit: Most bytes that the body may have, compressed and decompressed.
        without_secret: Removes the key from the body. A server that echoes it would put it into
            results, exceptions and pickles.

    Raises:
        AnswerTooLarge: It has more.
        Exception: One of aiohttp's, or ``TimeoutError``. In each case the connection is closed.
    """
    try:
        content = await response.content.readany()
        if not response.content.at_eof():  # most answers arrive in one piece
            content = await _with_rest(response, content, limit)
        if len(content) > limit:
            raise AnswerTooLarge
        encoding = response.headers.get(hdrs.CONTENT_ENCODING)
        if encoding is not None:
            content = decompressed(content, encoding, limit)
    except BaseException:
        response.close()
        raise
    return without_secret(content)


async def _with_rest(response: aiohttp.ClientResponse, start: bytes, limit: int) -> bytes:
    length = response.content_length
    if length is not None and length > limit:
        raise AnswerTooLarge
    if length is not None:
        return start + await response.content.read()  # read() of the response keeps the body in it
    content = bytearray(start)
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > limit:
            raise AnswerTooLarge
    return bytes(content)


def decompressed(content: bytes, encoding: str, limit: int) -> bytes:
    """Return the decompressed body, or the body unchanged if its header is wrong.

    Args:
        content: The body.
        encoding: Its ``Content-Encoding``.
        limit: Most bytes that the decompressed body may have.

    Raises:
        AnswerTooLarge: It has more.
    """
    name = encoding.strip().lower()
    for wbits in _DEFLATE if name == "deflate" else _WBITS.get(name, ()):
        decompressor = zlib.decompressobj(wbits)
        try:
            body = decompressor.decompress(content, limit + 1)
        except zlib.error:
            continue
        if len(body) > limit:
            raise AnswerTooLarge
        return body
    return content
