"""Location of a command's run: a file, or a run in a database."""

from __future__ import annotations

from pathlib import Path

from heygen_async.cli.exit_codes import CommandError
from heygen_async.journal import JournalStore, journal_store


def located(journal: str, name: str | None) -> Path | JournalStore:
    """Return the file of a run, or its store in a database.

    Args:
        journal: A file, or the URL of a database.
        name: The run in the database, or None for the run that the URL names.

    Raises:
        CommandError: A file was given a name.
        ConfigurationError: The URL cannot be read, or names no run.
    """
    if "://" not in journal:
        if name is not None:
            raise CommandError("--name is for runs in a database: postgresql://host/database")
        return Path(journal)
    return journal_store(journal) if name is None else run_in_database(journal, name)


def run_in_database(dsn: str, name: str) -> JournalStore:
    """Return the store of a run in PostgreSQL.

    Args:
        dsn: The database.
        name: The run.

    Raises:
        ConfigurationError: The DSN cannot be read.
    """
    from heygen_async.journal.postgres import PostgresJournal

    return PostgresJournal(dsn, run=name)
