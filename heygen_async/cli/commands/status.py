"""``heygen-async status``: show the status of a run from its journal."""

from __future__ import annotations

import asyncio
import glob
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heygen_async.cli.display import Display, duration, rate
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.run_options import moment
from heygen_async.journal import DeliveryStatus, JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.pricing.estimates import dollars, paid_twice
from heygen_async.reports.standing import Standing, standing
from heygen_async.session.diagnostics.escaping import escaped


def journals_of(journal: Path) -> list[Path]:
    """Return the file, or the journals of a chain's stages beside it. Blocks.

    Args:
        journal: Value of the run's ``--journal`` option.

    Raises:
        CommandError: The journal does not exist.
    """
    if journal.exists():
        return [journal]
    stages = sorted(journal.parent.glob(f"{glob.escape(journal.stem)}.*{journal.suffix}"))
    if not stages:
        raise CommandError(f"{journal}: there is no such journal")
    return stages


async def status(journal: Path | JournalStore, *, display: Display) -> Exit:
    """Show the status of a run, or of each stage of a chain.

    Args:
        journal: The run's file, or its store.
        display: The display.

    Raises:
        CommandError: The file does not exist.
        JournalError: The journal cannot be read.
    """

    def read_all() -> list[tuple[JournalStore, Standing]]:
        if isinstance(journal, Path):
            journals_of(journal)  # refuses a journal that does not exist
        found = []
        for store in stages_of(journal) or [journal_store(journal)]:
            with store.reader() as view:
                found.append((store, standing(view, time.time())))
        return found

    given = journal_store(journal).name
    for store, found in await asyncio.to_thread(read_all):
        if store.name != given:
            display.note(str(store.path or store.name))
        display.result(found, partial(_show, found, time.time()))
    return Exit.DONE


def delivery_text(found: DeliveryStatus, target: str) -> Text:
    """Return the deliveries to a target in words.

    Args:
        found: The deliveries.
        target: Description of the target.
    """
    words = Text.assemble((f"{found.delivered:,}", "green"), f" to {escaped(target)}")
    if found.waiting:
        words.append(f", {found.waiting:,} waiting", "yellow")
    if found.failed:
        words.append(f", {found.failed:,} failed", "red")
        words.append(f": {escaped(found.error or '')}")
    return words


def _show(found: Standing, now: float, console: Console) -> None:
    counts = found.counts
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, *parts: str | tuple[str, str]) -> None:
        safe = [
            escaped(part) if isinstance(part, str) else (escaped(part[0]), part[1])
            for part in parts
        ]
        table.add_row(name, Text.assemble(*safe))

    row(
        "run",
        (f"{found.kind} {found.subject}".rstrip(), "bold"),
        f", begun {moment(found.created_at)}",
    )
    ended = counts["completed"] + counts["failed"]
    known = "" if found.total_known else " begun so far"
    row("ended", (f"{found.done:.1%}", "bold"), f", {ended:,} of {found.total:,} items{known}")
    row("completed", (f"{counts['completed']:,}", "green"))
    row("failed", (f"{counts['failed']:,}", "red" if counts["failed"] else ""))
    row("in flight", f"{counts['submitted']:,}")
    if counts["intended"]:
        row("unanswered", f"{counts['intended']:,}")
    if counts["uncertain"]:
        row("uncertain", (f"{counts['uncertain']:,}", "yellow"))
    cap = f" of at most {dollars(found.max_cost)}" if found.max_cost is not None else ""
    dated = f" at prices of {found.prices_as_of}" if found.prices_as_of else ""
    row("spent", f"{dollars(found.usd)}{cap}, an estimate{dated}")
    if found.resent:
        row("in doubt", (paid_twice(found.resent, found.resent_usd), "yellow"))
    if found.per_minute:
        left = f", {duration(found.seconds_left)} left" if found.seconds_left else ""
        row("rate", f"{rate(1, 60 / found.per_minute)} over the last 5 minutes{left}")
    elif found.last_ended_at is not None:
        row("last outcome", f"{duration(now - found.last_ended_at)} ago")
    if found.oldest is not None:
        job = f", {found.oldest.job_id}" if found.oldest.job_id else ""
        row("oldest in flight", f"{found.oldest.key}{job}, {duration(found.oldest.seconds)}")
    if found.paused_for is not None:
        row("paused", (f"submissions are held back for {duration(found.paused_for)}", "yellow"))
    for target, one in found.deliveries.items():
        table.add_row("delivered", delivery_text(one, target))
    for code, count in found.not_submitted.items():
        row("not submitted", (f"{count:,} ", "yellow"), code)
    for number, (code, count) in enumerate(found.failures.items()):
        row("failures" if not number else "", (f"{count:,} ", "red"), code)
    console.print(table)
