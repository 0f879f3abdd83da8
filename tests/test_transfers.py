"""Downloads: complete, resumed, renewed, refused."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from heygen_async.errors import TransferError, URLExpired
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.transfers.transfers import download

from .transfers_host import (
    API_KEY,
    CONTENT,
    MediaFile,
    Seen,
    answer,
    everything_said,
    listing,
    media_host,
    open_session,
)

pytestmark = pytest.mark.anyio


async def test_a_file_appears_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        size = await download(
            session,
            host.url,
            tmp_path / "new" / "folder" / "it's ünï \N{CLAPPER BOARD} 100%.mp4",
            progress=lambda done, total: seen.append((done, total)),
        )
    assert size == len(CONTENT)
    (path,) = (tmp_path / "new" / "folder").iterdir()
    assert path.name == "it's ünï \N{CLAPPER BOARD} 100%.mp4"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)
    assert len(host.seen) == 1
    assert host.seen[0].target == "/media/file.mp4?Signature=s3cr3t"


async def test_after_a_break_only_the_rest_is_asked_for(tmp_path: Path) -> None:
    file = MediaFile(CONTENT, stops=[1_500_000, 700_000])
    async with media_host(file) as host, open_session() as session:
        assert await download(session, host.url, tmp_path / "a.mp4") == len(CONTENT)
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert host.ranges == [None, "bytes=1500000-", "bytes=2200000-"]
    assert host.seen[1].headers["if-range"] == '"one"'
    assert listing(tmp_path) == ["a.mp4"]


async def test_each_step_forward_counts_the_attempts_anew(tmp_path: Path) -> None:
    file = MediaFile(CONTENT, stops=[20_000] * 9)
    async with media_host(file) as host, open_session(attempts=2) as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert len(host.seen) == 10


async def test_a_byte_at_each_attempt_is_no_step(tmp_path: Path) -> None:
    file = MediaFile(CONTENT, stops=[1] * 1_000)
    async with media_host(file) as host, open_session(attempts=3) as session:
        with pytest.raises(TransferError, match="the connection broke"):
            await download(session, host.url, tmp_path / "a.mp4")
    assert len(host.seen) == 3


async def test_a_server_without_ranges_that_always_breaks_is_given_up(tmp_path: Path) -> None:
    file = MediaFile(CONTENT, etag="", ranges=False, stops=[100] * 99)
    async with media_host(file) as host, open_session(attempts=3) as session:
        with pytest.raises(TransferError, match="the connection broke"):
            await download(session, host.url, tmp_path / "a.mp4")
    assert len(host.seen) == 3
    assert listing(tmp_path) == []


@pytest.mark.parametrize("etag", ['"one"', 'W/"weak"', ""])
async def test_a_server_without_ranges(tmp_path: Path, etag: str) -> None:
    file = MediaFile(CONTENT, etag=etag, ranges=False, stops=[1_500_000])
    async with media_host(file) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert (host.ranges[1] is not None) == (etag == '"one"')


@pytest.mark.parametrize("size", ["*", "700"])
async def test_a_size_that_is_not_kept(tmp_path: Path, size: str) -> None:
    def shorter(seen: Seen) -> bytes:
        rest = CONTENT[300:400]
        return answer(206, rest, ETag='"one"', Content_Range=f"bytes 300-399/{size}")

    first = MediaFile(CONTENT[:500], stops=[300])
    async with media_host(first, shorter, first) as host, open_session() as session:
        assert await download(session, host.url, tmp_path / "a.mp4") == 500
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT[:500]
    assert host.ranges == [None, "bytes=300-", "bytes=400-"]


async def test_another_content_is_fetched_from_its_start(tmp_path: Path) -> None:
    other = bytes(reversed(CONTENT))
    first, then = MediaFile(CONTENT, stops=[2_000_000]), MediaFile(other, etag='"two"')
    async with media_host(first, then) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == other


def stubborn(seen: Seen) -> bytes:
    """Answers 206 for another content than If-Range names."""
    if "range" not in seen.headers:
        return answer(200, b"x" * 500, ETag='"two"')
    start = int(seen.headers["range"][6:-1])
    part = b"x" * (500 - start)
    return answer(206, part, ETag='"two"', Content_Range=f"bytes {start}-499/500")


def misplaced(seen: Seen) -> bytes:
    """Answers another part than was asked for."""
    if "range" not in seen.headers:
        return answer(200, b"x" * 500, ETag='"one"')
    return answer(206, b"y" * 400, ETag='"one"', Content_Range="bytes 100-499/500")


def unlabelled(seen: Seen) -> bytes:
    """Answers 206 without saying which part it is."""
    if "range" not in seen.headers:
        return answer(200, b"x" * 500, ETag='"one"')
    return answer(206, b"y" * 400, ETag='"one"')


def too_long(seen: Seen) -> bytes:
    """Answers the right part, and more."""
    if "range" not in seen.headers:
        return answer(200, b"x" * 500, ETag='"one"')
    if seen.headers["range"] != "bytes=300-":
        return answer(500)
    return answer(206, b"y" * 400, ETag='"one"', Content_Range="bytes 300-499/500")


def too_short(seen: Seen) -> bytes:
    if "range" not in seen.headers:
        return answer(200, b"x" * 500, ETag='"two"')
    return answer(416, Content_Range="bytes */5")


@pytest.mark.parametrize("then", [stubborn, misplaced, unlabelled, too_long, too_short])
async def test_a_wrong_part_is_never_appended(
    tmp_path: Path, then: Callable[[Seen], bytes]
) -> None:
    first = MediaFile(CONTENT[:500], stops=[300])
    async with media_host(first, then) as host, open_session() as session:
        assert await download(session, host.url, tmp_path / "a.mp4") == 500
    assert (tmp_path / "a.mp4").read_bytes() == b"x" * 500


@pytest.mark.parametrize("stop", [1_500_000, 1_000])
async def test_a_later_call_goes_on_with_what_an_earlier_one_left(
    tmp_path: Path, stop: int
) -> None:
    file = MediaFile(CONTENT, stops=[stop, 0])
    async with media_host(file) as host, open_session(attempts=1) as session:
        with pytest.raises(TransferError):
            await download(session, host.url, tmp_path / "a.mp4")
        assert listing(tmp_path) == [".a.mp4.part", ".a.mp4.part.json"]
        with pytest.raises(TransferError):
            await download(session, host.url, tmp_path / "a.mp4")
        await download(session, host.url, tmp_path / "a.mp4")
    assert host.ranges == [None, f"bytes={stop}-", f"bytes={stop}-"]
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert listing(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("label", [b"", b"{", b'["\\"gone\\"", 3000000]', None])
async def test_a_left_over_of_something_else_is_not_gone_on_with(
    tmp_path: Path, label: bytes | None
) -> None:
    (tmp_path / ".a.mp4.part").write_bytes(b"old" * 100)
    if label is not None:
        (tmp_path / ".a.mp4.part.json").write_bytes(label)
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert listing(tmp_path) == ["a.mp4"]


async def test_a_label_without_its_file_names_no_other_bytes(tmp_path: Path) -> None:
    (tmp_path / ".a.mp4.part.json").write_bytes(b'["\\"old\\"", 3000000]')
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        await download(session, host.url, tmp_path / "a.mp4")
    assert host.ranges == [None]
    assert listing(tmp_path) == ["a.mp4"]


async def test_a_cancelled_download_can_be_gone_on_with(tmp_path: Path) -> None:
    file = MediaFile(CONTENT)

    def half(seen: Seen) -> bytes:
        whole = file(seen)
        return whole.replace(b"Content-Length", b"Content-Length", 1)[:2_500_000]

    arrived = asyncio.Event()
    async with media_host(half, file) as host, open_session() as session:
        call = download(session, host.url, tmp_path / "a.mp4", progress=lambda *_: arrived.set())
        task = asyncio.create_task(call)
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held = (tmp_path / ".a.mp4.part").stat().st_size
        assert held > 0
        await download(session, host.url, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert host.ranges[-1] == f"bytes={held}-"


async def test_two_downloads_to_one_path_do_not_mix(tmp_path: Path) -> None:
    async with media_host(MediaFile(CONTENT)) as host, open_session() as session:
        calls = [download(session, host.url, tmp_path / "a.mp4") for _ in range(2)]
        one, two = await asyncio.gather(*calls, return_exceptions=True)
    assert len(CONTENT) in (one, two)
    (failure,) = [result for result in (one, two) if isinstance(result, TransferError)]
    assert "another download" in str(failure)
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404])
async def test_an_expired_url_is_renewed(tmp_path: Path, status: int) -> None:
    file = MediaFile(CONTENT, stops=[1_000_000])
    renewed = []
    async with media_host(file, answer(status), file) as host, open_session() as session:

        async def renew() -> str:
            renewed.append(True)
            return f"{host.origin}/elsewhere.mp4?Signature=fresh"

        await download(session, host.url, tmp_path / "a.mp4", renew=renew)
    assert renewed == [True]
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert host.seen[2].target == "/elsewhere.mp4?Signature=fresh"
    assert host.ranges[2] == "bytes=1000000-"


async def nothing_fresh() -> None:
    return None


@pytest.mark.parametrize("renew", [None, nothing_fresh])
async def test_an_expired_url_that_nothing_renews(
    tmp_path: Path, renew: Callable[[], Awaitable[str | None]] | None
) -> None:
    async with media_host(answer(403)) as host, open_session() as session:
        with pytest.raises(URLExpired) as caught:
            await download(session, host.url, tmp_path / "a.mp4", renew=renew)
    assert caught.value.status == 403
    assert "s3cr3t" not in everything_said(caught.value)
    assert len(host.seen) == 1
    assert listing(tmp_path) == []


async def test_a_url_is_not_renewed_for_ever(tmp_path: Path) -> None:
    async with media_host(answer(403)) as host, open_session() as session:

        async def renew() -> str:
            return host.url

        with pytest.raises(URLExpired):
            await download(session, host.url, tmp_path / "a.mp4", renew=renew)
    assert len(host.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 405, 410, 501])
async def test_refusals_are_final_and_say_where(tmp_path: Path, status: int) -> None:
    async with media_host(answer(status)) as host, open_session(attempts=1) as session:
        with pytest.raises(TransferError, match=rf"127.*/media/file.mp4: answered {status}") as e:
            await download(session, host.url, tmp_path / "a.mp4")
    assert e.value.status == status
    assert len(host.seen) == 1


async def test_server_errors_are_waited_out(tmp_path: Path) -> None:
    replies = (answer(500), answer(503), answer(429, Retry_After="60"), MediaFile(CONTENT))
    loop = asyncio.get_running_loop()
    async with media_host(*replies) as host, open_session() as session:
        started = loop.time()
        await download(session, host.url, tmp_path / "a.mp4")
        assert loop.time() - started >= 60
    assert (tmp_path / "a.mp4").read_bytes() == CONTENT


async def test_a_pause_beyond_the_patience_raises_at_once(tmp_path: Path) -> None:
    reply = answer(503, Retry_After="3600")
    async with media_host(reply) as host, open_session(patience=60) as session:
        with pytest.raises(TransferError, match="answered 503"):
            await download(session, host.url, tmp_path / "a.mp4")
        assert asyncio.get_running_loop().time() < 1
    assert len(host.seen) == 1


async def test_silence_ends_an_attempt_but_length_does_not(tmp_path: Path) -> None:
    async with Sandbox(speed=1) as sandbox, open_session(sandbox.base_url) as session:
        sandbox.faults.add("media", Fault.delay(45))
        url = await speech(sandbox)
        started = asyncio.get_running_loop().time()
        await download(session, url, tmp_path / "a.wav")
        assert asyncio.get_running_loop().time() - started >= 30
        assert sandbox.requests.by_operation["media"] == 2


async def speech(sandbox: Sandbox) -> str:
    """URL of a wav that the sandbox speaks."""
    from .sandbox.api import Api

    async with Api(sandbox) as api:
        body = {"voice_id": sandbox.voice_id, "text": "A longer text to be spoken. " * 20}
        return str((await api.post("/v3/voices/speech", body)).data["audio_url"])


async def test_from_the_sandbox_with_faults_expiry_and_without_the_key(tmp_path: Path) -> None:
    async with Sandbox(speed=1) as sandbox, open_session(sandbox.base_url) as session:
        url = await speech(sandbox)
        sink = io.BytesIO()
        size = await download(session, url, sink)
        for fault in (Fault.drop(), Fault.status(502, body="html"), Fault.truncate()):
            sandbox.faults.add("media", fault)
        assert await download(session, url, tmp_path / "a.wav") == size
        assert (tmp_path / "a.wav").read_bytes() == sink.getvalue()
        sandbox.clock.advance(8 * 86_400)
        with pytest.raises(URLExpired):
            await download(session, url, tmp_path / "b.wav")
        assert sandbox.leaks == 0
        for request in sandbox.requests.media:
            assert API_KEY not in str(request.headers)
