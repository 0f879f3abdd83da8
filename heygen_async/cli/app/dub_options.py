"""Options of dubs: all controls of the API. Columns of a list have the same names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

_PANEL = "The dub"
_SOURCE = "Its source"
_ACCOUNT = "In the account"

Switch: TypeAlias = bool | None


class DubMode(StrEnum):
    """How much HeyGen does for a dub."""

    SPEED = "speed"
    PRECISION = "precision"


class FrameTiming(StrEnum):
    """Timing of frames in a video."""

    VFR = "vfr"
    CFR = "cfr"
    PASSTHROUGH = "passthrough"


class SrtRole(StrEnum):
    """The side that subtitles belong to."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, kw_only=True, slots=True)
class DubOptions:
    """Settings of dubs; each field is an option."""

    mode: Annotated[
        DubMode | None,
        typer.Option(
            help="Precision has better lip movements, at twice the price.",
            show_default="speed",
            rich_help_panel=_PANEL,
        ),
    ] = None
    glossary: Annotated[
        str | None,
        typer.Option(metavar="ID|NAME", help="Brand glossary of terms.", rich_help_panel=_PANEL),
    ] = None
    speakers: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many people speak.", show_default="detected", rich_help_panel=_PANEL
        ),
    ] = None
    start: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Dub from here.", rich_help_panel=_PANEL),
    ] = None
    end: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Dub up to here.", rich_help_panel=_PANEL),
    ] = None
    audio_only: Annotated[
        Switch,
        typer.Option(
            help="Replace the audio only, without lip-sync.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    music: Annotated[
        Switch,
        typer.Option(
            help="Keep the background music, or drop it.",
            show_default="kept",
            rich_help_panel=_PANEL,
        ),
    ] = None
    enhance_speech: Annotated[
        Switch,
        typer.Option(help="Clean the speech.", show_default=False, rich_help_panel=_PANEL),
    ] = None
    captions: Annotated[
        Switch,
        typer.Option(
            help="Deprecated by the API: captions are always made.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    stretch: Annotated[
        Switch,
        typer.Option(
            help="Let the video stretch to fit the speech.",
            show_default="HeyGen's",
            rich_help_panel=_PANEL,
        ),
    ] = None
    keep_format: Annotated[
        Switch,
        typer.Option(
            help="Keep resolution and format of the source.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    stock_voices: Annotated[
        Switch,
        typer.Option(
            help="Stock voices in place of cloned ones.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    stock_voice: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID|NAME",
            help="A stock voice to prefer; repeat it for more.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    watermark: Annotated[
        Switch,
        typer.Option(help="Show HeyGen's watermark.", show_default=False, rich_help_panel=_PANEL),
    ] = None
    input_language: Annotated[
        str | None,
        typer.Option(
            help="Language that is spoken.", show_default="detected", rich_help_panel=_SOURCE
        ),
    ] = None
    audio: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Speech to use in place of the video's own.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None
    fps_mode: Annotated[
        FrameTiming | None,
        typer.Option(
            help="Timing of frames, with --audio.", show_default=False, rich_help_panel=_SOURCE
        ),
    ] = None
    srt: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Subtitles to use.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None
    srt_role: Annotated[
        SrtRole | None,
        typer.Option(
            help="Whether --srt is in the language of the source or of the dub.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None
    folder: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Folder to put them in.", rich_help_panel=_ACCOUNT),
    ] = None
    callback_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Called when a dub has ended.", rich_help_panel=_ACCOUNT),
    ] = None
    callback_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Comes back with the callback.", rich_help_panel=_ACCOUNT),
    ] = None
