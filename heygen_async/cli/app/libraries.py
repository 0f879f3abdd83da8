"""Commands that list objects of the account, with their options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from heygen_async.cli.options import BaseUrl, Command, FormatName, Json, new_app, runs


class Ownership(StrEnum):
    """Owners of avatars or voices."""

    PUBLIC = "public"
    PRIVATE = "private"


class AvatarType(StrEnum):
    """Types of looks."""

    STUDIO = "studio_avatar"
    TWIN = "digital_twin"
    PHOTO = "photo_avatar"


Most = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help="The most to show.", show_default="all"),
]
Name = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Only those whose name contains this.", show_default=False),
]
Gender = Annotated[
    str | None, typer.Option(help="Those of this gender: male or female.", show_default=False)
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Those that work with this engine, such as avatar_v or starfish.", show_default=False
    ),
]
FolderId = Annotated[
    str | None, typer.Option(metavar="ID", help="Those of this folder.", show_default=False)
]

avatars: typer.Typer = new_app(
    name="avatars", help="The avatars that videos can show.", no_args_is_help=True
)
voices: typer.Typer = new_app(
    name="voices", help="The voices that can speak.", no_args_is_help=True
)
templates: typer.Typer = new_app(
    name="templates", help="The templates, and their variables.", no_args_is_help=True
)
languages: typer.Typer = new_app(
    name="languages", help="The languages that videos can be dubbed into.", no_args_is_help=True
)
videos: typer.Typer = new_app(
    name="videos",
    help="The videos of the account; with a file of rows, make one of each. See "
    "videos ROWS --help.",
    no_args_is_help=True,
)
assets: typer.Typer = new_app(
    name="assets", help="The files that were uploaded.", no_args_is_help=True
)
app: typer.Typer = new_app()
group: typer.Typer
for group in (avatars, voices, templates, languages, videos, assets):
    group.callback()(lambda: None)  # keeps the group although it has one command
    app.add_typer(group)


@avatars.command("list")
@runs
def list_avatars(
    groups: Annotated[
        bool, typer.Option("--groups", help="Persons, rather than their looks.")
    ] = False,
    group: Annotated[
        str | None, typer.Option(metavar="ID", help="Looks of this group.", show_default=False)
    ] = None,
    avatar_type: Annotated[
        AvatarType | None, typer.Option("--type", help="Looks of this type.", show_default=False)
    ] = None,
    ownership: Annotated[
        Ownership | None, typer.Option(help="Only these.", show_default="both")
    ] = None,
    gender: Gender = None,
    engine: Engine = None,
    name: Name = None,
    most: Most = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002, the option
) -> Command:
    """List the looks of avatars, which videos name."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import avatars as command

    return command(
        display_for(json=json, format=format),
        base_url,
        groups=groups,
        group=group,
        avatar_type=avatar_type.value if avatar_type else None,
        ownership=ownership.value if ownership else None,
        gender=gender,
        engine=engine,
        name=name,
        most=most,
    )


@voices.command("list")
@runs
def list_voices(
    voice_type: Annotated[
        Ownership | None, typer.Option("--type", help="Only these.", show_default="both")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Those whose language begins with this.", show_default=False),
    ] = None,
    gender: Gender = None,
    engine: Engine = None,
    name: Name = None,
    most: Most = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002, the option
) -> Command:
    """List voices, the account's own first."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import voices as command

    return command(
        display_for(json=json, format=format),
        base_url,
        voice_type=voice_type.value if voice_type else None,
        language=language,
        gender=gender,
        engine=engine,
        name=name,
        most=most,
    )


@templates.command("list")
@runs
def list_templates(
    name: Name = None,
    most: Most = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002
) -> Command:
    """List templates."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import templates as command

    return command(display_for(json=json, format=format), base_url, name=name, most=most)


@templates.command()
@runs
def show(
    template: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="The template.", show_default=False)
    ],
    header: Annotated[
        bool,
        typer.Option("--csv", help="Print a CSV header instead, to start a file of rows from."),
    ] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Show the variables of a template, and their types."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.templates import show as command

    return command(template, display=display_for(json=json), base_url=base_url, header=header)


@languages.command("list")
@runs
def list_languages(
    name: Name = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002
) -> Command:
    """List the languages that videos can be dubbed into."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import languages as command

    return command(display_for(json=json, format=format), base_url, name=name)


@videos.command("list")
@runs
def list_videos(
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Those with this title.", show_default=False)
    ] = None,
    folder: FolderId = None,
    status: Annotated[
        str | None,
        typer.Option(help="Those of this status, such as completed.", show_default=False),
    ] = None,
    most: Most = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002, the option
) -> Command:
    """List the videos of the account, the newest first."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import videos as command

    display = display_for(json=json, format=format)
    return command(display, base_url, title=title, folder=folder, status=status, most=most)


@assets.command("list")
@runs
def list_assets(
    asset_type: Annotated[
        str | None,
        typer.Option("--type", help="Those of this type, such as image.", show_default=False),
    ] = None,
    folder: FolderId = None,
    name: Name = None,
    most: Most = None,
    base_url: BaseUrl = None,
    json: Json = False,
    format: FormatName = None,  # noqa: A002, the option
) -> Command:
    """List the files that were uploaded."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.lists import assets as command

    display = display_for(json=json, format=format)
    return command(display, base_url, folder=folder, asset_type=asset_type, name=name, most=most)
