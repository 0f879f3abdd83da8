"""Journal in PostgreSQL, for runs of many processes and machines. Extra ``postgres``."""

try:
    import psycopg  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "a journal in PostgreSQL needs psycopg: pip install 'psycopg[binary,pool]' (the extra "
        f"postgres; {_error})"
    ) from _error

from heygen_async.journal.postgres.reader import PostgresReader
from heygen_async.journal.postgres.writer import PostgresJournal

__all__ = ["PostgresJournal", "PostgresReader"]
