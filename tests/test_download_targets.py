"""Targets and sources of downloads: sinks, disks, other hosts, none of which gets the key."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from heygen_async.errors import HeyGenError, InvalidRequest, TransferError
from heygen_async.session.tasks import in_thread
from heygen_async.session.transfers.transfers import download

from .transfers_host import (
    API_KEY,
    CONTENT,
    Host,
    MediaFile,
    answer,
    everything_said,
    listing,
    media_host,
    open_session,
)

pytestmark = pytest.mark.anyio


class AsyncFile:
    def __init__(self) -> None:
        self.content = bytearray()

    async def write(self, data: bytes) -> int:
        await asyncio.sleep(0)
        self.content += data
        return len(data)


async def test_to_sinks(tmp_path: Path) -> None:
    async_file, gathered = AsyncFile(), bytearray()

    async def take(data: bytes) -> None:
        gathered.extend(data)

    file = MediaFile(CONTENT)
    async with media_host(file) as host, open_session() as session:
        with (tmp_path / "buffered").open("wb") as buffered:
            for sink in (async_file, take, buffered):
                file.stops = [1_234_567]
                assert await download(session, host.url, sink) == len(CONTENT)
        with (tmp_path / "raw").open("wb", buffering=0) as raw:
            await download(session, host.url, raw)
    assert async_file.content == gathered == CONTENT
    assert (tmp_path / "buffered").read_bytes() == CONTENT
    assert (tmp_path / "raw").read_bytes() == CONTENT
    assert host.ranges == [None, "bytes=1234567-"] * 3 + [None]


class Wrapped:
    """As libraries wrap an async file: a plain method that returns an awaitable."""

    def __init__(self) -> None:
        self.file = AsyncFile()

    def write(self, data: bytes) -> Awaitable[int]:
        return self.file.write(data)


async def test_to_a_wrapped_async_file() -> None:
    sink = Wrapped()
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        await download(session, host.url, sink)
    assert sink.file.content == CONTENT


async def test_to_a_stream() -> None:
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server, media_host(MediaFile(CONTENT)) as host, open_session() as session:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await download(session, host.url, writer)
        writer.close()
        assert await received == CONTENT
        await writer.wait_closed()


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_sink_never_gets_a_byte_twice(ranges: bool) -> None:
    file, sink = MediaFile(CONTENT, ranges=ranges, stops=[2_000_000, 10]), AsyncFile()
    async with media_host(file) as host, open_session() as session:
        await download(session, host.url, sink)
    assert sink.content == CONTENT


async def test_a_sink_is_not_given_two_contents() -> None:
    first, sink = MediaFile(CONTENT, stops=[1_000]), AsyncFile()
    then = MediaFile(CONTENT, etag='"two"')
    async with media_host(first, then) as host, open_session() as session:
        with pytest.raises(TransferError, match="1,000 bytes were written to the sink"):
            await download(session, host.url, sink)
    assert sink.content == CONTENT[:1_000]


@pytest.mark.parametrize("kind", [ValueError, OSError, TimeoutError, KeyError])
async def test_the_failure_of_a_sink_is_its_own(kind: type[Exception]) -> None:
    async def fail(data: bytes) -> None:
        raise kind("mine")

    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        with pytest.raises(kind, match="mine"):
            await download(session, host.url, fail)
    assert len(host.seen) == 1


@pytest.mark.parametrize("sink", [io.StringIO(), 5, None, Path(), "", "/"])
async def test_what_takes_no_bytes_is_refused(sink: Any) -> None:
    async with open_session() as session:
        with pytest.raises(InvalidRequest) as caught:
            await download(session, "https://media.example/a", sink)
    assert caught.value.param == "to"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://media.example/a",
        "/media/a",
        "https://",
        "https:///a",
        "http://media.example/a?Signature=s3cr3t",
        "https://media.example:port/a?Signature=s3cr3t",
        "https://media.example/a\r\nx: y?Signature=s3cr3t",
        "https://[/?Signature=s3cr3t",
        None,
    ],
)
async def test_other_urls_are_refused(url: Any, tmp_path: Path) -> None:
    async with open_session() as session:
        with pytest.raises(InvalidRequest) as caught:
            await download(session, url, tmp_path / "a")
    assert "s3cr3t" not in everything_said(caught.value)
    assert listing(tmp_path) == []


async def test_disks_that_refuse(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        for name, reason in {
            "folder": "it is a folder",
            "file/below": "(File exists|Not a directory)",
            "n" * 300: "File name too long",
            "nul\0": "null byte",
        }.items():
            with pytest.raises(TransferError, match=f"cannot write .*: .*{reason}"):
                await download(session, host.url, tmp_path / name)
    assert host.seen == []
    assert (tmp_path / "file").read_bytes() == b"mine"


async def test_devices_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    os.mkfifo(tmp_path / "pipe")
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        for name in ("null", "pipe"):
            with pytest.raises(TransferError, match="it is a device or a pipe"):
                await download(session, host.url, tmp_path / name)
            assert not (tmp_path / name).is_file()
    assert listing(tmp_path) == ["null", "pipe"]


async def test_a_full_disk(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
        try:
            with pytest.raises(TransferError, match="File too large"):
                await download(session, host.url, tmp_path / "a.mp4")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(host.seen) == 1
    assert not (tmp_path / "a.mp4").exists()


async def test_redirects_are_followed_without_the_key_and_never_in_the_clear(
    tmp_path: Path,
) -> None:
    async with media_host(MediaFile(CONTENT)) as target, open_session() as session:
        async with media_host(answer(307, Location=target.url)) as host:
            await download(session, host.url, tmp_path / "a.mp4")
        for location in ("http://media.example/a?Signature=s3cr3t", "ftp://x/", "", "/again"):
            async with media_host(answer(302, Location=location)) as host:
                with pytest.raises(TransferError, match="redirect") as caught:
                    await download(session, host.url, tmp_path / "b.mp4")
                assert "s3cr3t" not in everything_said(caught.value)
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert all(API_KEY not in str(seen.headers) for seen in target.seen)


async def test_bytes_stay_as_they_are(tmp_path: Path) -> None:
    reply = answer(200, b"no gzip at all", Content_Encoding="gzip")
    async with media_host(reply) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"no gzip at all"
    assert host.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0\xff" * 50,
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 999 \r\n\r\n",
        answer(206, b"abc"),
        answer(416),
        answer(304),
        answer(307, Location="http://[::1"),
    ],
)
async def test_whatever_a_host_answers_only_our_exceptions_come_out(
    tmp_path: Path, reply: bytes
) -> None:
    async with media_host(reply) as host, open_session(attempts=2) as session:
        with pytest.raises(HeyGenError) as caught:
            await download(session, host.url, tmp_path / "a.mp4")
    assert isinstance(caught.value, TransferError)
    assert "s3cr3t" not in everything_said(caught.value)
    assert not (tmp_path / "a.mp4").exists()


async def test_nobody_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with media_host(b"") as host:
        pass
    async with open_session() as session:
        with pytest.raises(TransferError, match="cannot connect") as caught:
            await download(session, host.url, tmp_path / "a.mp4")
    assert "s3cr3t" not in everything_said(caught.value) + caplog.text


async def test_no_more_at_once_than_the_limit(tmp_path: Path) -> None:
    running = most = 0

    class Sink:
        async def write(self, data: bytes) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(1)
            running -= 1

    async def fetch(host: Host) -> int:
        return await download(session, host.url, Sink())

    async with media_host(MediaFile(b"short")) as host, open_session() as session:
        await asyncio.gather(*(fetch(host) for _ in range(30)))
        assert session.transfers.in_use == 0
    assert most == 8


async def test_a_thread_is_waited_for_however_often_its_caller_is_cancelled() -> None:
    go_on, done = threading.Event(), False

    def work() -> None:
        nonlocal done
        go_on.wait(5)
        done = True
        raise ValueError("nobody asks any more")

    task = asyncio.create_task(in_thread(work))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done
