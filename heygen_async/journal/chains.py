"""The journals of a chain's stages, beside the journal that the chain was given."""

from __future__ import annotations

import contextlib
import glob

from heygen_async.errors import JournalError
from heygen_async.journal import JournalLocation, JournalStore, journal_store

STAGES = ("source", "speech", "voices", "translations", "proofreads", "videos", "renders")
"""Names of the stages of chains, each before those that use its results."""


def stages_of(journal: JournalLocation) -> list[JournalStore]:
    """Return a journal, or the journals of a chain's stages beside it, the first one first. Blocks.

    Args:
        journal: The journal of the run or of the chain.

    Returns:
        The journals that exist. Those whose names are not of stages follow, oldest first.
    """
    store = journal_store(journal)
    if store.exists():
        return [store]
    if store.path is None:
        return [stage for stage in map(store.beside, STAGES) if stage.exists()]
    pattern = f"{glob.escape(store.path.stem)}.*{store.path.suffix}"
    beside = [journal_store(path) for path in store.path.parent.glob(pattern)]
    return sorted((stage for stage in beside if stage.exists()), key=_place)


def _place(store: JournalStore) -> tuple[int, float]:
    name = "" if store.path is None else store.path.stem.rpartition(".")[2]
    if name in STAGES:
        return STAGES.index(name), 0.0
    with contextlib.suppress(JournalError), store.reader() as view:
        return len(STAGES), view.run.created_at
    return len(STAGES), float("inf")
