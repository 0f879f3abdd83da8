"""Options of bulk runs and chains; ``cli.commands`` implements them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from heygen_async.cli.app.dub_options import DubOptions
from heygen_async.cli.app.video_options import EngineName, Orientation, Shape
from heygen_async.cli.exit_codes import EXIT_CODES
from heygen_async.cli.options import (
    AllLanguages,
    Command,
    DryRun,
    KeyColumn,
    Languages,
    Length,
    Preview,
    RowsFile,
    Sending,
    SharedOptions,
    TableOptions,
    TemplateId,
    Via,
    Voice,
    new_app,
    runs,
)
from heygen_async.cli.sample_options import SampleOptions

_SIGNALS = (
    "Ctrl-C stops submitting and waits for the jobs in flight; a second one stops at once, and "
    "names the jobs that continue at HeyGen. SIGTERM acts like the first, for half a minute."
)
_CHAIN_SIGNALS = (
    "Ctrl-C and SIGTERM stop it at once; it names the jobs that continue at HeyGen. With --journal "
    "the same command resumes it, and pays for nothing twice; each stage has a file beside FILE."
)
_RUN_EPILOG = f"{_SIGNALS}\n\n{EXIT_CODES}"
_CHAIN_EPILOG = f"{_CHAIN_SIGNALS}\n\n{EXIT_CODES}"

app: typer.Typer = new_app()


def _file_of(what: str) -> Any:
    return typer.Option(
        metavar="FILE", help=f"A file with the {what}, in its place.", show_default=False
    )


Avatar = Annotated[
    str | None,
    typer.Option(metavar="ID|NAME", help="The look, for rows that name none.", show_default=False),
]
TestClip = Annotated[
    float | None,
    typer.Option(
        "--test-clip",
        min=1,
        metavar="SECONDS",
        help="First make only this many seconds in each language. Needs --journal.",
        show_default=False,
    ),
]
RowVoice = Annotated[
    str | None,
    typer.Option(metavar="ID|NAME", help="The voice, for rows that name none.", show_default=False),
]


@app.command(epilog=_RUN_EPILOG)
@runs
def render(
    template_id: TemplateId,
    rows: RowsFile,
    table: TableOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    test: Annotated[bool, typer.Option("--test", help="Lower quality, free of charge.")] = False,
    key: KeyColumn = None,
    dry_run: DryRun = False,
    preview: Preview = None,
) -> Command:
    """Render one video for each row of a file.

    Columns are the template's variables, whatever case, blanks and underscores their names have;
    others are passed through. A column "key" names the row and its file, a column "title" the
    video, unless the template has such a variable; rows with something in a column "skip" are
    left out. Empty cells count as not given. All rows are checked before the first one is paid
    for.
    """
    from heygen_async.cli.commands.render import render as command

    arguments = shared.arguments(dry_run=dry_run, sampling=sampling, preview=preview)
    return command(template_id, rows, test=test, key=key, choices=table.choices(), **arguments)


@app.command(epilog=_RUN_EPILOG)
@runs
def translate(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO",
            help="A URL, a local file to upload, or a .csv, .jsonl or .xlsx file of many videos.",
            show_default=False,
        ),
    ],
    table: TableOptions,
    dub: DubOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    to: Languages = None,
    everything: AllLanguages = False,
    key: KeyColumn = None,
    length: Length = None,
    title: Annotated[str | None, typer.Option(help="Title in the account.")] = None,
    test_clip: TestClip = None,
    via: Sending = Via.SINGLE,
    dry_run: DryRun = False,
    preview: Preview = None,
) -> Command:
    """Dub one video, or many, into many languages.

    A file of videos has a column "video" with URLs, or paths from its own folder. A column "key"
    names the video and its files, "title" the video in the account; "length" says how many
    seconds it lasts. Columns with the names of the options for dubs,
    such as "mode" and "audio_only", go before these. Each video goes into all languages. Other
    columns are passed through.
    """
    from heygen_async.cli.commands.translate import translate as command

    arguments = shared.arguments(
        dry_run=dry_run, sampling=sampling, test_clip=test_clip, preview=preview
    )
    return command(
        video,
        to or [],
        everything=everything,
        key=key,
        length=length,
        title=title,
        via=via,
        choices=table.choices(),
        dub=dub,
        **arguments,
    )


@app.command(epilog=_CHAIN_EPILOG)
@runs
def localize(
    dub: DubOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    video: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO", help="A URL, or a local file to upload.", show_default=False
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Have the Video Agent make the video from this."),
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Let an avatar say this.")
    ] = None,
    avatar: Annotated[
        str | None, typer.Option(metavar="ID|NAME", help="The look that says it.")
    ] = None,
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
            "last argument, and HEYGEN_ORIGINAL_SRT names a file with the subtitles of the source.",
        ),
    ] = None,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Repeat proofreads that have expired, as they do after a day; --edit asks.",
        ),
    ] = False,
    test_clip: TestClip = None,
    dry_run: DryRun = False,
) -> Command:
    """Make a video from a prompt or a script, or take one, and dub it into many languages.

    With --edit or --correct, the subtitles of each language are corrected before it is rendered.
    --sample makes some of the languages.
    """
    from heygen_async.cli.commands.localize import SourceVideo
    from heygen_async.cli.commands.localize import localize as command

    source = SourceVideo(
        video=video, prompt=prompt, script=script, avatar=avatar, voice=voice, title=title
    )
    arguments = shared.arguments(dry_run=dry_run, sampling=sampling, test_clip=test_clip)
    return command(
        source,
        to or [],
        everything=everything,
        edit=edit,
        program=correct,
        renew=renew,
        dub=dub,
        **arguments,
    )


@app.command(epilog=_CHAIN_EPILOG)
@runs
def narrate(
    texts: Annotated[
        str,
        typer.Argument(
            metavar="TEXTS",
            help="A .txt file, or a .csv, .jsonl or .xlsx file of many.",
            show_default=False,
        ),
    ],
    avatar: Annotated[str, typer.Option(metavar="ID|NAME", help="The look.", show_default=False)],
    table: TableOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    voice: Voice = None,
    key: KeyColumn = None,
    dry_run: DryRun = False,
) -> Command:
    """Have texts spoken, lip-sync an avatar to each, and make captions of the words.

    A file of many has a column "text"; a column "key" names the text and its files, "voice" the
    voice that speaks it. With --download, captions come as SRT files beside the videos.
    """
    from heygen_async.cli.commands.narrate import narrate as command

    arguments = shared.arguments(dry_run=dry_run, sampling=sampling)
    choices = table.choices()
    return command(texts, avatar=avatar, voice=voice, key=key, choices=choices, **arguments)


@app.command(epilog=_CHAIN_EPILOG)
@runs
def personalize(
    template_id: TemplateId,
    rows: RowsFile,
    table: TableOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    speak: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIABLE", help="An audio variable whose cells are texts to be spoken."
        ),
    ] = None,
    voice: Voice = None,
    key: KeyColumn = None,
    dry_run: DryRun = False,
) -> Command:
    """Render one video for each row of a file, with some of its texts spoken first.

    Columns are the template's variables. Columns "key", "title" and "voice" name the row, its
    video and the voice that speaks, unless the template has such variables.
    """
    from heygen_async.cli.commands.personalize import personalize as command

    arguments = shared.arguments(dry_run=dry_run, sampling=sampling)
    choices = table.choices()
    return command(
        template_id, rows, speak=speak or [], voice=voice, key=key, choices=choices, **arguments
    )


@app.command(epilog=_RUN_EPILOG)
@runs
def videos(
    rows: RowsFile,
    table: TableOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    script: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The script, with {column} for values of the row; a column script has priority.",
            show_default=False,
        ),
    ] = None,
    script_file: Annotated[Path | None, _file_of("script")] = None,
    avatar: Avatar = None,
    presenters: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Looks that take turns, instead of --avatar; a resumed run keeps the look of "
            "each row.",
            show_default=False,
        ),
    ] = None,
    voice: RowVoice = None,
    engine: Annotated[
        EngineName | None,
        typer.Option(help="The engine that animates the avatar.", show_default="avatar_iv"),
    ] = None,
    aspect_ratio: Annotated[
        Shape | None, typer.Option(help="Shape of the picture.", show_default="16:9")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Title in the account, with {column}.", show_default=False)
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Refuse scripts that take longer, by estimate.",
            show_default=False,
        ),
    ] = None,
    key: KeyColumn = None,
    via: Sending = Via.SINGLE,
    dry_run: DryRun = False,
    preview: Preview = None,
) -> Command:
    """Make a video of an avatar for each row of a file, without a template.

    Columns script, avatar, voice, engine, aspect_ratio and title go before the options; a column
    "key" names the row and its file. Other columns fill the {column} of the texts, or are carried
    along. All rows are checked before the first one is paid for. "videos list" lists the videos
    of the account.
    """
    from heygen_async.cli.rows.videos import VideoSettings
    from heygen_async.cli.rows.videos import videos as command

    settings = VideoSettings(
        script=script,
        script_file=script_file,
        avatar=avatar,
        presenters=[name.strip() for name in (presenters or "").split(",") if name.strip()],
        voice=voice,
        engine=None if engine is None else engine.value,
        aspect_ratio=None if aspect_ratio is None else aspect_ratio.value,
        title=title,
        max_seconds=max_seconds,
    )
    arguments = shared.arguments(dry_run=dry_run, sampling=sampling, preview=preview)
    return command(rows, settings, key=key, choices=table.choices(), via=via, **arguments)


@app.command(epilog=_RUN_EPILOG)
@runs
def agents(
    rows: RowsFile,
    table: TableOptions,
    shared: SharedOptions,
    sampling: SampleOptions,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The prompt, with {column} for values of the row; a column prompt has priority.",
            show_default=False,
        ),
    ] = None,
    prompt_file: Annotated[Path | None, _file_of("prompt")] = None,
    avatar: Avatar = None,
    voice: RowVoice = None,
    orientation: Annotated[
        Orientation | None,
        typer.Option(help="Shape of the picture.", show_default="the agent chooses"),
    ] = None,
    key: KeyColumn = None,
    dry_run: DryRun = False,
) -> Command:
    """Have the Video Agent make a video for each row of a file.

    Columns prompt, avatar, voice and orientation go before the options; a column "key" names the
    row and its file. Other columns fill the {column} of the prompt, or are passed through.
    """
    from heygen_async.cli.rows.agents import AgentSettings
    from heygen_async.cli.rows.agents import agents as command

    settings = AgentSettings(
        prompt=prompt,
        prompt_file=prompt_file,
        avatar=avatar,
        voice=voice,
        orientation=None if orientation is None else orientation.value,
    )
    arguments = shared.arguments(dry_run=dry_run, sampling=sampling)
    return command(rows, settings, key=key, choices=table.choices(), **arguments)
