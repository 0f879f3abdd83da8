"""Encode a drawing with PyAV, in a process of its own.

As a program it reads tasks from standard input and answers each on standard output when its file is
written. It ends with its input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import msgspec
from PIL import Image

from ..plain.wav import SAMPLE_RATE
from .drawing import HEADER, Drawing, Task
from .frames import Painter
from .sound import samples
from .timeline import SpokenLine

__all__ = ["main", "write"]

_MILLISECOND = Fraction(1, 1000)
_GIF_SECONDS = 3.0
_KEY_FRAMES_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Format:
    """Codecs of a container, and their options."""

    video: str
    pixels: str
    options: dict[str, str]
    audio: str
    samples: str
    audio_options: dict[str, str]


_FORMATS = {
    # One thread for each file: the pool has one process for each core, and the bytes are the same
    # on any machine.
    "mp4": _Format(
        "libx264",
        "yuv420p",
        {"preset": "ultrafast", "tune": "stillimage", "crf": "28", "threads": "1"},
        "aac",
        "fltp",
        {"aac_coder": "fast"},
    ),
    "webm": _Format(
        "libvpx-vp9",
        "yuva420p",
        {"deadline": "realtime", "cpu-used": "8", "crf": "34", "b": "0", "auto-alt-ref": "0"},
        "libopus",
        "s16",
        {},
    ),
}


def write(task: Task) -> None:
    """Write the file of a task; the same drawing always makes the same bytes."""
    painter = Painter(task.drawing)
    if task.extension == "png":
        painter.still().save(task.path, "PNG")
    elif task.extension == "gif":
        _write_gif(task, painter)
    else:
        _write_video(task, painter)


def _write_gif(task: Task, painter: Painter) -> None:
    drawing = task.drawing
    seconds = min(_GIF_SECONDS, drawing.seconds)
    count = max(1, round(seconds * drawing.frames_per_second))
    size = (drawing.size[0] // 2, drawing.size[1] // 2)
    times = (index / drawing.frames_per_second for index in range(count))
    frames = [painter.frame(at).convert("RGB").resize(size) for at in times]
    pause = round(1000 / drawing.frames_per_second)
    frames[0].save(
        task.path, "GIF", save_all=True, append_images=frames[1:], duration=pause, loop=0
    )


def _write_video(task: Task, painter: Painter) -> None:
    drawing, form = task.drawing, _FORMATS[task.extension]
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    if task.extension == "webm":
        del options["movflags"]
    length = round(drawing.seconds * 1000)
    rate = Fraction(drawing.frames_per_second).limit_denominator(1000)
    with av.open(task.path, "w", format=task.extension, options=options) as container:
        picture: Any = container.add_stream(form.video, rate=rate, options=form.options)
        picture.width, picture.height = drawing.size
        picture.pix_fmt = form.pixels
        picture.codec_context.time_base = _MILLISECOND
        picture.codec_context.gop_size = max(1, round(_KEY_FRAMES_SECONDS * rate))
        sound: Any = container.add_stream(
            form.audio, rate=SAMPLE_RATE, layout="mono", options=form.audio_options
        )
        sound.bit_rate = 16_000
        packets = _sound_packets(drawing, painter.lines, sound, form)
        times = [round(index * 1000 / rate) for index in range(-(-length * rate // 1000))] or [0]
        for index, (packet, at) in enumerate(_picture_packets(painter, times, picture)):
            following = times[index + 1] if index + 1 < len(times) else length
            packet.duration = round((following - at) * _MILLISECOND / packet.time_base)
            container.mux(packet)
            # Sound and picture of the same time lie side by side, as players read them.
            for heard in packets:
                container.mux(heard)
                if heard.pts * heard.time_base * 1000 >= following:
                    break
        for heard in packets:
            container.mux(heard)


def _picture_packets(painter: Painter, times: list[int], stream: Any) -> Iterator[tuple[Any, int]]:
    """Yield the packet and the time in milliseconds of each frame."""
    ready = iter(times)
    for at in times:
        frame = _frame(painter.frame(at / 1000))
        frame.pts, frame.time_base = at, _MILLISECOND
        for packet in stream.encode(frame):
            yield packet, next(ready)
    for packet in stream.encode():
        yield packet, next(ready)


def _frame(image: Image.Image) -> av.VideoFrame:
    """Return an image as a frame, with its transparency, which `VideoFrame.from_image` drops."""
    width, height = image.size
    frame = av.VideoFrame(width, height, "rgba" if image.mode == "RGBA" else "rgb24")
    plane: Any = frame.planes[0]
    row = width * len(image.mode)
    content = image.tobytes()
    if plane.line_size != row:
        padding = bytes(plane.line_size - row)
        rows = (content[start : start + row] for start in range(0, len(content), row))
        content = b"".join(line + padding for line in rows)
    plane.update(content)
    return frame


def _sound_packets(
    drawing: Drawing, lines: Sequence[SpokenLine], stream: Any, form: _Format
) -> Iterator[Any]:
    resampler = av.AudioResampler(format=form.samples, layout="mono", rate=SAMPLE_RATE)
    at = 0
    for piece in samples(drawing, lines):
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
        plane: Any = frame.planes[0]
        plane.update(piece + bytes(plane.buffer_size - len(piece)))
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
        at += frame.samples
        for resampled in resampler.resample(frame):
            yield from stream.encode(resampled)
    yield from stream.encode()


def main() -> None:
    """Write the files of all tasks from standard input."""
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    decoder = msgspec.msgpack.Decoder(Task)
    while message := _read(tasks):
        task = decoder.decode(message)
        try:
            write(task)
        except Exception as error:
            Path(task.path).unlink(missing_ok=True)
            answer = f"{type(error).__name__}: {error}".encode()
        else:
            answer = b""
        answers.write(len(answer).to_bytes(HEADER, "big") + answer)
        answers.flush()


def _read(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(HEADER), "big"))


if __name__ == "__main__":
    main()
