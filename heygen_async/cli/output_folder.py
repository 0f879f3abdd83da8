"""Where downloads go: a folder, or a pattern of paths and URLs."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path, PurePath
from typing import Any, TypeAlias

import msgspec

from heygen_async.batch import Outcome
from heygen_async.batch.downloads import row_of
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.results.item_rows import ItemRows
from heygen_async.delivery.patterns import (
    FilePattern,
    PathChecker,
    PatternItem,
    file_stem,
    is_url,
)
from heygen_async.errors import InvalidRequest
from heygen_async.models.outputs import Output

__all__ = ["Destination", "OutputFolder", "OutputPattern", "destination", "file_stem"]


class OutputFolder:
    """A folder for downloads, created immediately, before any paid call.

    Args:
        path: The folder.
        name: Returns the name of an outcome's files if keys were checked. Default: its key.

    Raises:
        CommandError: The folder cannot be created or written to.
    """

    def __init__(self, path: Path, name: Callable[[Outcome[Any]], str] | None = None) -> None:
        self.path = path
        self.name: Callable[[Outcome[Any]], str] = name or attrgetter("key")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise CommandError(f"{path}: no permission to write there")

    @property
    def shown(self) -> str:
        """The folder, for messages."""
        return str(self.path)

    def file(self, name: str, ending: str = ".mp4") -> Path:
        """Return the path of a file.

        Args:
            name: Any text.
            ending: With its dot.
        """
        return self.path / f"{file_stem(name)}{ending}"

    def pattern(self, ending: str = ".mp4", also: Sequence[Output] = ()) -> FilePattern:
        """Return a pattern that names each file after the key of its item.

        A key that is not a valid file name is changed, and gets eight digits to keep it unique.

        Args:
            ending: With its dot.
            also: Additional files of each item.
        """
        return FilePattern(f"{_escaped(self.path)}/{{key}}{ending}", also)

    def pattern_of_checked_keys(
        self, ending: str = ".mp4", also: Sequence[Output] = ()
    ) -> FilePattern:
        """Return a pattern without these digits, for keys known to give different file names.

        Args:
            ending: With its dot.
            also: Additional files of each item.
        """
        return _CheckedKeys(self, ending, also)


class OutputPattern:
    """A pattern of paths or URLs for downloads, such as ``s3://bucket/{company}/{key}.mp4``.

    A URL without a placeholder is a folder, in which files are named after their keys.

    Args:
        to: The pattern.

    Attributes:
        shown: The pattern without a password, for messages.
    """

    def __init__(self, to: str) -> None:
        self._to = to
        self._columns: Callable[[Any], Mapping[str, Any]] = lambda outcome: {}
        self.shown: str = self.pattern().name

    def pattern(self, ending: str = ".mp4", also: Sequence[Output] = ()) -> FilePattern:
        """Return the pattern.

        Args:
            ending: Ending of the files in a folder, with its dot.
            also: Additional files of each item.

        Raises:
            CommandError: The pattern cannot be used.
        """
        to = self._to if "{" in self._to else f"{self._to.rstrip('/')}/{{key}}{ending}"
        try:
            return FilePattern(to, also, lambda outcome: self._columns(outcome))
        except InvalidRequest as error:
            raise CommandError(f"--download: {error}") from None

    def pattern_of_checked_keys(
        self, ending: str = ".mp4", also: Sequence[Output] = ()
    ) -> FilePattern:
        """Return the pattern."""
        return self.pattern(ending, also)

    def check(self, items: ItemRows) -> None:
        """Check the paths of all rows, and keep the columns that they are named after. Blocks.

        Args:
            items: The rows.

        Raises:
            CommandError: Two rows have the same path, or one has no value in a column.
        """
        pattern = self.pattern()
        checker, spool, places = PathChecker(pattern), RowSpool(), array("q")
        try:
            for index, item in enumerate(items):
                row = row_of(item.values)
                checker.add(PatternItem(item.key, index), row)
                named = {name: row[name] for name in pattern.columns}
                if named:
                    places.append(spool.append(index, msgspec.json.encode(named)))
        except InvalidRequest as error:
            raise CommandError(f"--download: {error}") from None
        if pattern.columns:
            self._columns = lambda outcome: msgspec.json.decode(spool.at(places[outcome.index]))


Destination: TypeAlias = OutputFolder | OutputPattern
"""Where downloads go."""


def destination(to: str | Path, name: Callable[[Outcome[Any]], str] | None = None) -> Destination:
    """Return where downloads go; a folder is created. Blocks.

    Args:
        to: A folder; or a URL, or a path with placeholders.
        name: As for ``OutputFolder``.

    Raises:
        CommandError: The folder or the pattern cannot be used.
    """
    is_pattern = is_url(to) or ("{" in str(to) and Path(to).suffix)
    return OutputPattern(str(to)) if is_pattern else OutputFolder(Path(to), name)


class _CheckedKeys(FilePattern):
    def __init__(self, folder: OutputFolder, ending: str, also: Sequence[Output]) -> None:
        super().__init__(f"{_escaped(folder.path)}/{{key}}{ending}", also)
        self._directory = folder
        self._file_ending = ending

    def path(self, item: Any, *, apart: bool = False) -> PurePath:
        if apart:
            return super().path(item, apart=True)
        return self._directory.file(self._directory.name(item), self._file_ending)


def _escaped(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")
