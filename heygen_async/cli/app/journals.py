"""Commands that show a run from its journal, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.options import Command, Json, RunLocation, RunName, new_app, runs

app: typer.Typer = new_app()


@app.command()
@runs
def status(journal: RunLocation, name: RunName = None, json: Json = False) -> Command:
    """Show the state of a run, or of each stage of a chain, from its journal, at any time."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.run_locations import located

    if name is not None:
        from heygen_async.cli.cluster.status import cluster_status

        return cluster_status(journal, name=name, display=display_for(json=json))
    from heygen_async.cli.commands.status import status as command

    return command(located(journal, name), display=display_for(json=json))


@app.command()
@runs
def watch(
    journal: RunLocation,
    name: RunName = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve", help="Serve a live page on this machine, too, and tell its address."
        ),
    ] = False,
    json: Json = False,
) -> Command:
    """Follow a run from another terminal, or on a live page, while it goes on.

    The run's journal is read and nothing else; it may not exist yet. It ends with the run, and with
    --serve when you press Ctrl-C.
    """
    from heygen_async.cli.display import display_for
    from heygen_async.cli.run_locations import located
    from heygen_async.cli.watching.watch import watch as command

    return command(located(journal, name), display=display_for(json=json), serve=serve)


@app.command()
@runs
def report(
    journal: RunLocation,
    name: RunName = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The page.", show_default="beside it, with .html"),
    ] = None,
    json: Json = False,
) -> Command:
    """Write one HTML page about a run: counts, money, plots, failures, links."""
    from heygen_async.cli.commands.report import report as command
    from heygen_async.cli.display import display_for
    from heygen_async.cli.run_locations import located

    return command(located(journal, name), out, display=display_for(json=json))


@app.command()
@runs
def results(
    journal: RunLocation,
    name: RunName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A .csv, .jsonl or .xlsx file.",
            show_default="CSV on standard output",
        ),
    ] = None,
    json: Json = False,
) -> Command:
    """Write the rows of a run with their results, from its journal, at any time."""
    from heygen_async.cli.commands.results import results as command
    from heygen_async.cli.display import display_for
    from heygen_async.cli.run_locations import located

    return command(located(journal, name), out, display=display_for(json=json))
