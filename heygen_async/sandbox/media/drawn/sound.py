"""Make the sound of a video: a recording of its request, or one tone per word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import av

from ..plain.wav import SAMPLE_RATE, wav_chunks, wav_size
from ..speech import SpokenWord
from .drawing import Drawing, SourceFile
from .timeline import SpokenLine

__all__ = ["samples"]

_WAV_HEADER = 44
#: Seconds from one tone to the next in a video without words.
_TONE_EVERY = 0.5
#: The least bytes of a piece but the last: a call for each tone would take longer than encoding.
_PIECE = 2 * SAMPLE_RATE


def samples(drawing: Drawing, lines: Sequence[SpokenLine]) -> Iterator[bytes]:
    """Yield the sound in pieces of 16-bit mono samples, as long as the video to the sample."""
    whole = bytearray()
    for piece in _pieces(drawing, lines):
        whole += piece
        if len(whole) >= _PIECE:
            yield bytes(whole)
            whole.clear()
    if whole:
        yield bytes(whole)


def _pieces(drawing: Drawing, lines: Sequence[SpokenLine]) -> Iterator[bytes]:
    size = 2 * round(drawing.seconds * SAMPLE_RATE)
    left = size
    for piece in _recorded(drawing.sound):
        yield piece[:left]
        left -= min(left, len(piece))
        if not left:
            return
    if left < size:
        yield bytes(left)  # the recording has ended
        return
    words = [word for line in lines for word in line.words]
    if not words:
        count = max(1, int(drawing.seconds / _TONE_EVERY))
        starts = (index * _TONE_EVERY for index in range(count))
        words = [SpokenWord("♪", at, at + 0.9 * _TONE_EVERY) for at in starts]
    seconds = drawing.seconds
    yield from wav_chunks(words, seconds, _WAV_HEADER, wav_size(seconds))


def _recorded(source: SourceFile | None) -> Iterator[bytes]:
    """Yield the samples of a recording; nothing if it is not here or cannot be read."""
    if source is None:
        return
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        with source.open() as file, av.open(file, "r") as container:
            frames: Any = container.decode(audio=0)
            for frame in frames:
                for resampled in resampler.resample(frame):
                    yield bytes(resampled.planes[0])[: 2 * resampled.samples]
    except (av.FFmpegError, OSError, IndexError):  # no recording, or not one that can be read
        return
