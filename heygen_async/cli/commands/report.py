"""``heygen-async report``: write an HTML page about a run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.text import Text

from heygen_async.cli.commands.status import journals_of
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.journal import JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.reports.chain import write_chain_report
from heygen_async.reports.page import write_report
from heygen_async.session.diagnostics.escaping import escaped


async def report(journal: Path | JournalStore, out: Path | None, *, display: Display) -> Exit:
    """Write the page.

    Args:
        journal: The run's file, or its store.
        out: The page; None writes it beside the file. Required for a store.
        display: The display.

    Raises:
        CommandError: The journal does not exist, or the page would replace the journal.
        JournalError: The journal cannot be read.
        OSError: The page cannot be written.
    """
    if out is not None:
        page = out
    elif isinstance(journal, Path):
        page = journal.with_suffix(".html")
    else:
        raise CommandError("the page of a run in a database needs a file: -o FILE")

    def write() -> None:
        if isinstance(journal, Path):
            if page.resolve() == journal.resolve():
                raise CommandError(
                    f"{page}: that is the journal itself; name the page with -o FILE"
                )
            journals_of(journal)
        store = journal_store(journal)
        is_chain = not store.exists() and stages_of(store)
        (write_chain_report if is_chain else write_report)(store, page)

    await asyncio.to_thread(write)
    written = Text(f"Written: {escaped(str(page))}")
    display.result({"report": str(page)}, lambda console: console.print(written))
    return Exit.DONE
