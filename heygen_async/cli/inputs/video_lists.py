"""Videos for ``translate``: one, or those of a CSV or JSON Lines file.

A file has a column ``video``: a URL, or the path of a file that is to be uploaded, from the folder
that the list itself is in. Other columns may be there:

- ``key`` names the video in the output, in the journal, and in the names of its files. Another
  column can be made the key. Without it the name is that of the video's file, without its ending.
- ``title`` is the video's title in the account.
- ``input_language`` is the language that is spoken in it.

Empty cells, and ``null`` in JSON, count as not given.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_files import MappedRows, Row, Rows
from heygen_async.cli.output_folder import file_stem

LISTS = (".csv", ".jsonl", ".ndjson")
_COLUMNS = ("video", "key", "title", "input_language", "length")


@dataclass(frozen=True, slots=True)
class NamedVideo:
    """One video that is to be dubbed.

    Attributes:
        key: Its name in the output; empty where it is the only one.
        source: Its URL, or the file that is to be uploaded.
        title: Its title in the account, or None.
        input_language: What is spoken in it, or None.
        length: How many seconds it lasts, or None.
    """

    key: str
    source: str | Path
    title: str | None = None
    input_language: str | None = None
    length: float | None = None


def source_of(video: str, folder: Path) -> str | Path:
    """Return a video's URL, or its file.

    Args:
        video: What names it.
        folder: The folder that a path goes from.

    Raises:
        CommandError: There is no such file.
    """
    source = _source(video, folder)
    if isinstance(source, Path) and not source.is_file():
        raise CommandError(f"{video}: there is no such file; a URL begins with https://")
    return source


def _source(video: str, folder: Path) -> str | Path:
    return video if video.lower().startswith(("http://", "https://")) else folder / video


def videos_of(rows: Rows, key_column: str | None = None) -> Collection[NamedVideo]:
    """Make videos from rows, and check all of them. It looks whether files are there.

    Args:
        rows: The rows.
        key_column: The column of the keys, which each row must have. Default: ``key``, which
            all rows have or none.

    Returns:
        The videos, each made while they are iterated over.

    Raises:
        CommandError: A row does not do; names its line.
    """
    column = key_column or "key"
    path = rows.path
    _check_columns(rows, column)
    keyed = key_column is not None or column in rows.counts
    names: set[int] = set()  # hashes: there may be many

    def video_of(_: int, row: Row) -> NamedVideo:
        texts = {name: str(value) for name, value in row.values.items()}
        source = _source(texts["video"], path.parent)
        return NamedVideo(
            texts[column] if keyed else _stem(source),
            source,
            texts.get("title"),
            texts.get("input_language"),
            _seconds(texts.get("length"), f"{path}, line {row.line}"),
        )

    for index, row in enumerate(rows):
        where = f"{path}, line {row.line}"
        for name in ("video", column) if keyed else ("video",):
            if name not in row.values:
                needed = "" if name == "video" else ", which each row needs here"
                raise CommandError(f"{where}: there is no {name}{needed}")
        try:
            source_of(str(row.values["video"]), path.parent)
        except CommandError as error:
            raise CommandError(f"{where}: {error}") from None
        video = video_of(index, row)
        hashed = hash(_file_name(video))
        if hashed in names:
            for earlier in itertools.islice(rows, index):
                if _file_name(video_of(0, earlier)) == _file_name(video):
                    hint = "" if keyed else '; a column "key" can tell them apart'
                    raise CommandError(
                        f"{where}: {video.key!r} names files as line {earlier.line} does{hint}"
                    )
        names.add(hashed)
    return MappedRows(rows, video_of)


def _file_name(video: NamedVideo) -> str:
    """Return the name of its files. Some file systems do not tell Anna from anna."""
    return file_stem(video.key).casefold()


def _seconds(text: str | None, where: str) -> float | None:
    try:
        seconds = None if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise CommandError(f"{where}: length: expected seconds, got {text!r}")
    return seconds


def _check_columns(rows: Rows, key_column: str) -> None:
    known = {*_COLUMNS, key_column}
    path, names = rows.path, rows.first_lines
    if "video" not in names:
        raise CommandError(f'{path}: there is no column "video" with URLs or files')
    if key_column not in ("key", *names):
        raise CommandError(f"{path}: there is no column {key_column!r} for the keys")
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, _COLUMNS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(_COLUMNS)}"
            raise CommandError(f"{path}: there is no use for a column {name!r}{hint}")


def _stem(source: str | Path) -> str:
    if isinstance(source, Path):
        return source.stem
    parts = urlsplit(source)
    return PurePosixPath(unquote(parts.path)).stem or parts.netloc
