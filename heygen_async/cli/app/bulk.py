"""The commands with their options; what they do stands in ``cli.commands``."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from heygen_async.cli.display import display_for
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.options import (
    AllLanguages,
    BaseUrl,
    DryRun,
    JournalFile,
    Json,
    KeyColumn,
    Languages,
    Length,
    ProofreadId,
    RowsFile,
    Sending,
    SharedOptions,
    Speed,
    TemplateId,
    Via,
    Voice,
    runs,
)
from heygen_async.version import __version__

Command: TypeAlias = Coroutine[Any, Any, Exit]

_EXIT_CODES = (
    "Exit codes: 0 all done, 1 some failed, 2 bad usage, 3 no access, 4 timeout, "
    "130 stopped by Ctrl-C, 143 by SIGTERM."
)
_SIGNALS = (
    "Ctrl-C once submits nothing more and waits for what is in flight; twice stops at once, and "
    "tells which jobs go on at HeyGen. SIGTERM is like one Ctrl-C, with half a minute to end."
)
_CHAIN_SIGNALS = (
    "Ctrl-C and SIGTERM stop it at once, and it tells which jobs go on at HeyGen. With --journal "
    "the same command goes on, and pays for nothing twice; each stage has a file beside FILE."
)
_RUN_EPILOG = f"{_SIGNALS}\n\n{_EXIT_CODES}"
_CHAIN_EPILOG = f"{_CHAIN_SIGNALS}\n\n{_EXIT_CODES}"

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

proofread: typer.Typer = typer.Typer(
    name="proofread",
    help="The subtitles of proofreads, before they are rendered.",
    no_args_is_help=True,
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


@app.command(epilog=_RUN_EPILOG)
@runs
def render(
    template_id: TemplateId,
    rows: RowsFile,
    shared: SharedOptions,
    test: Annotated[bool, typer.Option("--test", help="Lower quality, free of charge.")] = False,
    key: KeyColumn = None,
    dry_run: DryRun = False,
) -> Command:
    """Render one video for each row of a file.

    Columns are the template's variables. A column "key" names the row and its file, a column
    "title" the video, unless the template has such a variable. Empty cells count as not given.
    All rows are checked before the first one is paid for.
    """
    from heygen_async.cli.commands.render import render as command

    return command(template_id, rows, test=test, key=key, **shared.arguments(dry_run=dry_run))


@app.command(epilog=_RUN_EPILOG)
@runs
def translate(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO",
            help="A URL, a local file to upload, or a .csv or .jsonl file of many videos.",
            show_default=False,
        ),
    ],
    shared: SharedOptions,
    to: Languages = None,
    everything: AllLanguages = False,
    key: KeyColumn = None,
    length: Length = None,
    via: Sending = Via.SINGLE,
    dry_run: DryRun = False,
) -> Command:
    """Dub one video, or many, into many languages.

    A file of videos has a column "video" with URLs, or paths from its own folder. A column "key"
    names the video and its files, "title" the video in the account; "input_language" says what is
    spoken, "length" how many seconds it lasts. Each goes into all languages.
    """
    from heygen_async.cli.commands.translate import translate as command

    arguments = shared.arguments(dry_run=dry_run)
    return command(
        video, to or [], everything=everything, key=key, length=length, via=via, **arguments
    )


@app.command(epilog=_CHAIN_EPILOG)
@runs
def localize(
    shared: SharedOptions,
    video: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO", help="A URL, or a local file to upload.", show_default=False
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Let the Video Agent make the video of this."),
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Let an avatar say this.")
    ] = None,
    avatar: Annotated[str | None, typer.Option(metavar="ID", help="The look that says it.")] = None,
    voice: Voice = None,
    title: Annotated[str | None, typer.Option(help="Title in the account.")] = None,
    to: Languages = None,
    everything: AllLanguages = False,
    edit: Annotated[
        bool,
        typer.Option("--edit", help="Proofread: open $EDITOR on the subtitles of each language."),
    ] = False,
    correct: Annotated[
        str | None,
        typer.Option(
            metavar="PROGRAM",
            help="Proofread: run the subtitles through this, SRT in and out; the language is its "
            "last argument.",
        ),
    ] = None,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Make proofreads anew that have expired, as they do after a day; --edit asks.",
        ),
    ] = False,
    dry_run: DryRun = False,
) -> Command:
    """Make a video of a prompt or a script, or take one, and dub it into many languages.

    With --edit or --correct, the subtitles of each language are corrected before it is rendered.
    """
    from heygen_async.cli.commands.localize import SourceVideo
    from heygen_async.cli.commands.localize import localize as command

    source = SourceVideo(
        video=video, prompt=prompt, script=script, avatar=avatar, voice=voice, title=title
    )
    arguments = shared.arguments(dry_run=dry_run)
    return command(
        source,
        to or [],
        everything=everything,
        edit=edit,
        program=correct,
        renew=renew,
        **arguments,
    )


@app.command(epilog=_CHAIN_EPILOG)
@runs
def narrate(
    texts: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS",
            help="A .txt file, or a .csv or .jsonl file of many.",
            show_default=False,
        ),
    ],
    avatar: Annotated[str, typer.Option(metavar="ID", help="The look.", show_default=False)],
    shared: SharedOptions,
    voice: Voice = None,
    dry_run: DryRun = False,
) -> Command:
    """Have texts spoken, lip-sync an avatar to each, and make captions of the words.

    A file of many has a column "text"; a column "key" names the text and its files, "voice" the
    voice that speaks it. With --download, captions come as SRT files beside the videos.
    """
    from heygen_async.cli.commands.narrate import narrate as command

    return command(texts, avatar=avatar, voice=voice, **shared.arguments(dry_run=dry_run))


@app.command(epilog=_CHAIN_EPILOG)
@runs
def personalize(
    template_id: TemplateId,
    rows: RowsFile,
    shared: SharedOptions,
    speak: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIABLE", help="An audio variable whose cells are texts to be spoken."
        ),
    ] = None,
    voice: Voice = None,
    dry_run: DryRun = False,
) -> Command:
    """Render one video for each row of a file, with what the row says spoken first.

    Columns are the template's variables. Columns "key", "title" and "voice" name the row, its
    video and the voice that speaks, unless the template has such variables.
    """
    from heygen_async.cli.commands.personalize import personalize as command

    arguments = shared.arguments(dry_run=dry_run)
    return command(template_id, rows, speak=speak or [], voice=voice, **arguments)


@proofread.command()
@runs
def show(
    proofread_id: ProofreadId,
    original: Annotated[
        bool, typer.Option("--original", help="Those in the language of the source.")
    ] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Print the subtitles, and on standard error what is wrong with them."""
    from heygen_async.cli.commands.proofread import show as command

    display = display_for(json=json)
    return command(proofread_id, display=display, base_url=base_url, original=original)


@proofread.command()
@runs
def edit(
    proofread_id: ProofreadId,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Edit them in this file, which stays; one that is there is gone on with.",
            show_default="a temporary one",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Upload in spite of what is wrong with them.")
    ] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Open $VISUAL or $EDITOR on the subtitles, check what was saved, and upload it."""
    from heygen_async.cli.commands.proofread import edit as command

    display = display_for(json=json)
    return command(proofread_id, display=display, base_url=base_url, file=file, anyway=anyway)


app.add_typer(proofread)


@app.command()
@runs
def status(journal: JournalFile, json: Json = False) -> Command:
    """Tell where a run, or each stage of a chain, stands: from its journal alone, at any time."""
    from heygen_async.cli.commands.status import status as command

    return command(journal, display=display_for(json=json))


@app.command()
@runs
def report(
    journal: JournalFile,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The page.", show_default="beside it, with .html"),
    ] = None,
    json: Json = False,
) -> Command:
    """Write one HTML page about a run: counts, money, plots, failures, links."""
    from heygen_async.cli.commands.report import report as command

    return command(journal, out, display=display_for(json=json))


@app.command()
@runs
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
    balance: Annotated[float, typer.Option(help="USD in the wallet.")] = 100_000.0,
    api_key: Annotated[
        list[str] | None,
        typer.Option(help="A key that is accepted; may be repeated.", show_default="a random one"),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name beside localhost by which it is addressed; may be repeated.",
            show_default="none",
        ),
    ] = None,
    json: Json = False,
) -> Command:
    """Serve a local HeyGen to try things on; nothing leaves this machine."""
    _require_sandbox()
    from heygen_async.cli.commands.sandbox_command import serve as command

    return command(
        display=display_for(json=json),
        port=port,
        speed=speed,
        concurrency=concurrency,
        seed=seed,
        faults=faults,
        balance=balance,
        api_keys=api_key,
        allowed_hosts=allow_host or (),
    )


@app.command()
@runs
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what is made.")] = Path("heygen-output"),
    speed: Speed = 120.0,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Render only so many rows.", show_default="all 260")
    ] = None,
    json: Json = False,
) -> Command:
    """Show what the SDK does, on a sandbox of its own: no key, no charge, under a minute.

    Renders a CSV of 260 rows, dubs one video into 20 languages, lip-syncs an avatar to a
    speech, lets the Video Agent make a video, and downloads it all.
    """
    _require_sandbox()
    from heygen_async.cli.commands.demo import demo as command

    return command(display=display_for(json=json), out=out, speed=speed, rows=rows)


def _require_sandbox() -> None:
    """End the command if the packages of the sandbox are not installed."""
    try:
        import jsonschema_rs  # noqa: F401
    except ModuleNotFoundError:
        raise CommandError(
            'the sandbox needs jsonschema-rs: pip install "heygen-async[cli,sandbox]"'
        ) from None
