"""Videos for ``translate``: a single video, or the videos of a file of rows.

A file has a column ``video``: a URL, or the path of a file that is to be uploaded, from the folder
that the list itself is in. Other columns may be there:

- ``key`` names the video in the output, in the journal, and in the names of its files. Another
  column can be made the key. Without it the name is that of the video's file, without its ending.
- ``title`` is the video's title in the account.
- ``mode``, ``glossary`` and so on are the controls of its dubs, see ``dub_controls``.

Empty cells, and ``null`` in JSON, count as not given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from heygen_async.batch.tables.values import text_of
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.dub_controls import DUB_FIELDS, DUB_FILES, controls_of_cells
from heygen_async.cli.inputs.field_rows import FieldRows, MappedRows
from heygen_async.cli.inputs.row_files import Row
from heygen_async.cli.output_folder import file_stem

VIDEO_FIELDS: tuple[str, ...] = (
    "video",
    "key",
    "title",
    "length",
    *DUB_FIELDS,
)
"""Fields of a list of videos."""


@dataclass(frozen=True, slots=True)
class NamedVideo:
    """One video to be dubbed.

    Attributes:
        key: Its name in the output; empty where it is the only one.
        source: Its URL, or the file to upload.
        title: Its title in the account, or None.
        length: Its length in seconds, or None.
        controls: The controls of its dubs that its row gives, by name; those of ``DUB_FILES`` are
            URLs or files.
    """

    key: str
    source: str | Path
    title: str | None = None
    length: float | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)


def source_of(video: str, folder: Path) -> str | Path:
    """Return a video's URL, or its file.

    Args:
        video: The URL or path of the video.
        folder: The folder that paths are relative to.

    Raises:
        CommandError: The file does not exist.
    """
    source = _source(video, folder)
    if isinstance(source, Path) and not source.is_file():
        raise CommandError(f"{video}: there is no such file; a URL begins with https://")
    return source


def _source(video: str, folder: Path) -> str | Path:
    return video if video.lower().startswith(("http://", "https://")) else folder / video


def videos_of(rows: FieldRows, *, keyed: bool = False) -> Collection[NamedVideo]:
    """Make videos from rows and check all of them, including whether files exist.

    Args:
        rows: The rows, with ``VIDEO_FIELDS``.
        keyed: Whether each row must have a key. If any has one, all must.

    Returns:
        The videos, created during iteration.

    Raises:
        CommandError: A row is invalid; the message names its line.
    """
    path = rows.path
    rows.require("video", "each row needs: a URL or a file")
    keyed = keyed or "key" in rows.counts
    names: set[int] = set()  # hashes: there may be many

    def video_of(_: int, row: Row) -> NamedVideo:
        texts = {name: str(text_of(value)) for name, value in row.values.items()}
        source = _source(texts["video"], path.parent)
        controls = controls_of_cells(texts, f"{path}, line {row.line}")
        files = {
            name: _source(controls[name], path.parent) for name in DUB_FILES if name in controls
        }
        return NamedVideo(
            rows.key(row) if keyed else _stem(source),
            source,
            texts.get("title"),
            _seconds(texts.get("length"), f"{path}, line {row.line}"),
            controls | files,
        )

    for index, row in enumerate(rows):
        where = f"{path}, line {row.line}"
        if "video" not in row.values:
            raise CommandError(f"{where}: there is no video")
        if keyed and not rows.key(row):
            raise CommandError(f"{where}: there is no key, which each row needs here")
        try:
            named = (str(row.values[name]) for name in ("video", *DUB_FILES) if name in row.values)
            if any(isinstance(source_of(one, path.parent), Path) for one in named) and rows.remote:
                raise CommandError("a list from a URL can name URLs only, and no local files")
        except CommandError as error:
            raise CommandError(f"{where}: {error}") from None
        video = video_of(index, row)
        hashed = hash(_file_name(video))
        if hashed in names:
            for earlier in itertools.islice(rows, index):
                if _file_name(video_of(0, earlier)) == _file_name(video):
                    both = f"{video.key!r} and line {earlier.line} have the same file names"
                    hint = "" if keyed else '; a column "key" can tell them apart'
                    raise CommandError(f"{where}: {both}{hint}")
        names.add(hashed)
    return MappedRows(rows, video_of)


def _file_name(video: NamedVideo) -> str:
    """Return the name of its files. Some file systems ignore case."""
    return file_stem(video.key).casefold()


def _seconds(text: str | None, where: str) -> float | None:
    try:
        seconds = None if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise CommandError(f"{where}: length: expected seconds, got {text!r}")
    return seconds


def _stem(source: str | Path) -> str:
    if isinstance(source, Path):
        return source.stem
    parts = urlsplit(source)
    return PurePosixPath(unquote(parts.path)).stem or parts.netloc
