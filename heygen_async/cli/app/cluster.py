"""Commands for runs on many machines, with their options."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.options import (
    BaseUrl,
    Command,
    Json,
    KeyColumn,
    MaxCost,
    RetryFailed,
    RowsFile,
    TableOptions,
    TemplateId,
    UntilEmpty,
    new_app,
    runs,
)

app: typer.Typer = new_app()

Database: TypeAlias = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="DSN",
        help="The database: postgresql://user@host/database. libpq also takes its password from "
        "PGPASSWORD or ~/.pgpass.",
        show_default=False,
    ),
]

Telemetry: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--telemetry",
        help="Send traces and metrics to the providers that opentelemetry-instrument sets.",
    ),
]


def _require_cluster() -> None:
    """Exit with an error if the packages of the cluster are not installed."""
    try:
        import procrastinate  # noqa: F401
        import redis  # noqa: F401
    except ModuleNotFoundError:
        raise CommandError(
            "runs on many machines need procrastinate and redis: pip install procrastinate "
            "psycopg-pool redis (the extra cluster)"
        ) from None


@app.command()
@runs
def submit(
    template_id: TemplateId,
    rows: RowsFile,
    table: TableOptions,
    on: Database,
    name: Annotated[
        str,
        typer.Option(help="Name of the run; the same name is the same run.", show_default=False),
    ],
    max_cost: MaxCost = None,
    retry_failed: RetryFailed = False,
    until_empty: UntilEmpty = False,
    key: KeyColumn = None,
    test: Annotated[bool, typer.Option("--test", help="Lower quality, free of charge.")] = False,
    telemetry: Telemetry = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Submit a run for workers: one video for each row of a file.

    All rows are checked before the first one is entered. The command can be killed and repeated: a
    row is entered once. Workers complete the run, even if this machine fails.
    """
    _require_cluster()
    from heygen_async.cli.cluster.submit import submit as command
    from heygen_async.cli.display import display_for

    return command(
        template_id,
        rows,
        dsn=on,
        name=name,
        max_cost=max_cost,
        retry_failed=retry_failed,
        until_empty=until_empty,
        key=key,
        choices=table.choices(),
        test=test,
        telemetry=telemetry,
        base_url=base_url,
        display=display_for(json=json),
    )


@app.command()
@runs
def worker(
    on: Database,
    slots: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The Redis or Valkey server of the slots that all workers of the account share.",
            show_default="slots of this process alone",
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Names the account for --slots.", show_default=False),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Items at once at most.")] = 100,
    jobs: Annotated[
        int, typer.Option(min=1, help="Jobs of the account at once at most, over all workers.")
    ] = 50,
    download: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="Download the videos into this folder or storage."),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long to wait for jobs in flight."),
    ] = 25.0,
    heartbeat: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Time between two heartbeats.")
    ] = 10.0,
    dead_after: Annotated[
        float,
        typer.Option(
            min=0.3,
            metavar="SECONDS",
            help="Time without a heartbeat after which the work of a worker goes to others.",
        ),
    ] = 30.0,
    telemetry: Telemetry = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Work on the runs of this account, until Ctrl-C or SIGTERM.

    At the first signal nothing more is submitted, and jobs in flight are waited for; what has not
    ended then goes on in other workers. A second Ctrl-C stops it at once.
    """
    _require_cluster()
    from heygen_async.cli.cluster.worker import worker as command
    from heygen_async.cli.display import display_for

    return command(
        dsn=on,
        slots=slots,
        account=account,
        concurrency=concurrency,
        jobs=jobs,
        out=download,
        grace=grace,
        heartbeat=heartbeat,
        dead_after=dead_after,
        telemetry=telemetry,
        base_url=base_url,
        display=display_for(json=json),
    )


@app.command()
@runs
def cancel(
    database: Annotated[
        str, typer.Argument(metavar="DSN", help="The database.", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="The run.", show_default=False)],
    json: Json = False,
) -> Command:
    """Cancel a run of workers: nothing more is submitted; jobs in flight are waited for."""
    _require_cluster()
    from heygen_async.cli.cluster.submit import cancel as command
    from heygen_async.cli.display import display_for

    return command(database, name=name, display=display_for(json=json))
