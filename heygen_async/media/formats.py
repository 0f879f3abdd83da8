"""Read length and tracks of a media file. Pure, except that it loads the parsers.

tinytag reads mp3, wav, m4a, mp4 and similar formats; PyAV reads webm and others. Both are in the
extra ``media``.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator

import msgspec

from heygen_async.media.partial_file import PartialFile

HINT = "pip install av tinytag (the extra media) to have it measured"
"""Advice for the case that no parser is installed."""

# Formats by their first bytes.
_SIGNATURES = (
    (b"fLaC", "audio/flac"),
    (b"#!AMR-WB", "audio/amr-wb"),
    (b"#!AMR", "audio/amr"),
    (b"caff", "audio/x-caf"),
    (b"RF64", "audio/wav"),
    (b"FLV\x01", "video/x-flv"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
# MP4 and its relatives by their brand, and before they had brands by their first box.
_BRANDS = {
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "), "audio/mp4"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    b"qt  ": "video/quicktime",
}
_BOXES_OF_QUICKTIME = (b"moov", b"mdat", b"wide", b"pnot")
# Ogg by the beginning of its first packet.
_OGG = (
    (b"OpusHead", "audio/ogg"),
    (b"\x01vorbis", "audio/ogg"),
    (b"\x7fFLAC", "audio/ogg"),
    (b"Speex   ", "audio/ogg"),
    (b"\x80theora", "video/ogg"),
)
_MP4 = ("video/mp4", "audio/mp4", "video/quicktime", "video/3gpp", "video/3gpp2")
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<!--")
_MEDIA_DATA = ("audio/", "video/", "application/ogg")
# Enough for headers, without a search through the whole file. Playlists (hls, concat) are excluded,
# because FFmpeg would open other files and URLs for them.
_AV_OPTIONS = {
    "probesize": "65536",
    "analyzeduration": "0",
    "format_whitelist": "matroska,ogg,mov,mp3,wav,w64,flac,aac,aiff,amr,avi,flv,asf,mpeg,mpegts",
    "protocol_whitelist": "none",
}
# A valid file does not have more or deeper MP4 boxes.
_MAX_BOXES = 10_000


class MediaInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a parser.

    Attributes:
        seconds: Length, or None if the file does not contain it.
        has_video: Whether there is a video track, or None if unknown.
        has_audio: Whether there is an audio track, or None if unknown.
    """

    seconds: float | None = None
    has_video: bool | None = None
    has_audio: bool | None = None


class NoParser(Exception):
    """The parser for the format is not installed."""


def media_type(head: bytes) -> str | None:
    """Return the MIME type that the first bytes of a file show, or None if unknown.

    Args:
        head: At least the first kilobyte, if the file is that long.
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return _mp4_type(head)
    if head[4:8] in _BOXES_OF_QUICKTIME:
        return "video/quicktime"
    if head.startswith(b"ID3"):
        # The tag may stand before other formats; its size has 7 bits in each byte.
        size = sum(part << 7 * (3 - place) for place, part in enumerate(head[6:10]))
        tagged = head[10 + size :]
        if tagged.startswith(b"fLaC"):
            return "audio/flac"
        return "audio/aac" if _is_aac(tagged) else "audio/mpeg"
    if head.startswith(b"OggS"):
        packet = head[27 + head[26] :] if len(head) > 27 else b""
        return next((kind for start, kind in _OGG if packet.startswith(start)), "application/ogg")
    if head.startswith(b"FORM"):
        return "audio/aiff" if head[8:12] in (b"AIFF", b"AIFC") else None
    if head.startswith(b"RIFF"):
        kinds = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
        return kinds.get(head[8:12])
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "audio/mpeg"
    if _is_aac(head):
        return "audio/aac"
    if head[:1] == b"G" == head[188:189] == head[376:377]:
        return "video/mp2t"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:100].lower()
    return "text/html" if text.startswith(_MARKUP) else None


def _mp4_type(head: bytes) -> str:
    """Return the type of a brand; of a general brand, the type of those compatible with it."""
    brand = head[8:12]
    if brand.startswith(b"3g"):
        return "video/3gpp2" if brand.startswith(b"3g2") else "video/3gpp"
    kind = _BRANDS.get(brand, "video/mp4")
    if kind == "image/heif":
        compatible = (_BRANDS.get(head[at : at + 4], "") for at in range(16, head[3], 4))
        return next((one for one in compatible if one in ("image/heic", "image/avif")), kind)
    return kind


def _is_aac(head: bytes) -> bool:
    """Return whether AAC begins here: two frames, or one that ends after the known bytes."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length >= 7 and head[length : length + 2] in (head[:2], b"")


def picture_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, GIF, JPEG or WebP, or None if unknown.

    Args:
        head: The first bytes of the file. Those of a JPEG may have its size later.
    """
    try:
        if head.startswith(b"\x89PNG"):
            width, height = struct.unpack_from(">II", head, 16)
        elif head.startswith(b"GIF8"):
            width, height = struct.unpack_from("<HH", head, 6)
        elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            width, height = _webp_size(head)
        elif head.startswith(b"\xff\xd8"):
            width, height = _jpeg_size(head)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return (width, height) if width and height else None


def _webp_size(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        sides = head[24:30]
        return int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", head, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(head: bytes) -> tuple[int, int]:
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return 0, 0


def is_media(kind: str | None) -> bool:
    """Return whether files of a MIME type have a length."""
    return kind is not None and kind.startswith(_MEDIA_DATA)


def read_media(file: PartialFile, kind: str | None) -> MediaInfo:
    """Read length and tracks. Blocks: on an event loop, call it in a thread.

    Args:
        file: The file. If ``file.missing`` is set afterwards, the result is incomplete.
        kind: Its MIME type.

    Raises:
        NoParser: The parser for the format is not installed.
    """
    file.restart()
    has_video = has_audio = None
    if kind in _MP4:
        tracks = set[bytes]()
        with contextlib.suppress(OSError, struct.error):
            tracks = set(_mp4_handlers(file))
        if tracks and file.missing is None:
            has_video, has_audio = b"vide" in tracks, b"soun" in tracks
    elif kind is not None and kind.startswith("audio/"):
        has_video, has_audio = False, True
    file.seek(0)
    seconds = _tinytag_seconds(file)
    if file.missing is None and (seconds is None or has_video is None):
        file.seek(0)
        found = _av_info(file)
        seconds = found.seconds if seconds is None else seconds
        has_video = found.has_video if has_video is None else has_video
        has_audio = found.has_audio if has_audio is None else has_audio
    return MediaInfo(seconds=seconds, has_video=has_video, has_audio=has_audio)


def _tinytag_seconds(file: PartialFile) -> float | None:
    """Return the length according to tinytag, or None if it cannot read the file."""
    try:
        from tinytag import TinyTag, TinyTagException
    except ImportError:
        raise NoParser from None
    try:
        tag = TinyTag.get(file_obj=file, tags=False)  # type: ignore[arg-type]
    except (TinyTagException, OSError):
        return None
    return _length(tag.duration)


def _av_info(file: PartialFile) -> MediaInfo:
    """Return what PyAV finds, or nothing if it cannot read the file."""
    try:
        import av
    except ImportError:
        raise NoParser from None
    try:
        with av.open(file, mode="r", options=_AV_OPTIONS) as container:
            streams = container.streams
            seconds = None
            if container.duration is not None:
                seconds = _length(container.duration / av.time_base)
            return MediaInfo(
                seconds=seconds, has_video=bool(streams.video), has_audio=bool(streams.audio)
            )
    except (av.FFmpegError, OSError, ValueError):
        return MediaInfo()


def _length(seconds: float | None) -> float | None:
    """Return a length, or None if it is not a usable one."""
    usable = seconds is not None and math.isfinite(seconds) and seconds > 0
    return seconds if usable else None


def _mp4_handlers(file: PartialFile) -> Iterator[bytes]:
    """Yield the kind of each track, such as ``vide`` or ``soun``, without reading its samples."""
    ends = [2**63]
    for _ in range(_MAX_BOXES):
        start = file.tell()
        while start >= ends[-1]:
            ends.pop()
        header = file.read(8)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header)
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        end = start + size if size else ends[-1]  # size 0: up to the end
        if end < file.tell():
            return  # not a box
        if kind in (b"moov", b"trak", b"mdia"):
            ends.append(min(end, ends[-1]))
            continue
        if kind == b"hdlr":
            yield file.read(12)[8:12]
        if kind == b"moof":
            return  # fragments follow, and no further tracks
        file.seek(min(end, 2**62))
