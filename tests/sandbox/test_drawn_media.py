"""Drawn media show and speak what was asked for, and are the same bytes each time."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from av.container import InputContainer
from PIL import Image, ImageChops

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.media.drawn.drawing import Drawing, Scene, SourceFile, Task, size_of
from heygen_async.sandbox.media.drawn.encoding import write
from heygen_async.sandbox.media.drawn.files import DrawingFailed, DrawnFiles
from heygen_async.sandbox.media.drawn.fonts import Typeface
from heygen_async.sandbox.media.drawn.frames import Painter
from heygen_async.sandbox.media.drawn.timeline import spoken_lines

from .api import Api

pytestmark = pytest.mark.anyio


def greeting(name: str = "Ada", **more: Any) -> Drawing:
    return Drawing("Welcome", (Scene(2.3, f"Hello {name}, welcome."),), **more)


def pictured(colour: str = "red", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(file, kind)
    return file.getvalue()


def changes(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """The box in which two frames differ."""
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox()


def loudest(content: bytes) -> int:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    found = 0
    with av.open(io.BytesIO(content), mode="r") as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                samples = memoryview(bytes(part.planes[0])).cast("h")[: part.samples]
                found = max(found, *map(abs, samples))
    return found


@pytest.mark.parametrize("extension", ["mp4", "webm", "png", "gif"])
def test_the_same_drawing_makes_the_same_bytes(extension: str, tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.{extension}"
        write(Task(greeting(), extension, str(path)))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("seconds", "rate"), [(0.4, 2.0), (7.333, 2.0), (1.5, 25.0)])
def test_a_file_plays_as_long_as_it_says(seconds: float, rate: float, tmp_path: Path) -> None:
    drawing = Drawing("Long", (Scene(seconds, "One two three."),), frames_per_second=rate)
    path = tmp_path / "x.mp4"
    write(Task(drawing, "mp4", str(path)))
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(seconds, abs=0.002)
        frames = [float(frame.time or 0) for frame in container.decode(video=0)]
    assert frames == pytest.approx([i / rate for i in range(len(frames))], abs=0.002)
    assert len(frames) == -(-seconds * rate // 1)
    with av.open(str(path)) as container:
        heard = [frame.samples / frame.sample_rate for frame in container.decode(audio=0)]
    assert sum(heard) == pytest.approx(seconds, abs=0.07)


def test_a_transparent_video_has_an_alpha_channel(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    write(Task(greeting(transparent=True), "webm", str(path)))
    decoder: Any = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        frames = [f for p in container.demux(video=0) if p.size for f in decoder.decode(p)]
    assert frames[0].format.name == "yuva420p"
    alpha = bytes(frames[0].planes[3])
    assert alpha[0] < 8  # the corner
    assert max(alpha) > 200  # the words


def test_each_person_is_greeted_by_name() -> None:
    ada, bob = (Painter(greeting(name)).still() for name in ("Ada", "Bob"))
    box = changes(ada, bob)
    assert box is not None
    assert box[0] < 320  # in the words, left
    assert box[2] < 430  # and nowhere else
    assert changes(ada, Painter(greeting()).still()) is None


def test_words_follow_the_time_and_captions_are_drawn_when_asked_for() -> None:
    painter = Painter(greeting())
    assert changes(painter.frame(0.0), painter.frame(1.0)) is not None
    box = changes(Painter(greeting(captioned=True)).still(), Painter(greeting()).still())
    assert box is not None
    assert box[1] > 270  # at the foot


def test_edited_captions_are_what_is_said() -> None:
    srt = (
        "1\n00:00:00,200 --> 00:00:01,000\nCorrected words\n\n2\n00:00:00,500 --> 00:00:09,000\n7\n"
    )
    lines = spoken_lines(greeting(srt=srt))
    assert [line.text.strip() for line in lines] == ["Corrected words", "7"]
    assert lines[1].words[0].start == 1.0  # cues do not overlap
    assert lines[1].words[-1].end <= 2.3  # and end with the video


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_shown(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(pictured("red", kind))
    for source in (SourceFile("p", pictured("red", kind)), SourceFile("p", path=str(path))):
        image = Painter(Drawing("", (Scene(1.0, "x", pictures=(source,)),))).still()
        colours: Any = image.getpixel((500, 170))
        assert colours == pytest.approx((255, 0, 0), abs=4)  # JPEG and WebP are not exact


@pytest.mark.parametrize(
    "source",
    [
        SourceFile("elsewhere.png"),
        SourceFile("broken", b"\x89PNG\r\n\x1a\nnothing"),
        SourceFile("text", b"hello"),
        SourceFile("gone", path="/does/not/exist"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(source: SourceFile) -> None:
    with_it = Painter(Drawing("", (Scene(1.0, "x", pictures=(source,)),))).still()
    without = Painter(Drawing("", (Scene(1.0, "x"),))).still()
    assert changes(with_it, without) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x07",
        "<b>",
        "W" * 20_000,
        "word " * 5_000,
        "{{name}}",
        "a\u0301" * 60,
        "👋🏽",
        "\ud800",
    ],
    ids=["none", "control", "tag", "long", "many", "placeholder", "marks", "emoji", "surrogate"],
)
def test_any_text_can_be_drawn(text: str) -> None:
    scene = Scene(2.0, text, notes=(text,))
    Painter(Drawing(text, (scene,), size_of("9:16"), language=text, speaker=text)).still()


def test_letters_that_no_font_has_are_named() -> None:
    own = Typeface(None)
    assert own.legible("Grüße, “Zoë”…") == "Grusse, “Zoe”…"
    assert own.legible("日本語 です", "Japanese") == "[Japanese]"
    assert own.legible("Привет Ada") == "[Cyrillic] Ada"
    assert own.legible("Hi 👋") == "Hi [waving hand sign]"


def test_a_right_to_left_text_is_drawn() -> None:
    image = Painter(Drawing("", (Scene(2.0, "שלום עולם"),))).still()
    assert changes(image, Painter(Drawing("", (Scene(2.0),))).still()) is not None


@pytest.fixture
async def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with Sandbox(media="drawn", durations={"video": 100.0, "translation": 100.0}) as sandbox:
        yield sandbox
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_a_sandbox_draws_on_the_first_download(drawn: Sandbox) -> None:
    picture = {"type": "base64", "media_type": "image/png"}
    picture["data"] = base64.b64encode(pictured()).decode()
    async with Api(drawn) as api:
        identifier = await api.video("Hello Ada, this is for you.", aspect_ratio="9:16", caption={})
        clear = await api.video("Hello Ada, this is for you.", output_format="webm")
        body = {"type": "image", "image": picture, "script": "Hi", "voice_id": drawn.voice_id}
        large = (await api.post("/v3/videos", {**body, "resolution": "720p"})).data["video_id"]
        await asyncio.sleep(200)
        video = (await api.get(f"/v3/videos/{identifier}")).data
        assert video["duration"] == drawn.ledger.jobs[0].seconds
        # Several at once are drawn once.
        whole = await asyncio.gather(*(api.raw("GET", video["video_url"]) for _ in range(3)))
        status, headers, content = whole[0]
        assert (status, headers["Content-Type"]) == (200, "video/mp4")
        assert {answer[2] for answer in whole} == {content}
        size = str(len(content))
        status, head, _ = await api.raw("HEAD", video["video_url"])
        assert (status, head["Content-Length"], head["ETag"]) == (200, size, headers["ETag"])
        middle = {"Range": "bytes=1000-1999", "If-Range": head["ETag"]}
        status, part, some = await api.raw("GET", video["video_url"], headers=middle)
        assert (status, part["Content-Range"]) == (206, f"bytes 1000-1999/{size}")
        assert some == content[1000:2000]
        with av.open(io.BytesIO(content)) as container:
            shape = container.streams.video[0]
            assert (shape.width, shape.height) == (360, 640)
            assert isinstance(container, InputContainer)
            assert container.duration is not None
            length = container.duration / av.time_base
            assert shape.frames == -(-length // 0.5)
            assert length == pytest.approx(video["duration"], abs=0.002)
        assert loudest(content) > 1_000
        _, _, captioned = await api.raw("GET", video["captioned_video_url"])
        assert captioned != content
        _, headers, still = await api.raw("GET", video["thumbnail_url"])
        assert headers["Content-Type"] == "image/png"
        assert Image.open(io.BytesIO(still)).size == (360, 640)

        url = (await api.get(f"/v3/videos/{clear}")).data["video_url"]
        status, headers, content = await api.raw("GET", url)
        assert (status, headers["Content-Type"]) == (200, "video/webm")
        url = (await api.get(f"/v3/videos/{large}")).data["video_url"]
        with av.open(io.BytesIO((await api.raw("GET", url))[2])) as container:
            assert container.streams.video[0].height == 720


async def test_a_recorded_voice_is_heard(drawn: Sandbox) -> None:
    async with Api(drawn) as api:
        body = {"voice_id": drawn.voice_id, "text": "One two three four."}
        speech = (await api.post("/v3/voices/speech", body)).data
        _, _, wav = await api.raw("GET", speech["audio_url"])
        form = aiohttp.FormData()
        form.add_field("file", wav, filename="speech.wav", content_type="audio/wav")
        asset = await api("POST", "/v3/assets", data=form)
        asset_id = asset.data["asset_id"]
        identifier = await api.video(None, audio_asset_id=asset_id)
        await asyncio.sleep(200)
        video = (await api.get(f"/v3/videos/{identifier}")).data
        _, _, content = await api.raw("GET", video["video_url"])
    assert loudest(content) == pytest.approx(6_000, rel=0.3)


async def test_a_process_that_ends_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    files = DrawnFiles()
    try:
        with pytest.raises(DrawingFailed):
            await files.file(greeting(size=(0, 0)), "mp4")
        assert (await files.file(greeting(), "png")).size > 0
        started[0].kill()
        await asyncio.to_thread(started[0].wait)
        assert (await files.file(greeting("Bob"), "png")).size > 0
        assert len(started) == 2
    finally:
        await files.close()
    assert all(process.poll() is not None for process in started)


def test_drawn_media_need_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="sandbox-media"):
        Sandbox(media="drawn")


def test_an_unknown_kind_of_media_is_refused() -> None:
    kind: Any = "painted"
    with pytest.raises(ValueError, match="media: must be plain or drawn, not painted"):
        Sandbox(media=kind)
