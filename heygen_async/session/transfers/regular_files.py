"""Open files of the package's own in folders where somebody may have put other things."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

# Not there on Windows. A pipe without a reader would hold up the open.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path, mode: str, permissions: int = 0o666) -> io.FileIO:
    """Open a file; a link, pipe or device that somebody put there is not followed.

    Args:
        path: Its path.
        mode: As for ``open``.
        permissions: Those of a new file, before the umask. Default: for everybody.

    Raises:
        OSError: It is one of those, or the disk refuses.
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
