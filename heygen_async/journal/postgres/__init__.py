"""The journal in PostgreSQL: many processes and machines work on a run. Extra ``postgres``."""

from heygen_async.journal.postgres.reader import PostgresReader
from heygen_async.journal.postgres.writer import PostgresJournal

__all__ = ["PostgresJournal", "PostgresReader"]
