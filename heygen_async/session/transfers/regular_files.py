"""Open the package's own files safely in folders that other people can write to."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

# Windows has neither. Opening a pipe without a reader would block.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path, mode: str, permissions: int = 0o666) -> io.FileIO:
    """Open a regular file; do not follow a link, and refuse a pipe or device.

    Args:
        path: Its path.
        mode: As for ``open``.
        permissions: Permissions of a new file, before the umask. Default: all users.

    Raises:
        OSError: It is not a regular file, or it cannot be opened.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | _NO_LINK, permissions)

    try:
        file = io.FileIO(os.fspath(path), mode, opener=opener)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise OSError(error.errno, f"{path.name} is not a regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, f"{path.name} is not a regular file")
    return file


def open_private(path: Path, mode: str) -> io.BufferedWriter:
    """Open a regular file for writing; a new one belongs to its owner alone (mode 0600).

    Args:
        path: Its path.
        mode: As for ``open``, with ``b``.

    Raises:
        OSError: As for ``open_regular``.
    """
    return io.BufferedWriter(open_regular(path, mode, 0o600))
