"""Describe what a file shows; plain data, from which another process draws it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec

__all__ = ["FRAMES_PER_SECOND", "HEADER", "Drawing", "Scene", "SourceFile", "Task", "size_of"]

#: Frames per second of a video whose request asks for no rate.
FRAMES_PER_SECOND = 2.0
#: Bytes before each message between processes; they give its length.
HEADER = 4
#: Pixels of the shorter side, by the resolution of a request; None if it asks for none.
_SHORT_SIDES = {None: 360, "720p": 720, "1080p": 1080, "4k": 2160}


def size_of(aspect_ratio: str, resolution: str | None = None) -> tuple[int, int]:
    """Return width and height in pixels, both even.

    Args:
        aspect_ratio: Such as `16:9`, for which a video without a resolution has 640 by 360 pixels.
        resolution: `720p`, `1080p` or `4k`; None (default) for 360 pixels on the shorter side.
    """
    width, height = (int(part) for part in aspect_ratio.split(":"))
    scale = _SHORT_SIDES[resolution] / min(width, height)
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A picture or a recording of a request.

    Attributes:
        name: Name to show if it is not a picture in the sandbox.
        content: Content, or empty.
        path: Path of the content if it is in a file, or empty.
    """

    name: str
    content: bytes = b""
    path: str = ""

    def open(self) -> BinaryIO:
        """Open its content; the caller closes it."""
        return Path(self.path).open("rb") if self.path else BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class Scene:
    """A part of a video.

    Attributes:
        seconds: Playing time.
        text: Spoken text; tags are not spoken.
        notes: Texts that are shown and not spoken.
        pictures: Pictures beside the text.
    """

    seconds: float
    text: str = ""
    notes: tuple[str, ...] = ()
    pictures: tuple[SourceFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """The content of one video, and of its still picture.

    Attributes:
        title: Headline.
        scenes: Its parts, in order.
        size: Width and height in pixels.
        frames_per_second: Frames per second.
        language: English name of the spoken language, or empty.
        speaker: Name of the person who is shown, or empty.
        style: Determines the colours.
        background: Colour of the background, such as `#1a2b3c`; empty derives it from `style`.
        srt: Captions that determine the words and their times; None spreads the texts evenly.
        captioned: Whether captions are drawn into the frames.
        transparent: Whether there is no background.
        sound: A recording that is heard in place of the words, or None.
    """

    title: str
    scenes: tuple[Scene, ...]
    size: tuple[int, int] = (640, 360)
    frames_per_second: float = FRAMES_PER_SECOND
    language: str = ""
    speaker: str = ""
    style: str = ""
    background: str = ""
    srt: str | None = None
    captioned: bool = False
    transparent: bool = False
    sound: SourceFile | None = None

    @property
    def seconds(self) -> float:
        """Playing time in seconds, exact to the millisecond."""
        return max(0.001, round(sum(scene.seconds for scene in self.scenes), 3))

    @property
    def digest(self) -> str:
        """A hash of the whole content."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class Task:
    """A file to write.

    Attributes:
        drawing: Its content.
        extension: `mp4`, `webm`, `png` or `gif`.
        path: Path of the file.
    """

    drawing: Drawing
    extension: str
    path: str
