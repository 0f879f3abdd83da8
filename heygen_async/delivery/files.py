"""``FileStore``: the interface of places for files, and the folders of this machine."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePath
from typing import Protocol, TypeAlias

from heygen_async.session.tasks import in_thread
from heygen_async.session.transfers.destinations import Sink

Fetch: TypeAlias = Callable[[str | os.PathLike[str] | Sink], Awaitable[object]]
"""Downloads one file to a path or a sink."""


class FileStore(Protocol):
    """A place for the files of a run. A file in it is complete or absent, whatever happens.

    Attributes:
        parallel: Maximum number of files that are written at the same time.
    """

    parallel: int

    async def open(self) -> None:
        """Prepare for writing, before anything is paid for.

        Raises:
            ConfigurationError: A package is missing, or the place is of an unknown kind.
        """

    async def keeps(self, path: PurePath, *, recorded: bool) -> bool:
        """Return whether an earlier run has written a file.

        Args:
            path: The file.
            recorded: Whether the journal says so.
        """

    async def is_anothers(self, path: PurePath, varying: int) -> bool:
        """Return whether the path names another file, whose name differs from it only in case.

        Args:
            path: The path.
            varying: Number of its components, counted from the end, that differ between items.
        """

    async def write(self, fetch: Fetch, path: PurePath) -> None:
        """Write a file, replacing it if it exists.

        Args:
            fetch: Downloads its content.
            path: The file.

        Raises:
            TransferError: It cannot be downloaded or written.
        """

    async def aclose(self) -> None:
        """Release all resources."""


class LocalFiles:
    """Files in the file system. A download that was interrupted continues where it stopped.

    Args:
        parallel: Maximum number of concurrent downloads.

    Attributes:
        parallel: The same.
    """

    def __init__(self, parallel: int) -> None:
        self.parallel: int = parallel

    async def open(self) -> None:
        """Do nothing: folders are created with their first file."""

    async def keeps(self, path: PurePath, *, recorded: bool) -> bool:
        """Return whether the file exists, whatever the journal says."""
        return await in_thread(_is_file, Path(path))

    async def is_anothers(self, path: PurePath, varying: int) -> bool:
        """Return whether the path names a file whose name differs from it only in case."""
        return await in_thread(_is_anothers, Path(path), varying)

    async def write(self, fetch: Fetch, path: PurePath) -> None:
        """Download the file to its path."""
        await fetch(path)

    async def aclose(self) -> None:
        """Do nothing."""


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):  # the download reports errors of the path
        return path.is_file()
    return False


def _is_anothers(path: Path, varying: int) -> bool:
    with contextlib.suppress(OSError):
        for part in [path, *path.parents][:varying]:
            # If the name with other capitals does not exist, the file system distinguishes case.
            if os.path.lexists(part) and os.path.lexists(part.with_name(part.name.swapcase())):
                names = {unicodedata.normalize("NFC", name) for name in os.listdir(part.parent)}
                if unicodedata.normalize("NFC", part.name) not in names:
                    return True
    return False
