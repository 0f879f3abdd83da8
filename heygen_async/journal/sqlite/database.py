"""The file of a SQLite journal, used by the thread that writes it.

Everything here blocks and runs in one thread at a time. ``apply`` carries out a transaction; when
it returns, the whole transaction is on disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec.structs import asdict

from heygen_async.errors import JournalError
from heygen_async.journal.records import SCHEMA_VERSION, Delivery, Intent, ItemRecord
from heygen_async.journal.rules import (
    check_same_run,
    journal_error,
    may_submit,
    new_run,
    unknown_key,
    wrong_state,
)
from heygen_async.journal.sqlite import reviews, schema
from heygen_async.journal.sqlite.errors import error_from_os, error_from_sqlite
from heygen_async.journal.sqlite.lock import FileLock, Held
from heygen_async.journal.sqlite.migrations import migrate
from heygen_async.journal.store import Begin, BeginResult, Opened, RunSpec
from heygen_async.journal.transaction import (
    BeginCall,
    Results,
    Row,
    Transaction,
)

# Seconds that a commit waits for a user who has locked the file in a shell.
_BUSY = 30.0
# Milliseconds that closing waits for readers before it leaves the write-ahead log in place.
_BUSY_CLOSING_MS = 500
# Pages of the write-ahead log that are copied into the file at a time: 16 MB.
CHECKPOINT_PAGES = 4096
# Keys are random, so almost every item changes a page of their index. A transaction that changes
# more pages than the cache holds writes some of them several times. The index of 250,000 keys fits.
_CACHE_KB = 6144

_UNCERTAIN = """
UPDATE items SET state = 'uncertain'
WHERE key_digest = ? AND key = ? AND state IN ('intended', 'uncertain')
"""
_RESEND = "UPDATE items SET resends = resends + 1 WHERE key_digest = ? AND key = ?"
_HEARTBEAT = """
INSERT INTO owners VALUES (?, ?) ON CONFLICT DO UPDATE SET lease_until = excluded.lease_until
"""


T = TypeVar("T")

# Results of ``begin`` calls, and reasons why rows were not written, as in ``Results``.
_Written: TypeAlias = tuple[dict[int, list[BeginResult]], dict[Row, Exception]]


class Database:
    """The open database file.

    Args:
        path: The file.
        spec: The run.
        clock: Returns Unix seconds.
        checkpoint_pages: Pages of the write-ahead log that are copied into the file at a time.

    Attributes:
        path: The file; its real path after it was opened.
        opened: Contents of the file when it was opened; set by ``open``.
    """

    opened: Opened

    def __init__(
        self, path: Path, spec: RunSpec, clock: Callable[[], float], checkpoint_pages: int
    ) -> None:
        self.path: Path = path
        self._spec = spec
        self._clock = clock
        self._checkpoint_pages = checkpoint_pages
        self._settings = (
            None
            if spec.settings is None
            else msgspec.json.encode(spec.settings, enc_hook=str).decode()
        )
        self._lock: FileLock
        self._wal: str
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor
        self._identity: tuple[int, int]
        self._last_item: int
        self._failure: JournalError | None = None

    def open(self) -> None:
        """Lock and open or create the file, and verify that it can be used.

        Raises:
            JournalError: The file cannot be used; it is neither open nor locked.
        """
        # A file has one lock, regardless of the name that it is opened under.
        self.path = Path(os.path.realpath(self.path))
        self._wal = f"{self.path}-wal"
        self._lock = FileLock(Path(f"{self.path}.lock"))
        try:
            self._lock.acquire()
            self._open()
        except BaseException as error:
            self._release()
            if isinstance(error, Held):
                who = f"process {error.process_id}" if error.process_id else "another process"
                raise journal_error(
                    str(self.path), "locked", f"{who} is using it; wait until it ends, or stop it"
                ) from None
            if isinstance(error, FileNotFoundError):
                sentence = f"the folder {self.path.parent} does not exist"
                raise journal_error(str(self.path), "missing", sentence) from error
            if isinstance(error, OSError):
                raise error_from_os(self.path, error) from error
            if isinstance(error, sqlite3.Error):
                raise error_from_sqlite(self.path, error) from error
            raise

    def apply(self, transaction: Transaction) -> Results:
        """Write a transaction: intents, then job ids, outcomes, and commands.

        Raises:
            JournalError: The file has failed. Nothing of this or any later transaction is stored.
        """
        if self._failure is not None:
            raise self._failure
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            written = self._write_in_bulk(transaction)
            if written is None:
                self._cursor.execute("ROLLBACK")
                self._cursor.execute("BEGIN IMMEDIATE")
                written = self._write_singly(transaction)
            begins, failures = written
            answers = [self._carry_out(*command) for command in transaction.commands]
            self._cursor.execute("COMMIT")
            self._check_place()
        except sqlite3.Error as error:
            self._fail(error_from_sqlite(self.path, error), error)
        except JournalError as error:
            self._fail(error, None)
        return Results(answers, begins, failures)

    def close(self) -> None:
        """Merge the log into the file, and release the lock. Can be called twice.

        Raises:
            JournalError: The write-ahead log could not be copied into the file. The log still holds
                the committed data, and the next start or a reader finds it there.
        """
        try:
            # If a reader still has the file open, file and log stay separate, as after a crash.
            if self._connection is not None and self._failure is None:
                self._cursor.execute(f"PRAGMA busy_timeout = {_BUSY_CLOSING_MS}")
                try:
                    self._cursor.execute("PRAGMA journal_mode = DELETE").fetchall()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        raise
        except sqlite3.Error as error:
            raise error_from_sqlite(self.path, error) from error
        finally:
            self._release()

    def mark_uncertain(self, key: str) -> None:
        """Store that the state of an item is unknown."""
        if not self._cursor.execute(_UNCERTAIN, (schema.key_digest(key), key)).rowcount:
            raise wrong_state(str(self.path), self._present(key), "uncertain")

    def count_resend(self, key: str) -> None:
        """Store that an item is resent in doubt."""
        if not self._cursor.execute(_RESEND, (schema.key_digest(key), key)).rowcount:
            raise unknown_key(str(self.path), key)

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries of an item's outcome, and those that failed."""
        digest = schema.key_digest(key)
        for one in deliveries:
            values = one.target, one.location, one.url, self._clock(), one.error, digest, key
            if not self._cursor.execute(schema.DELIVERED, values).rowcount:
                raise wrong_state(str(self.path), self._present(key), "delivered")

    def sample_slots(self, now: float, running: int, slot_limit: int | None) -> None:
        """Store a sample of the slots."""
        self._cursor.execute("INSERT INTO slots VALUES (?, ?, ?)", (now, running, slot_limit))

    def heartbeat(self, owner: str, until: float) -> None:
        """Store the time until which an owner is alive."""
        self._cursor.execute(_HEARTBEAT, (owner, until))

    def read(self, query: Callable[..., T], *arguments: Any) -> T:
        """Return the result of a query of ``schema``."""
        return query(self._open_connection, *arguments)

    @property
    def name(self) -> str:
        """The name of the journal, for messages."""
        return str(self.path)

    @property
    def _open_connection(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        # SQLite would create the file readable for everyone; payloads may be confidential.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        # Commits run in the journal's own thread; opening and closing run in any thread.
        self._connection = connection = sqlite3.connect(
            self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        self._cursor = connection.cursor()
        if schema.is_empty(connection):
            self._create(connection)
        run = schema.verify(connection, self.path)
        check_same_run(run, self._spec, str(self.path))
        finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if finding != "ok":
            sentence = f"the file is damaged: {' '.join(finding.split())}"
            raise journal_error(str(self.path), "damaged", sentence)
        self._cursor.execute("PRAGMA journal_mode = WAL").fetchall()
        self._cursor.execute("PRAGMA synchronous = FULL")
        self._cursor.execute("PRAGMA fullfsync = ON")  # macOS: flush the drive's cache, too
        self._cursor.execute(f"PRAGMA wal_autocheckpoint = {self._checkpoint_pages}")
        self._cursor.execute("PRAGMA secure_delete = OFF").fetchall()
        self._cursor.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        # Use the log, so that readers do not see a file that is half rewritten.
        if run.schema_version < SCHEMA_VERSION:
            migrate(connection, run)
        self._last_item = connection.execute("SELECT max(item) FROM items").fetchone()[0] or 0
        # It grows on disk rather than in memory, and ends with the connection.
        self._cursor.execute(
            "CREATE TEMP TABLE claimed "
            "(owner TEXT, key_digest INTEGER, PRIMARY KEY (owner, key_digest)) WITHOUT ROWID"
        )
        self._cursor.execute("BEGIN IMMEDIATE")
        self._cursor.execute(schema.DELIVERIES)
        self._cursor.execute(reviews.TABLE)
        # Create the log, or fail with the reason. The lock proves that other owners are gone.
        self._cursor.execute("DELETE FROM owners")
        self._cursor.execute("UPDATE run SET settings = ifnull(?, settings)", (self._settings,))
        self._cursor.execute("COMMIT")
        legacy = "SELECT EXISTS (SELECT 1 FROM items WHERE legacy_fingerprint IS NOT NULL)"
        self.opened = Opened(
            schema.verify(connection, self.path),
            reviews.totals(connection),
            legacy=bool(connection.execute(legacy).fetchone()[0]),
            reviews=tuple(reviews.read(connection)),
        )
        status = os.stat(self.path)
        self._identity = status.st_dev, status.st_ino

    def _create(self, connection: sqlite3.Connection) -> None:
        # Do this before the write-ahead log is switched on: the file is then complete, even if it
        # is copied without its log.
        connection.executescript(schema.SCHEMA)
        run = asdict(new_run(self._spec, self.path.stem, self._clock()))
        connection.execute(schema.INSERT_RUN, run | {"settings": self._settings or "{}"})
        connection.execute("COMMIT")

    def _write_in_bulk(self, transaction: Transaction) -> _Written | None:
        """Write all rows, or return None if one of them cannot be written."""
        is_first = all(one.attempt == 1 for call in transaction.begins for one in call.intents)
        write = schema.INSERT.write if is_first else schema.INTEND.write
        rows = (row for call in transaction.begins if call.room for row in call.rows)
        if not write(self._cursor, [*chain.from_iterable(rows)]):
            return None
        begins = {}
        for index, call in enumerate(transaction.begins):
            if not call.room:
                begins[index] = self._begin(call)
                continue
            for intent in call.intents:
                if intent.attempt > 1:  # others were inserted with their owner
                    self._claim(call.owner, schema.key_digest(intent.key))
        if schema.SUBMITTED.write(self._cursor, transaction.submitted) and schema.FINISH.write(
            self._cursor, transaction.finished
        ):
            return begins, {}
        return None

    def _write_singly(self, transaction: Transaction) -> _Written:
        """Write rows one by one, and return those that could not be written."""
        begins = {index: self._begin(call) for index, call in enumerate(transaction.begins)}
        outcomes: dict[Row, Exception | None] = {}
        for number, values in enumerate(_rows(transaction.submitted, schema.SUBMITTED.width), 1):
            outcomes["submitted", number] = self._carry_out(Database._submitted, values)
        for number, values in enumerate(_rows(transaction.finished, schema.FINISH.width), 1):
            outcomes["finished", number] = self._carry_out(Database._finish, values)
        return begins, {row: failure for row, failure in outcomes.items() if failure is not None}

    def _carry_out(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return function(self, *arguments)
        except sqlite3.Error:
            raise
        except Exception as error:  # of this command only; nothing of it was written
            return error

    def _begin(self, call: BeginCall) -> list[BeginResult]:
        return [self._begin_item(intent, call.owner, call.room) for intent in call.intents]

    def _begin_item(self, intent: Intent, owner: str, room: bool) -> BeginResult:
        digest = schema.key_digest(intent.key)
        present = schema.find(self._open_connection, digest, intent.key)
        if present is None and not room:
            return Begin.NO_ROOM if self._claim(owner, digest) else Begin.DUPLICATE
        if present is not None and self._held_by_other(present, owner):
            return Begin.HELD_BY_OTHER
        if room and schema.INTEND.write(
            self._cursor, schema.intent_row(intent, owner, self._clock())
        ):
            self._claim(owner, digest)
            return Begin.NEW
        # If there is no record, another key has the same digest: once in 10^8 runs of a million
        # items.
        if present is None or self._began_here(digest, owner) or not self._claim(owner, digest):
            return Begin.DUPLICATE
        if not present.finished:
            claim = "UPDATE items SET owner = ? WHERE key_digest = ?"
            self._cursor.execute(claim, (owner, digest))
        return present

    def _held_by_other(self, present: ItemRecord, owner: str) -> bool:
        if present.finished or present.owner is None or present.owner == owner:
            return False
        query = "SELECT 1 FROM owners WHERE owner = ? AND lease_until > ?"
        return self._cursor.execute(query, (present.owner, self._clock())).fetchone() is not None

    def _began_here(self, digest: int, owner: str) -> bool:
        """Return whether the owner recorded the item since the file was opened."""
        query = "SELECT 1 FROM items WHERE key_digest = ? AND item > ? AND owner = ?"
        row = self._cursor.execute(query, (digest, self._last_item, owner)).fetchone()
        return row is not None

    def _claim(self, owner: str, digest: int) -> bool:
        """Note that an owner has claimed an item, and return whether this is its first claim."""
        claim = "INSERT OR IGNORE INTO temp.claimed VALUES (?, ?)"
        return bool(self._cursor.execute(claim, (owner, digest)).rowcount)

    def _submitted(self, digest: int, key: str, job_id: str, now: float) -> None:
        if not schema.SUBMITTED.write(self._cursor, (digest, key, job_id, now)):
            present = self._present(key)
            same = present.state == "submitted" and present.job_id == job_id
            if may_submit(present, job_id) or not same:
                raise wrong_state(str(self.path), present, f"submitted as job {job_id}")

    def _finish(self, digest: int, key: str, *values: Any) -> None:
        if not schema.FINISH.write(self._cursor, (digest, key, *values)):
            raise wrong_state(str(self.path), self._present(key), values[1])

    def _check_place(self) -> None:
        # SQLite keeps writing to a deleted file without an error, so check the inode.
        try:
            status = os.stat(self.path)
            os.stat(self._wal)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            sentence = "the file or its log was moved or removed meanwhile"
            raise journal_error(str(self.path), "gone", sentence)

    def _fail(self, failure: JournalError, cause: BaseException | None) -> None:
        self._failure = failure
        try:
            if self._open_connection.in_transaction:
                self._cursor.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # SQLite rolls back on its own when the file is opened next
        raise failure from cause

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            self._lock.release()

    def _present(self, key: str) -> ItemRecord:
        present = schema.find(self._open_connection, schema.key_digest(key), key)
        if present is None:
            raise unknown_key(str(self.path), key)
        return present


def _rows(values: Sequence[Any], width: int) -> list[tuple[Any, ...]]:
    return [tuple(values[first : first + width]) for first in range(0, len(values), width)]
