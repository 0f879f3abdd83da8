"""``heygen-async status DSN --name RUN``: show the status of a run of workers."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heygen_async.cli.commands.status import delivery_text
from heygen_async.cli.display import Display, duration, rate
from heygen_async.cli.exit_codes import Exit
from heygen_async.distributed import Cluster, ClusterStatus
from heygen_async.pricing.estimates import dollars
from heygen_async.session.diagnostics.escaping import escaped

# Seconds without a check for dead workers after which a warning is shown.
_LATE = 120.0


async def cluster_status(dsn: str, *, name: str, display: Display) -> Exit:
    """Show the status of a run in a database, and its workers.

    Args:
        dsn: The database.
        name: The run.
        display: The display.

    Raises:
        JournalError: The run does not exist, or the database cannot be reached.
    """
    async with Cluster(dsn) as cluster:
        status = await (await cluster.run(name)).status()
    display.result(status, partial(_show, status))
    return Exit.DONE


def _show(status: ClusterStatus, console: Console) -> None:
    counts = status.counts
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, text: str, style: str = "") -> None:
        table.add_row(name, Text(escaped(text), style))

    row("run", f"{status.name}: {status.kind} {status.subject}".rstrip(), "bold")
    ended = counts["completed"] + counts["failed"]
    known = "" if status.entered else " so far; its submit has not come to its end"
    row("ended", f"{ended:,} of {status.items:,} items{known}")
    row("completed", f"{counts['completed']:,}", "green")
    row("failed", f"{counts['failed']:,}", "red" if counts["failed"] else "")
    row("in flight", f"{counts['submitted']:,}")
    row("queued", f"{counts['queued']:,}")
    if counts["intended"]:
        row("unanswered", f"{counts['intended']:,}")
    if counts["uncertain"]:
        row("uncertain", f"{counts['uncertain']:,}", "yellow")
    cap = "" if status.max_cost is None else f" of at most {dollars(status.max_cost)}"
    row("spent", f"{dollars(status.usd)}{cap}, an estimate")
    if status.per_minute:
        left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
        row("rate", f"{rate(1, 60 / status.per_minute)} over the last 5 minutes{left}")
    if status.files is not None:
        table.add_row("delivered", delivery_text(status.files, "the folder of the workers"))
    row("shards", f"{status.shards_left:,} of {status.shards:,} left")
    if status.slot_limit is not None:
        row("slots", f"{status.slots_running:,} of {status.slot_limit:,} run")
    for worker in status.workers:
        seen = f"last heartbeat {duration(worker.seen)} ago"
        alive = f"{worker.running:,} in flight" if worker.alive else "dead"
        row("worker", f"{worker.name}: {alive}, {seen}", "" if worker.alive else "red")
    if status.cancelled:
        row("cancelled", "nothing more is submitted", "yellow")
    elif not status.at_rest and not any(worker.alive for worker in status.workers):
        row("waiting", "no worker is alive: start one", "yellow")
    elif not status.at_rest and status.swept is not None and status.swept > _LATE:
        row("alarm", f"no search for dead workers for {duration(status.swept)}", "red")
    elif status.at_rest and counts["queued"]:
        row("at rest", "the budget has no room; submit it again with a larger cap", "yellow")
    console.print(table)
