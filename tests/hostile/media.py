"""Media hosts with false answers and redirects to other places."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import socket
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from heygen_async import HeyGen, Retry, Timeout
from heygen_async.session.transfers.transfers import put
from heygen_async.session.transfers.uploads import opened

from ..session.wire import Play, raw_server
from ..tls_host import CERTIFICATE, tls_host, tunnel
from ..transfers_host import (
    CONTENT,
    NOT_A_FILE,
    MediaFile,
    Reply,
    Seen,
    answer,
    listing,
    media_host,
    open_session,
    storage,
)
from .adversary import KEY, Adversary, Played, outcome_of
from .answers import ENDLESS, OK, bomb, hundreds, sending

RETRY = Retry(attempts=3, first=0.01)
TIMEOUT = Timeout(read=1, connect=1)


def content_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


async def fetched(*replies: Reply, name: str = "a.mp4") -> Played:
    """Download to a file, which must be right or not there."""
    with TemporaryDirectory() as folder:
        to = Path(folder, name)
        async with (
            media_host(*replies) as host,
            HeyGen(KEY, base_url="https://api.heygen.com", retry=RETRY) as heygen,
        ):
            outcome = await outcome_of(heygen.download(host.url, to))
            if outcome == "answered":
                outcome = "the file" if content_of(to) == CONTENT else "another file"
            elif content_of(to) is not None:
                outcome = "a file in spite of an error"
            if any(KEY in str(seen.headers) for seen in host.seen):
                outcome = "the key left for another host"
            return Played(outcome, len(host.seen))


async def raw_fetched(play: Play) -> Played:
    """Download what a raw server sends, within a second of silence."""
    with TemporaryDirectory() as folder:
        async with (
            raw_server(play) as server,
            HeyGen(KEY, retry=Retry(attempts=2, first=0.01), timeout=TIMEOUT) as heygen,
        ):
            url = f"{server.base_url}/a.mp4"
            outcome = await outcome_of(heygen.download(url, Path(folder, "a.mp4")))
            left = [name for name in listing(Path(folder)) if not name.startswith(".")]
            return Played(outcome if not left else "a file", len(server.requests))


async def discarded() -> Played:
    """Download a compressed gigabyte to nowhere."""

    async def take(data: bytes) -> None:
        pass

    packed = gzipped(await asyncio.to_thread(bomb, "gzip"))
    async with media_host(packed) as host, HeyGen(KEY, retry=RETRY) as heygen:
        return Played(await outcome_of(heygen.download(host.url, take)), len(host.seen))


class ChangingETag:
    """A file that is another one at each request, and breaks off."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self.versions = itertools.count()

    def __call__(self, seen: Seen) -> bytes:
        version = next(self.versions)
        file = MediaFile(CONTENT, etag=f'"{version}"', stops=[1_000_000] * (version < self.changes))
        return file(seen)


class LyingRange:
    """Breaks off, and then sends another part than it was asked for, with the label as wanted."""

    def __init__(self, span: str, status: int = 206) -> None:
        self.span = span
        self.status = status
        self.file = MediaFile(CONTENT, stops=[1_000_000])

    def __call__(self, seen: Seen) -> bytes:
        if "range" not in seen.headers:
            return self.file(seen)
        return answer(self.status, CONTENT[:500], ETag='"one"', Content_Range=self.span)


async def redirected(location: str) -> Played:
    """Follow a redirect of media.example, which is reached through a proxy, to this machine."""
    heads = list[str]()

    def reply(port: int) -> bytes:
        if "/b.mp4" in heads[-1]:
            return answer(200, CONTENT)
        return answer(302, Location=location.replace("PORT", str(port)))

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".example") else host, *args, **kwargs)

    resolve = socket.getaddrinfo
    host = urlsplit(location.replace("PORT", "1")).hostname or ""
    async with tls_host(reply) as (port, seen), tunnel(port) as proxy:
        heads = seen
        environ = {"HTTPS_PROXY": proxy, "NO_PROXY": host}
        with (
            mock.patch.dict(os.environ, environ),
            mock.patch.object(socket, "getaddrinfo", getaddrinfo),
            TemporaryDirectory() as folder,
        ):
            async with HeyGen(KEY, ssl=CERTIFICATE, retry=RETRY) as heygen:
                to = Path(folder, "a.mp4")
                outcome = await outcome_of(heygen.download("https://media.example/a.mp4", to))
        if any(KEY in head for head in heads):
            outcome = "the key left for another host"
        if any("/b.mp4" in head for head in heads):
            outcome = "this machine was reached"
    return Played(outcome, len(heads))


async def refused_upload(reply: Reply, *later: Reply) -> Played:
    """Upload to storage that answers this."""
    async with media_host(reply, *later) as host, open_session() as session:
        async with opened(b"x" * 100_000, limit=10**9) as source:
            outcome = await outcome_of(put(session, host.url, {}, source))
        return Played(outcome, len(host.seen))


def gzipped(body: bytes) -> bytes:
    return answer(200, body, Content_Encoding="gzip", ETag='"one"')


LABEL = f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"

# The host's answer, the expected outcome, and the most requests.
REPLIES: dict[str, tuple[tuple[Reply, ...], str, int]] = {
    "gzip that is true": ((gzipped(gzip.compress(CONTENT)),), "the file", 1),
    "a header of 60 kB": ((answer(200, CONTENT, X="x" * 60_000),), "the file", 1),
    "gzip that lies": ((gzipped(CONTENT),), "the file", 1),
    "gzip cut in the middle": ((gzipped(gzip.compress(CONTENT)[:-99]),), "TransferError", 3),
    "gzip cut, then whole": (
        (gzipped(gzip.compress(CONTENT)[:-99]), gzipped(gzip.compress(CONTENT))),
        "the file",
        2,
    ),
    **{f"200, {name}": ((reply,), "TransferError", 3) for name, reply in NOT_A_FILE.items()},
    "Range ignored": ((MediaFile(CONTENT, ranges=False, stops=[1_000_000]),), "the file", 2),
    "Range breaks off ten times": ((MediaFile(CONTENT, stops=[100_000] * 10),), "the file", 11),
    "no byte more, ten times": (
        (MediaFile(CONTENT, stops=[100_000] + [0] * 9),),
        "TransferError",
        4,
    ),
    "an ETag that changes twice": ((ChangingETag(2),), "the file", 3),
    "an ETag that changes for ever": ((ChangingETag(1_000),), "TransferError", 10),
    "Range from another byte": ((LyingRange(LABEL.replace("1000000", "7")),), "the file", 4),
    "Range of another size": ((LyingRange("bytes 1000000-1000499/1000500"),), "TransferError", 4),
    "Range without a label": ((LyingRange(""),), "the file", 4),
    "Range of fewer bytes than its label": ((LyingRange(LABEL),), "TransferError", 4),
    "416 for ever": ((LyingRange("bytes */1000000", 416),), "the file", 4),
    "206 unasked": ((answer(206, CONTENT, Content_Range="bytes 5-9/10"),), "TransferError", 3),
    "less than its length": (
        (answer(200, CONTENT, Content_Length=str(len(CONTENT) + 1)),),
        "TransferError",
        3,
    ),
    "ExpiredToken": ((storage("ExpiredToken"),), "URLExpired", 1),
    "RequestTimeout, then the file": (
        (storage("RequestTimeout"), MediaFile(CONTENT)),
        "the file",
        2,
    ),
    "RequestTimeout for ever": ((storage("RequestTimeout"),), "TransferError", 3),
    "another 400": ((storage("InvalidArgument"),), "TransferError", 1),
    "503 for ever": ((answer(503),), "TransferError", 3),
    "a redirect to itself": ((answer(302, Location="/media/file.mp4"),), "TransferError", 6),
    "a redirect to a file": ((answer(302, Location="file:///etc/passwd"),), "TransferError", 1),
    "a redirect to nowhere": ((answer(302),), "TransferError", 1),
    "a redirect to http elsewhere": (
        (answer(302, Location="http://media.example/a.mp4"),),
        "TransferError",
        1,
    ),
}

# Where a public host redirects to: this machine, in all its spellings.
INWARDS = [
    "http://media.example/b.mp4",
    "https://127.0.0.1:PORT/b.mp4",
    "https://localhost:PORT/b.mp4",
    "https://localhost.:PORT/b.mp4",
    "https://inner.example:PORT/b.mp4",
    "https://127.1:PORT/b.mp4",
    "https://2130706433:PORT/b.mp4",
    "https://0x7f000001:PORT/b.mp4",
    "https://0177.0.0.1:PORT/b.mp4",
    "https://[::1]:PORT/b.mp4",
    "https://[::ffff:127.0.0.1]:PORT/b.mp4",
    "https://[64:ff9b::7f00:1]:PORT/b.mp4",
    "https://0.0.0.0:PORT/b.mp4",
    "https://0:PORT/b.mp4",
    "https://169.254.169.254/latest",
    "https://10.0.0.1/b.mp4",
    "https://[fe80::1%25lo]:PORT/b.mp4",
    "https://user@127.0.0.1:PORT/b.mp4",
    "https://127.0.0.1%2f@localhost:PORT/b.mp4",
    "https://\uff11\uff12\uff17.0.0.1:PORT/b.mp4",
]

ADVERSARIES = [
    *(
        Adversary(
            f"media: {name}",
            partial(fetched, *replies),
            outcome,
            requests=requests,
            seconds=10,
            megabytes=30,
        )
        for name, (replies, outcome, requests) in REPLIES.items()
    ),
    Adversary(
        "media: a file whose name has 255 bytes",
        partial(fetched, MediaFile(CONTENT, stops=[9]), name="n" * 251 + ".mp4"),
        "the file",
        requests=2,
        seconds=5,
        megabytes=30,
    ),
    Adversary(
        "media: a gigabyte as a megabyte of gzip",
        discarded,
        "answered",
        requests=1,
        seconds=120,
        megabytes=20,
    ),
    *(
        Adversary(
            f"media: {name}",
            partial(raw_fetched, sending(pieces, every=every)),
            "TransferError",
            requests=2,
            seconds=8,
        )
        for name, pieces, every in (
            ("silence after the head", lambda: [OK + b"Content-Length: 9\r\n\r\n", b""], 30),
            ("head lines without end", ENDLESS["header lines without end"], 0),
            ("a head line without end", ENDLESS["a header line without end"], 0),
            ("100 Continue without end", hundreds, 0),
        )
    ),
    *(
        Adversary(
            f"media: a redirect to {location}",
            partial(redirected, location),
            "TransferError",
            requests=1,
            seconds=5,
        )
        for location in INWARDS
    ),
    *(
        Adversary(
            f"media: an upload meets {name}",
            partial(refused_upload, *replies),
            outcome,
            requests=requests,
            seconds=20,
        )
        for name, replies, outcome, requests in (
            ("ExpiredToken", [storage("ExpiredToken")], "URLExpired", 1),
            ("RequestTimeout", [storage("RequestTimeout"), answer(200)], "answered", 2),
            ("a redirect", [answer(307, Location="https://127.0.0.1/")], "TransferError", 1),
            ("another 400", [storage("InvalidArgument")], "TransferError", 1),
        )
    ),
]
