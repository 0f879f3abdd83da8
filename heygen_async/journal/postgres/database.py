"""A connection to PostgreSQL that decides and writes the transactions of a run.

A transaction first locks the row of the budget. No other process can then write items of the run or
of its stages, so the data that is read is current, and the rules of the journal apply as they do in
memory.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import psycopg

from heygen_async.errors import JournalError
from heygen_async.journal.postgres.connection import (
    Location,
    connect,
    error_from_postgres,
    migrate,
)
from heygen_async.journal.postgres.decisions import Decisions
from heygen_async.journal.postgres.money import Money
from heygen_async.journal.postgres.reviews import all_totals
from heygen_async.journal.postgres.reviews import read as read_reviews
from heygen_async.journal.postgres.rows import (
    Connection,
    find_run,
    key_digest,
    record,
    storable,
)
from heygen_async.journal.postgres.statements import sql
from heygen_async.journal.records import Delivery, ItemRecord
from heygen_async.journal.rules import check_same_run, new_run, unknown_key, wrong_state
from heygen_async.journal.store import Begin, BeginResult, Opened, RunSpec
from heygen_async.journal.transaction import Results, Row, Transaction

T = TypeVar("T")

SUBMITTED_WIDTH = 3
"""Values of a job id in a transaction: digest, key, job id."""

FINISHED_WIDTH = 3
"""Values of an outcome in a transaction: digest, outcome, result as JSON."""

_TRIES = 5
_LABEL = f"{socket.gethostname()}:{os.getpid()}"


class PostgresDatabase:
    """An open connection that writes one run.

    Args:
        location: The server.
        run: The name of the run.
        family: The name of the run whose budget this run shares.
        spec: The run.
        clock: Returns Unix seconds; None for the clock of the server.

    Attributes:
        opened: Contents of the run when it was opened; set by ``open``.
    """

    opened: Opened

    def __init__(
        self,
        location: Location,
        run: str,
        family: str,
        spec: RunSpec,
        clock: Callable[[], float] | None,
    ) -> None:
        self._location = location
        self._run_name = run
        self._family = family
        self._spec = spec
        self._clock = clock
        self._name = location.name(run)
        self._connection: Connection | None = None
        self._run = self._budget = 0  # their numbers
        self._owners: set[str] = set()  # kept alive through this connection
        self._failure: JournalError | None = None

    @property
    def name(self) -> str:
        """The name of the journal, for messages."""
        return self._name

    def open(self) -> None:
        """Connect, create missing tables and rows, and verify that the stored run is this run.

        Raises:
            JournalError: The run cannot be used; the connection is closed.
        """
        self._connection = connect(self._location, self._name)
        try:
            self._open()
        except psycopg.Error as error:
            self._release()
            raise error_from_postgres(self._name, error) from None
        except BaseException:
            self._release()
            raise

    def apply(self, transaction: Transaction) -> Results:
        """Write a transaction: intents, then job ids, outcomes, and commands.

        Raises:
            JournalError: The connection has failed. Nothing of this or any later transaction is
                stored.
        """
        if self._failure is not None:
            raise self._failure
        connection, tries = self._open_connection, 0
        while True:
            tries += 1
            try:
                with connection.pipeline(), connection.transaction():
                    return self._carry_out(transaction)
            except psycopg.Error as error:
                conflict = isinstance(
                    error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure
                )
                if conflict and tries < _TRIES:
                    continue
                self._failure = error_from_postgres(self._name, error)
                raise self._failure from None

    def close(self) -> None:
        """End the leases renewed through this connection, and disconnect. Can be called twice."""
        try:
            if self._connection is not None and self._failure is None and self._owners:
                arguments = {"owners": list(self._owners), "now": self._now()}
                self._connection.execute(sql("end_leases"), arguments)
        except psycopg.Error:
            pass  # they expire on their own
        finally:
            self._release()

    def confirm(self, keys: Sequence[str], owner: str) -> list[BeginResult]:
        """Return whether an owner may still submit items."""
        digests = [key_digest(key) for key in keys]
        found = dict(self._execute("confirm", digests=digests, owner=owner).fetchall())
        answers = {True: Begin.CANCELLED, False: Begin.NEW, None: Begin.HELD_BY_OTHER}
        return [answers[found.get(digest)] for digest in digests]

    def mark_uncertain(self, key: str) -> None:
        """Store that the state of an item is unknown."""
        if not self._changed("mark_uncertain", key):
            raise wrong_state(self._name, self._present(key), "uncertain")

    def count_resend(self, key: str) -> None:
        """Store that an item is resent in doubt."""
        if not self._changed("count_resend", key):
            raise unknown_key(self._name, key)

    def scout(self, source: str, owner: str) -> float | bool:
        """Claim a source, or return its length."""
        names = {"source": str(key_digest(source)), "owner": owner}
        if self._execute("scout", now=self._now(), **names).fetchone() is not None:
            return True
        (seconds,) = self._execute("source_length", **names).fetchone() or (None,)
        return False if seconds is None else float(seconds)

    def end_scout(self, source: str, owner: str, seconds: float | None) -> None:
        """Store the length of a source, and end the claim of its owner."""
        digest = str(key_digest(source))
        self._execute("end_scout", source=digest, owner=owner, seconds=seconds)

    def delivered(self, key: str, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries of an item's outcome, and those that failed."""
        columns = {
            "targets": [storable(one.target) for one in deliveries],
            "locations": [storable(one.location) for one in deliveries],
            "urls": [storable(one.url) for one in deliveries],
            "errors": [storable(one.error) for one in deliveries],
        }
        digest = key_digest(key)
        if self._execute("deliver", digest=digest, now=self._now(), **columns).fetchone() is None:
            raise wrong_state(self._name, self._present(key), "delivered")

    def sample_slots(self, now: float, running: int, slot_limit: int | None) -> None:
        """Store a sample of the slots."""
        arguments = {"at": now, "writer": _LABEL, "running": running, "slot_limit": slot_limit}
        self._execute("sample_slots", **arguments)

    def heartbeat(self, owner: str, lease: float) -> None:
        """Store the time until which an owner is alive."""
        self._owners.add(owner)
        self._execute("heartbeat", owner=owner, label=_LABEL, now=self._now(), lease=lease)

    def cancel(self, cancelled: bool) -> None:
        """Store whether new items may be begun."""
        self._execute("cancel", cancelled=cancelled)
        self._execute("notify", message=str(self._run))

    def read(self, query: Callable[..., T], *arguments: Any) -> T:
        """Return the result of a query of ``rows`` for the run."""
        return query(self._open_connection, self._run, *arguments)

    @property
    def _open_connection(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        spec, connection = self._spec, self._open_connection
        migrate(connection, self._name)
        now = self._now()
        new = new_run(spec, self._run_name, now)
        names = {"name": self._run_name, "family": self._family}
        connection.execute(sql("create_budget"), names)
        connection.execute(sql("create_run"), msgspec.structs.asdict(new) | names)
        run = find_run(connection, self._run_name)
        assert run is not None
        check_same_run(run.record, spec, self._name)
        self._run, self._budget = run.run, run.budget
        if spec.settings is not None:
            settings = msgspec.json.encode(spec.settings, enc_hook=str).decode()
            self._execute("start_run", settings=settings, **self._caps(spec.settings))
            run = find_run(connection, self._run_name) or run
        connection.execute(sql("create_claims"))
        connection.execute(sql("forget_owners"), {"now": now})
        self.opened = Opened(
            run.record, self.read(all_totals), reviews=tuple(self.read(read_reviews))
        )
        connection.execute(sql("plan_by_index"))

    @staticmethod
    def _caps(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: settings.get(name) for name in ("max_cost", "max_jobs")}

    def _now(self) -> float:
        if self._clock is not None:
            return self._clock()
        (now,) = self._execute("now").fetchone() or (0.0,)
        return float(now)

    def _execute(self, name: str, **arguments: Any) -> psycopg.Cursor[Any]:
        """Execute a statement for this run."""
        numbers = {"run": self._run, "budget": self._budget}
        if "digests" in arguments:
            arguments["runs"] = [self._run] * len(arguments["digests"])
        return self._open_connection.execute(sql(name), numbers | arguments)

    def _carry_out(self, transaction: Transaction) -> Results:
        begins: dict[int, list[BeginResult]] = {}
        failures: dict[Row, Exception | None] = {}
        if transaction.begins or transaction.submitted or transaction.finished:
            decisions = self._read(transaction)
            for index, call in enumerate(transaction.begins):
                begins[index] = decisions.begin(call)
            for number, job in enumerate(_rows(transaction.submitted, SUBMITTED_WIDTH), 1):
                failures["submitted", number] = decisions.submitted(*job)
            for number, outcome in enumerate(_rows(transaction.finished, FINISHED_WIDTH), 1):
                failures["finished", number] = decisions.finish(*outcome)
            self._write(decisions)
        elif any(command[0] in _LOCKING for command in transaction.commands):
            self._execute("lock_budget")
        answers = [self._answer(*command) for command in transaction.commands]
        return Results(answers, begins, {row: f for row, f in failures.items() if f is not None})

    def _answer(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return function(self, *arguments)
        except JournalError as error:  # of this command only; nothing of it was written
            return error

    def _read(self, transaction: Transaction) -> Decisions:
        """Lock the budget, and read the rows that the transaction needs."""
        begun = {key_digest(one.key) for call in transaction.begins for one in call.intents}
        digests = list(
            begun.union(
                transaction.submitted[::SUBMITTED_WIDTH], transaction.finished[::FINISHED_WIDTH]
            )
        )
        self._execute("lock_budget")
        now = None if self._clock is None else self._clock()
        queries = [
            self._execute("figures"),
            self._execute("living_owners", now=now),
            self._execute("claims", digests=list(begun)),
            self._execute("records_by_digest", digests=digests, whole=list(begun)),
        ]
        [figures], living, claimed, present = (query.fetchall() for query in queries)
        *sums, ended, cancelled, max_cost, max_jobs, server_now = figures
        caps = {"max_cost": max_cost, "max_jobs": max_jobs}
        if self._spec.settings is not None:
            caps = self._caps(self._spec.settings)
        money = Money(*sums, **caps)
        now = server_now if now is None else now

        def reservations(owner: str) -> tuple[int, int, int]:
            self._write(decisions)
            row = self._execute("living_reservations", owner=owner, now=now).fetchone()
            assert row is not None
            return row[0], row[1], row[2]

        records = [record(row) for row in present]
        decisions = Decisions(
            self._name,
            {key_digest(record.key): record for record in records},
            {(owner, digest): ended for owner, digest, ended in claimed},
            {owner for (owner,) in living},
            money,
            ended=ended,
            cancelled=cancelled,
            now=now,
            reservations=reservations,
            reviews=lambda: self.read(read_reviews),
        )
        return decisions

    def _write(self, decisions: Decisions) -> None:
        """Write the collected decisions, and clear them."""
        for name, arguments in decisions.take():
            self._execute(name, **arguments)

    def _changed(self, name: str, key: str) -> bool:
        return self._execute(name, digest=key_digest(key)).fetchone() is not None

    def _present(self, key: str) -> ItemRecord:
        digest = [key_digest(key)]
        row = self._execute("records_by_digest", digests=digest, whole=digest).fetchone()
        if row is None:
            raise unknown_key(self._name, key)
        return record(row)

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


# Commands before which the budget is locked. A claim in progress locks it, too, so ``confirm`` sees
# all claims by processes that found the owner dead.
_LOCKING = (
    PostgresDatabase.confirm,
    PostgresDatabase.mark_uncertain,
    PostgresDatabase.count_resend,
)


def _rows(values: Sequence[Any], width: int) -> Iterable[tuple[Any, ...]]:
    return zip(*(values[first::width] for first in range(width)), strict=True)
