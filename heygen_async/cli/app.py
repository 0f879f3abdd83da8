"""The commands and their options; what they do is in the modules that they call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.display import display_for
from heygen_async.cli.exits import Exit
from heygen_async.cli.running import complain, run
from heygen_async.version import __version__

app = typer.Typer(
    name="heygen-async",
    help="The HeyGen API from the command line: bulk rendering, dubbing, and a local sandbox.",
    epilog="Exit codes: 0 all done, 1 some failed, 2 bad usage, 3 no access, 4 timeout, "
    "130 stopped by Ctrl-C, 143 by SIGTERM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out = Annotated[
    Path | None,
    typer.Option(
        "--download",
        "--out",
        metavar="DIR",
        help="Download the videos into this folder.",
        show_default=False,
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep the run in this file: started again, it goes on and pays for nothing twice.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Only go on with a run; begin none.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Submit items again that failed earlier.")
]
ResubmitUncertain = Annotated[
    bool,
    typer.Option(
        "--resubmit-uncertain",
        help="Send items again of which nobody can tell whether they were sent; they might be "
        "paid for twice.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="Submit no more at this cost, an estimate."),
]
MaxJobs = Annotated[int | None, typer.Option(min=0, help="Submit so many jobs at most.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything and estimate the cost; submit nothing."),
]
JournalFile = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="The run's file.", show_default=False)
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1, help="Jobs at once at most; what the account allows is learned.", show_default="50"
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address of the API or of a sandbox.", show_default="HEYGEN_API_BASE, or HeyGen"
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON lines also on a terminal; piped output always is.")
]
Speed = Annotated[float, typer.Option(min=0.1, help="Seconds of HeyGen's time per second.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heygen-async {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The HeyGen API from the command line: bulk rendering, dubbing, and a local sandbox.

    The API key is read from HEYGEN_API_KEY.
    """


@app.command()
def render(
    template_id: Annotated[str, typer.Argument(help="The template.", show_default=False)],
    rows: Annotated[
        Path, typer.Argument(help="A .csv or .jsonl file.", metavar="ROWS", show_default=False)
    ],
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    test: Annotated[bool, typer.Option("--test", help="Lower quality, free of charge.")] = False,
    journal: Journal = None,
    resume: Resume = False,
    key: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column that names rows.", show_default="key"),
    ] = None,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Render one video for each row of a file.

    Columns are the template's variables. A column "key" names the row and its file, a column
    "title" the video, unless the template has such a variable. Empty cells count as not given.
    All rows are checked before the first one is paid for.
    """
    from heygen_async.cli.options import RunOptions
    from heygen_async.cli.render import render as command

    options = RunOptions(
        journal=journal,
        resume=resume,
        retry_failed=retry_failed,
        resubmit_uncertain=resubmit_uncertain,
        max_cost=max_cost,
        max_jobs=max_jobs,
        dry_run=dry_run,
    )
    raise typer.Exit(
        run(
            lambda: command(
                template_id,
                rows,
                display=display_for(json=json),
                out=out,
                concurrency=concurrency,
                base_url=base_url,
                test=test,
                key=key,
                options=options,
            )
        )
    )


@app.command()
def translate(
    video: Annotated[
        str, typer.Argument(help="A URL, or a local file to upload.", show_default=False)
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="LANGUAGE", help="A language; repeat it for more."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All languages that HeyGen offers.")
    ] = False,
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    journal: Journal = None,
    resume: Resume = False,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Dub one video into many languages."""
    from heygen_async.cli.options import RunOptions
    from heygen_async.cli.translate import translate as command

    options = RunOptions(
        journal=journal,
        resume=resume,
        retry_failed=retry_failed,
        resubmit_uncertain=resubmit_uncertain,
        max_cost=max_cost,
        max_jobs=max_jobs,
        dry_run=dry_run,
    )
    raise typer.Exit(
        run(
            lambda: command(
                video,
                to or [],
                display=display_for(json=json),
                everything=everything,
                out=out,
                concurrency=concurrency,
                base_url=base_url,
                options=options,
            )
        )
    )


@app.command()
def status(journal: JournalFile, json: Json = False) -> None:
    """Tell where a run stands, from its journal alone, also while it runs."""
    from heygen_async.cli.status import status as command

    raise typer.Exit(run(lambda: command(journal, display=display_for(json=json))))


@app.command()
def report(
    journal: JournalFile,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The page.", show_default="beside it, with .html"),
    ] = None,
    json: Json = False,
) -> None:
    """Write one HTML page about a run: counts, money, plots, failures, links."""
    from heygen_async.cli.report import report as command

    raise typer.Exit(run(lambda: command(journal, out, display=display_for(json=json))))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 0,
    speed: Speed = 60.0,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that run at once.")] = 10,
    seed: Annotated[int, typer.Option(help="What ids and durations derive from.")] = 0,
    json: Json = False,
) -> None:
    """Serve a local HeyGen to try things on; nothing leaves this machine."""
    _require_sandbox()
    from heygen_async.cli.serve import serve as command

    raise typer.Exit(
        run(
            lambda: command(
                display=display_for(json=json),
                port=port,
                speed=speed,
                concurrency=concurrency,
                seed=seed,
            )
        )
    )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what is made.")] = Path("heygen-output"),
    speed: Speed = 120.0,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Render only so many rows.", show_default="all 260")
    ] = None,
    json: Json = False,
) -> None:
    """Show what the SDK does, on a sandbox of its own: no key, no charge, under a minute.

    Renders a CSV of 260 rows, dubs one video into 20 languages, lip-syncs an avatar to a
    speech, lets the Video Agent make a video, and downloads it all.
    """
    _require_sandbox()
    from heygen_async.cli.demo import demo as command

    raise typer.Exit(
        run(lambda: command(display=display_for(json=json), out=out, speed=speed, rows=rows))
    )


def _require_sandbox() -> None:
    """End the command where what only the sandbox needs is not installed."""
    try:
        import jsonschema_rs  # noqa: F401
    except ModuleNotFoundError:
        message = 'the sandbox needs jsonschema-rs: pip install "heygen-async[cli,sandbox]"'
        complain(message)
        raise typer.Exit(Exit.USAGE) from None
