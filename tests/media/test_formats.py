"""Lengths and tracks of files that are available in part."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.media.formats import (
    MediaInfo,
    NoParser,
    is_media,
    media_type,
    read_media,
)
from heygen_async.media.partial_file import MissingBytes, PartialFile
from tests.media.samples import sample, stretched

# One frame of AAC, nine bytes long.
ADTS = b"\xff\xf1\x50\x80\x01\x3f\xfc\x21\x10"
QUICK = settings(max_examples=100, deadline=None, database=None)


def whole(content: bytes) -> PartialFile:
    file = PartialFile(len(content))
    file.add(0, content)
    return file


def read_by_parts(content: bytes, chunk: int) -> tuple[MediaInfo, int]:
    """Return the length read from parts on demand, and the number of bytes read."""
    file = PartialFile(len(content))
    kind = media_type(content[:2000])
    while True:
        info = read_media(file, kind)
        if file.missing is None:
            return info, file.held
        at = file.missing
        file.add(at, content[at : at + min(chunk, file.gap_at(at))])


@pytest.mark.parametrize(
    ("container", "video", "audio", "kind"),
    [
        ("mp4", "mpeg4", "aac", "video/mp4"),
        ("mp4", "mpeg4", None, "video/mp4"),
        ("mov", "mpeg4", "aac", "video/quicktime"),
        ("ipod", None, "aac", "audio/mp4"),
        ("mp3", None, "libmp3lame", "audio/mpeg"),
        ("wav", None, "pcm_s16le", "audio/wav"),
        ("flac", None, "flac", "audio/flac"),
        ("webm", "libvpx", "libopus", "video/webm"),
        ("webm", None, "libopus", "video/webm"),
        ("matroska", "mpeg4", "aac", "video/x-matroska"),
        ("ogg", None, "libopus", "audio/ogg"),
        ("ogg", None, "flac", "audio/ogg"),
        ("adts", None, "aac", "audio/aac"),
        ("3gp", "mpeg4", "aac", "video/3gpp"),
        ("aiff", None, "pcm_s16be", "audio/aiff"),
        ("mpegts", "mpeg4", "aac", "video/mp2t"),
        ("avi", "mpeg4", "libmp3lame", "video/x-msvideo"),
    ],
)
def test_length_and_tracks_of_each_format(
    container: str, video: str | None, audio: str | None, kind: str
) -> None:
    content = sample(container, video, audio)
    assert media_type(content[:2000]) == kind
    assert is_media(kind)
    info = read_media(whole(content), kind)
    assert info.seconds == pytest.approx(4, abs=0.25)
    assert (info.has_video, info.has_audio) == (video is not None, audio is not None)
    assert read_by_parts(content, 1024)[0] == info


def test_an_index_at_the_end_takes_a_few_parts() -> None:
    content = stretched(sample("mp4", "mpeg4", "aac"), 50_000_000)
    info, held = read_by_parts(content, 65_536)
    assert info.seconds == pytest.approx(4, abs=0.1)
    assert (info.has_video, info.has_audio) == (True, True)
    assert held < 4 * 65_536  # one part of the head, one of the tail, and tinytag's own memory
    wav = sample("wav", None, "pcm_s16le", 200)
    assert len(wav) > 38_000_000
    info, held = read_by_parts(wav, 65_536)
    assert info.seconds == pytest.approx(200)
    assert held < 4 * 65_536  # one part of the head, one of the tail, and tinytag's own memory


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "text/html"),
        (b"<HTML lang=en>", "text/html"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x05.....\xff\xfb\x90\x00", "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x05.....fLaC", "audio/flac"),
        (b"ID3\x04\0\0\0\0\0\x05....." + ADTS, "audio/aac"),
        (b"ID3" * 3000, "audio/mpeg"),
        (ADTS[:4], None),
        (ADTS + b"other", None),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"#!AMR-WB\n", "audio/amr-wb"),
        (b"\0\0\0\x14ftyp3gp4", "video/3gpp"),
        (b"\0\0\0\x14ftyp3g2a", "video/3gpp2"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42", "audio/mp4"),
        (b"\0\0\0\x1cftypmp42\0\0\0\0M4A mp42", "video/mp4"),
        (b"\0\0\0\x1cftypqt  ", "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\x08\0mdat", "video/quicktime"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "image/avif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"),
        (b"\0\0\0\x18ftypmif1", "image/heif"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis", "audio/ogg"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x2a\x80theora", "video/ogg"),
        (b"OggS\0\x02", "application/ogg"),
        (b"FORM\0\0\0\0AIFC", "audio/aiff"),
        (b"RF64\xff\xff\xff\xffWAVE", "audio/wav"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", "video/mp2t"),
        (b"G" + bytes(500), None),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"{}", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, kind: str | None) -> None:
    assert media_type(head) == kind


@QUICK
@given(
    seed=st.sampled_from(["mp4", "webm", "mp3", "wav"]),
    cuts=st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=8)), max_size=6),
    end=st.integers(0, 12_000),
)
def test_broken_files_are_of_unknown_length_and_raise_nothing(
    seed: str, cuts: list[tuple[int, bytes]], end: int
) -> None:
    tracks = {
        "mp4": ("mpeg4", "aac"),
        "webm": ("libvpx", "libopus"),
        "mp3": (None, "libmp3lame"),
        "wav": (None, "pcm_s16le"),
    }
    content = bytearray(sample(seed, *tracks[seed], 1))
    for at, data in cuts:
        content[at : at + len(data)] = data
    info = read_media(whole(bytes(content[:end])), media_type(bytes(content[:2000])))
    assert info.seconds is None or info.seconds > 0


def test_boxes_without_end_are_given_up() -> None:
    box = struct.pack(">I4s", 8, b"moov")
    for content in (box * 40_000, struct.pack(">I4sQ", 1, b"free", 2**63 - 1) * 3, box[:4] * 99):
        info = read_media(whole(b"\0\0\0\x10ftypisom...." + content), "video/mp4")
        assert info.seconds is None


def test_playlists_do_not_make_ffmpeg_open_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.wav").write_bytes(sample("wav", None, "pcm_s16le"))
    playlist = b"ffconcat version 1.0\nfile other.wav\nduration 4\n"
    assert read_media(whole(playlist), None) == MediaInfo()


def test_without_the_extra_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinytag", None)
    with pytest.raises(NoParser):
        read_media(whole(sample("wav", None, "pcm_s16le")), "audio/wav")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "av", None)
    assert read_media(whole(sample("wav", None, "pcm_s16le")), "audio/wav").seconds == 4
    with pytest.raises(NoParser):
        read_media(whole(sample("webm", None, "libopus")), "video/webm")


@QUICK
@given(
    content=st.binary(max_size=200),
    steps=st.lists(st.tuples(st.integers(-250, 250), st.integers(0, 2), st.integers(-1, 250))),
    chunk=st.integers(1, 50),
)
def test_a_partial_file_reads_like_any_other(
    content: bytes, steps: list[tuple[int, int, int]], chunk: int
) -> None:
    file, reference = PartialFile(len(content)), io.BytesIO(content)
    for offset, whence, size in steps:
        try:
            reference.seek(offset, whence)
        except ValueError:
            with pytest.raises(OSError, match="negative"):
                file.seek(offset, whence)
            continue
        if reference.tell() < 0 or (whence and reference.tell() == 0 and offset < 0):
            reference.seek(0)  # BytesIO stops at 0, where a file raises
            file.seek(0)
        else:
            assert file.seek(offset, whence) == reference.tell()
        expected = reference.read(size)
        while True:
            try:
                data = file.read(size)
            except MissingBytes as missing:
                at = missing.offset
                assert file.missing is not None
                file.add(at, content[at : at + min(chunk, file.gap_at(at))])
            else:
                break
        assert data == expected
        assert file.tell() == reference.tell()
    file.restart()
    assert (file.missing, file.tell()) == (None, 0)
