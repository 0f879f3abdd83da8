"""Options of ``video create``, and those that it shares with the other kinds of videos."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

_SPEECH = "Speech"
_PICTURE = "Picture"
_VOICE = "How the script is spoken"
_WATERMARK = "Watermark"
_ACCOUNT = "In the account"


class EngineName(StrEnum):
    """Engines that animate an avatar."""

    AVATAR_III = "avatar_iii"
    AVATAR_IV = "avatar_iv"
    AVATAR_V = "avatar_v"


class Orientation(StrEnum):
    """Shape of a video of the agent."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"


class Strength(StrEnum):
    """Strength of gestures and facial expressions."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Shape(StrEnum):
    """Shape of a picture."""

    WIDE = "16:9"
    TALL = "9:16"
    PORTRAIT = "4:5"
    LANDSCAPE = "5:4"
    SQUARE = "1:1"
    AUTO = "auto"


class Size(StrEnum):
    """Size of a picture."""

    UHD = "4k"
    FULL_HD = "1080p"
    HD = "720p"


class FitName(StrEnum):
    """Fit of a figure in the picture."""

    CONTAIN = "contain"
    COVER = "cover"


class FileFormat(StrEnum):
    """Format of a video."""

    MP4 = "mp4"
    WEBM = "webm"


class Captions(StrEnum):
    """Captions of a video."""

    FILE = "file"
    BURNT_IN = "burnt-in"


class Corner(StrEnum):
    """A corner of a picture."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


class VoiceEngine(StrEnum):
    """The engine behind a voice."""

    ELEVENLABS = "elevenlabs"
    FISH = "fish"
    STARFISH = "starfish"


Text: TypeAlias = str | None


AspectRatio = Annotated[
    Shape | None,
    typer.Option(help="Shape of the picture.", show_default="16:9", rich_help_panel=_PICTURE),
]
Resolution = Annotated[
    Size | None,
    typer.Option(help="Size of the picture.", show_default="the plan's", rich_help_panel=_PICTURE),
]
CaptionChoice = Annotated[
    Captions | None,
    typer.Option(
        help="Make a caption file, or burn captions into a second video as well.",
        show_default="none",
        rich_help_panel=_PICTURE,
    ),
]
WatermarkFile = Annotated[
    Text,
    typer.Option(
        metavar="FILE|URL",
        help="An image over the video.",
        show_default=False,
        rich_help_panel=_WATERMARK,
    ),
]
WatermarkOpacity = Annotated[
    float | None,
    typer.Option(help="0 to 1.", show_default="1", rich_help_panel=_WATERMARK),
]
WatermarkScale = Annotated[
    float | None,
    typer.Option(
        help="Above 0, up to 2; 1 is its own size.",
        show_default="1",
        rich_help_panel=_WATERMARK,
    ),
]
WatermarkPosition = Annotated[
    Corner | None,
    typer.Option(help="The corner.", show_default="bottom_right", rich_help_panel=_WATERMARK),
]
WatermarkOffsetX = Annotated[
    float | None,
    typer.Option(help="Shift to the right, -1 to 1.", rich_help_panel=_WATERMARK),
]
WatermarkOffsetY = Annotated[
    float | None,
    typer.Option(help="Shift downwards, -1 to 1.", rich_help_panel=_WATERMARK),
]
Glossary = Annotated[
    Text,
    typer.Option(
        metavar="ID|NAME", help="Brand glossary of pronunciations.", rich_help_panel=_ACCOUNT
    ),
]
Title = Annotated[Text, typer.Option(help="Its title.", rich_help_panel=_ACCOUNT)]
Folder = Annotated[
    Text, typer.Option(metavar="ID", help="Folder to put it in.", rich_help_panel=_ACCOUNT)
]
CallbackUrl = Annotated[
    Text,
    typer.Option(metavar="URL", help="Called when the video has ended.", rich_help_panel=_ACCOUNT),
]
CallbackId = Annotated[
    Text,
    typer.Option(metavar="ID", help="Comes back with the callback.", rich_help_panel=_ACCOUNT),
]
Extra = Annotated[
    Text,
    typer.Option(
        metavar="JSON",
        help="Fields that this version does not know, as an object.",
        show_default=False,
        rich_help_panel=_ACCOUNT,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoOptions:
    """Settings of a video; each field is an option."""

    avatar: Annotated[
        Text, typer.Option(metavar="ID|NAME", help="The look that speaks.", show_default=False)
    ] = None
    image: Annotated[
        Text,
        typer.Option(
            metavar="FILE|URL", help="An image that speaks, in its place.", show_default=False
        ),
    ] = None
    script: Annotated[
        Text,
        typer.Option(
            metavar="TEXT",
            help="What it says; @file or - reads it.",
            show_default=False,
            rich_help_panel=_SPEECH,
        ),
    ] = None
    audio: Annotated[
        Text,
        typer.Option(
            metavar="FILE|URL",
            help="A recording of what it says, in its place.",
            show_default=False,
            rich_help_panel=_SPEECH,
        ),
    ] = None
    voice: Annotated[
        Text,
        typer.Option(
            metavar="ID|NAME",
            help="The voice of the script.",
            show_default="the avatar's own",
            rich_help_panel=_SPEECH,
        ),
    ] = None
    locale: Annotated[Text, typer.Option(help="Accent, such as en-GB.", rich_help_panel=_VOICE)] = (
        None
    )
    speed: Annotated[
        float | None,
        typer.Option(help="0.5 to 1.5.", show_default="1", rich_help_panel=_VOICE),
    ] = None
    pitch: Annotated[
        float | None,
        typer.Option(help="-50 to 50.", show_default="0", rich_help_panel=_VOICE),
    ] = None
    volume: Annotated[
        float | None,
        typer.Option(help="0 to 1.", show_default="1", rich_help_panel=_VOICE),
    ] = None
    voice_engine: Annotated[
        VoiceEngine | None,
        typer.Option(help="The engine behind the voice.", rich_help_panel=_VOICE),
    ] = None
    voice_model: Annotated[
        Text, typer.Option(help="The engine's model.", rich_help_panel=_VOICE)
    ] = None
    similarity: Annotated[
        float | None,
        typer.Option(help="Closeness to the original voice, 0 to 1.", rich_help_panel=_VOICE),
    ] = None
    stability: Annotated[
        float | None, typer.Option(help="Evenness, 0 to 1.", rich_help_panel=_VOICE)
    ] = None
    style: Annotated[
        float | None,
        typer.Option(help="Exaggeration of the style, 0 to 1.", rich_help_panel=_VOICE),
    ] = None
    speaker_boost: Annotated[
        bool | None,
        typer.Option(help="Strengthen the likeness.", show_default=False, rich_help_panel=_VOICE),
    ] = None
    engine: Annotated[
        EngineName | None,
        typer.Option(
            help="The engine that animates the avatar.",
            show_default="avatar_iv",
            rich_help_panel=_PICTURE,
        ),
    ] = None
    reference_look: Annotated[
        Text,
        typer.Option(
            metavar="ID",
            help="A look whose appearance avatar_v takes as the reference.",
            rich_help_panel=_PICTURE,
        ),
    ] = None
    expressiveness: Annotated[
        Strength | None,
        typer.Option(help="Gestures and mimics.", rich_help_panel=_PICTURE),
    ] = None
    motion_prompt: Annotated[
        Text, typer.Option(help="A description of its movements.", rich_help_panel=_PICTURE)
    ] = None
    background: Annotated[
        Text,
        typer.Option(
            metavar="#RRGGBB|FILE|URL",
            help="The background: a colour or an image.",
            show_default=False,
            rich_help_panel=_PICTURE,
        ),
    ] = None
    remove_background: Annotated[
        bool | None,
        typer.Option(help="Cut the figure out.", show_default=False, rich_help_panel=_PICTURE),
    ] = None
    aspect_ratio: AspectRatio = None
    resolution: Resolution = None
    fit: Annotated[
        FitName | None,
        typer.Option(help="How the figure fills the picture.", rich_help_panel=_PICTURE),
    ] = None
    output_format: Annotated[
        FileFormat | None,
        typer.Option(
            help="mp4, or webm with a transparent background.",
            show_default="mp4",
            rich_help_panel=_PICTURE,
        ),
    ] = None
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
