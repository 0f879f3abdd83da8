"""Commands for one object, with their options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.options import BaseUrl, Command, Json, WaitTimeout, new_app, runs


class KindName(StrEnum):
    """Kinds of objects that an id can identify."""

    VIDEO = "video"
    VIDEO_TRANSLATION = "video_translation"
    VIDEO_AGENT_SESSION = "video_agent_session"
    LIPSYNC = "lipsync"
    PROOFREAD = "proofread"
    AI_CLIPPING = "ai_clipping"
    BACKGROUND_REMOVAL = "background_removal"
    FILLER_WORD_REMOVAL = "filler_word_removal"
    HYPERFRAMES_RENDER = "hyperframes_render"
    AVATAR_LOOK = "avatar_look"
    AVATAR_GROUP = "avatar_group"
    VOICE = "voice"
    TEMPLATE = "template"
    ASSET = "asset"
    BRAND_KIT = "brand_kit"
    BRAND_GLOSSARY = "brand_glossary"
    FOLDER = "folder"
    VIDEO_BATCH = "video_batch"
    VIDEO_TRANSLATION_BATCH = "video_translation_batch"
    LIPSYNC_BATCH = "lipsync_batch"
    ASSET_BATCH = "asset_batch"


class What(StrEnum):
    """Files of a result."""

    VIDEO = "video"
    CAPTIONED = "captioned"
    SUBTITLES = "subtitles"
    THUMBNAIL = "thumbnail"
    GIF = "gif"
    AUDIO = "audio"


ItemId = Annotated[str, typer.Argument(metavar="ID", help="Any id.", show_default=False)]
OfKind = Annotated[
    KindName | None,
    typer.Option("--kind", metavar="KIND", help="Its kind.", show_default="found out"),
]

app: typer.Typer = new_app()


@app.command()
@runs
def whoami(
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The journal of a run, which has learned how many jobs may run at once.",
            show_default=False,
        ),
    ] = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Show the account: balance, plan, and running jobs."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.account import whoami as command

    return command(display_for(json=json), base_url, journal=journal)


@app.command()
@runs
def get(
    item_id: ItemId, kind: OfKind = None, base_url: BaseUrl = None, json: Json = False
) -> Command:
    """Show the object with this id."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.ids import get as command

    display = display_for(json=json)
    return command(item_id, display=display, base_url=base_url, kind=kind and kind.value)


@app.command()
@runs
def wait(
    item_id: ItemId,
    kind: OfKind = None,
    timeout: WaitTimeout = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Wait until a job has ended, and show its result."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.ids import wait as command

    return command(
        item_id,
        display=display_for(json=json),
        base_url=base_url,
        kind=kind and kind.value,
        timeout=timeout,
    )


@app.command()
@runs
def download(
    item_id: ItemId,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|DIR",
            help="The file to write.",
            show_default="a file here, named after the title",
        ),
    ] = None,
    what: Annotated[
        What | None,
        typer.Option(help="Which of its files.", show_default="the video, or the file"),
    ] = None,
    kind: OfKind = None,
    timeout: WaitTimeout = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Download the file of a job, once it has ended, or of an asset."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.ids import download as command

    return command(
        item_id,
        display=display_for(json=json),
        base_url=base_url,
        kind=kind and kind.value,
        timeout=timeout,
        out=out,
        what=what.value if what else None,
    )


@app.command()
@runs
def delete(
    item_id: ItemId, kind: OfKind = None, base_url: BaseUrl = None, json: Json = False
) -> Command:
    """Delete the object with this id; without --kind you are asked.

    Without --kind it is looked up and shown first, and only a yes deletes it. Where nobody can be
    asked, nothing is deleted.
    """
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.ids import delete as command

    display = display_for(json=json)
    return command(item_id, display=display, base_url=base_url, kind=kind and kind.value)


@app.command()
@runs
def upload(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="The files.", show_default=False)
    ],
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Upload files, which requests then name by their asset ids."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.files import upload as command

    return command(files, display=display_for(json=json), base_url=base_url)


@app.command()
@runs
def api(
    method: Annotated[
        str,
        typer.Argument(metavar="METHOD", help="GET, POST and so on.", show_default=False),
    ],
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="A path such as /v3/videos.", show_default=False),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="JSON|@FILE",
            help="The body; @- reads standard input.",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query", "-q", metavar="NAME=VALUE", help="A parameter; repeat it for more."
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Send a POST under this key, again if its answer is lost; without one it is sent "
            "once.",
            show_default=False,
        ),
    ] = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Send any call of the API, and print the answer."""
    from heygen_async.cli.display import display_for
    from heygen_async.cli.single.calls import api as command
    from heygen_async.cli.single.calls import body_of

    return command(
        method,
        path,
        display=display_for(json=json),
        base_url=base_url,
        data=body_of(data),
        query=query or [],
        idempotency_key=idempotency_key,
    )


@app.command()
@runs
def migrate(
    payload: Annotated[
        Path, typer.Argument(metavar="PAYLOAD.json", help="What v2 was sent; - is standard input.")
    ],
    json: Json = False,
) -> Command:
    """Turn a payload of HeyGen's v2 into a request of v3; nothing is sent.

    Knows video/generate, template/{id}/generate and video_translate. Prints the request, and on
    standard error what has no counterpart; then the exit code is 1.
    """
    from heygen_async.cli.commands.migrate import migrate as command
    from heygen_async.cli.display import display_for

    return command(payload, display=display_for(json=json))
