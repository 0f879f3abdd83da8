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
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_files import Rows
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
    if video.lower().startswith(("http://", "https://")):
        return video
    path = folder / video
    if not path.is_file():
        raise CommandError(f"{video}: there is no such file; a URL begins with https://")
    return path


def videos_of(rows: Rows, key_column: str | None = None) -> list[NamedVideo]:
    """Make videos from rows, and check all of them. It looks whether files are there.

    Args:
        rows: The rows.
        key_column: The column of the keys, which each row must have. Default: ``key``, which
            all rows have or none.

    Raises:
        CommandError: A row does not do; names its line.
    """
    column = key_column or "key"
    path = rows.path
    _check_columns(rows, column)
    keyed = key_column is not None or column in rows.counts
    videos: list[NamedVideo] = []
    line_of_name: dict[str, int] = {}
    for row in rows:
        where = f"{path}, line {row.line}"
        texts = {name: str(value) for name, value in row.values.items()}
        if "video" not in texts:
            raise CommandError(f"{where}: there is no video")
        if keyed and column not in texts:
            raise CommandError(f"{where}: there is no {column}, which each row needs here")
        try:
            source = source_of(texts["video"], path.parent)
        except CommandError as error:
            raise CommandError(f"{where}: {error}") from None
        key = texts[column] if keyed else _stem(source)
        # Keys name files, and some file systems do not tell Anna from anna.
        earlier = line_of_name.setdefault(file_stem(key).casefold(), row.line)
        if earlier != row.line:
            hint = "" if keyed else '; a column "key" can tell them apart'
            raise CommandError(f"{where}: {key!r} names files as line {earlier} does{hint}")
        videos.append(
            NamedVideo(
                key,
                source,
                texts.get("title"),
                texts.get("input_language"),
                _seconds(texts.get("length"), where),
            )
        )
    return videos


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
