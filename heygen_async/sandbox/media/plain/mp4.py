"""Write a small playable mp4 without a codec library.

The picture has three horizontal bands, whose colours derive from the video's name and change places
every few seconds. It is H.264 baseline: in a key frame, the first macroblock of each band is sent
as raw samples (I_PCM) and all others are predicted from their neighbour without a residual; every
other frame is one run of skipped macroblocks. A frame takes about ten bytes, and a half-hour video
some hundred kilobytes.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

from .pictures import colours_of

__all__ = ["FRAMES_PER_SECOND", "mp4", "size_of"]

FRAMES_PER_SECOND = 5
#: Frames from one key frame to the next.
_KEY_INTERVAL = 25
_BANDS = 3
#: Time units of the file per second.
_TIMESCALE = 1_000
_FRAME_TIME = _TIMESCALE // FRAMES_PER_SECOND
#: Width and height by aspect ratio, in pixels.
_SIZES = {
    "16:9": (320, 180),
    "9:16": (180, 320),
    "4:5": (256, 320),
    "5:4": (320, 256),
    "1:1": (240, 240),
}


def size_of(aspect_ratio: str) -> tuple[int, int]:
    """Return width and height in pixels for an aspect ratio; 16:9 for unknown ones."""
    return _SIZES.get(aspect_ratio, _SIZES["16:9"])


@lru_cache(maxsize=32)
def mp4(name: str, seconds: float, aspect_ratio: str) -> bytes:
    """Return the file.

    Args:
        name: Determines the colours.
        seconds: Playing time, exact to the millisecond.
        aspect_ratio: Such as `16:9`.
    """
    width, height = size_of(aspect_ratio)
    length = max(1, round(seconds * _TIMESCALE))
    count = max(1, -(-length // _FRAME_TIME))
    colours = [_to_ycbcr(colour) for colour in colours_of(name, _BANDS)]
    macroblocks = (-(-width // 16)) * (-(-height // 16))
    repeats = [_repeat_frame(number, macroblocks) for number in range(16)]
    # Two key frames in a row must not share an id, so each order of bands has two key frames.
    keys: dict[tuple[int, int], bytes] = {}
    samples = []
    for index in range(count):
        turn, since_key = divmod(index, _KEY_INTERVAL)
        if since_key:
            samples.append(repeats[since_key % 16])
            continue
        first, key_id = turn % _BANDS, turn % 2
        if (first, key_id) not in keys:
            turned = [*colours[first:], *colours[:first]]
            keys[first, key_id] = _key_frame(width, height, turned, key_id)
        samples.append(keys[first, key_id])
    return _boxes(width, height, length, samples)


def _to_ycbcr(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = colour
    luma = 16 + (66 * red + 129 * green + 25 * blue) // 256
    blue_difference = 128 + (-38 * red - 74 * green + 112 * blue) // 256
    red_difference = 128 + (112 * red - 94 * green - 18 * blue) // 256
    return luma, blue_difference, red_difference


class _Bits:
    """Writes the bits of one NAL unit."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def put(self, value: int, width: int) -> None:
        """Write a number with ``width`` bits."""
        self._text.append(f"{value:0{width}b}")

    def repeat(self, pattern: str, count: int) -> None:
        """Write a pattern of zeros and ones ``count`` times."""
        self._text.append(pattern * count)

    def exp_golomb(self, *values: int) -> None:
        """Write unsigned numbers in Exp-Golomb code, ue(v)."""
        for value in values:
            width = (value + 1).bit_length()
            self.put(value + 1, 2 * width - 1)

    def align(self) -> None:
        """Write zeros up to the next byte."""
        used = sum(map(len, self._text)) % 8
        self._text.append("0" * (-used % 8))

    def nal(self, header: int) -> bytes:
        """Return the finished unit, with its stop bit and its emulation prevention."""
        self._text.append("1")
        self.align()
        bits = "".join(self._text)
        payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
        # Start codes must not occur inside: a 3 is inserted after two zero bytes before a small
        # one.
        return bytes([header]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def _slice_header(bits: _Bits, *, key: bool, frame_number: int, key_id: int) -> None:
    bits.exp_golomb(0, 7 if key else 5, 0)  # first macroblock, all of one slice type, parameters
    bits.put(frame_number, 4)
    if key:
        bits.exp_golomb(key_id)
        bits.put(0, 2)  # keep no earlier pictures, no long-term reference
    else:
        bits.put(0, 3)  # reference count, list and marking as they are
    bits.exp_golomb(0, 1)  # quantiser unchanged, no deblocking


@lru_cache(maxsize=96)
def _repeat_frame(frame_number: int, macroblocks: int) -> bytes:
    bits = _Bits()
    _slice_header(bits, key=False, frame_number=frame_number, key_id=0)
    bits.exp_golomb(macroblocks)
    return _sample(bits.nal(0x41))


def _key_frame(width: int, height: int, colours: list[tuple[int, int, int]], key_id: int) -> bytes:
    bits = _Bits()
    _slice_header(bits, key=True, frame_number=0, key_id=key_id)
    columns, rows = -(-width // 16), -(-height // 16)
    shown = None
    raw_above = False
    for row in range(rows):
        band = row * _BANDS // rows
        begins = band != shown
        shown = band
        if begins:
            _raw_macroblock(bits, colours[band])
        else:
            _predicted_macroblocks(bits, 1, from_left=False, beside_raw=raw_above)
        _predicted_macroblocks(bits, 1, from_left=True, beside_raw=begins)
        _predicted_macroblocks(bits, columns - 2, from_left=True, beside_raw=False)
        raw_above = begins
    return _sample(bits.nal(0x65))


def _raw_macroblock(bits: _Bits, colour: tuple[int, int, int]) -> None:
    bits.exp_golomb(25)  # I_PCM
    bits.align()
    for value, count in zip(colour, (256, 64, 64), strict=True):
        bits.put(int.from_bytes(bytes([value]) * count, "big"), 8 * count)


def _predicted_macroblocks(bits: _Bits, count: int, *, from_left: bool, beside_raw: bool) -> None:
    """Write Intra_16x16 macroblocks without residual, copied from the left or from above.

    Raw neighbours count as full of coefficients, and the neighbours determine the code for "no
    coefficients".
    """
    luma, chroma = ("011", "010") if from_left else ("010", "011")
    unchanged_quantiser = "1"
    no_coefficients = "000011" if beside_raw else "1"
    bits.repeat(luma + chroma + unchanged_quantiser + no_coefficients, count)


def _sample(nal: bytes) -> bytes:
    return struct.pack(">I", len(nal)) + nal


def _sequence_parameters(width: int, height: int) -> bytes:
    columns, rows = -(-width // 16), -(-height // 16)
    bits = _Bits()
    bits.put(66, 8)  # baseline
    bits.put(0xC0, 8)  # constrained
    bits.put(30, 8)  # level 3
    bits.exp_golomb(0, 0, 2, 1)  # id, 4-bit frame numbers, output in coding order, one reference
    bits.put(0, 1)
    bits.exp_golomb(columns - 1, rows - 1)
    bits.put(0b11, 2)  # whole frames, 8x8 inference
    crop_right, crop_bottom = (columns * 16 - width) // 2, (rows * 16 - height) // 2
    bits.put(1, 1)
    bits.exp_golomb(0, crop_right, 0, crop_bottom)
    bits.put(0, 1)
    return bits.nal(0x67)


def _picture_parameters() -> bytes:
    bits = _Bits()
    bits.exp_golomb(0, 0)
    bits.put(0, 2)  # variable-length coding, no field order
    bits.exp_golomb(0, 0, 0)  # one slice group, one reference each way
    bits.put(0, 3)  # no weighting
    bits.exp_golomb(0, 0, 0)  # quantisers at their defaults
    bits.put(0b100, 3)  # slices say whether they deblock
    return bits.nal(0x68)


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def _full_box(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _boxes(width: int, height: int, length: int, samples: list[bytes]) -> bytes:
    file_type = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    # The tables precede the media, which lets players start at once. Their size does not depend on
    # the offset in them, so a first pass determines where the media begins.
    without_offset = _movie(width, height, length, samples, 0)
    offset = len(file_type) + len(without_offset) + 8
    movie = _movie(width, height, length, samples, offset)
    return file_type + movie + _box(b"mdat", *samples)


def _movie(width: int, height: int, length: int, samples: list[bytes], offset: int) -> bytes:
    movie_header = _full_box(
        b"mvhd",
        0,
        struct.pack(">IIIIIH10x", 0, 0, _TIMESCALE, length, 0x10000, 0x100),
        _MATRIX,
        struct.pack(">24xI", 2),
    )
    track_header = _full_box(
        b"tkhd",
        3,
        struct.pack(">IIIIIQHHHH", 0, 0, 1, 0, length, 0, 0, 0, 0, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    media_header = _full_box(
        b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, _TIMESCALE, length, 0x55C4, 0)
    )
    handler = _full_box(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"Sandbox\0")
    data_here = _box(b"dinf", _full_box(b"dref", 0, struct.pack(">I", 1), _full_box(b"url ", 1)))
    information = _box(
        b"minf",
        _full_box(b"vmhd", 1, bytes(8)),
        data_here,
        _sample_table(width, height, length, samples, offset),
    )
    media = _box(b"mdia", media_header, handler, information)
    return _box(b"moov", movie_header, _box(b"trak", track_header, media))


def _sample_table(width: int, height: int, length: int, samples: list[bytes], offset: int) -> bytes:
    count = len(samples)
    sequence, picture = _sequence_parameters(width, height), _picture_parameters()
    decoder = _box(
        b"avcC",
        b"\x01" + sequence[1:4] + b"\xff\xe1",
        struct.pack(">H", len(sequence)) + sequence,
        b"\x01" + struct.pack(">H", len(picture)) + picture,
    )
    entry = _box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH", 1, width, height, 0x480000, 0x480000, 0, 1),
        bytes(32) + struct.pack(">Hh", 24, -1),
        decoder,
    )
    last = length - (count - 1) * _FRAME_TIME
    times = [(count - 1, _FRAME_TIME), (1, last)] if count > 1 else [(1, last)]
    key_numbers = range(1, count + 1, _KEY_INTERVAL)
    return _box(
        b"stbl",
        _full_box(b"stsd", 0, struct.pack(">I", 1), entry),
        _full_box(
            b"stts", 0, struct.pack(">I", len(times)), *(struct.pack(">II", *t) for t in times)
        ),
        _full_box(
            b"stss", 0, struct.pack(f">I{len(key_numbers)}I", len(key_numbers), *key_numbers)
        ),
        _full_box(b"stsc", 0, struct.pack(">IIII", 1, 1, count, 1)),
        _full_box(b"stsz", 0, struct.pack(f">II{count}I", 0, count, *map(len, samples))),
        _full_box(b"stco", 0, struct.pack(">II", 1, offset)),
    )
