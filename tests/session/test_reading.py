"""Answers in bounded memory, and headers of any reasonable size."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest

from heygen_async import ConfigurationError, HeyGen, InvalidResponse, RequestTimeout

from .wire import Play, answering, raw_server

pytestmark = pytest.mark.anyio

BODY = b'{"data": {"email": "ada@example.com", "username": "ada"}}'


def response(body: bytes, *headers: str, length: bool = True) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Connection: close", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


async def asked(play: Play, **settings: int) -> object:
    async with (
        raw_server(play) as server,
        HeyGen("key", base_url=server.base_url, **settings) as heygen,  # type: ignore[arg-type]
    ):
        return await heygen.request("GET", "/v3/users/me")


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("gzip", bytes),  # it is not
        ("br", bytes),
    ],
)
async def test_encodings(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    answer = response(encode(BODY), f"Content-Encoding: {encoding}")
    assert await asked(answering(answer)) == {
        "data": {"email": "ada@example.com", "username": "ada"}
    }


@pytest.mark.parametrize("length", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("compressed", [False, True])
async def test_an_answer_that_is_too_large(length: bool, compressed: bool) -> None:
    body = b'{"data": "' + b"x" * 5_000_000 + b'"}'
    headers = ["Content-Encoding: gzip"] if compressed else []
    answer = response(gzip.compress(body) if compressed else body, *headers, length=length)
    with pytest.raises(InvalidResponse, match="more than 1000000 bytes") as caught:
        await asked(answering(answer), max_answer=1_000_000)
    assert caught.value.attempts == 1
    assert await asked(answering(answer), max_answer=6_000_000)


async def test_an_answer_without_end() -> None:
    sent = 0

    async def play(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    with pytest.raises(InvalidResponse):
        await asked(play, max_answer=1_000_000)
    assert sent < 20_000_000


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("length", [True, False], ids=["told", "not told"])
async def test_an_echo_of_the_key_is_taken_out(length: bool, compressed: bool) -> None:
    key = "another-form-of-key/0123456789"
    body = b'{"data": {"email": "%b"}}' % key.encode()
    headers = ["Content-Encoding: gzip"] if compressed else []
    answer = response(gzip.compress(body) if compressed else body, *headers, length=length)
    async with (
        raw_server(answering(answer)) as server,
        HeyGen(key, base_url=server.base_url) as heygen,
    ):
        assert await heygen.request("GET", "/v3/users/me") == {"data": {"email": "***"}}


async def test_a_connection_whose_answer_takes_too_long_is_closed() -> None:
    ends = list[bytes]()

    async def play(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        ends.append(await reader.read())

    async with (
        raw_server(play) as server,
        HeyGen("key", base_url=server.base_url, retry=1) as heygen,
    ):
        with pytest.raises(RequestTimeout):
            await heygen.users.me()
        await asyncio.sleep(0.1)
        assert ends == [b""]


async def test_long_and_many_headers() -> None:
    headers = [f"Content-Security-Policy: {'x' * 60_000}"]
    headers += [f"Set-Cookie: a{number}=b" for number in range(300)]
    assert await asked(answering(response(BODY, *headers)))


def test_the_bound_is_checked() -> None:
    with pytest.raises(ConfigurationError, match="max_answer"):
        HeyGen("key", max_answer=0)
    with pytest.raises(ConfigurationError, match="max_answer"):
        HeyGen("key", max_answer="64 MB")
    HeyGen("key", max_answer="64000000")
