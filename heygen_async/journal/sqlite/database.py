"""The journal's file, from the side of the thread that writes it.

Everything here blocks and runs in one thread at a time. ``apply`` carries out a batch of commands
in one transaction: when it returns they are on the disk, all of them.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.errors import DuplicateKey, JournalError
from heygen_async.journal.records import Entry, RunRecord, State, Totals
from heygen_async.journal.sqlite import schema
from heygen_async.journal.sqlite.errors import from_os, from_sqlite, trouble
from heygen_async.journal.sqlite.inspection import check_pages, inspect, is_blank
from heygen_async.journal.sqlite.lock import FileLock, Held
from heygen_async.journal.sqlite.statements import ENDED, INTEND, SUBMITTED
from heygen_async.journal.sqlite.transaction import Results, Transaction
from heygen_async.version import __version__

# How long a commit waits for a person who has the file locked in a shell, in seconds.
_BUSY = 30.0
# How long closing waits for readers before it leaves the write-ahead log beside the file.
_BUSY_CLOSING_MS = 500
# Pages of the write-ahead log that are carried over into the file at a time: 16 MB.
_CHECKPOINT_PAGES = 4096

_UNCERTAIN = "UPDATE items SET state = 'uncertain' WHERE key = ? AND state = 'intended'"


class Store:
    """The open file.

    Args:
        path: The file.
        kind: Kind of run.
        subject: What it is about.
        run_id: Its id.
        any_run_id: Whether a file that has another id may keep it.
        settings: Stored at each start; None leaves those of the start before.

    Attributes:
        path: The file; with its real name once it is open.
        record: What the file says about the run; set by ``open``.
        totals_at_opening: What it held then; set by ``open``.
    """

    record: RunRecord
    totals_at_opening: Totals

    def __init__(
        self,
        path: Path,
        *,
        kind: str,
        subject: str,
        run_id: str,
        any_run_id: bool,
        settings: Mapping[str, Any] | None,
    ) -> None:
        self.path: Path = path
        self._kind = kind
        self._subject = subject
        self._run_id = run_id
        self._any_run_id = any_run_id
        self._settings = (
            None if settings is None else msgspec.json.encode(settings, enc_hook=str).decode()
        )
        self._lock: FileLock
        self._wal: str
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor
        self._identity: tuple[int, int]
        self._last_item: int
        self._failure: JournalError | None = None

    def open(self) -> None:
        """Lock, open or make the file, and see whether it can be used.

        Raises:
            JournalError: It cannot; nothing is left open or locked.
        """
        # One file has one lock, whatever names lead to it.
        self.path = Path(os.path.realpath(self.path))
        self._wal = f"{self.path}-wal"
        self._lock = FileLock(Path(f"{self.path}.lock"))
        try:
            self._lock.acquire()
            self._open()
        except BaseException as error:
            self._let_go()
            if isinstance(error, Held):
                who = f"process {error.process_id}" if error.process_id else "another process"
                raise trouble(
                    self.path, "locked", f"{who} is using it; wait until it ends, or stop it"
                ) from None
            if isinstance(error, OSError):
                raise self._from_os(error) from error
            if isinstance(error, sqlite3.Error):
                raise from_sqlite(self.path, error) from error
            raise

    def apply(self, transaction: Transaction) -> Results:
        """Carry out a transaction: intents, then job ids, outcomes, and commands.

        Returns:
            What became of its parts.

        Raises:
            JournalError: None of it counts, and nothing later will: the file has failed.
        """
        if self._failure is not None:
            raise self._failure
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            if self._together(transaction):
                intents, failure = None, None
            else:
                self._cursor.execute("ROLLBACK")
                self._cursor.execute("BEGIN IMMEDIATE")
                intents = self._one_by_one(Store.intend, transaction.intents, INTEND.width)
                failures = self._one_by_one(Store.submitted, transaction.submitted, SUBMITTED.width)
                failures += self._one_by_one(Store.ended, transaction.ended, ENDED.width)
                failure = next(filter(None, failures), None)
            answers = [self._carry_out(*command) for command in transaction.commands]
            self._cursor.execute("COMMIT")
            self._check_place()
        except sqlite3.Error as error:
            self._fail(from_sqlite(self.path, error), error)
        except JournalError as error:
            self._fail(error, None)
        return Results(answers, intents, failure)

    def _together(self, transaction: Transaction) -> bool:
        """Write all rows; whether each could be. Else it has to be found out which could not."""
        return (
            INTEND.write(self._cursor, transaction.intents)
            and SUBMITTED.write(self._cursor, transaction.submitted)
            and ENDED.write(self._cursor, transaction.ended)
        )

    def _one_by_one(
        self, function: Callable[..., None], values: Sequence[Any], width: int
    ) -> list[Exception | None]:
        return [
            self._carry_out(function, tuple(values[first : first + width]))
            for first in range(0, len(values), width)
        ]

    def _carry_out(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return function(self, *arguments)
        except sqlite3.Error:
            raise
        except Exception as error:  # of this command alone; nothing of it was written
            return error

    def close(self) -> None:
        """Leave one plain file behind, and give the lock back. Closing twice is fine.

        Raises:
            JournalError: The write-ahead log could not be carried over; what was committed is
                still in it, and the next start or a reader finds it there.
        """
        try:
            # Where a reader is still there the file stays in two parts, as after a crash.
            if self._connection is not None and self._failure is None:
                self._cursor.execute(f"PRAGMA busy_timeout = {_BUSY_CLOSING_MS}")
                try:
                    self._cursor.execute("PRAGMA journal_mode = DELETE").fetchall()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        raise
        except sqlite3.Error as error:
            raise from_sqlite(self.path, error) from error
        finally:
            self._let_go()

    def intend(
        self,
        key: str,
        position: int,
        attempt: int,
        idempotency_key: str,
        fingerprint: str,
        now: float,
        payload: str | bytes,
    ) -> None:
        """Store an intent."""
        row = key, position, attempt, idempotency_key, fingerprint, now, payload
        if INTEND.write(self._cursor, row):
            return
        present = self.find(key)
        assert present is not None
        if attempt == present.attempt + 1:
            raise self._wrong_state(present, "tried again")
        raise self._duplicate(key)

    def submitted(self, key: str, job_id: str, now: float) -> None:
        """Store a job's id."""
        if not SUBMITTED.write(self._cursor, (key, job_id, now)):
            present = self._present(key)
            if (present.state, present.job_id) != ("submitted", job_id):
                raise self._wrong_state(present, f"submitted as job {job_id}")

    def ended(
        self,
        key: str,
        state: State,
        now: float,
        result: str | bytes | None,
        error_type: str | None,
        error_code: str | None,
        error_message: str | None,
        output_seconds: float | None,
        usd: float | None,
    ) -> None:
        """Store an outcome."""
        errors = error_type, error_code, error_message
        row = key, state, now, result, *errors, output_seconds, usd
        if not ENDED.write(self._cursor, row):
            raise self._wrong_state(self._present(key), state)

    def uncertain(self, key: str) -> None:
        """Store that the item's fate is unknown."""
        if not self._cursor.execute(_UNCERTAIN, (key,)).rowcount:
            present = self._present(key)
            if present.state != "uncertain":
                raise self._wrong_state(present, "uncertain")

    def sample(self, now: float, running: int, slot_limit: int) -> None:
        """Store a sample of the slots."""
        self._cursor.execute("INSERT INTO slots VALUES (?, ?, ?)", (now, running, slot_limit))

    def claim(self, key: str) -> Entry | None:
        """As ``find``, once for each key."""
        self._cursor.execute("INSERT OR IGNORE INTO temp.claimed VALUES (?)", (key,))
        if not self._cursor.rowcount or self._is_new(key):
            raise self._duplicate(key)
        return self.find(key)

    def find(self, key: str) -> Entry | None:
        """The item with this key."""
        return schema.find(self._open_connection, key)

    def together(self, idempotency_key: str) -> list[Entry]:
        """Items that were sent under one key."""
        return schema.together(self._open_connection, idempotency_key)

    def page(self, states: tuple[State, ...] | None, after: int, many: int) -> list[Entry]:
        """Items in the order of positions."""
        return schema.page(self._open_connection, states, after, many)

    def totals(self) -> Totals:
        """Sums over all items."""
        return schema.totals(self._open_connection)

    @property
    def _open_connection(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        # Commits run in the journal's own thread, opening and closing in any.
        self._connection = connection = sqlite3.connect(
            self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        self._cursor = connection.cursor()
        if is_blank(connection):
            self._create(connection)
        self.record = inspect(connection, self.path)
        self._check_run()
        check_pages(connection, self.path)
        self.totals_at_opening = schema.totals(connection)
        self._last_item = connection.execute("SELECT max(item) FROM items").fetchone()[0] or 0
        self._cursor.execute("PRAGMA journal_mode = WAL").fetchall()
        self._cursor.execute("PRAGMA synchronous = FULL")
        self._cursor.execute("PRAGMA fullfsync = ON")  # macOS: past the drive's own cache, too
        self._cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        self._cursor.execute("PRAGMA secure_delete = OFF").fetchall()
        # Grows on disk, not in memory, and is gone when the connection is.
        self._cursor.execute("CREATE TEMP TABLE claimed (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._cursor.execute("BEGIN IMMEDIATE")
        # Makes the log, or says why not.
        self._cursor.execute("UPDATE run SET settings = ifnull(?, settings)", (self._settings,))
        self._cursor.execute("COMMIT")
        self.record = inspect(connection, self.path)
        status = os.stat(self.path)
        self._identity = status.st_dev, status.st_ino

    def _create(self, connection: sqlite3.Connection) -> None:
        # Before the write-ahead log is switched on: the file alone says what it is, even copied
        # without its log.
        connection.executescript(schema.SCHEMA)
        connection.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._run_id,
                self._kind,
                self._subject,
                time.time(),
                self._settings or "{}",
                __version__,
                schema.SCHEMA_VERSION,
            ),
        )
        connection.execute("COMMIT")

    def _check_run(self) -> None:
        record = self.record
        if (record.kind, record.subject) != (self._kind, self._subject):
            raise trouble(
                self.path,
                "other_run",
                f"it belongs to another run: {record.kind} of {record.subject!r}, "
                f"not {self._kind} of {self._subject!r}",
            )
        if not self._any_run_id and record.run_id != self._run_id:
            raise trouble(
                self.path,
                "other_run",
                f"it belongs to another run: its id is {record.run_id}, not {self._run_id}",
            )

    def _check_place(self) -> None:
        # A file that was removed or replaced takes writes as before, and keeps none of them.
        try:
            status = os.stat(self.path)
            os.stat(self._wal)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            raise trouble(self.path, "gone", "the file or its log was moved or removed meanwhile")

    def _fail(self, failure: JournalError, cause: BaseException | None) -> None:
        self._failure = failure
        try:
            if self._open_connection.in_transaction:
                self._cursor.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # SQLite rolls back on its own when the file is opened next
        raise failure from cause

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            self._lock.release()

    def _from_os(self, error: OSError) -> JournalError:
        if isinstance(error, FileNotFoundError):
            return trouble(self.path, "missing", f"the folder {self.path.parent} is not there")
        return from_os(self.path, error)

    def _is_new(self, key: str) -> bool:
        """Whether the item was stored since the file was opened."""
        query = "SELECT 1 FROM items WHERE key = ? AND item > ?"
        return self._cursor.execute(query, (key, self._last_item)).fetchone() is not None

    def _present(self, key: str) -> Entry:
        present = self.find(key)
        if present is None:
            raise trouble(self.path, "unknown_key", f"it holds no item {key!r}")
        return present

    def _wrong_state(self, present: Entry, wanted: str) -> JournalError:
        job = f" as job {present.job_id}" if present.job_id else ""
        return trouble(
            self.path,
            "wrong_state",
            f"item {present.key!r} cannot be {wanted}: it is {present.state}{job}, "
            f"attempt {present.attempt}",
        )

    def _duplicate(self, key: str) -> DuplicateKey:
        return DuplicateKey(
            f"journal {self.path}: two items of this run have the key {key!r}",
            path=str(self.path),
            key=key,
        )
