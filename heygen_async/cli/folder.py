"""The folder that downloads go to, and the names of files in it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from heygen_async.cli.exits import CommandError

# Names that Windows keeps for devices, with whatever ending.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_PUNCTUATION = frozenset("-_.,()+@ ")
# File systems take 255 bytes; an ending and the mark of an unfinished download come on top.
_LONGEST = 200


def file_stem(name: str) -> str:
    """A file name without ending, made of any text; it never leads out of its folder.

    Letters and digits of all scripts stay, other characters become underscores.
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in _PUNCTUATION else "_" for c in name)
    kept = kept.encode()[:_LONGEST].decode(errors="ignore")
    kept = kept.lstrip(". ").rstrip(". ") or "_"
    return f"_{kept}" if kept.split(".")[0].lower() in _DEVICES else kept


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
