"""Media from hostile hosts: compressed files, pages instead of files, redirects to local hosts."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import pickle
import socket
import ssl
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from heygen_async import HeyGen
from heygen_async.errors import ConnectionFailed, TransferError
from heygen_async.session.addresses import is_local, redirect_target
from heygen_async.session.transfers.transfers import download

from .session.wire import Play, raw_server
from .tls_host import CERTIFICATE, tls_host, tunnel
from .transfers_host import (
    CONTENT,
    NOT_A_FILE,
    PAGE,
    MediaFile,
    answer,
    listing,
    media_host,
    open_session,
    storage,
)

pytestmark = pytest.mark.anyio

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n" * 60_000


def gzipped(body: bytes, **headers: str) -> bytes:
    return answer(200, body, Content_Encoding="gzip", ETag='"one"', **headers)


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (gzip.compress(SRT), SRT),
        (gzip.compress(SRT[:60]) + gzip.compress(SRT[60:]) + bytes(20), SRT),
        (gzip.compress(b"x"), b"x"),
        (gzip.compress(bytes(30_000_000)), bytes(30_000_000)),
        (SRT, SRT),
        (b"\x1f\x8b", b"\x1f\x8b"),
    ],
    ids=["true", "members and padding", "short", "dense", "a lie", "a short lie"],
)
async def test_gzip_is_decoded_where_it_is_gzip(
    tmp_path: Path, body: bytes, arrives: bytes
) -> None:
    async with media_host(gzipped(body)) as host, open_session() as session:
        size = await download(session, host.url.replace("mp4", "bin"), tmp_path / "a.bin")
        sink = io.BytesIO()
        await download(session, host.url.replace("mp4", "bin"), sink)
    assert size == len(arrives)
    assert (tmp_path / "a.bin").read_bytes() == sink.getvalue() == arrives
    assert listing(tmp_path) == ["a.bin"]


async def test_a_compressed_file_that_breaks_is_fetched_again_without_a_gap(tmp_path: Path) -> None:
    compressed = gzip.compress(SRT, compresslevel=0)
    whole = gzipped(compressed)
    replies = [whole[: len(whole) // 2], whole[: len(whole) // 3], whole]
    async with media_host(*replies) as host, open_session() as session:
        sink = io.BytesIO()
        assert await download(session, host.url.replace("mp4", "srt"), sink) == len(SRT)
    assert sink.getvalue() == SRT
    assert host.ranges == [None] * 3


@pytest.mark.parametrize(
    "body", [gzip.compress(SRT)[:-9], gzip.compress(SRT)[:40] + b"x" * 200, b"\x1f\x8b\x08x"]
)
async def test_a_damaged_compressed_file_is_not_kept(tmp_path: Path, body: bytes) -> None:
    async with media_host(gzipped(body)) as host, open_session(attempts=2) as session:
        with pytest.raises(TransferError, match="media"):
            await download(session, host.url, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


async def test_a_compressed_bomb_takes_little_memory() -> None:
    taken = 0

    async def take(data: bytes) -> None:
        nonlocal taken
        assert len(data) <= 2_000_000
        taken += len(data)

    packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(bytes(10_000_000)) for _ in range(20)) + packer.flush()
    async with media_host(gzipped(body)) as host, open_session() as session:
        await download(session, host.url.replace("mp4", "bin"), take)
    assert taken == 200_000_000


@pytest.mark.parametrize("reply", NOT_A_FILE.values(), ids=NOT_A_FILE)
@pytest.mark.parametrize("name", ["a.mp4", "a.srt", "no ending"])
async def test_what_is_no_file_leaves_none(tmp_path: Path, reply: bytes, name: str) -> None:
    async with media_host(reply) as host, open_session(attempts=2) as session:
        with pytest.raises(TransferError) as caught:
            await download(session, host.url, tmp_path / name)
    assert caught.value.status == 200
    assert listing(tmp_path) == []


async def test_a_page_in_between_is_waited_out(tmp_path: Path) -> None:
    file = MediaFile(CONTENT, stops=[1_000_000])
    replies = (NOT_A_FILE["page"], file, NOT_A_FILE["message"], file)
    async with media_host(*replies) as host, open_session() as session:
        assert await download(session, host.url, tmp_path / "a.mp4") == len(CONTENT)
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT


@pytest.mark.parametrize("body", [b"", b'{"a": 1}', PAGE])
async def test_a_page_is_welcome_where_no_media_is_expected(tmp_path: Path, body: bytes) -> None:
    async with media_host(answer(200, body)) as host, open_session() as session:
        await download(session, f"{host.origin}/page", tmp_path / "a.html")
    assert (tmp_path / "a.html").read_bytes() == body


async def test_a_400_of_storage_that_passes(tmp_path: Path) -> None:
    replies = (storage("RequestTimeout"), storage("ExpiredToken"), MediaFile(CONTENT))
    async with media_host(*replies) as host, open_session() as session:

        async def renew() -> str:
            return f"{host.origin}/fresh.mp4"

        await download(session, host.url, tmp_path / "a.mp4", renew=renew)
    assert [seen.target.partition("?")[0] for seen in host.seen] == [
        "/media/file.mp4",
        "/media/file.mp4",
        "/fresh.mp4",
    ]


@pytest.mark.parametrize(
    "reply",
    [
        storage("InvalidArgument"),
        answer(400, b"<Code>" + b"x" * 9_000),
        b"HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n<Code>Ex",
    ],
)
async def test_another_400_is_final(tmp_path: Path, reply: bytes) -> None:
    async with media_host(reply) as host, open_session() as session:
        with pytest.raises(TransferError, match="answered 400"):
            await download(session, host.url, tmp_path / "a.mp4")
    assert len(host.seen) == 1


async def endless_head(
    head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(1)


async def dripping(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"\0" * 100)
        await writer.drain()
        await asyncio.sleep(1)


@pytest.mark.parametrize("play", [endless_head, dripping])
async def test_a_host_that_is_never_quite_silent_is_left(tmp_path: Path, play: Play) -> None:
    async with raw_server(play) as server, open_session(attempts=2) as session:
        with pytest.raises(TransferError, match="no answer within 30 s"):
            await download(session, f"{server.base_url}/a.mp4", tmp_path / "a.mp4")
    assert len(server.requests) == 2
    assert asyncio.get_running_loop().time() < 100


async def test_a_slow_line_is_good_enough(tmp_path: Path) -> None:
    async def slow(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        for _ in range(300):
            writer.write(b"\0" * 1_000)
            await writer.drain()
            await asyncio.sleep(1)

    async with raw_server(slow) as server, open_session(attempts=1) as session:
        assert await download(session, f"{server.base_url}/a.mp4", tmp_path / "a.mp4") == 300_000


LOCAL = [
    *("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "::", "fe80::1", "fe80::1%eth0"),
    *(
        "fc00::1",
        "fd12::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:a00:1::",
    ),
    *("224.0.0.1", "ff02::1", "255.255.255.255"),
    # As the system reads them.
    *("localhost.", "127.0.0.1.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "10.1"),
]
PUBLIC = [
    "8.8.8.8.",
    "0x08080808",
    "134744072",
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "a.example",
]


@pytest.mark.parametrize("host", LOCAL)
def test_local_hosts(host: str) -> None:
    assert is_local(host)
    authority = f"[{host}]" if ":" in host else host
    first = URL("https://media.example/a")
    if "%" not in host:
        assert redirect_target(first, f"https://{authority}/b", local=False) is None
        assert redirect_target(first, f"https://{authority}/b", local=True) is not None


@pytest.mark.parametrize("host", PUBLIC)
def test_public_hosts(host: str) -> None:
    assert not is_local(host)
    authority = f"[{host}]" if ":" in host else host
    first = URL("https://media.example/a")
    assert redirect_target(first, f"https://{authority}/b", local=False) is not None
    assert redirect_target(first, f"http://{authority}/b", local=False) is None


@pytest.mark.parametrize("name", ["n" * 251 + ".mp4", "é" * 125 + ".mp4", "n" * 245 + ".mp4"])
async def test_names_as_long_as_file_systems_take(tmp_path: Path, name: str) -> None:
    file = MediaFile(CONTENT, stops=[1_500_000])
    async with media_host(file) as host, open_session(attempts=1) as session:
        with pytest.raises(TransferError, match="the connection broke"):
            await download(session, host.url, tmp_path / name)
        await download(session, host.url, tmp_path / name)
    assert host.ranges == [None, "bytes=1500000-"]
    assert (tmp_path / name).read_bytes() == CONTENT
    assert listing(tmp_path) == [name]


async def test_two_long_names_that_begin_alike_do_not_share_a_part(tmp_path: Path) -> None:
    names = ["n" * 250 + ending for ending in ("1.mp4", "2.mp4")]
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        await asyncio.gather(*(download(session, host.url, tmp_path / name) for name in names))
    assert listing(tmp_path) == names


def link_to_a_file(path: Path) -> None:
    path.symlink_to(path.with_name("precious"))


def link_to_a_device(path: Path) -> None:
    path.symlink_to(os.devnull)


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("planted"))


@pytest.mark.parametrize("plant", [link_to_a_file, link_to_a_device, dangling_link, os.mkfifo])
async def test_what_somebody_put_in_place_of_the_part_is_not_written_to(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    plant(tmp_path / ".a.mp4.part")
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        async with asyncio.timeout(60):
            with pytest.raises(TransferError, match=r"\.a\.mp4\.part is not a regular file"):
                await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert listing(tmp_path) == [".a.mp4.part", "precious"]


@pytest.mark.parametrize("plant", [link_to_a_file, link_to_a_device, dangling_link, os.mkfifo])
async def test_what_somebody_put_in_place_of_the_label_is_not_written_to(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    plant(tmp_path / ".a.mp4.part.json")
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        async with asyncio.timeout(60):
            with pytest.raises(TransferError, match="not a regular file"):
                await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "precious").read_bytes() == b"mine"


async def test_a_link_in_place_of_the_target_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "precious")
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert not (tmp_path / "a.mp4").is_symlink()
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT


@pytest.fixture
def names_lead_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name of example is this machine."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".example") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def redirecting(location: str) -> Callable[[int], bytes]:
    """Redirect once, then send the file."""
    replies = [answer(302, Location=location)]

    def reply(port: int) -> bytes:
        again = replies.pop() if replies else answer(200, CONTENT)
        return again.replace(b"PORT", str(port).encode())

    return reply


async def test_an_address_of_any_length_is_cut_in_messages(tmp_path: Path) -> None:
    location = f"Location: /{'a' * 20_000}\r\n"

    async def play(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n".encode())

    async with raw_server(play) as server, HeyGen("k", base_url=server.base_url) as heygen:
        with pytest.raises(TransferError) as caught:
            await heygen.download(f"{server.base_url}/a.mp4", tmp_path / "a.mp4")
    assert len(str(caught.value)) < 1000


@pytest.mark.usefixtures("names_lead_here")
@pytest.mark.parametrize(
    ("location", "base_url", "first_is_local", "followed"),
    [
        # The name says nothing; the address that it leads to is this machine.
        ("https://inner.example:PORT/b.mp4", "https://api.heygen.com", False, False),
        ("https://127.0.0.1:PORT/b.mp4", "https://api.heygen.com", False, False),
        ("https://localhost:PORT/b.mp4", "https://api.heygen.com", False, False),
        ("http://media.example/b.mp4", "https://api.heygen.com", False, False),
        ("https://inner.example:PORT/b.mp4", "https://api.heygen.com", True, True),
        ("https://inner.example:PORT/b.mp4", "http://127.0.0.1:1", False, True),
        # A proxy on this machine may lead to another host.
        ("https://media.example/b.mp4", "https://api.heygen.com", False, True),
    ],
)
async def test_redirects_do_not_lead_inwards(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    location: str,
    base_url: str,
    first_is_local: bool,
    followed: bool,
) -> None:
    async with tls_host(redirecting(location)) as (port, heads), tunnel(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "inner.example,127.0.0.1,localhost")
        url = f"https://inner.example:{port}/a.mp4" if first_is_local else "https://media.example/a"
        async with HeyGen("sk_V2_x", base_url=base_url, ssl=CERTIFICATE, retry=2) as heygen:
            if followed:
                assert await heygen.download(url, tmp_path / "a.mp4") == len(CONTENT)
            else:
                with pytest.raises(
                    TransferError, match="redirects to an address that is not allowed"
                ):
                    await heygen.download(url, tmp_path / "a.mp4")
        assert len(heads) == 1 + followed
    assert all("sk_V2_x" not in head for head in heads)


ME = answer(200, b'{"data": {"username": "me", "email": "a@b.c"}}')


async def test_certificates_of_ones_own_are_trusted() -> None:
    async with tls_host(lambda _: ME) as (port, heads):
        base_url = f"https://localhost:{port}"
        async with HeyGen("sk_V2_x", base_url=base_url, ssl=CERTIFICATE) as heygen:
            await heygen.users.me()
        context = ssl.create_default_context(cafile=CERTIFICATE)
        async with HeyGen("sk_V2_x", base_url=base_url, ssl=context) as heygen:
            await heygen.users.me()
    assert len(heads) == 2


async def test_a_certificate_that_is_not_trusted_is_not_tried_again(tmp_path: Path) -> None:
    async with tls_host(lambda _: ME) as (port, heads):
        base_url = f"https://localhost:{port}"
        async with HeyGen("sk_V2_x", base_url=base_url) as heygen:
            with pytest.raises(
                ConnectionFailed, match=r"not trusted \(self.signed.*HeyGen\(ssl="
            ) as e:
                await heygen.users.me()
            assert heygen.traffic.requests == e.value.attempts == 1
            assert not e.value.sent
            with pytest.raises(TransferError, match="not trusted"):
                await heygen.download(f"{base_url}/a.mp4", tmp_path / "a.mp4")
        assert asyncio.get_running_loop().time() == 0
    assert heads == []


async def test_a_certificate_of_another_host_is_told_from_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with tls_host(lambda _: ME) as (port, heads), tunnel(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        base_url = "https://elsewhere.example"
        async with HeyGen("sk_V2_x", base_url=base_url, ssl=CERTIFICATE) as heygen:
            with pytest.raises(
                ConnectionFailed, match=r"elsewhere\.example'\)\. Check the name"
            ) as e:
                await heygen.users.me()
    assert e.value.attempts == 1
    assert heads == []


async def test_a_host_that_speaks_no_tls_is_not_tried_again(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with HeyGen("sk_V2_x", base_url=base_url) as heygen:
            with pytest.raises(ConnectionFailed, match=r"WRONG_VERSION.*plain HTTP") as e:
                await heygen.users.me()
            assert heygen.traffic.requests == e.value.attempts == 1
            with pytest.raises(TransferError, match="plain HTTP"):
                await heygen.download(f"{base_url}/a.mp4", tmp_path / "a.mp4")


async def test_a_base_url_where_nothing_answers_says_so_soon() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        started = asyncio.get_running_loop().time()
        async with HeyGen("sk_V2_x", base_url=base_url) as heygen:
            calls = [heygen.users.me() for _ in range(20)]
            failures = await asyncio.gather(*calls, return_exceptions=True)
            assert asyncio.get_running_loop().time() - started <= 1.5
    for failure in failures:
        assert isinstance(failure, ConnectionFailed)
        assert "check base_url" in str(failure)
        assert pickle.loads(pickle.dumps(failure)).final


async def test_a_host_that_has_answered_before_is_waited_for() -> None:
    async with media_host(ME) as host, HeyGen("sk_V2_x", base_url=host.origin) as heygen:
        await heygen.users.me()
        port = int(host.origin.rpartition(":")[2])
        closed = host.origin
    started = asyncio.get_running_loop().time()
    async with HeyGen("sk_V2_x", base_url=closed, retry=4) as heygen:
        server = await asyncio.start_server(_answer_me, "127.0.0.1", port)
        async with server:
            await heygen.users.me()
        with pytest.raises(ConnectionFailed) as caught:
            await heygen.users.me()
    assert caught.value.attempts == 4
    assert asyncio.get_running_loop().time() > started


async def _answer_me(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ME)
    await writer.drain()
    writer.close()
