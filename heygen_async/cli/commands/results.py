"""``heygen-async results``: write the rows of a run with their outcomes, from its journal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.results.journaled import results_of, rows_file
from heygen_async.cli.results.table_files import check_table_file, write_csv, write_table
from heygen_async.journal import JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.session.diagnostics.escaping import escaped


async def results(journal: Path | JournalStore, out: Path | None, *, display: Display) -> Exit:
    """Write the results of a run, which may still be in progress.

    Args:
        journal: The run's file, or its store.
        out: The file, ``.csv``, ``.jsonl`` or ``.xlsx``; None writes CSV to standard output.
        display: The display.

    Raises:
        CommandError: The journal does not exist, or the file cannot be written.
        JournalError: The journal cannot be read.
    """

    def write() -> None:
        store = journal_store(journal)
        stages = stages_of(store)
        if not stages:
            raise CommandError(
                f"{store.name}: there is no such {'run' if store.path is None else 'journal'}"
            )
        if out is not None:
            check_table_file(out)
            if store.path and out.resolve() in (
                store.path.resolve(),
                rows_file(store.path).resolve(),
            ):
                raise CommandError(f"{out}: that is the journal itself; name another file")
        columns, rows = results_of(store, stages)
        if out is None:
            write_csv(sys.stdout, columns, rows())
            sys.stdout.flush()
            return
        try:
            write_table(out, columns, rows())
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror or error}") from None

    await asyncio.to_thread(write)
    if out is not None:
        written = Text(f"Written: {escaped(str(out))}")
        display.result({"results": str(out)}, lambda console: console.print(written))
    return Exit.DONE
