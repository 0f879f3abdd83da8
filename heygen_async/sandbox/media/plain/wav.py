"""Generate speech as a wav with one soft tone per word, in pieces."""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..speech import SpokenWord

__all__ = ["SAMPLE_RATE", "wav_chunks", "wav_size"]

#: Samples per second, 16 bit, mono.
SAMPLE_RATE = 16_000
_HEADER = 44
_LOUDNESS = 6_000
# With whole periods per word, tones begin and end at zero, without clicks.
_PERIODS = tuple(range(40, 140, 7))
_SILENCE = bytes(2 * SAMPLE_RATE)


def wav_size(seconds: float) -> int:
    """Return the bytes of a wav of this length."""
    return _HEADER + 2 * round(seconds * SAMPLE_RATE)


def wav_chunks(
    words: Sequence[SpokenWord], seconds: float, start: int, stop: int
) -> Iterator[bytes]:
    """Yield the bytes `start` to `stop` (exclusive) of the wav, in pieces of a few seconds."""
    position = 0
    for piece in _pieces(words, seconds):
        following = position + len(piece)
        if following > start and position < stop:
            yield piece[max(0, start - position) : stop - position]
        position = following
        if position >= stop:
            return


def _pieces(words: Sequence[SpokenWord], seconds: float) -> Iterator[bytes]:
    samples = round(seconds * SAMPLE_RATE)
    yield _header(samples)
    at = 0
    for word in words:
        begin = round(word.start * SAMPLE_RATE)
        end = min(samples, round(word.end * SAMPLE_RATE))
        yield from _silence(begin - at)
        period = _PERIODS[zlib.crc32(word.word.lower().encode()) % len(_PERIODS)]
        tone = _tone(period) * ((end - begin) // period)
        yield tone
        at = begin + len(tone) // 2
    yield from _silence(samples - at)


def _silence(samples: int) -> Iterator[bytes]:
    left = 2 * samples
    while left > 0:
        yield _SILENCE[:left]
        left -= len(_SILENCE)


@lru_cache(maxsize=len(_PERIODS))
def _tone(period: int) -> bytes:
    wave = (math.sin(2 * math.pi * i / period) for i in range(period))
    values = array("h", (round(_LOUDNESS * value) for value in wave))
    return struct.pack(f"<{period}h", *values)


def _header(samples: int) -> bytes:
    size = 2 * samples
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + size,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        SAMPLE_RATE,
        2 * SAMPLE_RATE,
        2,
        16,
        b"data",
        size,
    )
