"""Media files of a few kilobytes, made on the fly."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import cache
from typing import Any

import av


@cache
def sample(container: str, video: str | None, audio: str | None, seconds: int = 4) -> bytes:
    """A grey picture, and silence.

    Args:
        container: Name of the format, such as ``mp4``; its index is at the end.
        video: Codec of the video track, or None.
        audio: Codec of the audio track, or None.
        seconds: Length.
    """
    buffer = io.BytesIO()
    output: Any = av.open(buffer, "w", format=container)
    pictures: Any = None if video is None else output.add_stream(video, rate=5)
    sound: Any = None if audio is None else output.add_stream(audio, rate=48_000)
    if pictures is not None:
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        for number in range(seconds * 5):
            picture: Any = av.VideoFrame(64, 64, "yuv420p")
            for plane in picture.planes:  # whose memory holds anything
                plane.update(b"\x80" * plane.buffer_size)
            picture.pts = number
            output.mux(pictures.encode(picture))
        output.mux(pictures.encode(None))
    if sound is not None:
        at = 0
        while at < seconds * 48_000:
            frame: Any = av.AudioFrame(
                format=sound.format.name,
                layout=sound.layout.name,
                samples=min(sound.frame_size or 1024, seconds * 48_000 - at),
            )
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), at
            at += frame.samples
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    output.close()
    return buffer.getvalue()


def stretched(mp4: bytes, by: int) -> bytes:
    """An mp4 with so many bytes more between its first box and the others."""
    (first,) = struct.unpack(">I", mp4[:4])
    return mp4[:first] + struct.pack(">I4s", by, b"free") + bytes(by - 8) + mp4[first:]
