"""Commands of ``heygen-async proofread``, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.options import BaseUrl, Command, Json, ProofreadId, new_app, runs

proofread: typer.Typer = new_app(
    name="proofread",
    help="Show or edit the subtitles of proofreads, before they are rendered.",
    no_args_is_help=True,
)
app: typer.Typer = new_app()
app.add_typer(proofread)


@proofread.command()
@runs
def show(
    proofread_id: ProofreadId,
    original: Annotated[
        bool, typer.Option("--original", help="Those in the language of the source.")
    ] = False,
    base_url: BaseUrl = None,
    json: Annotated[bool, typer.Option("--json", help="One object, with the errors.")] = False,
) -> Command:
    """Print the subtitles, as SRT in a pipe too, and their errors on standard error."""
    from heygen_async.cli.commands.proofread import show as command
    from heygen_async.cli.display import display_for

    display = display_for(json=json, format=None if json else "text")
    return command(proofread_id, display=display, base_url=base_url, original=original)


@proofread.command()
@runs
def edit(
    proofread_id: ProofreadId,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Edit them in this file, which is kept; an existing one is continued.",
            show_default="a temporary one",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Upload in spite of errors in them.")
    ] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Open $VISUAL or $EDITOR on the subtitles, check what was saved, and upload it."""
    from heygen_async.cli.commands.proofread import edit as command
    from heygen_async.cli.display import display_for

    display = display_for(json=json)
    return command(proofread_id, display=display, base_url=base_url, file=file, anyway=anyway)


app.add_typer(proofread)
