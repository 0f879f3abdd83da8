"""``heygen-async status``: show the status of a run from its journal."""

from __future__ import annotations

import asyncio
import glob
import time
from collections import Counter
from functools import partial
from operator import itemgetter
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heygen_async.cli.display import Display, duration, rate
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.run_options import moment
from heygen_async.journal import FINISHED, ItemRecord, JournalReader, JournalStore, open_reader
from heygen_async.pricing.estimates import dollars, paid_twice
from heygen_async.session.diagnostics.escaping import escaped

# Period in seconds over which the rate is computed.
_LATELY = 300.0


class Oldest(msgspec.Struct, frozen=True, kw_only=True):
    """The item in flight that has waited longest.

    Attributes:
        key: Its key.
        job_id: Its job, or None if unknown.
        seconds: Seconds that it has waited.
    """

    key: str
    job_id: str | None
    seconds: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Status of a run.

    Attributes:
        kind: Kind of run.
        subject: Its subject.
        run_id: Part of its idempotency keys.
        created_at: Time of its creation in Unix seconds.
        total: Number of items of the run; if the journal does not state it, number of items in the
            journal.
        total_known: Whether the journal states the number of items.
        counts: Number of items in each state.
        done: Share of items that have ended, 0 to 1.
        usd: Estimated cost so far in US dollars.
        resent: Number of items that may have been paid for twice.
        resent_usd: Their additional cost in US dollars, if they were.
        prices_as_of: Date of the prices, or None.
        max_cost: Cap in USD, or None.
        per_minute: Items that ended per minute, over the last five minutes.
        seconds_left: Estimated seconds until all items have ended at this rate; None if unknown.
        last_ended_at: Time of the latest outcome in Unix seconds, or None.
        oldest: The item in flight that has waited longest, or None.
        failures: Number of failed items by code.
        not_submitted: Number of items that HeyGen refused because of the account, by code. The next
            run resubmits them, and they do not count as failed.
        paused_for: Seconds for which submissions have been paused, or None if they are not paused.
    """

    kind: str
    subject: str
    run_id: str
    created_at: float
    total: int
    total_known: bool
    counts: dict[str, int]
    done: float
    usd: float
    resent: int
    resent_usd: float
    prices_as_of: str | None
    max_cost: float | None
    per_minute: float
    seconds_left: float | None
    last_ended_at: float | None
    oldest: Oldest | None
    failures: dict[str, int]
    not_submitted: dict[str, int]
    paused_for: float | None


def standing(view: JournalReader, now: float) -> Standing:
    """Return the status of the run in a journal. Reads all items once.

    Args:
        view: The journal.
        now: Unix seconds.
    """
    totals = view.totals()
    failures: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    oldest: ItemRecord | None = None
    lately = 0
    for entry in view.records():
        if entry.state == "failed":
            again = entry.resubmits(retry_failed=False)
            (refused if again else failures)[entry.error_code or entry.error_type or "unknown"] += 1
        if entry.state in FINISHED:
            lately += entry.ended_at is not None and entry.ended_at > now - _LATELY
        elif entry.state != "uncertain" and (oldest is None or _since(entry) < _since(oldest)):
            oldest = entry
    settings = view.run.settings
    total_known = view.run.items is not None
    total = view.run.total(totals.items)
    counts = {str(state): count for state, count in totals.counts.items()}
    counts["failed"] -= refused.total()
    ended = sum(counts[state] for state in FINISHED)
    paused_at: float | None = None
    for sample in view.slots():  # submissions are paused while no slot is available
        paused_at = None if sample.slot_limit else paused_at or sample.at
    began = totals.first_intended_at
    span = min(_LATELY, now - began) if began is not None else 0.0
    per_second = lately / span if span > 0 else 0.0
    left = total - ended - totals.counts["uncertain"]
    return Standing(
        kind=view.run.kind,
        subject=view.run.subject,
        run_id=view.run.run_id,
        created_at=view.run.created_at,
        total=total,
        total_known=total_known,
        counts=counts,
        done=ended / total if total else 0.0,
        usd=totals.usd,
        resent=totals.resent,
        resent_usd=round(totals.resent_usd, 6),
        prices_as_of=settings.get("prices_as_of"),
        max_cost=settings.get("max_cost"),
        per_minute=per_second * 60,
        seconds_left=left / per_second if per_second and left and total_known else None,
        last_ended_at=totals.last_ended_at,
        oldest=None
        if oldest is None
        else Oldest(key=oldest.key, job_id=oldest.job_id, seconds=now - _since(oldest)),
        failures=dict(failures.most_common()),
        not_submitted=dict(refused.most_common()),
        paused_for=None if paused_at is None else now - paused_at,
    )


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

    def read_all() -> list[tuple[float, Path | JournalStore, Standing]]:
        found: list[tuple[float, Path | JournalStore, Standing]] = []
        for path in journals_of(journal) if isinstance(journal, Path) else [journal]:
            with open_reader(path) as view:
                began = view.totals().first_intended_at
                now = time.time()
                found.append((now if began is None else began, path, standing(view, now)))
        return sorted(found, key=itemgetter(0))

    for _, path, found in await asyncio.to_thread(read_all):
        if path != journal:
            display.note(str(path))
        display.result(found, partial(_show, found, time.time()))
    return Exit.DONE


def _since(entry: ItemRecord) -> float:
    return entry.submitted_at or entry.intended_at


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
    for code, count in found.not_submitted.items():
        row("not submitted", (f"{count:,} ", "yellow"), code)
    for number, (code, count) in enumerate(found.failures.items()):
        row("failures" if not number else "", (f"{count:,} ", "red"), code)
    console.print(table)
