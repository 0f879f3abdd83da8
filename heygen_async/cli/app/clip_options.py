"""Options of ``video cinematic`` and ``video studio``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from heygen_async.cli.app.video_options import (
    AspectRatio,
    CallbackId,
    CallbackUrl,
    CaptionChoice,
    Extra,
    Folder,
    Glossary,
    Resolution,
    Text,
    Title,
    WatermarkFile,
    WatermarkOffsetX,
    WatermarkOffsetY,
    WatermarkOpacity,
    WatermarkPosition,
    WatermarkScale,
)


class ClipShape(StrEnum):
    """Shape of a cinematic clip."""

    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"


class ClipSize(StrEnum):
    """Size of a cinematic clip."""

    HD = "720p"
    FULL_HD = "1080p"


@dataclass(frozen=True, kw_only=True, slots=True)
class CinematicOptions:
    """Settings of a cinematic clip; each field is an option."""

    avatar: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID|NAME", help="A look; repeat it for up to three.", show_default=False
        ),
    ] = None
    prompt: Annotated[
        Text,
        typer.Option(metavar="TEXT", help="The prompt; @file or - reads it.", show_default=False),
    ] = None
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URL", help="An image to follow; repeat it for more.", show_default=False
        ),
    ] = None
    duration: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="4 to 15.", show_default="the API's")
    ] = None
    auto_duration: Annotated[
        bool | None,
        typer.Option("--auto-duration", help="HeyGen chooses the length.", show_default=False),
    ] = None
    enhance_prompt: Annotated[
        bool | None,
        typer.Option("--enhance-prompt", help="HeyGen elaborates the prompt.", show_default=False),
    ] = None
    aspect_ratio: Annotated[
        ClipShape | None, typer.Option(help="Shape of the picture.", show_default="16:9")
    ] = None
    resolution: Annotated[
        ClipSize | None, typer.Option(help="Size of the picture.", show_default="720p")
    ] = None
    title: Title = None
    folder: Folder = None
    extra: Extra = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StudioOptions:
    """Settings of a video of several scenes; each field is an option."""

    aspect_ratio: AspectRatio = None
    resolution: Resolution = None
    captions: CaptionChoice = None
    watermark: WatermarkFile = None
    watermark_opacity: WatermarkOpacity = None
    watermark_scale: WatermarkScale = None
    watermark_position: WatermarkPosition = None
    watermark_offset_x: WatermarkOffsetX = None
    watermark_offset_y: WatermarkOffsetY = None
    glossary: Glossary = None
    title: Title = None
    folder: Folder = None
    callback_url: CallbackUrl = None
    callback_id: CallbackId = None
    extra: Extra = None
