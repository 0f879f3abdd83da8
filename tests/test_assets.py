"""Assets: uploads in one request and directly into storage, searches and lists."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import json
import os
import random
import tempfile
import tracemalloc
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.web import FileField
from multidict import CIMultiDict, CIMultiDictProxy
from starlette.datastructures import UploadFile

from heygen_async.endpoints.assets import CONTENT_TYPES, Assets
from heygen_async.errors import (
    BadRequest,
    Conflict,
    InvalidRequest,
    NotFound,
    TransferError,
    TransportError,
    URLExpired,
)
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.assets import AssetCompleteRequest, DirectUploadRequest
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.session import Session
from heygen_async.session.transfers.transfers import download
from heygen_async.session.transfers.uploads import StreamedBody, opened

from .transfers_host import everything_said, open_session

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(3_000)
MB = 1_000_000


@pytest.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[Session]:
    async with open_session(sandbox.base_url, api_key=sandbox.api_key) as session:
        yield session


@pytest.fixture
def assets(session: Session) -> Assets:
    return Assets(session, Watcher(session, {}))


async def names(assets: Assets) -> list[str]:
    return [asset.name async for asset in assets.list("sandbox")]


async def content(session: Session, url: str) -> bytes:
    sink = io.BytesIO()
    await download(session, url, sink)
    return sink.getvalue()


async def chunks(data: bytes, size: int = 1_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def pipe_of(data: bytes) -> io.BufferedReader:
    """A file that can be read only once."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(data)
    return os.fdopen(reading, "rb")


def large_file(path: Path, size: int) -> str:
    """Write a file of random blocks, and return its SHA-256."""
    block = random.Random(3).randbytes(MB)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while size:
            part = block[: min(size, MB)]
            file.write(part)
            digest.update(part)
            size -= len(part)
    return digest.hexdigest()


async def test_every_kind_of_source(
    assets: Assets, session: Session, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(PNG)
    with path.open("rb") as opened, pipe_of(PNG) as pipe, path.open("rb") as ahead:
        ahead.seek(0)
        sources: list[Any] = [path, str(path), PNG, bytearray(PNG), memoryview(PNG)]
        sources += [opened, io.BytesIO(b"skipped" + PNG), pipe, chunks(PNG)]
        sources[6].seek(7)
        for source in sources:
            asset = await assets.upload(source)
            assert (asset.mime_type, asset.size_bytes) == ("image/png", len(PNG))
            assert await content(session, asset.url) == PNG
        assert not opened.closed
    assert sandbox.leaks == 0
    assert sorted(await names(assets)) == ["file.png"] * 6 + ["picture.png"] * 3


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("a b.png", "a b.png"),
        ("ünï \N{CLAPPER BOARD}.PNG", "ünï \N{CLAPPER BOARD}.PNG"),
        ("it's; 100%=x&y.png", "it's; 100%=x&y.png"),
        ('say "hi".png', "say %22hi%22.png"),
        ("back\\slash.png", "back%5Cslash.png"),
        ("line\r\nX-Evil: yes.png", "line%0D%0AX-Evil: yes.png"),
        ("lone \udcff.png", "lone ?.png"),
    ],
)
async def test_odd_file_names(assets: Assets, name: str, arrives: str) -> None:
    asset = await assets.upload(PNG, filename=name)
    assert (await assets.get(asset.asset_id)).name == arrives


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x0aftypmp42", "video/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"RIFF\x0a\0\0\0WAVEfmt ", "audio/wav"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\nHi\r\n", "application/x-subrip"),
    ],
)
async def test_the_type_of_a_nameless_file(assets: Assets, head: bytes, mime_type: str) -> None:
    asset = await assets.upload(head)
    assert asset.mime_type == mime_type
    assert asset.mime_type in CONTENT_TYPES.values()


async def test_the_type_by_name_or_as_given(assets: Assets) -> None:
    assert (await assets.upload(b"x", filename="a.MP3")).mime_type == "audio/mpeg"
    given = await assets.upload(b"x", filename="a.dat", content_type="video/mp4")
    assert given.mime_type == "video/mp4"
    assert (await assets.upload(PNG, content_type="image/jpeg")).mime_type == "image/jpeg"


async def test_of_a_name_and_bytes_that_differ_the_bytes_are_right(assets: Assets) -> None:
    asset = await assets.upload(PNG, filename="photo.JPG")
    assert asset.mime_type == "image/png"
    assert (await assets.upload(b"\xff\xd8\xff\xe0", filename="a.mp4")).mime_type == "image/jpeg"


class AsyncOnly:
    """A file like those of aiofiles and anyio, which keeps its position."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, count: int = -1) -> bytes:
        return self._file.read(count)


@dataclass
class FlaskFile:
    """A file like werkzeug's FileStorage: ``name`` is that of the form's field."""

    stream: io.BytesIO
    filename: str | None
    name: str = "upload"

    def read(self, count: int = -1) -> bytes:
        return self.stream.read(count)


NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


FRAMEWORKS: dict[str, Callable[[], Any]] = {
    "starlette": lambda: UploadFile(io.BytesIO(PNG), filename="a.png", size=len(PNG)),
    "aiohttp": lambda: FileField("x", "a.png", io.BufferedReader(io.BytesIO(PNG)), "", NO_HEADERS),
    "flask": lambda: FlaskFile(io.BytesIO(PNG), "a.png"),
    "flask without a name": lambda: FlaskFile(io.BytesIO(PNG), None, name="a.png"),
    "async": lambda: AsyncOnly(PNG),
}


@pytest.mark.parametrize("filename", ["photo.png", "photo.jpg", "clip.mp4", None])
@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"GIF89a", "GIF"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"\0\0\0\x18ftypmif1", "HEIC"),
        (b"II*\0\x08", "TIFF"),
        (b"fLaC\0", "FLAC"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"#!AMR\n", "AMR"),
        (b"OggS\0\x02", "Ogg"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "Matroska"),
        (b"\n<!DOCTYPE HTML><title>Not found", "HTML"),
    ],
)
async def test_what_heygen_does_not_take_is_refused_under_any_name(
    assets: Assets, sandbox: Sandbox, filename: str | None, head: bytes, what: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"is (an? )?.*{what}.*convert it"):
        await assets.upload(head + bytes(100), filename=filename)
    assert sandbox.requests.by_operation["assets.upload"] == 0


@pytest.mark.parametrize(
    ("brand", "what"),
    [(b"M4A ", "M4A"), (b"3gp5", "3GP"), (b"3g2a", "3GP"), (b"qt  ", "QuickTime")],
)
async def test_relatives_of_mp4_are_taken_under_its_name_alone(
    assets: Assets, brand: bytes, what: str
) -> None:
    head = b"\0\0\0\x18ftyp" + brand
    for name in ("voice.mp3", "photo.png", None):
        with pytest.raises(InvalidRequest, match=f"is .*{what}.*convert it"):
            await assets.upload(head, filename=name)
    assert (await assets.upload(head, filename="clip.MP4")).mime_type == "video/mp4"
    given = await assets.upload(head, filename="a.m4a", content_type="audio/wav")
    assert given.mime_type == "audio/wav"


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_files_of_web_frameworks(assets: Assets, session: Session, framework: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        asset = await assets.upload(FRAMEWORKS[framework]())
        gc.collect()
    assert not [one for one in seen if "awaited" in str(one.message)]
    assert (asset.mime_type, asset.size_bytes) == ("image/png", len(PNG))
    assert await content(session, asset.url) == PNG
    expected = "file.png" if framework == "async" else "a.png"
    assert (await assets.get(asset.asset_id)).name == expected


async def test_a_framework_file_that_the_app_has_read_is_uploaded_whole(assets: Assets) -> None:
    with tempfile.SpooledTemporaryFile(max_size=10) as spooled:
        spooled.write(PNG)
        file = UploadFile(spooled, filename="C:\\x\\a.png")  # type: ignore[arg-type]
        asset = await assets.upload(file)
    assert asset.size_bytes == len(PNG)
    assert (await assets.get(asset.asset_id)).name == "a.png"


async def test_a_file_of_a_request_that_is_over(assets: Assets) -> None:
    file = UploadFile(io.BytesIO(PNG), filename="a.png")
    await file.close()
    with pytest.raises(InvalidRequest, match="closed file"):
        await assets.upload(file)


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        (b"who knows", {}, "png, jpeg, mp4"),
        (b"\0\0\0\x20ftypheic", {}, "png, jpeg, mp4"),
        (PNG, {"filename": "a.mov"}, "'a.mov' does not show a type"),
        (PNG, {"content_type": "image/png\r\nX-Evil: yes"}, "expected a MIME type"),
        (b"", {}, "the file is empty"),
        ("no/such/file.png", {}, "cannot read no/such/file.png: No such file"),
        ("https://x.io/a.png?Sig=s3cr3t", {}, r"cannot read https://x.io/a.png\?\*\*\*: No such"),
        ("nul\0.png", {}, "null byte"),
        ("/", {}, "cannot read /: Is a directory"),
        (io.StringIO("text"), {}, "expected a path, bytes"),
        (17, {}, "expected a path, bytes"),
        (PNG, {"idempotency_key": "not a key"}, "idempotency_key"),
    ],
)
async def test_refused_before_anything_is_sent(
    assets: Assets, sandbox: Sandbox, source: Any, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        await assets.upload(source, **options)
    assert not sandbox.requests.by_operation


async def test_too_large(assets: Assets, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with path.open("wb") as file:
        file.truncate(200 * 1024**2 + 1)  # sparse
    with pytest.raises(InvalidRequest, match=r"209,715,200 bytes \(200 MB\)"):
        await assets.upload(path)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        block = b"\xff\xfb" * (4 * 1024**2)
        while True:
            read += len(block)
            yield block

    with pytest.raises(InvalidRequest, match="200 MB"):
        await assets.upload(endless())
    assert read <= 220 * 1024**2
    assert not sandbox.requests.by_operation


async def test_a_source_that_yields_text(assets: Assets) -> None:
    async def text() -> AsyncIterator[Any]:
        yield "text"

    with pytest.raises(InvalidRequest, match="expected bytes, got str"):
        await assets.upload(text())


@pytest.mark.parametrize(
    "fault",
    [
        Fault.drop_answer(),
        Fault.drop(),
        Fault.status(500, work=True),
        Fault.status(502, body="html"),
        Fault.truncate(),
        Fault.status(429, retry_after=2),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_repeated_upload_makes_one_asset(
    assets: Assets, session: Session, sandbox: Sandbox, tmp_path: Path, fault: Fault
) -> None:
    sandbox.faults.add("assets.upload", fault)
    path = tmp_path / "a.png"
    path.write_bytes(PNG * 1_000)
    asset = await assets.upload(path)
    assert sandbox.requests.by_operation["assets.upload"] == 2
    assert await names(assets) == ["a.png"]
    assert await content(session, asset.url) == PNG * 1_000


async def test_the_callers_key_gives_the_same_asset(assets: Assets) -> None:
    one = await assets.upload(PNG, idempotency_key="mine")
    two = await assets.upload(PNG, idempotency_key="mine")
    assert one.asset_id == two.asset_id
    assert await names(assets) == ["file.png"]


async def test_a_large_file_goes_straight_into_storage_in_little_memory(
    assets: Assets, session: Session, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    sha256 = large_file(path, 33 * MB)
    sandbox.faults.add("media", Fault.status(503))
    sandbox.faults.add("assets.direct_uploads.complete", Fault.drop_answer())
    tracemalloc.start()
    try:
        asset = await assets.upload(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MB
    assert asset.size_bytes == 33 * MB
    assert asset.mime_type == "video/mp4"
    await download(session, asset.url, tmp_path / "back.mp4")
    assert hashlib.sha256((tmp_path / "back.mp4").read_bytes()).hexdigest() == sha256
    assert sandbox.requests.by_operation["assets.upload"] == 0
    assert await names(assets) == ["a.mp4"]
    puts = [request for request in sandbox.requests.media if request.method == "PUT"]
    assert [request.status for request in puts] == [0, 200]
    assert puts[1].headers["Content-Length"] == str(33 * MB)
    assert puts[1].headers["Content-Type"] == "video/mp4"
    assert sandbox.leaks == 0
    assert all(sandbox.api_key not in str(request.headers) for request in puts)


async def test_bytes_that_turn_up_late_are_waited_for(
    assets: Assets, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    late = Fault.status(409, code="resource_not_ready", message="Uploaded object not found yet")
    sandbox.faults.add("assets.direct_uploads.complete", late, times=4)
    asset = await assets.upload(PNG)
    assert (await assets.get(asset.asset_id)).name == "file.png"
    assert sandbox.requests.by_operation["assets.direct_uploads.complete"] == 5


async def test_a_presigned_url_that_has_expired_is_asked_for_anew(
    assets: Assets, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    sandbox.faults.add("media", Fault.status(403))
    asset = await assets.upload(PNG, idempotency_key="mine")
    assert await names(assets) == ["file.png"]
    assert (await assets.get(asset.asset_id)).id == asset.asset_id
    sandbox.faults.add("media", Fault.status(403), times=2)
    with pytest.raises(URLExpired) as caught:
        await assets.upload(PNG)
    assert "Signature" not in everything_said(caught.value)


async def test_the_callers_key_gives_the_same_large_asset(
    assets: Assets, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    one = await assets.upload(PNG, idempotency_key="mine")
    sandbox.clock.advance(2 * 3600)  # the URL that the key brings back is good for one hour
    two = await assets.upload(PNG, idempotency_key="mine")
    assert (one.asset_id, one.size_bytes) == (two.asset_id, two.size_bytes)
    assert await names(assets) == ["file.png"]


async def test_an_upload_url_that_is_none(
    assets: Assets, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    answer = {
        "asset_id": "a",
        "upload_url": "http://storage.example/a?Signature=s3cr3t",
        "upload_headers": {},
        "max_bytes": 1,
        "expires_in_seconds": 1,
        "status": "pending_upload",
    }
    body = json.dumps({"data": answer}).encode()
    sandbox.faults.add("assets.direct_uploads.create", Fault.body(body))
    with pytest.raises(TransferError, match="not https://") as caught:
        await assets.upload(PNG)
    assert "s3cr3t" not in everything_said(caught.value)


@pytest.mark.parametrize("fault", [Fault.status(400), Fault.redirect("http://127.0.0.1:9/x")])
async def test_storage_that_refuses(
    assets: Assets, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    sandbox.faults.add("media", fault)
    with pytest.raises(TransferError, match=r"/uploads/\w+: answered [34]"):
        await assets.upload(PNG)
    assert sandbox.requests.by_operation["media"] == 1
    assert await names(assets) == []


class Shrinking(io.BytesIO):
    """A file that is cut while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        return b"" if self.tell() >= 2 * 1024**2 else super().read(size)


class Broken(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 2 * 1024**2:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("attempts", [1, 5])
@pytest.mark.parametrize(
    ("kind", "says"), [(Shrinking, "it has become shorter"), (Broken, "Input/output error")]
)
async def test_a_file_that_cannot_be_read_to_its_end(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    direct: bool,
    attempts: int,
    kind: type[io.BytesIO],
    says: str,
) -> None:
    if direct:
        monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 100)
    async with open_session(
        sandbox.base_url, api_key=sandbox.api_key, attempts=attempts
    ) as session:
        assets = Assets(session, Watcher(session, {}))
        with pytest.raises(TransferError, match=f"cannot read the file: {says}"):
            await assets.upload(kind(bytes(4 * 1024**2)), filename="a.mp4")
        assert await names(assets) == []
        # Seconds at most: no attempt waited for a server that waits for the missing bytes.
        assert asyncio.get_running_loop().time() < 5


async def test_the_steps_of_a_direct_upload(assets: Assets) -> None:
    request = DirectUploadRequest(filename="a.png", content_type="image/png", size_bytes=len(PNG))
    direct = await assets.direct_uploads.create(request, idempotency_key="mine")
    again = await assets.direct_uploads.create(request, idempotency_key="mine")
    assert direct.asset_id == again.asset_id
    with pytest.raises(Conflict, match="not found yet"):
        await assets.direct_uploads.complete(direct.asset_id)
    async with aiohttp.ClientSession() as plain:
        await plain.put(direct.upload_url, data=PNG, headers=direct.upload_headers)
    wrong = AssetCompleteRequest(checksum_sha256="0" * 64)
    with pytest.raises(BadRequest, match="checksum"):
        await assets.direct_uploads.complete(direct.asset_id, wrong)
    completed = await assets.direct_uploads.complete(direct.asset_id)
    assert (completed.status, completed.size_bytes) == ("processing", len(PNG))


async def test_get_list_delete(assets: Assets, sandbox: Sandbox) -> None:
    ids = [(await assets.upload(PNG, filename=f"{n}.png")).asset_id for n in range(5)]
    assert [asset.id async for asset in assets.list("sandbox", limit=2)] == ids[::-1]
    assert (await assets.list("sandbox", limit=2).first_page()).has_more
    assert (await assets.get(ids[0])).name == "0.png"
    assert (await assets.delete(ids[0])).id == ids[0]
    with pytest.raises(NotFound):
        await assets.delete(ids[0])
    with pytest.raises(NotFound):
        await assets.get(ids[0])
    sandbox.faults.add("assets.delete", Fault.drop_answer())
    assert (await assets.delete(ids[1])).id == ids[1]
    assert await names(assets) == ["4.png", "3.png", "2.png"]


async def test_a_cancelled_upload_closes_its_file(
    assets: Assets, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("assets.upload", Fault.delay(60))
    (tmp_path / "a.png").write_bytes(PNG)
    task = asyncio.create_task(assets.upload(tmp_path / "a.png"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # An open file would be reported as a ResourceWarning, which fails the test.


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_session("http://127.0.0.1:9", attempts=2) as session:
        with pytest.raises(TransportError, match="cannot connect"):
            await Assets(session, Watcher(session, {})).upload(PNG)


async def test_a_body_that_is_sent_twice_has_the_checksum_of_one() -> None:
    class Writer:
        def __init__(self) -> None:
            self.sent = bytearray()

        async def write(self, chunk: bytes) -> None:
            self.sent += chunk

    writer: Any = Writer()
    async with opened(PNG, limit=MB) as source:
        body = StreamedBody(source, before=b"<", after=b">")
        await body.write(writer)
        await body.write(writer)
    assert writer.sent == 2 * (b"<" + PNG + b">")
    assert body.size == len(PNG) + 2
    assert body.sha256 == hashlib.sha256(PNG).hexdigest()


async def test_a_path_of_a_pipe_is_refused_without_waiting_for_a_writer(
    assets: Assets, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path(os.devnull)):
        with pytest.raises(InvalidRequest, match="it is a pipe or a device; pass it as an open"):
            await assets.upload(path)


async def test_an_upload_that_waits_for_a_pipe_can_be_cancelled(assets: Assets) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as end:
        task = asyncio.create_task(assets.upload(pipe))
        await asyncio.sleep(1)
        end.write(PNG[:100])
        await asyncio.sleep(1)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_storage_that_answers_400_in_passing(
    assets: Assets, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heygen_async.endpoints.assets.MULTIPART_LIMIT", 1_000)
    large_file(tmp_path / "a.mp4", 40_000)
    for code in ("RequestTimeout", "ExpiredToken"):
        body = f"<Error><Code>{code}</Code></Error>".encode()
        sandbox.faults.add("media", Fault.body(body, status=400, content_type="text/xml"))
    asset = await assets.upload(tmp_path / "a.mp4")
    assert asset.size_bytes == 40_000
    assert sandbox.requests.by_operation["assets.direct_uploads.create"] == 2
