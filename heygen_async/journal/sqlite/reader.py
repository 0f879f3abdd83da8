"""Reading a journal, also while a run writes it, without touching it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from heygen_async.journal.records import Entry, RunRecord, SlotSample, State, Totals
from heygen_async.journal.sqlite import schema
from heygen_async.journal.sqlite.errors import from_os, from_sqlite, trouble
from heygen_async.journal.sqlite.inspection import inspect, is_blank

T = TypeVar("T")

_PAGE = 1000


def begun(path: Path) -> bool:
    """Whether there is a journal: a file that is not empty; blocks."""
    return path.exists() and path.stat().st_size > 0


def read(path: str | os.PathLike[str]) -> JournalView:
    """A view of a journal, for use in a ``with`` statement.

    It makes no file beside the journal and changes nothing in it. It blocks: on an event loop,
    use it in a thread.

    Args:
        path: The file; a copy of it will do, with its ``-wal`` file where it had one.

    Raises:
        JournalError: There is no such file, or it is no journal that this version can read.
    """
    return JournalView(Path(os.path.realpath(path)))


class JournalView:
    """What a journal says; made by ``read``.

    Each query sees the journal at its own moment. Items that are written while they are iterated
    may be seen or not.

    Attributes:
        run: What the run was asked to do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = Path(f"{path}-wal")
        self._connection: sqlite3.Connection | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._still = False
        try:
            self.run: RunRecord = self._query(lambda connection: inspect(connection, path))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> JournalView:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go. Closing twice is fine."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.cleanup()

    def totals(self) -> Totals:
        """Sums over all items."""
        return self._query(schema.totals)

    def entries(self, states: Collection[State] | None = None) -> Iterator[Entry]:
        """All items, or those in some states, in the order of positions."""
        after = -1
        while True:
            page = self._query(lambda c, after=after: schema.page(c, states, after, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].position

    def slots(self) -> Iterator[SlotSample]:
        """The samples of the slots, in their order."""
        after = float("-inf")
        while True:
            page = self._query(lambda c, after=after: schema.slot_samples(c, after, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].at

    def _query(self, ask: Callable[..., T]) -> T:
        try:
            while True:
                if self._connection is None:
                    self._connection = self._open()
                try:
                    answer = ask(self._connection)
                except sqlite3.DatabaseError:
                    if not self._overtaken():
                        raise
                else:
                    if not self._overtaken():
                        return answer
                self.close()  # a run has begun to write: look again, by its rules
        except sqlite3.Error as error:
            raise from_sqlite(self._path, error) from error
        except OSError as error:
            raise from_os(self._path, error) from error

    def _overtaken(self) -> bool:
        return self._still and self._wal.exists()

    def _open(self) -> sqlite3.Connection:
        path, options = self._path, "mode=ro"
        os.stat(path)
        # SQLite would make the log and its index where they are missing, even to read only.
        self._still = not self._wal.exists()
        if self._still:
            options += "&immutable=1"
        elif not os.path.exists(f"{path}-shm"):
            # Copied, or salvaged after a power loss: nobody writes it now.
            self._copy = tempfile.TemporaryDirectory(prefix="heygen-journal-")
            path = Path(shutil.copy(path, self._copy.name))
            shutil.copy(self._wal, self._copy.name)
        # One call at a time, but not always from the same thread.
        connection = sqlite3.connect(
            f"{path.as_uri()}?{options}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if is_blank(connection):
                raise trouble(self._path, "not_a_journal", "the file is empty")
        except BaseException:
            connection.close()
            raise
        return connection
