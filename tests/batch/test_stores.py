"""Any object that implements the protocol of a journal can serve as one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from heygen_async import Batch, HeyGen, JournalStore, MemoryJournal, SqliteJournal
from heygen_async.reports.page import write_report

from .conftest import names

pytestmark = pytest.mark.anyio


class Wrapped:
    """A store that wraps another one, and derives from no class of the package."""

    def __init__(self, store: JournalStore) -> None:
        self.inside = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    def beside(self, name: str) -> JournalStore:
        return wrapped(self.inside.beside(name))


def wrapped(store: JournalStore) -> JournalStore:
    return cast(JournalStore, Wrapped(store))


@pytest.mark.parametrize("in_a_file", [True, False])
async def test_a_store_of_another_class(
    heygen: HeyGen, template_id: str, tmp_path: Path, in_a_file: bool
) -> None:
    path = tmp_path / "run.db"
    store = wrapped(SqliteJournal(path) if in_a_file else MemoryJournal())
    for resumed in (False, True):
        async with Batch(heygen, journal=store, max_cost=100) as batch:
            outcomes = [outcome async for outcome in batch.render(template_id, names(2))]
            await batch.stage("voices").count_earlier()
        assert [outcome.ok for outcome in outcomes] == [True, True]
        assert [outcome.resumed for outcome in outcomes] == [resumed, resumed]
    assert batch.store is store
    assert batch.journal == (path if in_a_file else None)
    await asyncio.to_thread(write_report, store, tmp_path / "run.html")
    assert "2 items" in (tmp_path / "run.html").read_text("utf-8")
