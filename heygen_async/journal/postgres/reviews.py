"""Decisions of people about the items of a run in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import psycopg

from heygen_async.journal.postgres.connection import Location, connect, error_from_postgres
from heygen_async.journal.postgres.rows import (
    Connection,
    find_run,
    key_digest,
    record,
    storable,
    totals,
)
from heygen_async.journal.postgres.statements import sql
from heygen_async.journal.records import Review, Totals
from heygen_async.journal.rules import journal_error, replaced_takes, reviewed, with_takes


def read(connection: Connection, run: int) -> list[Review]:
    """Return all decisions about a run, oldest first."""
    return [
        Review(row[0], row[1], row[2], msgspec.json.decode(row[3], type=dict[str, str]), *row[4:])
        for row in connection.execute(sql("reviews"), {"run": run})
    ]


def all_totals(connection: Connection, run: int) -> Totals:
    """Return sums over all items, including jobs whose items were made again on request."""
    reviews = read(connection, run)
    digests = list({key_digest(one.key) for one in reviews})
    wanted = {"runs": [run] * len(digests), "digests": digests}
    attempts = dict(connection.execute(sql("attempts"), wanted).fetchall())
    return with_takes(totals(connection, run), *replaced_takes(reviews, attempts))


def write(
    location: Location, run: str, reviews: Sequence[Review], clock: Callable[[], float] | None
) -> None:
    """Record decisions in one transaction.

    Args:
        location: The server.
        run: The name of the run.
        reviews: The decisions.
        clock: Returns Unix seconds; None reads the clock of the server.

    Raises:
        JournalError: A decision cannot be made, or the server cannot be reached.
    """
    name = location.name(run)
    try:
        with connect(location, name) as connection, connection.transaction():
            found = find_run(connection, run)
            if found is None:
                raise journal_error(name, "missing", "there is no such run")
            connection.execute(sql("lock_budget"), {"budget": found.budget})
            (now,) = connection.execute(sql("now")).fetchone() or (0.0,)
            for review in reviews:
                digests = [key_digest(review.key)]
                wanted = {"runs": [found.run], "digests": digests, "whole": []}
                row = connection.execute(sql("records_by_digest"), wanted).fetchone()
                present = None if row is None else record(row)
                earlier = read(connection, found.run)
                at = now if clock is None else clock()
                made = msgspec.structs.asdict(reviewed(name, present, review, earlier, at))
                changes = msgspec.json.encode(made["changes"]).decode()
                columns = made | {"run": found.run, "changes": changes, "by": storable(made["by"])}
                connection.execute(sql("review"), columns)
    except psycopg.Error as error:
        raise error_from_postgres(name, error) from None
