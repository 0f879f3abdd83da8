"""Errors of SQLite and of the file system as errors of the journal."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from heygen_async.errors import JournalError
from heygen_async.journal.rules import journal_error

# SQLite's primary result codes (the low byte of the extended codes), mapped to reason and sentence.
_BY_CODE = {
    sqlite3.SQLITE_FULL: ("disk_full", "the disk is full"),
    sqlite3.SQLITE_READONLY: ("read_only", "the file or its folder is read-only"),
    sqlite3.SQLITE_PERM: ("read_only", "access to the file is denied"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "the file is damaged"),
    sqlite3.SQLITE_NOTADB: ("not_a_journal", "the file is not an SQLite file"),
    sqlite3.SQLITE_IOERR: ("io_error", "reading or writing the file failed"),
    sqlite3.SQLITE_BUSY: ("busy", "another program keeps the file locked"),
    sqlite3.SQLITE_CANTOPEN: ("io_error", "the file cannot be opened"),
    sqlite3.SQLITE_TOOBIG: ("io_error", "an item is larger than SQLite can store"),
}
_BY_ERRNO = {
    errno.ENOSPC: ("disk_full", "the disk is full"),
    errno.EDQUOT: ("disk_full", "the disk quota is used up"),
    errno.EROFS: ("read_only", "the folder is read-only"),
    errno.EACCES: ("read_only", "access to the folder is denied"),
    errno.EPERM: ("read_only", "access to the folder is denied"),
    errno.ENOENT: ("missing", "there is no such file or folder"),
    errno.ENOTDIR: ("missing", "its folder is not a folder"),
}


def error_from_sqlite(path: Path, error: sqlite3.Error) -> JournalError:
    """Convert an error of SQLite to an error of the journal."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Raised by the Python module itself, for example for a closed connection.
        return journal_error(str(path), "io_error", f"SQLite cannot be used: {error}")
    reason, sentence = _BY_CODE.get(code & 0xFF, ("io_error", "SQLite failed"))
    return journal_error(str(path), reason, f"{sentence} ({error})")


def error_from_os(path: Path, error: OSError) -> JournalError:
    """Convert an error of the operating system to an error of the journal."""
    fallback = ("io_error", "the file cannot be used")
    reason, sentence = _BY_ERRNO.get(error.errno or 0, fallback)
    return journal_error(str(path), reason, f"{sentence} ({error.strerror or error})")
