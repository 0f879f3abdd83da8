"""Remember the asset of each uploaded file, to avoid sending the same bytes again.

The optional file is an SQLite database. It is opened for each access, in a thread: nothing has to
be closed, several processes can share it, and an entry is on disk before its upload returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from heygen_async.errors import UploadCacheError
from heygen_async.session.tasks import in_thread

T = TypeVar("T")

Content: TypeAlias = tuple[str, str, str]
"""The key of an entry: digest of the account, SHA-256 of the bytes, MIME type as sent."""

KnownAsset: TypeAlias = tuple[str, str]
"""The value of an entry: id of the asset, and the API's name of its MIME type."""

# The most seconds to wait for another process that writes.
_BUSY = 30.0
# "HGup", which identifies the file among SQLite files.
_APPLICATION_ID = 0x48477570
_TABLE = """
CREATE TABLE uploads (
    account TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    asset_id TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    uploaded_at REAL NOT NULL,
    PRIMARY KEY (account, sha256, content_type)
) WITHOUT ROWID
"""


class UploadCache:
    """A cache of uploads, for ``heygen.upload(source, cache=…)``.

    A file counts as uploaded if the same bytes were sent with the same key to the same host and
    with the same MIME type; its name does not matter. Another key of the same account counts as
    another account. Neither key nor host is stored, only a digest of both.

    Many clients can share one cache. Concurrent uploads of the same bytes through one cache object
    on one event loop send them once.

    Args:
        path: An SQLite file, which is created if missing, persists, and can be shared by processes.
            By default entries are kept in this object only.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._memory: dict[Content, KnownAsset] = {}
        # An asyncio.Lock belongs to one event loop.
        self._turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, Content], asyncio.Lock]
        self._turns = WeakValueDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return UploadCache, (self._path,)

    def __repr__(self) -> str:
        return f"UploadCache({'' if self._path is None else repr(str(self._path))})"

    @contextlib.asynccontextmanager
    async def turn(self, content: Content) -> AsyncIterator[None]:
        """Wait until no other call uploads the same content. Context manager.

        Args:
            content: Account, bytes and type, as digests.
        """
        lock = self._turns.setdefault((asyncio.get_running_loop(), content), asyncio.Lock())
        async with lock:
            yield

    async def get(self, content: Content) -> KnownAsset | None:
        """Return the asset of this content, which HeyGen may have deleted since, or None.

        Args:
            content: Account, bytes and type, as digests.

        Raises:
            UploadCacheError: The file cannot be read or written.
        """
        if self._path is None:
            return self._memory.get(content)
        return await in_thread(self._in_file, self._path, _selected, content)

    async def put(self, content: Content, asset: KnownAsset) -> None:
        """Store an asset, and replace an earlier one.

        Args:
            content: Account, bytes and type, as digests.
            asset: Its id and its MIME type.

        Raises:
            UploadCacheError: The file cannot be written.
        """
        if self._path is None:
            self._memory[content] = asset
        else:
            row = (*content, *asset, time.time())
            await in_thread(self._in_file, self._path, _inserted, row)

    @staticmethod
    def _in_file(
        path: Path, work: Callable[[sqlite3.Connection, tuple[Any, ...]], T], row: tuple[Any, ...]
    ) -> T:
        reason: object
        try:
            with _opened(path) as connection:
                return work(connection, row)
        except (sqlite3.Error, _OtherFileError, ValueError) as error:  # a null byte in the path
            reason = error
        raise UploadCacheError(f"upload cache {path}: {reason}", path=str(path))


class _OtherFileError(Exception):
    """The file is an SQLite database but not a cache."""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file in a write transaction, which fails at once if the file is read-only."""
    with contextlib.suppress(OSError):  # SQLite reports the error
        # Readable by the owner only, as it shows the files of an account; SQLite uses the umask.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with (
        # The path is never one of SQLite's special names, such as :memory:.
        contextlib.closing(
            sqlite3.connect(os.path.join(os.curdir, path), timeout=_BUSY, isolation_level=None)
        ) as connection,
        connection,
    ):
        connection.execute("BEGIN IMMEDIATE")
        ((application_id,),) = connection.execute("PRAGMA application_id")
        if application_id != _APPLICATION_ID:
            ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
            if application_id or tables:
                raise _OtherFileError("the file is another SQLite database; choose another path")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        yield connection


def _selected(connection: sqlite3.Connection, row: tuple[Any, ...]) -> KnownAsset | None:
    found: KnownAsset | None = connection.execute(
        "SELECT asset_id, mime_type FROM uploads "
        "WHERE account = ? AND sha256 = ? AND content_type = ?",
        row,
    ).fetchone()
    return found


def _inserted(connection: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    connection.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)", row)
