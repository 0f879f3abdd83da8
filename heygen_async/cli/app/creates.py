"""Commands that create one object, with their options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from heygen_async.cli.app.clip_options import CinematicOptions, StudioOptions
from heygen_async.cli.app.video_options import Orientation, VideoOptions
from heygen_async.cli.options import BaseUrl, Command, Json, WaitTimeout, new_app, runs

OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="Download it into this file.", show_default=False
    ),
]

video: typer.Typer = new_app(name="video", help="Make one video.", no_args_is_help=True)
app: typer.Typer = new_app()
app.add_typer(video)


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitOptions:
    """How a video is made and waited for; each field is an option."""

    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the video; --out does so, too.")
    ] = False
    timeout: WaitTimeout = None
    out: OutFile = None
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="The same key gives the same video within 24 hours.",
            show_default="a fresh one",
        ),
    ] = None
    base_url: BaseUrl = None
    json: Json = False

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments that these commands share."""
        from heygen_async.cli.creates.video import Waiting
        from heygen_async.cli.display import display_for

        return {
            "display": display_for(json=self.json),
            "base_url": self.base_url,
            "waiting": Waiting(
                wait=self.wait,
                timeout=self.timeout,
                out=self.out,
                idempotency_key=self.idempotency_key,
            ),
        }


@video.command()
@runs
def create(options: VideoOptions, waiting: WaitOptions) -> Command:
    """Make a video in which an avatar or an image speaks.

    Without --wait it prints the id of the video and ends; wait ID and download ID go on from there.
    """
    from heygen_async.cli.creates.video import create as command

    return command(options, **waiting.arguments())


@video.command()
@runs
def cinematic(options: CinematicOptions, waiting: WaitOptions) -> Command:
    """Make a short cinematic clip of up to three looks, without speech."""
    from heygen_async.cli.creates.clips import cinematic as command

    return command(options, **waiting.arguments())


@video.command()
@runs
def studio(
    scenes: Annotated[
        str,
        typer.Argument(
            metavar="SCENES",
            help="A JSON file with a list of scenes, as the API takes them; - reads it.",
            show_default=False,
        ),
    ],
    options: StudioOptions,
    waiting: WaitOptions,
) -> Command:
    """Make a video of several scenes."""
    from heygen_async.cli.creates.clips import studio as command

    return command(scenes, options, **waiting.arguments())


@app.command()
@runs
def agent(
    prompt: Annotated[
        str,
        typer.Argument(
            metavar="PROMPT", help="What to make; @file or - reads it.", show_default=False
        ),
    ],
    file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URL",
            help="A file for the agent to work with; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Answer the agent's questions here.")
    ] = False,
    avatar: Annotated[
        str | None,
        typer.Option(metavar="ID|NAME", help="The look.", show_default="the agent chooses"),
    ] = None,
    voice: Annotated[
        str | None,
        typer.Option(metavar="ID|NAME", help="The voice.", show_default="the agent chooses"),
    ] = None,
    style: Annotated[
        str | None, typer.Option(metavar="ID|NAME", help="A style to follow.", show_default=False)
    ] = None,
    brand_kit: Annotated[
        str | None,
        typer.Option(metavar="ID|NAME", help="A brand kit to follow.", show_default=False),
    ] = None,
    glossary: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME", help="Brand glossary of pronunciations.", show_default=False
        ),
    ] = None,
    orientation: Annotated[
        Orientation | None,
        typer.Option(help="Shape of the picture.", show_default="the agent chooses"),
    ] = None,
    incognito: Annotated[
        bool, typer.Option("--incognito", help="Keep it out of the agent's memory.")
    ] = False,
    callback_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Called when the video has ended.", show_default=False),
    ] = None,
    callback_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Comes back with the callback.", show_default=False),
    ] = None,
    wait: Annotated[
        bool, typer.Option(help="Wait for the video; a chat and --out always do.")
    ] = True,
    timeout: WaitTimeout = None,
    out: OutFile = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Have the Video Agent make a video from a prompt."""
    from heygen_async.cli.creates.agent import agent as command
    from heygen_async.cli.display import display_for

    return command(
        prompt,
        display=display_for(json=json),
        base_url=base_url,
        files=file or [],
        chat=chat,
        avatar=avatar,
        voice=voice,
        style=style,
        brand_kit=brand_kit,
        glossary=glossary,
        orientation=orientation.value if orientation else None,
        incognito=incognito,
        callback_url=callback_url,
        callback_id=callback_id,
        wait=wait,
        timeout=timeout,
        out=out,
    )


@app.command()
@runs
def speech(
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="The text; @file or - reads it.", show_default=False),
    ],
    out: OutFile = None,
    voice: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME", help="The voice.", show_default="the first that HeyGen lists"
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.5, max=2.0, help="1 is the voice's own.")] = 1.0,
    language: Annotated[
        str | None, typer.Option(help="Language of the text.", show_default="detected")
    ] = None,
    locale: Annotated[
        str | None, typer.Option(help="Accent, such as en-GB.", show_default=False)
    ] = None,
    ssml: Annotated[bool, typer.Option("--ssml", help="The text is SSML.")] = False,
    base_url: BaseUrl = None,
    json: Json = False,
) -> Command:
    """Have a text spoken."""
    from heygen_async.cli.creates.speech import speech as command
    from heygen_async.cli.display import display_for

    return command(
        text,
        display=display_for(json=json),
        base_url=base_url,
        voice=voice,
        out=out,
        speed=speed,
        language=language,
        locale=locale,
        ssml=ssml,
    )
