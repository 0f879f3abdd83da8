"""The rows that a run was made of, which its results are shown with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg

from heygen_async.journal.postgres.connection import (
    Location,
    connect,
    error_from_postgres,
    migrate,
    version_of,
)
from heygen_async.journal.postgres.statements import sql

_PAGE = 1000


def write_rows(location: Location, run: str, lines: Iterable[bytes]) -> None:
    """Store the rows of a run, replacing those of an earlier start. Blocks.

    Args:
        location: The server.
        run: The name of the run, which need not exist yet.
        lines: The rows, each as one line of JSON.

    Raises:
        JournalError: The server cannot be reached, or refuses the request.
    """
    name = location.name(run)
    with connect(location, name) as connection:
        try:
            migrate(connection, name)
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(sql("clear_rows"), {"name": run})
                with cursor.copy(sql("copy_rows")) as copy:
                    for number, line in enumerate(lines):
                        copy.write_row((run, number, line.decode()))
        except psycopg.Error as error:
            raise error_from_postgres(name, error) from None


def read_rows(location: Location, run: str) -> Iterator[bytes]:
    """Iterate over the rows of a run, none if there are none; see ``write_rows``. Blocks.

    Raises:
        JournalError: The server cannot be reached, or refuses the request.
    """
    name = location.name(run)
    with connect(location, name) as connection:
        try:
            if version_of(connection, name) is None:
                return
            after = -1
            while True:
                arguments = {"name": run, "after": after, "count": _PAGE}
                found = connection.execute(sql("input_rows"), arguments).fetchall()
                for _, line in found:
                    yield line.encode()
                if len(found) < _PAGE:
                    return
                after = found[-1][0]
        except psycopg.Error as error:
            raise error_from_postgres(name, error) from None
