"""The commands and their options; what they do is in the modules that they call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli import chain_commands
from heygen_async.cli.display import display_for
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.options import (
    BaseUrl,
    Concurrency,
    DryRun,
    Journal,
    JournalFile,
    Json,
    KeyColumn,
    MaxCost,
    MaxJobs,
    Out,
    ResubmitUncertain,
    Resume,
    RetryFailed,
    RunOptions,
    Sending,
    Speed,
    TemplateId,
    Via,
)
from heygen_async.cli.running import complain, run
from heygen_async.version import __version__

_EXIT_CODES = (
    "Exit codes: 0 all done, 1 some failed, 2 bad usage, 3 no access, 4 timeout, "
    "130 stopped by Ctrl-C, 143 by SIGTERM."
)
_SIGNALS = (
    "Ctrl-C once submits nothing more and waits for what is in flight; twice stops at once, and "
    "tells which jobs go on at HeyGen. SIGTERM is like one Ctrl-C, with half a minute to end."
)

app: typer.Typer = typer.Typer(
    name="heygen-async",
    help="The HeyGen API from the command line: bulk rendering, dubbing, and a local sandbox.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command(epilog=f"{_SIGNALS}\n\n{_EXIT_CODES}")
def render(
    template_id: TemplateId,
    rows: Annotated[
        Path, typer.Argument(help="A .csv or .jsonl file.", metavar="ROWS", show_default=False)
    ],
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    test: Annotated[bool, typer.Option("--test", help="Lower quality, free of charge.")] = False,
    journal: Journal = None,
    resume: Resume = False,
    key: KeyColumn = None,
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
    from heygen_async.cli.commands.render import render as command

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


@app.command(epilog=f"{_SIGNALS}\n\n{_EXIT_CODES}")
def translate(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO",
            help="A URL, a local file to upload, or a .csv or .jsonl file of many videos.",
            show_default=False,
        ),
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
    key: KeyColumn = None,
    via: Sending = Via.SINGLE,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Dub one video, or many, into many languages.

    A file of videos has a column "video" with URLs, or paths from its own folder. A column "key"
    names the video and its files, "title" the video in the account; "input_language" says what is
    spoken. Each goes into all languages.
    """
    from heygen_async.cli.commands.translate import translate as command

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
                key=key,
                via=via,
                options=options,
            )
        )
    )


for _chain in (chain_commands.localize, chain_commands.narrate, chain_commands.personalize):
    app.command(epilog=f"{chain_commands.ENDING}\n\n{_EXIT_CODES}")(_chain)
app.add_typer(chain_commands.proofread)


@app.command()
def status(journal: JournalFile, json: Json = False) -> None:
    """Tell where a run, or each stage of a chain, stands: from its journal alone, at any time."""
    from heygen_async.cli.commands.status import status as command

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
    from heygen_async.cli.commands.report import report as command

    raise typer.Exit(run(lambda: command(journal, out, display=display_for(json=json))))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 0,
    speed: Speed = 60.0,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that run at once.")] = 10,
    seed: Annotated[int, typer.Option(help="What ids and durations derive from.")] = 0,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help='What goes wrong, such as {"drop": 0.1, "fail_jobs": 0.05}.',
            show_default="nothing",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Serve a local HeyGen to try things on; nothing leaves this machine."""
    _require_sandbox()
    from heygen_async.cli.commands.sandbox_command import serve as command

    raise typer.Exit(
        run(
            lambda: command(
                display=display_for(json=json),
                port=port,
                speed=speed,
                concurrency=concurrency,
                seed=seed,
                faults=faults,
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
    from heygen_async.cli.commands.demo import demo as command

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
