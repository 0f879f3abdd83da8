"""Connections to PostgreSQL: the parts of a DSN, the tables, and errors without secrets.

As libpq allows, a password can be in the DSN, in the environment or in a file. It never appears in
a name, a message or a repr: names consist of host, port, database and run, and libpq errors that
may quote a part of the DSN are replaced.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from heygen_async.errors import ConfigurationError, JournalError
from heygen_async.journal.postgres.statements import sql
from heygen_async.journal.records import SCHEMA_VERSION
from heygen_async.journal.rules import journal_error
from heygen_async.version import __version__

SCHEMES = ("postgresql", "postgres")
"""Prefixes of a server's URL."""

# An unreachable server is detected within 30 seconds.
OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "heygen-async",
}
"""Options of connections, unless the DSN sets them."""
# Unencoded special characters in a password would turn a part of it into a host or a port.
_HOSTS = re.compile(r"([^:,\[\]]*|\[[^\]]*\])(:\d*)?(,([^:,\[\]]*|\[[^\]]*\])(:\d*)?)*")
_FIRST_VERSION = 2  # only SQLite had tables of version 1
_MIGRATION_LOCK = 0x4847414A  # "HGAJ"
_REFUSALS = {"authentication failed": "28P01", "does not exist": "3D000"}
# Tables of a session. Without them the session is another one than before.
_SESSION_TABLES = ("claimed", "entering", "entered")
_POOLED = (
    "pooled",
    "a pooler such as PgBouncer changes the session between transactions; use its session mode, or "
    "connect to the server",
)
_SQLSTATES = {
    "26000": _POOLED,
    "28": ("access", "the server refuses the user or the password"),
    "3D": ("missing", "the database does not exist"),
    "42501": ("access", "the user may not use or create the schema heygen_async"),
    "42P01": ("missing", "the database holds no tables of heygen_async"),
    "3F000": ("missing", "the database holds no tables of heygen_async"),
    "25006": ("read_only", "the server takes no writes"),
    "53100": ("disk_full", "the disk of the server is full"),
    "53300": ("busy", "the server takes no more connections"),
}


class Location(NamedTuple):
    """Location of a run.

    Attributes:
        dsn: Connection string for libpq, including the password.
        server: Host, port and database, for messages.
        run: The name of the run, or None if the URL names none.
    """

    dsn: str
    server: str
    run: str | None

    def __repr__(self) -> str:
        return f"Location(server={self.server!r}, run={self.run!r})"

    def name(self, run: str) -> str:
        """Return the name that identifies a run, without user and password."""
        return f"{self.server}?run={quote(run, safe='')}"


def locate(dsn: str) -> Location:
    """Parse a DSN.

    Args:
        dsn: ``postgresql://user:password@host:port/database?run=launch``, with parameters of libpq
            such as ``sslmode`` and ``sslrootcert``; or libpq's ``key=value`` form.

    Raises:
        ConfigurationError: libpq cannot parse the DSN. The message quotes no part of it.
    """
    run: str | None = None
    try:
        if dsn.partition("://")[0] in SCHEMES:
            parts = urlsplit(dsn)
            hosts = parts.netloc.rpartition("@")
            if "@" in hosts[0] + parts.path or parts.fragment or not _HOSTS.fullmatch(hosts[2]):
                raise ValueError
            query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            run = next((value for name, value in query if name == "run"), None)
            rest = urlencode([one for one in query if one[0] != "run"], quote_via=quote)
            dsn = parts._replace(query=rest).geturl()
        options = conninfo_to_dict(dsn)
    except (ValueError, psycopg.Error):
        raise ConfigurationError(
            "journal: expected a URL such as postgresql://user:password@host:5432/database?run=NAME"
            ", with the special characters of its password percent-encoded and parameters that "
            "libpq knows"
        ) from None
    if run == "":
        raise ConfigurationError("journal: run= in its URL names no run")
    host, port = options.get("host") or options.get("hostaddr"), options.get("port") or 5432
    database = quote(str(options.get("dbname") or options.get("user") or ""))
    return Location(dsn, f"postgresql://{host or 'localhost'}:{port}/{database}", run)


def connect(location: Location, name: str) -> psycopg.Connection[Any]:
    """Open a connection. Blocks.

    Args:
        location: The server.
        name: The name of the journal, for messages.

    Raises:
        JournalError: The connection failed; ``reason`` and the message state the cause.
    """
    given = conninfo_to_dict(location.dsn)
    options = {key: value for key, value in OPTIONS.items() if key not in given}
    try:
        connection = psycopg.connect(location.dsn, autocommit=True, **options)
    except psycopg.Error as error:
        raise error_from_postgres(name, error) from None
    # Set this regardless of the database's default: data read after a lock must be as new as the
    # lock.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def migrate(connection: psycopg.Connection[Any], name: str) -> None:
    """Create the tables, or migrate tables of an older version. Blocks.

    This is one transaction under a lock, so any number of processes can start at once.

    Args:
        connection: A connection without an open transaction.
        name: The name of the journal, for messages.

    Raises:
        JournalError: ``newer``: a newer version of heygen_async created the tables.
        psycopg.Error: The server has failed or refuses the request.
    """
    if version_of(connection, name) == SCHEMA_VERSION:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        connection.execute(sql("versions"))
        (present,) = connection.execute(sql("version")).fetchone() or (None,)
        for version in range(
            _FIRST_VERSION if present is None else present + 1, SCHEMA_VERSION + 1
        ):
            connection.execute(sql(f"migration_{version}"))
            connection.execute(sql("migrated"), {"version": version, "sdk_version": __version__})


def version_of(connection: psycopg.Connection[Any], name: str) -> int | None:
    """Return the version of the tables, or None if there are none. Blocks.

    Raises:
        JournalError: ``newer``: a newer version of heygen_async created them.
        psycopg.Error: The server has failed or refuses the request.
    """
    (present,) = connection.execute(sql("has_versions")).fetchone() or (False,)
    if not present:
        return None
    (version,) = connection.execute(sql("version")).fetchone() or (None,)
    if version is not None and version > SCHEMA_VERSION:
        raise journal_error(
            name,
            "newer",
            f"a newer version of heygen_async made its tables (version {version}, and this one "
            f"knows {SCHEMA_VERSION}); upgrade to use it",
        )
    return None if version is None else int(version)


def error_from_postgres(name: str, error: psycopg.Error) -> JournalError:
    """Convert an error of PostgreSQL to an error of the journal."""
    state = error.sqlstate or ""
    text = error.diag.message_primary or str(error)
    if not state:  # libpq gives none for a refused connection
        state = next((known for part, known in _REFUSALS.items() if part in text), "")
    fallback = ("io_error", "PostgreSQL failed" if state else "the server cannot be reached")
    reason, sentence = _SQLSTATES.get(state) or _SQLSTATES.get(state[:2]) or fallback
    if state == "42P01" and any(f'{table}"' in text for table in _SESSION_TABLES):
        reason, sentence = _POOLED
    return journal_error(name, reason, f"{sentence} ({' '.join(text.split())[:300]})")
