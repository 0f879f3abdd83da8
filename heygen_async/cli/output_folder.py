"""The folder that downloads go to, and the names of files in it."""

from __future__ import annotations

import os
from pathlib import Path

from heygen_async.batch.downloads import FilePattern, file_stem
from heygen_async.cli.exit_codes import CommandError

__all__ = ["OutputFolder", "file_stem", "pattern_in"]


class OutputFolder:
    """A folder for downloads; it is made at once, before anything is paid for.

    Args:
        path: The folder.

    Raises:
        CommandError: It cannot be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise CommandError(f"{path}: no permission to write there")

    def file(self, name: str, ending: str = ".mp4") -> Path:
        """Where the file of a name goes.

        Args:
            name: Any text.
            ending: With its dot.
        """
        return self.path / f"{file_stem(name)}{ending}"


def pattern_in(folder: Path, ending: str) -> FilePattern:
    """Where the files of outcomes go in a folder: each under its key.

    Args:
        folder: The folder; braces in its name stand for themselves.
        ending: With its dot.
    """
    name = str(folder).replace("{", "{{").replace("}", "}}")
    return FilePattern(f"{name}/{{key}}{ending}")
