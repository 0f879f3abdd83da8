"""The folder for downloads, and the names of the files in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from heygen_async.batch import Outcome
from heygen_async.batch.downloads import FilePattern, file_stem
from heygen_async.cli.exit_codes import CommandError
from heygen_async.models.outputs import Output

__all__ = ["OutputFolder", "file_stem"]


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


class _CheckedKeys(FilePattern):
    def __init__(self, folder: OutputFolder, ending: str, also: Sequence[Output]) -> None:
        super().__init__(f"{_escaped(folder.path)}/{{key}}{ending}", also)
        self._folder = folder
        self._ending = ending

    def path(self, outcome: Outcome[Any], *, apart: bool = False) -> Path:
        if apart:
            return super().path(outcome, apart=True)
        return self._folder.file(self._folder.name(outcome), self._ending)


def _escaped(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")
