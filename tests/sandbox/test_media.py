"""Media are real files behind signed URLs on another host."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from array import array
from typing import Any

import av
import pytest

from heygen_async.sandbox import Fault, Sandbox
from heygen_async.sandbox.media.plain.mp4 import mp4, size_of
from heygen_async.sandbox.media.subtitles import is_srt, srt_to_vtt, write_srt

from .api import Api

pytestmark = pytest.mark.anyio


def decode(content: bytes) -> tuple[float, list[Any]]:
    """Return the duration in seconds and all frames of a video."""
    with av.open(io.BytesIO(content), mode="r") as container:
        frames = list(container.decode(video=0))
        assert container.duration is not None
        return container.duration / av.time_base, frames


@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16", "4:5", "5:4", "1:1"])
@pytest.mark.parametrize("seconds", [0.05, 1.0, 12.34])
def test_videos_play_as_long_as_they_say(aspect_ratio: str, seconds: float) -> None:
    duration, frames = decode(mp4("some-id", seconds, aspect_ratio))
    assert duration == pytest.approx(seconds, abs=0.002)
    assert len(frames) == -(-round(seconds * 1000) // 200)
    assert {(frame.width, frame.height) for frame in frames} == {size_of(aspect_ratio)}
    assert not any(frame.is_corrupt for frame in frames)


def test_the_picture_is_three_flat_bands_that_change_places() -> None:
    _, frames = decode(mp4("some-id", 10.0, "16:9"))

    def bands(frame: Any) -> list[int]:
        plane = frame.planes[0]
        rows = [bytes(plane)[y * plane.line_size :][: frame.width] for y in range(frame.height)]
        assert all(len(set(row)) == 1 for row in rows)
        lumas = [row[0] for row in rows]
        return [luma for y, luma in enumerate(lumas) if y == 0 or lumas[y - 1] != luma]

    first, later = bands(frames[0]), bands(frames[25])
    assert len(first) == 3
    assert bands(frames[24]) == first
    assert later == [*first[1:], first[0]]


def test_a_long_video_stays_small() -> None:
    content = mp4("long", 1_800.0, "16:9")
    assert len(content) < 1_500_000
    with av.open(io.BytesIO(content), mode="r") as container:
        assert container.duration == 1_800 * av.time_base


async def test_a_finished_video_can_be_fetched(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video("One two three. " * 20, caption={}, aspect_ratio="9:16")
    await asyncio.sleep(100)
    video = (await api.get(f"/v3/videos/{identifier}")).data
    assert video["video_url"].startswith(sandbox.media_origin)
    assert sandbox.media_origin != sandbox.base_url
    status, headers, content = await api.raw("GET", video["video_url"])
    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    duration, frames = decode(content)
    assert duration == pytest.approx(video["duration"], abs=0.2)
    assert frames[0].height > frames[0].width
    _, _, subtitles = await api.raw("GET", video["subtitle_url"])
    assert is_srt(subtitles.decode())
    _, _, thumbnail = await api.raw("GET", video["thumbnail_url"])
    with av.open(io.BytesIO(thumbnail), mode="r") as container:
        assert len(list(container.decode(video=0))) == 1


async def test_addresses_are_signed_and_expire(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video()
    await asyncio.sleep(100)
    path = f"/v3/videos/{identifier}"
    url = (await api.get(path)).data["video_url"]
    assert (await api.raw("GET", url[:-1] + "x"))[0] == 403
    assert (await api.raw("GET", url.partition("?")[0]))[0] == 403
    assert (await api.raw("GET", url.replace(identifier, "0" * 32)))[0] == 403
    assert (await api.raw("POST", url))[0] == 405
    sandbox.clock.advance(7 * 86_400 - 5)
    assert (await api.raw("GET", url))[0] == 200
    sandbox.clock.advance(10)
    assert (await api.raw("GET", url))[0] == 403
    assert (await api.raw("GET", (await api.get(path)).data["video_url"]))[0] == 200
    url = (await api.get(path)).data["video_url"]
    await api("DELETE", path)
    assert (await api.raw("GET", url))[0] == 404


async def test_ranges(api: Api) -> None:
    identifier = await api.video()
    await asyncio.sleep(100)
    url = (await api.get(f"/v3/videos/{identifier}")).data["video_url"]
    _, headers, whole = await api.raw("GET", url)
    size, etag = len(whole), headers["ETag"]

    async def part(value: str, **more: str) -> tuple[int, str | None, bytes]:
        status, headers, content = await api.raw("GET", url, headers={"Range": value, **more})
        return status, headers.get("Content-Range"), content

    assert await part("bytes=100-199") == (206, f"bytes 100-199/{size}", whole[100:200])
    assert await part("bytes=100-") == (206, f"bytes 100-{size - 1}/{size}", whole[100:])
    assert await part("bytes=-10") == (206, f"bytes {size - 10}-{size - 1}/{size}", whole[-10:])
    assert await part(f"bytes=5-{size * 2}") == (206, f"bytes 5-{size - 1}/{size}", whole[5:])
    assert await part(f"bytes={size}-") == (416, f"bytes */{size}", b"")
    for ignored in ("bytes=1-2,4-5", "lines=1-2", "bytes=a-b", "bytes=-x"):
        assert await part(ignored) == (200, None, whole)
    assert (await part("bytes=9-", **{"If-Range": etag}))[0] == 206
    assert (await part("bytes=9-", **{"If-Range": '"other"'}))[0] == 200
    status, headers, content = await api.raw("HEAD", url)
    assert (status, headers["Content-Length"], content) == (200, str(size), b"")


async def test_the_media_host_refuses_and_counts_api_keys(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video()
    await asyncio.sleep(100)
    url = (await api.get(f"/v3/videos/{identifier}")).data["video_url"]
    await api.raw("GET", url)
    assert sandbox.leaks == 0
    assert (await api.raw("GET", url, headers={"x-api-key": sandbox.api_key}))[0] == 400
    assert sandbox.leaks == 1
    assert [(record.method, record.status) for record in sandbox.requests.media] == [
        ("GET", 200),
        ("GET", 400),
    ]
    assert sandbox.requests.media[1].headers["x-api-key"] == sandbox.api_key
    assert sandbox.api_key not in repr(sandbox.requests.media)


async def test_speech_plays_as_long_as_it_says(api: Api, sandbox: Sandbox) -> None:
    body = {
        "voice_id": sandbox.voice_id,
        "text": 'Hello <break time="1.5s"/>dear listeners out there',
    }
    speech = (await api.post("/v3/voices/speech", body)).data
    _, headers, content = await api.raw("GET", speech["audio_url"])
    assert headers["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        rate = sound.getframerate()
        assert sound.getnframes() / rate == pytest.approx(speech["duration"], abs=0.001)
        samples = array("h", sound.readframes(sound.getnframes()))
    words = {word["word"]: word for word in speech["word_timestamps"]}
    assert next(iter(words)) == "<start>"
    assert list(words)[-1] == "<end>"
    assert words["<end>"]["end"] == speech["duration"]
    assert words["dear"]["start"] - words["Hello"]["end"] >= 1.5

    def loudness(start: float, end: float) -> int:
        heard = samples[int(start * rate) : int(end * rate)]
        return int(max(abs(sample) for sample in heard))

    assert loudness(words["Hello"]["start"], words["Hello"]["end"]) > 1_000
    assert loudness(words["Hello"]["end"] + 0.01, words["dear"]["start"] - 0.01) == 0
    _, _, part = await api.raw("GET", speech["audio_url"], headers={"Range": "bytes=1000-4999"})
    assert part == content[1000:5000]


async def test_a_video_is_as_long_as_the_speech_it_is_given(api: Api, sandbox: Sandbox) -> None:
    body = {"voice_id": sandbox.voice_id, "text": "A sentence for the avatar to speak. " * 5}
    speech = (await api.post("/v3/voices/speech", body)).data
    identifier = await api.video(audio_url=speech["audio_url"], script=None)
    await asyncio.sleep(100)
    video = (await api.get(f"/v3/videos/{identifier}")).data
    assert video["duration"] == speech["duration"]


def test_captions_are_in_order_and_end_with_the_video() -> None:
    srt = write_srt("one two three four five six seven eight nine", 3_661.5)
    assert srt.startswith("1\n00:00:00,000 --> ")
    assert "--> 01:01:01,500\neight nine" in srt
    assert srt_to_vtt(srt).startswith("WEBVTT\n\n1\n00:00:00.000 --> ")
    assert is_srt(write_srt("", 2.0))
    assert not is_srt("no captions at all")


async def test_faults_reach_the_media_host(api: Api, sandbox: Sandbox) -> None:
    identifier = await api.video()
    await asyncio.sleep(100)
    url = (await api.get(f"/v3/videos/{identifier}")).data["video_url"]
    sandbox.faults.add("*", Fault.status(500))
    sandbox.faults.add("media", Fault.status(404, body="empty"))
    sandbox.faults.add("media", Fault.delay(5))
    assert (await api.raw("GET", url))[0] == 404
    _, _, late = await api.raw("GET", url)
    _, _, direct = await api.raw("GET", url)
    assert hashlib.sha256(late).digest() == hashlib.sha256(direct).digest()
