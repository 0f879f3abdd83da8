"""The tables of the engine are created, brought up to date, or refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from heygen_async import JournalError
from heygen_async.distributed import Cluster
from heygen_async.distributed.runs.statements import sql

from ..postgres import create_database

MIGRATIONS = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
CONTENTS = """
    SELECT pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'heygen_async'::regnamespace
    UNION SELECT enumtypid::regtype || enumlabel FROM pg_enum
    UNION SELECT attrelid::regclass || attname FROM pg_attribute
    WHERE attrelid::regclass::text LIKE 'heygen_async.procrastinate%' AND NOT attisdropped
    ORDER BY 1
"""


def open_many(dsn: str, times: int = 10) -> None:
    """Open the cluster so many times at once."""

    async def opened() -> None:
        async with Cluster(dsn):
            pass

    async def work() -> None:
        await asyncio.gather(*(opened() for _ in range(times)))

    asyncio.run(work())


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def make(dsn: str, migrations: list[Path]) -> None:
    """Make the tables that an older version of the engine had."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA heygen_async")
        connection.execute("SET search_path TO heygen_async")
        for migration in migrations:
            connection.execute(migration.read_bytes())
        connection.execute(sql("create_sweeps"))
        connection.execute(sql("migrated_engine"), {"migration": migrations[-1].name})


def test_older_tables_are_migrated_by_whoever_starts_first(
    postgres_url: str, postgres_database: str
) -> None:
    fresh = create_database(postgres_url)
    open_many(fresh, 1)
    make(postgres_database, MIGRATIONS[:-7])
    assert rows(postgres_database, CONTENTS) != rows(fresh, CONTENTS)
    open_many(postgres_database)
    assert rows(postgres_database, CONTENTS) == rows(fresh, CONTENTS)
    open_many(postgres_database, 1)


def test_newer_tables_are_refused(postgres_database: str) -> None:
    open_many(postgres_database, 1)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        newer = {"migration": "99.00.00_01_pre_of_a_later_version.sql"}
        connection.execute(sql("migrated_engine"), newer)
    with pytest.raises(JournalError, match="upgrade procrastinate") as refused:
        open_many(postgres_database, 1)
    assert refused.value.reason == "newer"
