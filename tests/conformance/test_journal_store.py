"""Every journal store keeps the promises of the protocol."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from heygen_async.journal import JournalStore, MemoryJournal, SqliteJournal
from tests.conformance.journal_store import JournalStoreMachine, StoreFactory


class MemoryFactory:
    """A run in memory ends with its process; what another run finds is the same store."""

    def make(self, clock: Callable[[], float]) -> JournalStore:
        return MemoryJournal(clock=clock)

    async def crash(self, store: JournalStore) -> JournalStore:
        return store

    def aclose(self) -> None:
        pass


class SqliteFactory:
    """A process that ends leaves the file and its log as they are at that instant."""

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
        await store.aclose()  # into the files that nobody looks at any more
        return SqliteJournal(copy, clock=self._clock)

    def aclose(self) -> None:
        shutil.rmtree(self._folder)


@pytest.mark.parametrize("factory", [MemoryFactory, SqliteFactory])
def test_a_store_keeps_its_promises(factory: type[StoreFactory]) -> None:
    class Machine(JournalStoreMachine):
        pass

    Machine.factory = factory
    run_state_machine_as_test(Machine, settings=settings(max_examples=30, stateful_step_count=30))
