"""``heygen-async approve``, ``reject`` and ``retake``: decide about the items of a run."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from rich.text import Text

from heygen_async.batch.tables.columns import find_column
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import pairs
from heygen_async.cli.results.journaled import read_item_rows
from heygen_async.cli.reviews.sampling import review_page, rows_of, write_review_page
from heygen_async.journal import JournalReader, JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.journal.reviews import approve, reject, retake
from heygen_async.reports.live import Action, ActionRefused
from heygen_async.reports.review import review_sections
from heygen_async.session.diagnostics.escaping import escaped

Decide = Literal["approve", "reject", "retake"]
_DONE = {"approve": "Approved", "reject": "Rejected", "retake": "To be made again"}


async def decide(
    decision: Decide,
    journal: Path | JournalStore,
    keys: Sequence[str],
    *,
    display: Display,
    by: str | None = None,
    changes: Sequence[str] = (),
) -> Exit:
    """Record what a person decides about items, and renew the review page if there is one.

    Args:
        decision: The decision.
        journal: The run's file, or its store.
        keys: The items.
        display: The display.
        by: Who decides. Default: the user's name on this machine.
        changes: For a retake, new values for columns of the row, as ``NAME=VALUE``.

    Raises:
        CommandError: The journal does not exist, a column is unknown, or the rows cannot be
            changed.
        JournalError: An item is unknown or has not ended, or the journal cannot be written.
    """
    by = by or getpass.getuser()
    store = journal_store(journal)
    shown = Text(escaped(await recorded(decision, store, keys, by=by, changes=changes)))
    display.result(
        {"decision": decision, "keys": list(keys), "by": by},
        lambda console: console.print(shown),
    )
    return Exit.DONE


async def recorded(
    decision: Decide,
    store: JournalStore,
    keys: Sequence[str],
    *,
    by: str | None = None,
    changes: Sequence[str] = (),
) -> str:
    """Record a decision, renew the review page if there is one, and return a sentence.

    Args:
        decision: The decision.
        store: The journal.
        keys: The items.
        by: Who decides. Default: the user's name on this machine.
        changes: As for ``decide``.

    Raises:
        CommandError: As for ``decide``.
        JournalError: As for ``decide``.
    """
    by = by or getpass.getuser()
    if not await asyncio.to_thread(stages_of, store):
        raise CommandError(f"{store.name}: there is no such journal")
    if decision == "retake":
        columns = await asyncio.to_thread(changed_columns, store, keys, changes)
        await retake(store, keys, by=by, changes=columns)
    else:
        await (approve if decision == "approve" else reject)(store, keys, by=by)
    if store.path is not None:
        page = review_page(store)
        if await asyncio.to_thread(page.exists):
            await asyncio.to_thread(write_review_page, store, page)
    text = f"{_DONE[decision]}: {', '.join(keys)}"
    if decision == "retake":
        text += "; the next start of the run's own command makes it, as a new job that is paid for"
    return f"{text}."


def changed_columns(
    store: JournalStore, keys: Sequence[str], changes: Sequence[str]
) -> dict[str, str]:
    """Return the new values of rows by their columns. Blocks.

    Args:
        store: The journal.
        keys: The keys of the rows.
        changes: The values, as ``NAME=VALUE``.

    Raises:
        CommandError: A column is unknown, or no row can be changed.
    """
    given = pairs("--set COLUMN=VALUE", changes)
    if not given:
        return {}
    rows = read_item_rows(store)
    with stages_of(store)[-1].reader() as reader:
        kind = reader.run.kind
    if rows is None or rows.key_column is not None or kind == "translate":
        raise CommandError(
            "--set: the rows of this run have no column with their keys; change the row in its file"
        )
    columns = {}
    for name, value in given.items():
        column = find_column(name, rows.columns)
        if column is None:
            known = ", ".join(rows.columns)
            raise CommandError(f"--set: there is no column {name!r}\n  The columns: {known}")
        columns[column] = value
    names = set(columns)  # columns that name each row, or one of those that are made again
    for row in rows:
        equal = {column for column in columns if row.values.get(column) == row.key}
        if row.key in keys and equal:
            names = equal
            break
        names &= equal
    if names:
        raise CommandError(
            f"--set: column {min(names)!r} holds the key of the row, which stays; another key in "
            "the file makes a new item"
        )
    return columns


class PageReviews:
    """The review of a run's sample on its live page.

    Args:
        journal: The run's file, or its store.
    """

    def __init__(self, journal: Path | JournalStore) -> None:
        self._store = journal_store(journal)
        self.actions: dict[str, Action] = {
            "approve": partial(self._act, "approve"),
            "reject": partial(self._act, "reject"),
            "retake": partial(self._act, "retake"),
        }

    def sections(self, view: JournalReader) -> Mapping[str, str]:
        """Return the section that shows the sample. Blocks."""
        return review_sections(view, lambda keys: rows_of(self._store, keys))

    async def _act(self, decision: Decide, fields: Mapping[str, str]) -> str:
        key, column = fields.get("key", ""), fields.get("column", "")
        changes = [f"{column}={fields.get('value', '')}"] if column else []
        try:
            return await recorded(decision, self._store, [key], changes=changes)
        except CommandError as error:
            raise ActionRefused(str(error)) from None
