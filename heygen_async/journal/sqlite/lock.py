"""The lock that keeps a second process off a journal; a crash releases it.

It is held on a file beside the journal, not on the journal itself: SQLite keeps its own locks
there, which POSIX drops as soon as the process closes any other descriptor of that file. Readers
do not look at it. The operating system releases it when the process ends, however it ends.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from heygen_async.session.transfers.regular_files import open_regular

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: io.FileIO) -> None:
        # Locked bytes cannot be read by others on Windows: lock one behind the process id.
        file.seek(64)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: io.FileIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class Held(Exception):
    """Another process, or another journal of this one, holds the lock.

    Attributes:
        process_id: The holder's, or None where it cannot be told.
    """

    def __init__(self, process_id: int | None) -> None:
        super().__init__(process_id)
        self.process_id = process_id


class FileLock:
    """An exclusive lock; the file exists while it is held, and after a crash.

    Args:
        path: The lock's own file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None

    def acquire(self) -> None:
        """Take the lock, without waiting.

        Raises:
            Held: It is taken.
            OSError: The file cannot be made, or it is a link, a pipe or a device.
        """
        while self._file is None:
            file = open_regular(self._path, "a+b", 0o600)
            try:
                try:
                    _try_lock(file)
                except OSError:
                    raise Held(_process_id(file)) from None
                # Whoever held it before may have removed the file since it was opened here.
                if _same_file(file, self._path):
                    file.seek(0)
                    file.truncate()
                    file.write(b"%d\n" % os.getpid())
                    self._file = file
            finally:
                if self._file is None:
                    file.close()

    def release(self) -> None:
        """Give the lock back and remove its file."""
        file, self._file = self._file, None
        if file is None:
            return
        if sys.platform == "win32":
            file.close()  # an open file cannot be removed there
        try:
            if sys.platform == "win32" or _same_file(file, self._path):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the file alone locks nothing
        finally:
            file.close()


def _same_file(file: io.FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _process_id(file: io.FileIO) -> int | None:
    try:
        file.seek(0)
        return int(file.read(20))
    except (OSError, ValueError):
        return None
