"""The commands that chain several of the APIs, and those of proofreads, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.display import display_for
from heygen_async.cli.options import (
    BaseUrl,
    Concurrency,
    Journal,
    Json,
    MaxCost,
    MaxJobs,
    Out,
    ResubmitUncertain,
    Resume,
    RetryFailed,
    RunOptions,
    TemplateId,
)
from heygen_async.cli.running import run

ENDING = (
    "Ctrl-C and SIGTERM stop it at once, and it tells which jobs go on at HeyGen. With --journal "
    "the same command goes on, and pays for nothing twice; each stage has a file beside FILE."
)

proofread: typer.Typer = typer.Typer(
    name="proofread",
    help="The subtitles of proofreads, before they are rendered.",
    no_args_is_help=True,
)

Voice = Annotated[
    str | None, typer.Option(metavar="ID", help="The voice that speaks.", show_default=False)
]
ProofreadId = Annotated[
    str, typer.Argument(metavar="ID", help="The proofread.", show_default=False)
]


def localize(
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
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="LANGUAGE", help="A language; repeat it for more."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All languages that HeyGen offers.")
    ] = False,
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
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    journal: Journal = None,
    resume: Resume = False,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    json: Json = False,
) -> None:
    """Make a video of a prompt or a script, or take one, and dub it into many languages.

    With --edit or --correct, the subtitles of each language are corrected before it is rendered.
    """
    from heygen_async.cli.commands.localize import Film
    from heygen_async.cli.commands.localize import localize as command

    film = Film(video=video, prompt=prompt, script=script, avatar=avatar, voice=voice, title=title)
    options = RunOptions(
        journal=journal,
        resume=resume,
        retry_failed=retry_failed,
        resubmit_uncertain=resubmit_uncertain,
        max_cost=max_cost,
        max_jobs=max_jobs,
    )
    raise typer.Exit(
        run(
            lambda: command(
                film,
                to or [],
                display=display_for(json=json),
                everything=everything,
                edit=edit,
                program=correct,
                out=out,
                concurrency=concurrency,
                base_url=base_url,
                options=options,
            )
        )
    )


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
    voice: Voice = None,
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    journal: Journal = None,
    resume: Resume = False,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    json: Json = False,
) -> None:
    """Have texts spoken, lip-sync an avatar to each, and make captions of the words.

    A file of many has a column "text"; a column "key" names the text and its files, "voice" the
    voice that speaks it. With --download, captions come as SRT files beside the videos.
    """
    from heygen_async.cli.commands.narrate import narrate as command

    options = RunOptions(
        journal=journal,
        resume=resume,
        retry_failed=retry_failed,
        resubmit_uncertain=resubmit_uncertain,
        max_cost=max_cost,
        max_jobs=max_jobs,
    )
    raise typer.Exit(
        run(
            lambda: command(
                texts,
                avatar=avatar,
                voice=voice,
                display=display_for(json=json),
                out=out,
                concurrency=concurrency,
                base_url=base_url,
                options=options,
            )
        )
    )


def personalize(
    template_id: TemplateId,
    rows: Annotated[
        Path, typer.Argument(help="A .csv or .jsonl file.", metavar="ROWS", show_default=False)
    ],
    speak: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIABLE", help="An audio variable whose cells are texts to be spoken."
        ),
    ] = None,
    voice: Voice = None,
    out: Out = None,
    concurrency: Concurrency = None,
    base_url: BaseUrl = None,
    journal: Journal = None,
    resume: Resume = False,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    retry_failed: RetryFailed = False,
    resubmit_uncertain: ResubmitUncertain = False,
    json: Json = False,
) -> None:
    """Render one video for each row of a file, with what the row says spoken first.

    Columns are the template's variables. Columns "key", "title" and "voice" name the row, its
    video and the voice that speaks, unless the template has such variables.
    """
    from heygen_async.cli.commands.personalize import personalize as command

    options = RunOptions(
        journal=journal,
        resume=resume,
        retry_failed=retry_failed,
        resubmit_uncertain=resubmit_uncertain,
        max_cost=max_cost,
        max_jobs=max_jobs,
    )
    raise typer.Exit(
        run(
            lambda: command(
                template_id,
                rows,
                speak=speak or [],
                voice=voice,
                display=display_for(json=json),
                out=out,
                concurrency=concurrency,
                base_url=base_url,
                options=options,
            )
        )
    )


@proofread.command()
def show(
    proofread_id: ProofreadId,
    original: Annotated[
        bool, typer.Option("--original", help="Those in the language of the source.")
    ] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Print the subtitles, and on standard error what is wrong with them."""
    from heygen_async.cli.commands.proofread import show as command

    raise typer.Exit(
        run(
            lambda: command(
                proofread_id,
                display=display_for(json=json),
                base_url=base_url,
                original=original,
            )
        )
    )


@proofread.command()
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
) -> None:
    """Open $VISUAL or $EDITOR on the subtitles, check what was saved, and upload it."""
    from heygen_async.cli.commands.proofread import edit as command

    raise typer.Exit(
        run(
            lambda: command(
                proofread_id,
                display=display_for(json=json),
                base_url=base_url,
                file=file,
                anyway=anyway,
            )
        )
    )
