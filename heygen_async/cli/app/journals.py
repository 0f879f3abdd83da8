"""Commands that show a run from its journal, with their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

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


Keys = Annotated[list[str], typer.Argument(metavar="KEY...", help="The items.", show_default=False)]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides.", show_default="your user name")
]


@app.command()
@runs
def approve(
    journal: RunLocation, keys: Keys, name: RunName = None, by: By = None, json: Json = False
) -> Command:
    """Approve items of a run: they are never paid for again.

    Once the whole sample is approved, a run with --require-approval makes the rest.
    """
    return _decide("approve", journal, keys, name, by, json=json)


@app.command()
@runs
def reject(
    journal: RunLocation, keys: Keys, name: RunName = None, by: By = None, json: Json = False
) -> Command:
    """Reject items of a run: they are not made again, and later starts show them as rejected."""
    return _decide("reject", journal, keys, name, by, json=json)


@app.command()
@runs
def retake(
    journal: RunLocation,
    keys: Keys,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COLUMN=VALUE",
            help="A new value for the row; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    name: RunName = None,
    by: By = None,
    json: Json = False,
) -> Command:
    """Have items of a run made again by its next start, as new jobs that are paid for."""
    return _decide("retake", journal, keys, name, by, json=json, changes=changes or ())


def _decide(
    decision: Any,
    journal: str,
    keys: list[str],
    name: str | None,
    by: str | None,
    *,
    json: bool,
    changes: Sequence[str] = (),
) -> Command:
    from heygen_async.cli.display import display_for
    from heygen_async.cli.reviews.decisions import decide
    from heygen_async.cli.run_locations import located

    display = display_for(json=json)
    return decide(decision, located(journal, name), keys, display=display, by=by, changes=changes)
