"""Answers that are too large, too slow, broken, or barely HTTP."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from heygen_async import AvatarVideoRequest, HeyGen, Retry, SpeechRequest, Timeout

from ..session.wire import Play, answering, raw_server
from .adversary import KEY, Adversary, Played, outcome_of

OK = b"HTTP/1.1 200 OK\r\n"
VIDEO = {"data": {"id": "v", "status": "completed"}}
CREATED = {"data": {"video_id": "v", "status": "waiting"}}
ATTEMPTS = 2
SECONDS = 3.0

Fields: TypeAlias = Mapping[str, str]
NO_FIELDS: Fields = {}
GZIP: Fields = {"Content-Encoding": "gzip"}


def json_answer(body: Any, status: int = 200, headers: Fields = NO_FIELDS) -> bytes:
    return raw_answer(json.dumps(body).encode(), status, headers)


def raw_answer(body: bytes, status: int = 200, headers: Fields = NO_FIELDS) -> bytes:
    fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} Sent", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def sending(pieces: Callable[[], Iterable[bytes]], *, every: float = 0.0) -> Play:
    """Send pieces at an interval until the client leaves."""

    async def play(head: str, reader: Any, writer: asyncio.StreamWriter) -> None:
        for piece in pieces():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every)

    return play


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def gigabyte() -> Iterator[bytes]:
    return itertools.repeat(bytes(64 * 1024), 16 * 1024)


def bomb(encoding: str) -> bytes:
    """Return a gigabyte of zeros, compressed to a megabyte."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = block * 1024 + packer.flush()
    if encoding == "gzip":
        checksum = 0
        for piece in gigabyte():
            checksum = zlib.crc32(piece, checksum)
        head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
        return head + stream + checksum.to_bytes(4, "little") + (2**30).to_bytes(4, "little")
    return stream if encoding == "raw deflate" else b"\x78\x9c" + stream


def sliced(answer: bytes) -> Iterator[bytes]:
    """An answer in pieces; asyncio copies what is left of a large one at each turn."""
    return (answer[first : first + 65_536] for first in range(0, len(answer), 65_536))


async def read(play: Play, *, seconds: float = SECONDS) -> Played:
    """Fetch a video."""
    return await asked(play, lambda heygen: heygen.videos.get("v"), seconds)


async def read_compressed(encoding: str) -> Played:
    """Fetch a gigabyte that is compressed to a megabyte."""
    body = await asyncio.to_thread(bomb, encoding)  # its cost is not the SDK's
    headers = {"Content-Encoding": encoding.removeprefix("raw ")}
    return await read(answering(raw_answer(body, headers=headers)), seconds=30)


async def paid(play: Play) -> Played:
    """Create a video, under a key."""
    request = AvatarVideoRequest(avatar_id="a", script="Hello")
    return await asked(play, lambda heygen: heygen.videos.create(request))


async def spoken(play: Play) -> Played:
    """Create speech, which takes no key."""
    return await asked(
        play,
        lambda heygen: heygen.voices.speech(SpeechRequest(text="Hello", voice_id="v")),
    )


async def asked(play: Play, call: Callable[[HeyGen], Any], seconds: float = SECONDS) -> Played:
    retry, timeout = Retry(attempts=ATTEMPTS, first=0.01), Timeout(read=seconds, write=seconds)
    async with (
        raw_server(play) as server,
        HeyGen(KEY, base_url=server.base_url, retry=retry, timeout=timeout) as heygen,
    ):
        outcome = await outcome_of(call(heygen))
        return Played(outcome, len(server.requests))


def once(answer: bytes, then: bytes) -> Play:
    """One answer, then another for ever."""
    answers = itertools.chain([answer], itertools.repeat(then))
    return sending(lambda: [next(answers)])


def headers(lines: Iterable[str]) -> bytes:
    body = json.dumps(CREATED).encode()
    head = "".join(f"{line}\r\n" for line in lines)
    return OK + f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def cookies(count: int) -> bytes:
    return headers(f"Set-Cookie: c{number}=v; Domain=.heygen.com" for number in range(count))


LARGE: dict[str, tuple[Callable[[], Iterable[bytes]], float]] = {
    "1 GB in chunks": (
        lambda: itertools.chain([OK + b"Transfer-Encoding: chunked\r\n\r\n"], chunked(gigabyte())),
        90,
    ),
    "1 GB without a length": (lambda: itertools.chain([OK + b"\r\n"], gigabyte()), 90),
    "1 GB, announced": (
        lambda: itertools.chain([OK + b"Content-Length: %d\r\n\r\n" % 2**30], gigabyte()),
        10,
    ),
}

# Bodies under 200 that all contain a video, in spite of their defects.
READABLE = {
    "invalid UTF-8": b'{"data": {"id": "v", "status": "completed", "title": "\xff\xfe"}}',
    "half a surrogate pair": b'{"data": {"id": "v", "status": "completed", "title": "\\ud800"}}',
    "NaN": b'{"data": {"id": "v", "status": "completed", "duration": NaN}}',
    "-Infinity": b'{"data": {"id": "v", "status": "completed", "new": -Infinity}}',
    "1e400": b'{"data": {"id": "v", "status": "completed", "duration": 1e400}}',
    "a number of 5,000 digits": (
        b'{"data": {"id": "v", "status": "completed", "new": ' + b"9" * 5_000 + b"}}"
    ),
    "a number of 1,000,000 digits": (
        b'{"data": {"id": "v", "status": "completed", "new": ' + b"9" * 1_000_000 + b"}}"
    ),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(VIDEO).encode(),
    "keys that come twice": (
        b'{"data": {"id": 7, "id": "v", "status": "", "status": "completed"}}'
    ),
    "lists 400 deep": (
        b'{"data": {"id": "v", "status": "completed", "new": ' + b"[" * 400 + b"]" * 400 + b"}}"
    ),
    "20 MB of a field that nobody knows": json.dumps(
        {"data": {"id": "v", "status": "completed", "new": "x" * 20_000_000}}
    ).encode(),
    "200,000 fields that nobody knows": json.dumps(
        {"data": {"id": "v", "status": "completed", **{f"f{n}": n for n in range(200_000)}}}
    ).encode(),
}

BROKEN = {
    "100,000 lists": b"[" * 100_000,
    "100,000 objects": b'{"data":' * 100_000,
    "100,000 lists in a field that nobody knows": (
        b'{"data": {"id": "v", "status": "completed", "new": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}}"
    ),
    "nothing": b"",
    "null": b"null",
    "a web page": b"<html><body>Welcome to the hotel</body></html>",
    "half of it": json.dumps(VIDEO).encode()[:20],
    "20 MB of blanks": b" " * 20_000_000,
}

# The answer, and the expected outcome.
HARDLY_HTTP = {
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(VIDEO).encode(), "answered"),
    "HTTP/0.9": (json.dumps(VIDEO).encode(), "ConnectionFailed"),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), "ConnectionFailed"),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x0a", "ConnectionFailed"),
    "nothing at all": (b"", "ConnectionFailed"),
    "half of the head": (OK + b"Content-Len", "ConnectionFailed"),
    "a status of 99999": (b"HTTP/1.1 99999 ?\r\n\r\n{}", "ConnectionFailed"),
    "two lengths": (
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        "ConnectionFailed",
    ),
    "a length below zero": (OK + b"Content-Length: -1\r\n\r\n", "ConnectionFailed"),
    "a length of 40 digits": (
        OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
        "ConnectionFailed",
    ),
    "a body cut in the middle": (json_answer(VIDEO)[:-10], "ConnectionFailed"),
    "a length that is too small": (
        json_answer(VIDEO, headers={"Content-Length": "20"}),
        "ConnectionFailed",
    ),
    "a chunk cut in the middle": (
        OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
        "ConnectionFailed",
    ),
    "a chunk of 2**64 bytes": (
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{",
        "ConnectionFailed",
    ),
    "gzip cut in the middle": (
        raw_answer(gzip.compress(json.dumps(VIDEO).encode())[:-20], headers=GZIP),
        "InvalidResponse",
    ),
    "gzip of two members": (
        raw_answer(
            gzip.compress(json.dumps(VIDEO).encode()[:9])
            + gzip.compress(json.dumps(VIDEO).encode()[9:]),
            headers=GZIP,
        ),
        "InvalidResponse",
    ),
    "a null byte in a header": (
        OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        "ConnectionFailed",
    ),
    "101 Switching Protocols": (
        b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "InvalidResponse",
    ),
    "204 without a body": (b"HTTP/1.1 204 None\r\n\r\n", "InvalidResponse"),
    "304 unasked": (b"HTTP/1.1 304 Same\r\n\r\n", "BadRequest"),
}


def hundreds() -> Iterator[bytes]:
    return itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


SLOW = {
    "a byte of the body a second": sending(
        lambda: itertools.chain([OK + b"Content-Length: 1000\r\n\r\n"], itertools.repeat(b" ")),
        every=1.0,
    ),
    "a byte of the head a second": sending(
        lambda: itertools.chain([OK + b"X: "], itertools.repeat(b"x")), every=1.0
    ),
    "no byte": sending(lambda: itertools.repeat(b""), every=1.0),
    "100 Continue without end": sending(hundreds),
    "a chunk size without end": sending(
        lambda: itertools.chain(
            [OK + b"Transfer-Encoding: chunked\r\n\r\n1;"], itertools.repeat(b"x" * 65_536)
        )
    ),
}

ENDLESS = {
    "header lines without end": lambda: itertools.chain(
        [OK], (b"X-%d: y\r\n" % number * 20 for number in itertools.count())
    ),
    "a header line without end": lambda: itertools.chain(
        [OK + b"X: "], itertools.repeat(b"x" * 65_536)
    ),
    "a reason without end": lambda: itertools.chain(
        [b"HTTP/1.1 200 "], itertools.repeat(b"x" * 65_536)
    ),
    "trailers without end": lambda: itertools.chain(
        [OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"],
        (b"X-%d: y\r\n" % number * 20 for number in itertools.count()),
    ),
}


def errors(status: int) -> bytes:
    return raw_answer(b"<html>error</html>", status=status)


def redirects(status: int, location: str) -> bytes:
    return raw_answer(b"", status, {"Location": location})


ADVERSARIES = [
    *(
        Adversary(
            f"answers: {name}",
            partial(read, sending(pieces), seconds=30),
            "InvalidResponse",
            requests=1,
            seconds=30,
            megabytes=megabytes,
        )
        for name, (pieces, megabytes) in LARGE.items()
    ),
    *(
        Adversary(
            f"answers: 1 GB as 1 MB of {encoding}",
            partial(read_compressed, encoding),
            "InvalidResponse",
            requests=1,
            seconds=30,
            megabytes=130,
        )
        for encoding in ("gzip", "deflate", "raw deflate")
    ),
    *(
        Adversary(
            f"answers: {name}",
            partial(read, sending(partial(sliced, raw_answer(body)))),
            "answered",
            requests=1,
            seconds=5,
            megabytes=130 if len(body) > 10_000_000 else 40,
        )
        for name, body in READABLE.items()
    ),
    *(
        Adversary(
            f"answers: {name}",
            partial(read, sending(partial(sliced, raw_answer(body)))),
            "InvalidResponse",
            requests=ATTEMPTS,
            seconds=20,
            megabytes=250 if len(body) > 10_000_000 else 20,
        )
        for name, body in BROKEN.items()
    ),
    *(
        Adversary(
            f"answers: {name}",
            partial(read, answering(answer)),
            outcome,
            requests=ATTEMPTS,
            seconds=8,
        )
        for name, (answer, outcome) in HARDLY_HTTP.items()
    ),
    *(
        Adversary(
            f"answers: {name}", partial(read, play), "RequestTimeout", requests=ATTEMPTS, seconds=9
        )
        for name, play in SLOW.items()
    ),
    *(
        Adversary(
            f"answers: {name}",
            partial(read, sending(pieces)),
            "ConnectionFailed",
            requests=ATTEMPTS,
            seconds=9,
            megabytes=20,
        )
        for name, pieces in ENDLESS.items()
    ),
    *(
        Adversary(
            f"answers: a paid one with {count:,} cookies",
            partial(paid, answering(cookies(count))),
            "answered",
            requests=1,
            seconds=5,
        )
        for count in (200, 1_500)
    ),
    *(
        Adversary(
            f"answers: a paid one with a header of {size:,} bytes",
            partial(
                paid,
                answering(headers([f"X: {'x' * size}"])),
            ),
            "answered",
            requests=1,
            seconds=5,
        )
        for size in (9_000, 60_000, 120_000)
    ),
    *(
        Adversary(
            f"answers: {status}, then a good one",
            partial(paid, once(errors(status), json_answer(CREATED))),
            "answered",
            requests=2,
            seconds=5,
        )
        for status in (500, 502, *range(520, 531), 599)
    ),
    *(
        Adversary(
            f"answers: {status} for ever",
            partial(paid, answering(errors(status))),
            "ServerError",
            requests=requests,
            seconds=5,
        )
        for status, requests in ((501, 1), (505, 1), (520, ATTEMPTS), (529, ATTEMPTS))
    ),
    Adversary(
        "answers: 520 to a call that takes no key",
        partial(spoken, answering(errors(520))),
        "ServerError",
        requests=1,
        seconds=5,
    ),
    *(
        Adversary(
            f"answers: {status} to {location}",
            partial(
                paid,
                answering(redirects(status, location)),
            ),
            "BadRequest",
            requests=1,
            seconds=5,
        )
        for status, location in (
            (301, "/v3/videos"),
            (302, "http://169.254.169.254/latest/meta-data"),
            (307, "https://other.example/"),
            (308, "http://[::1"),
            (303, ""),
        )
    ),
]
