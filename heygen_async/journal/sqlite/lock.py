"""Lock a journal against a second process. A crash releases the lock.

The lock is held on a file beside the journal, not on the journal itself: SQLite has its own locks
there, which POSIX drops when the process closes any other descriptor of that file. Readers ignore
the lock. The operating system releases it when the process ends for any reason.
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
        # On Windows, locked bytes cannot be read by others, so lock one after the process id.
        file.seek(64)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: io.FileIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class Held(Exception):
    """Another process, or another journal in this process, holds the lock.

    Attributes:
        process_id: Process id of the holder, or None if unknown.
    """

    def __init__(self, process_id: int | None) -> None:
        super().__init__(process_id)
        self.process_id = process_id


class FileLock:
    """An exclusive lock. Its file exists while the lock is held, and after a crash.

    Args:
        path: The lock's own file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None

    def acquire(self) -> None:
        """Acquire the lock without waiting.

        Raises:
            Held: The lock is taken.
            OSError: The file cannot be created, or it is a link, a pipe or a device.
        """
        while self._file is None:
            file = open_regular(self._path, "a+b", 0o600)
            try:
                try:
                    _try_lock(file)
                except OSError:
                    raise Held(_process_id(file)) from None
                # A previous holder may have removed the file since it was opened here.
                if _same_file(file, self._path):
                    file.seek(0)
                    file.truncate()
                    file.write(b"%d\n" % os.getpid())
                    self._file = file
            finally:
                if self._file is None:
                    file.close()

    def release(self) -> None:
        """Release the lock and remove its file."""
        file, self._file = self._file, None
        if file is None:
            return
        if sys.platform == "win32":
            file.close()  # an open file cannot be removed on Windows
        try:
            if sys.platform == "win32" or _same_file(file, self._path):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the file by itself locks nothing
        finally:
            file.close()


def is_held(path: Path) -> bool:
    """Return whether a running process holds a lock, without touching the lock.

    Taking the lock for a moment would answer the question, and could refuse a run that starts then.
    So the process that the file names is looked up. If it is on another machine or in another
    container, the lock counts as not held. On Windows, where a process cannot be looked up with the
    standard library, a file that a crash has left counts as held.

    Args:
        path: The lock's own file.
    """
    try:
        with open_regular(path, "rb") as file:
            process_id = _process_id(file)
    except OSError:
        return False
    if sys.platform == "win32":
        return True
    if process_id is None or process_id <= 0:
        return False
    try:
        os.kill(process_id, 0)
    except PermissionError:  # it belongs to another user
        return True
    except OSError:
        return False
    return True


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
