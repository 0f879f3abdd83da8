"""``heygen-async submit`` and ``cancel``: runs that workers process."""

from __future__ import annotations

import asyncio
from functools import partial
from operator import attrgetter
from pathlib import Path

from rich.console import Console
from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.inputs.row_files import load_rows
from heygen_async.cli.inputs.variants import Variants
from heygen_async.cli.results.journaled import write_item_rows
from heygen_async.cli.rows.names import ids_of_variables
from heygen_async.cli.run_locations import run_in_database
from heygen_async.cli.single.names import template
from heygen_async.client import HeyGen
from heygen_async.distributed import Cluster
from heygen_async.session.diagnostics.escaping import escaped


async def submit(
    template_id: str,
    source: str | Path,
    *,
    dsn: str,
    name: str,
    max_cost: float | None,
    retry_failed: bool,
    until_empty: bool,
    key: str | None,
    choices: RowChoices | None,
    test: bool,
    telemetry: bool,
    base_url: str | None,
    display: Display,
) -> Exit:
    """Submit a run that renders one variant of a template for each row of a file.

    Args:
        template_id: The id of the template, or its name.
        source: The rows; see ``load_rows``.
        dsn: The database.
        name: Name of the run.
        max_cost: Maximum cost in US dollars, or None.
        retry_failed: Submit failed items of the run again.
        until_empty: Start even if the account cannot pay for all of it.
        key: The column of the rows' keys; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        test: Render in lower quality, free of charge.
        telemetry: Send traces and metrics.
        base_url: Base URL of the API; None reads it from the environment.
        display: The display.

    Raises:
        CommandError: The rows do not match the template, or the template does not exist.
        HeyGenError: The run is refused, or the database cannot be reached.
    """
    rows = await load_rows(source, base_url)
    async with HeyGen(base_url=base_url) as heygen, Cluster(dsn, heygen=heygen) as cluster:
        if telemetry:
            from heygen_async.telemetry import OpenTelemetry

            OpenTelemetry().instrument(heygen)
        template_id, found = await template(heygen, template_id, version="v2" if test else "auto")
        variables = found.infos()
        variants = await asyncio.to_thread(
            Variants, rows, variables, key_column=key, choices=choices, all_or_none=True
        )
        variants.ids = await ids_of_variables(heygen, variants.rows, variables)
        items = variants.items(template_id, by_content=not variants.own_keys)
        await asyncio.to_thread(write_item_rows, run_in_database(dsn, name), items)
        run = await cluster.submit_render(
            template_id,
            variants,
            name=name,
            max_cost=max_cost,
            retry_failed=retry_failed,
            variant=attrgetter("request"),
            key=attrgetter("key") if variants.own_keys else None,
            test=test,
            template=found,
            until_empty=until_empty,
        )
        status = await run.status()
    text = f"Submitted: run {escaped(name)!r}, {status.items:,} items in {status.shards:,} shards"
    display.result(
        {"run": name, "items": status.items, "shards": status.shards}, partial(_print, text)
    )
    return Exit.DONE


async def cancel(dsn: str, *, name: str, display: Display) -> Exit:
    """Cancel a run.

    Args:
        dsn: The database.
        name: The run.
        display: The display.

    Raises:
        JournalError: The run does not exist, or the database cannot be reached.
    """
    async with Cluster(dsn) as cluster:
        run = await cluster.run(name)
        await run.cancel()
    text = f"Cancelled: run {escaped(name)!r}"
    display.result({"run": name, "cancelled": True}, partial(_print, text))
    return Exit.DONE


def _print(text: str, console: Console) -> None:
    console.print(Text(text))
