"""Commands for the sandbox and the demo, with their options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.options import Command, Json, Speed, new_app, runs

app: typer.Typer = new_app()


class MediaKind(StrEnum):
    """Kind of the sandbox's media."""

    PLAIN = "plain"
    DRAWN = "drawn"


@app.command()
@runs
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 0,
    speed: Speed = 60.0,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that run at once.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of ids and durations.")] = 0,
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
    media: Annotated[
        MediaKind,
        typer.Option(
            help="drawn: files show and speak the words and pictures of each request "
            "(the extra sandbox-media)."
        ),
    ] = MediaKind.PLAIN,
    json: Json = False,
) -> Command:
    """Serve a local HeyGen to try things on; nothing leaves this machine."""
    _require_sandbox()
    from heygen_async.cli.commands.sandbox_command import serve as command
    from heygen_async.cli.display import display_for

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
        media="drawn" if media is MediaKind.DRAWN else "plain",
    )


@app.command()
@runs
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("heygen-output"),
    speed: Speed = 120.0,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Render only this many rows.", show_default="all 260")
    ] = None,
    json: Json = False,
) -> Command:
    """Show what the SDK does on its own sandbox: no key, no charge, under a minute.

    Renders a CSV of 260 rows, dubs one video into 20 languages, lip-syncs an avatar to a
    speech, lets the Video Agent make a video, and downloads it all.
    """
    _require_sandbox()
    from heygen_async.cli.commands.demo import demo as command
    from heygen_async.cli.display import display_for

    return command(display=display_for(json=json), out=out, speed=speed, rows=rows)


def _require_sandbox() -> None:
    """Exit with an error if the packages of the sandbox are not installed."""
    try:
        import jsonschema_rs  # noqa: F401
    except ModuleNotFoundError:
        raise CommandError(
            "the sandbox needs jsonschema-rs: pip install jsonschema-rs (the extra sandbox)"
        ) from None
