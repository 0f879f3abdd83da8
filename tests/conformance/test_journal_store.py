"""Every journal store keeps the promises of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from heygen_async.errors import JournalError
from heygen_async.journal import JournalStore, MemoryJournal, SqliteJournal
from heygen_async.journal.postgres import PostgresJournal
from tests.conformance.journal_store import SPEC, JournalStoreMachine, StoreFactory
from tests.journal.journals import intent_of
from tests.postgres import end_connections


class MemoryFactory:
    """A run in memory ends with its process; what another run finds is the same store."""

    leases_outlive = False

    def make(self, clock: Callable[[], float]) -> JournalStore:
        return MemoryJournal(clock=clock)

    async def crash(self, store: JournalStore) -> JournalStore:
        return store

    def aclose(self) -> None:
        pass


class SqliteFactory:
    """A process that ends leaves the file and its log in their state of that instant."""

    leases_outlive = False

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self._lives = 0
        self._clock: Callable[[], float]

    def make(self, clock: Callable[[], float]) -> JournalStore:
        self._clock = clock
        return SqliteJournal(self._folder / "0.db", clock=clock)

    async def crash(self, store: JournalStore) -> JournalStore:
        path = Path(store.name)
        self._lives += 1
        copy = path.with_name(f"{self._lives}.db")
        await asyncio.to_thread(shutil.copy, path, copy)
        await asyncio.to_thread(shutil.copy, f"{path}-wal", f"{copy}-wal")
        await store.aclose()  # into files that are not read any more
        return SqliteJournal(copy, clock=self._clock)

    def aclose(self) -> None:
        shutil.rmtree(self._folder)


class PostgresFactory:
    """A process that ends loses its connection; the server may carry out its last statements."""

    leases_outlive = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._run = uuid4().hex
        self._clock: Callable[[], float]

    def make(self, clock: Callable[[], float]) -> JournalStore:
        self._clock = clock
        return PostgresJournal(self._url, self._run, clock=clock)

    async def crash(self, store: JournalStore) -> JournalStore:
        await asyncio.to_thread(end_connections, self._url)
        with contextlib.suppress(JournalError):
            await store.aclose()
        # It may have connected anew; the server may carry that out after its client has left.
        await asyncio.to_thread(end_connections, self._url)
        return PostgresJournal(self._url, self._run, clock=self._clock)

    def aclose(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("DELETE FROM heygen_async.owners")  # of all runs


def keeps_its_promises(factory: Callable[[], StoreFactory], examples: int) -> None:
    class Machine(JournalStoreMachine):
        pass

    Machine.factory = staticmethod(factory)
    chosen = settings(max_examples=examples, stateful_step_count=30)
    run_state_machine_as_test(Machine, settings=chosen)


async def shows_whether_it_is_alive(stores: StoreFactory) -> None:
    """A reader must tell a run in progress from one that was closed, and from one that crashed."""

    async def alive(store: JournalStore) -> bool:
        with await asyncio.to_thread(store.reader) as reader:
            return await asyncio.to_thread(reader.alive)

    store = stores.make(time.time)
    try:
        for position, key in enumerate("ab"):
            await store.open(SPEC)
            await store.heartbeat(key, 60.0)
            await store.begin([intent_of(key, position)], key)
            assert await alive(store)
            await store.aclose()
            assert not await alive(store)
    finally:
        stores.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("factory", [MemoryFactory, SqliteFactory])
async def test_a_reader_shows_whether_the_run_is_alive(factory: type[StoreFactory]) -> None:
    await shows_whether_it_is_alive(factory())


@pytest.mark.anyio
async def test_a_reader_of_postgres_shows_whether_the_run_is_alive(postgres_database: str) -> None:
    await shows_whether_it_is_alive(PostgresFactory(postgres_database))


@pytest.mark.parametrize("examples", [15, pytest.param(100, marks=pytest.mark.crash)])
@pytest.mark.parametrize("factory", [MemoryFactory, SqliteFactory])
def test_a_store_keeps_its_promises(factory: type[StoreFactory], examples: int) -> None:
    keeps_its_promises(factory, examples)


@pytest.mark.parametrize("examples", [6, pytest.param(100, marks=pytest.mark.crash)])
def test_postgres_keeps_its_promises(postgres_database: str, examples: int) -> None:
    keeps_its_promises(partial(PostgresFactory, postgres_database), examples)
