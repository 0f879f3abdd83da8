"""Convert the controls of dubs, from options and from cells of a list, to fields of requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from heygen_async.cli.app.dub_options import DubMode, DubOptions, FrameTiming, SrtRole
from heygen_async.cli.exit_codes import CommandError
from heygen_async.models.video_translations import StockVoiceConfig

DUB_FIELDS: tuple[str, ...] = tuple(DubOptions.__slots__)
"""Columns of a list that control dubs; the options have the same names."""

DUB_FILES = ("audio", "srt")
"""Controls that name a file or a URL."""

_YES = frozenset(("yes", "y", "true", "on", "1"))
_NO = frozenset(("no", "n", "false", "off", "0"))
# Fields of a VideoTranslationRequest, and fields of a ProofreadRequest with different names.
_FIELDS = {
    "mode": "mode",
    "glossary": "brand_glossary_id",
    "speakers": "speaker_num",
    "start": "start_time",
    "end": "end_time",
    "audio_only": "translate_audio_only",
    "enhance_speech": "enable_speech_enhancement",
    "captions": "enable_caption",
    "stretch": "enable_dynamic_duration",
    "keep_format": "keep_the_same_format",
    "watermark": "enable_watermark",
    "input_language": "input_language",
    "audio": "audio",
    "fps_mode": "fps_mode",
    "srt": "srt",
    "srt_role": "srt_role",
    "folder": "folder_id",
    "callback_url": "callback_url",
    "callback_id": "callback_id",
}
_OF_PROOFREADS = {**_FIELDS, "stretch": "enable_video_stretching"}
_NOT_OF_PROOFREADS = (
    "start",
    "end",
    "stock_voices",
    "stock_voice",
    "watermark",
    "input_language",
    "audio",
    "fps_mode",
    "srt_role",
)
_OF_RENDERS = {
    "audio_only": "translate_audio_only",
    "captions": "captions",
    "callback_url": "callback_url",
    "callback_id": "callback_id",
}


def given_controls(options: DubOptions | None) -> dict[str, Any]:
    """Return the controls that the options set, by name.

    Args:
        options: The options, or None.
    """
    values = {name: getattr(options, name, None) for name in DUB_FIELDS}
    return {
        name: str(value.value) if isinstance(value, StrEnum) else value
        for name, value in values.items()
        if value is not None
    }


def controls_of_cells(cells: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return the controls that the cells of a row set, by name.

    Args:
        cells: Texts by field of the list; other fields are ignored.
        where: The row, for messages.

    Raises:
        CommandError: A cell is invalid for its field; the message names row and column.
    """
    found = {}
    for name in DUB_FIELDS:
        if name in cells:
            try:
                found[name] = _READERS.get(name, _switch)(cells[name])
            except ValueError as error:
                raise CommandError(f"{where}: {name}: {error}, got {cells[name]!r}") from None
    return found


def with_control_ids(
    controls: Mapping[str, Any], ids: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return controls with names replaced by ids.

    Args:
        controls: The controls by name.
        ids: Ids by name, by control.
    """
    found = dict(controls)
    if "glossary" in found:
        found["glossary"] = ids["glossary"][found["glossary"]]
    if "stock_voice" in found:
        found["stock_voice"] = [ids["stock_voice"][name] for name in found["stock_voice"]]
    return found


def translation_fields(controls: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a ``VideoTranslationRequest`` for controls.

    Args:
        controls: The controls by name; those of ``DUB_FILES`` as requests name files.
    """
    return _fields(controls, _FIELDS)


def proofread_fields(controls: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a ``ProofreadRequest`` and of the request that renders it.

    Args:
        controls: The controls by name.

    Raises:
        CommandError: A control does not apply to proofreads.
    """
    for name in _NOT_OF_PROOFREADS:
        if name in controls:
            option = name.replace("_", "-")
            raise CommandError(f"--{option} is not for dubs that are proofread")
    rendered = {name: value for name, value in controls.items() if name in _OF_RENDERS}
    others = {name: value for name, value in controls.items() if name not in _OF_RENDERS}
    return _fields(others, _OF_PROOFREADS), _fields(rendered, _OF_RENDERS)


def _fields(controls: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    fields = {names[name]: value for name, value in controls.items() if name in names}
    if "music" in controls:
        fields["disable_music_track"] = not controls["music"]
    if controls.get("stock_voices") or controls.get("stock_voice"):
        preferred = controls.get("stock_voice") or ()
        fields["stock_voice_config"] = StockVoiceConfig(
            use_stock_voice=True, preferred_stock_voice_ids=preferred
        )
    return fields


def _switch(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise ValueError("expected yes or no")
    return word in _YES


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError("expected seconds")
    return value


def _count(text: str) -> int:
    if not text.strip().isdecimal() or not int(text):
        raise ValueError("expected a whole number from 1")
    return int(text)


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.strip().casefold()
        if word not in words:
            raise ValueError(f"expected {', '.join(words[:-1])} or {words[-1]}")
        return word

    return read


def names_in(text: str) -> list[str]:
    """Return the names in a cell of several, which commas separate."""
    return [name for part in text.split(",") if (name := part.strip())]


_READERS: Mapping[str, Callable[[str], Any]] = {
    "mode": _choice(*DubMode),
    "glossary": str,
    "speakers": _count,
    "start": _number,
    "end": _number,
    "stock_voice": names_in,
    "input_language": str,
    "audio": str,
    "fps_mode": _choice(*FrameTiming),
    "srt": str,
    "srt_role": _choice(*SrtRole),
    "folder": str,
    "callback_url": str,
    "callback_id": str,
}
