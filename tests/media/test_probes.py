"""Probes of files, URLs and assets, against real servers on loopback."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from heygen_async import HeyGen
from heygen_async.media.addresses import ForbiddenAddress, GuardedResolver
from heygen_async.media.probes import InvalidSources, Source, SourceInfo, probe_sources
from heygen_async.media.share_pages import fix_for_page
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.sandbox import Sandbox
from tests.media.samples import sample, stretched
from tests.web_servers import under_aiohttp

pytestmark = pytest.mark.anyio

VIDEO = sample("mp4", "mpeg4", "aac")
KEY = "sk_V2_probes"


@dataclass
class Media:
    """A server of files that counts its requests.

    Attributes:
        files: Contents by path; those under ``/plain/`` are sent without ranges.
        origin: Its address.
        requests: What it was asked for.
        sent: Bytes that it sent.
        most: Requests that it served at once at most.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    origin: str = ""
    requests: list[web.Request] = field(default_factory=list)
    sent: int = 0
    most: int = 0
    _serving: int = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self._serving += 1
        self.most = max(self.most, self._serving)
        try:
            return await self._answer(request)
        finally:
            self._serving -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        kind, _, rest = request.path.strip("/").partition("/")
        if kind == "status":
            return web.Response(status=int(rest), text="no")
        if kind == "page":
            return web.Response(text="<!DOCTYPE html><p>Sign in", content_type="text/html")
        if kind == "slow":
            await asyncio.sleep(float(rest))
            return web.Response(body=VIDEO, content_type="video/mp4")
        if kind == "to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        if kind == "loop":
            return web.Response(status=302, headers={"Location": request.path})
        if kind == "broken":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        content = self.files[rest]
        whole = web.Response(body=content, content_type="application/octet-stream")
        if kind == "plain":
            return whole
        span = request.http_range
        start, stop = span.start or 0, min(span.stop or len(content), len(content))
        if start >= len(content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        self.sent += stop - start
        return web.Response(
            status=206,
            body=content[start:stop],
            headers={"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"},
        )


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    media = Media({"video.mp4": VIDEO, "empty.mp4": b""})
    app = web.Application()
    app.router.add_get("/{path:.*}", media.serve)
    async with under_aiohttp(app) as origin:
        media.origin = origin
        yield media


@pytest.fixture
def heygen_settings(media: Media) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": media.origin, "retry": 1}


async def probed(heygen: HeyGen, source: Source) -> SourceInfo:
    return (await probe_sources(heygen, [source]))[source]


async def problem(heygen: HeyGen, source: Source) -> str:
    with pytest.raises(InvalidSources) as caught:
        await probe_sources(heygen, [source])
    (info,) = caught.value.problems
    assert info.problem is not None
    return info.problem


async def test_a_url_tells_length_size_type_and_tracks(media: Media, heygen: HeyGen) -> None:
    url = f"{media.origin}/ranges/video.mp4?Signature=secret"
    info = await probed(heygen, url)
    assert info.seconds == pytest.approx(4, abs=0.1)
    assert (info.size, info.media_type) == (len(VIDEO), "video/mp4")
    assert (info.has_video, info.has_audio) == (True, True)
    assert (info.warning, info.problem) == (None, None)
    assert "secret" not in str(info)
    assert KEY not in str([request.headers for request in media.requests])
    assert await probed(heygen, AssetUrl(url=url)) == info


async def test_an_index_at_the_end_takes_little(media: Media, heygen: HeyGen) -> None:
    media.files["long.mp4"] = stretched(VIDEO, 20_000_000)
    info = await probed(heygen, f"{media.origin}/ranges/long.mp4")
    assert info.seconds == pytest.approx(4, abs=0.1)
    assert info.size == len(VIDEO) + 20_000_000
    assert media.sent < 300_000
    assert len(media.requests) <= 4


async def test_a_file_that_leads_nowhere_is_given_up(media: Media, heygen: HeyGen) -> None:
    # Each box ends where the next part begins.
    box = (100_000).to_bytes(4, "big") + b"free" + bytes(99_992)
    media.files["odd.mp4"] = VIDEO[:8] + b"isom" + VIDEO[12:32] + box * 200
    info = await probed(heygen, f"{media.origin}/ranges/odd.mp4")
    assert info.seconds is None
    assert info.warning == "length unknown: the file does not contain it"
    assert media.sent <= 8 * 65_536


async def test_each_source_is_probed_once(media: Media, heygen: HeyGen) -> None:
    url = f"{media.origin}/ranges/video.mp4"
    cache: dict[Source, SourceInfo] = {}
    found = await probe_sources(heygen, [url] * 60, cache)
    assert list(found) == [url]
    assert await probe_sources(heygen, [url], cache) == found
    assert len(media.requests) == 1


async def test_a_server_without_ranges(media: Media, heygen: HeyGen) -> None:
    media.files["late.mp4"] = stretched(VIDEO, 2_000_000)
    assert (await probed(heygen, f"{media.origin}/plain/video.mp4")).seconds is not None
    late = await probed(heygen, f"{media.origin}/plain/late.mp4")
    assert (late.seconds, late.size) == (None, len(VIDEO) + 2_000_000)
    assert late.warning == "length unknown: its server does not send ranges"


async def test_all_that_cannot_be_used_is_told_at_once(media: Media, heygen: HeyGen) -> None:
    good = f"{media.origin}/ranges/video.mp4"
    expected = {
        f"{media.origin}/page/1": "this is a web page",
        f"{media.origin}/status/403?X-Amz-Signature=s3cr3t": "signed link has expired",
        f"{media.origin}/status/403": "it is private (403)",
        f"{media.origin}/status/401": "it is private (401)",
        f"{media.origin}/status/404": "it does not exist (404)",
        f"{media.origin}/ranges/empty.mp4": "it is empty",
        "ftp://files.example/a.mp4": "not an http:// or https:// URL",
        "https://": "not an http:// or https:// URL",
        "no such file.mp4": "there is no such file",
    }
    with pytest.raises(InvalidSources) as caught:
        await probe_sources(heygen, [good, *expected])
    error = caught.value
    assert error.param == "source"
    assert len(error.problems) == len(expected)
    for info, words in zip(error.problems, expected.values(), strict=True):
        assert info.problem is not None
        assert words in info.problem
        assert f"{info.name}: {info.problem}" in str(error)
    assert "s3cr3t" not in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problems) == (str(error), error.problems)


async def test_many_problems_are_counted(heygen: HeyGen) -> None:
    with pytest.raises(InvalidSources, match="12 sources") as caught:
        await probe_sources(heygen, [f"gone {number}.mp4" for number in range(12)])
    assert "and 2 more" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status/503", "its server answered 503"),
        ("status/429", "its server answered 429"),
        ("broken/", "it cannot be fetched from here"),
        ("slow/6", "no answer within 5 s"),
        ("to/?url=/to/?url=/ranges/video.mp4", None),
        ("to/?url=http://10.0.0.1/a.mp4", "its address is private"),
        ("to/?url=http://169.254.169.254/latest/meta-data", "its address is private"),
        ("to/?url=https://example.com/a.mp4", "its address is private, or outside"),
        ("to/?url=file:///etc/passwd", "redirects to an address that is not allowed"),
        ("loop/", "too many redirects"),
    ],
)
async def test_what_cannot_be_found_out_is_unknown_with_a_warning(
    media: Media,
    heygen: HeyGen,
    caplog: pytest.LogCaptureFixture,
    path: str,
    words: str | None,
) -> None:
    with caplog.at_level(logging.WARNING, "heygen_async.media"):
        info = await probed(heygen, f"{media.origin}/{path}")
    if words is None:
        assert info.warning is None
        assert info.seconds is not None
    else:
        assert info.seconds is None
        assert words in (info.warning or "")
        assert words in caplog.text


async def test_nobody_listens(heygen: HeyGen) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    info = await probed(heygen, f"http://127.0.0.1:{port}/a.mp4")
    assert "cannot be fetched from here" in (info.warning or "")


async def test_eight_at_once(media: Media, heygen: HeyGen) -> None:
    urls = [f"{media.origin}/slow/1?{number}" for number in range(40)]
    started = asyncio.get_running_loop().time()
    found = await probe_sources(heygen, urls)
    assert all(info.seconds is not None for info in found.values())
    assert media.most == 8
    assert asyncio.get_running_loop().time() - started == pytest.approx(5, abs=0.5)


async def test_a_sandbox_has_only_its_own_machine_probed(heygen: HeyGen) -> None:
    info = await probed(heygen, "https://example.com/launch.mp4")
    assert info == SourceInfo(name="https://example.com/launch.mp4")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0"])
async def test_the_real_api_never_has_a_private_network_probed(media: Media, host: str) -> None:
    port = URL(media.origin).port
    async with HeyGen(KEY, base_url="https://api.heygen.com") as heygen:
        info = await probed(heygen, f"http://{host}:{port}/ranges/video.mp4")
    assert info.seconds is None
    assert info.warning is not None
    if host != "2130706433":  # aiohttp knows no addresses in decimal
        assert "its address is private" in info.warning
    assert media.requests == []


async def test_a_proxy_is_no_way_around(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", media.origin)
    async with HeyGen(KEY, base_url="https://api.heygen.com") as heygen:
        for host in ("10.0.0.1", "localhost"):
            info = await probed(heygen, f"http://{host}/ranges/video.mp4")
            assert "its address is private" in (info.warning or "")
        assert media.requests == []
        # Names and addresses on the public internet go through it.
        assert (await probed(heygen, "http://9.9.9.9/ranges/video.mp4")).seconds is not None
    assert len(media.requests) == 1


async def test_local_files(heygen: HeyGen, tmp_path: Path) -> None:
    clip, page = tmp_path / "clip.webm", tmp_path / "page.mp4"
    clip.write_bytes(sample("webm", "libvpx", "libopus"))
    page.write_text("<html>")
    for source in (clip, str(clip)):
        info = await probed(heygen, source)
        assert info.seconds == pytest.approx(4, abs=0.1)
        assert (info.name, info.media_type) == (str(clip), "video/webm")
    assert "web page" in await problem(heygen, page)
    assert "no such file" in await problem(heygen, tmp_path)


async def test_without_the_extra_the_warning_says_how_to_get_it(
    media: Media, heygen: HeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tinytag", None)
    info = await probed(heygen, f"{media.origin}/ranges/video.mp4")
    assert (info.seconds, info.size, info.media_type) == (None, len(VIDEO), "video/mp4")
    assert "pip install av tinytag (the extra media)" in (info.warning or "")


async def test_other_files_have_no_length(media: Media, heygen: HeyGen) -> None:
    media.files["a.png"] = b"\x89PNG\r\n\x1a\n" + bytes(50)
    media.files["notes.bin"] = b"notes, and no media"
    picture = await probed(heygen, f"{media.origin}/ranges/a.png")
    assert (picture.media_type, picture.seconds, picture.warning) == ("image/png", None, None)
    notes = await probed(heygen, f"{media.origin}/ranges/notes.bin")
    assert (notes.seconds, notes.has_audio, notes.warning) == (None, None, None)


async def test_names_are_judged_by_their_addresses() -> None:
    resolver = GuardedResolver(lambda host: host not in ("127.0.0.1", "::1"))
    with pytest.raises(ForbiddenAddress):
        await resolver.resolve("localhost", 80, socket.AF_INET)
    exempt = GuardedResolver(lambda host: False, {"localhost"})
    assert await exempt.resolve("localhost", 80, socket.AF_INET)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://drive.google.com/file/d/1/view", "Google Drive"),
        ("https://www.dropbox.com/s/1/a.mp4?dl=0", "dl=1"),
        ("https://acme.sharepoint.com/a", "SharePoint"),
        ("https://www.youtube.com/watch?v=1", "HeyGen needs the file itself"),
        ("https://notyoutube.com/watch?v=1", "this is a web page"),
        ("https://example.com/a", "upload it"),
    ],
)
def test_pages_of_drives_and_video_sites_come_with_the_fix(url: str, words: str) -> None:
    assert words in fix_for_page(URL(url))


async def test_an_asset_is_probed_by_its_url() -> None:
    async with (
        Sandbox() as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
    ):
        asset = await heygen.assets.upload(VIDEO, filename="video.mp4")
        info = await probed(heygen, AssetId(asset_id=asset.asset_id))
        assert info.seconds == pytest.approx(4, abs=0.1)
        assert (info.name, info.size) == (f"asset {asset.asset_id}", len(VIDEO))
        assert "no such asset" in await problem(heygen, AssetId(asset_id="gone"))
