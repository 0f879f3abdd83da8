"""Find the URLs of the files of finished jobs."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from heygen_async.errors import InvalidRequest

Output: TypeAlias = Literal["video", "captioned", "subtitles", "thumbnail", "gif", "audio"]
"""The file of a result. ``captioned`` is the video with burnt-in captions."""

OUTPUTS: tuple[Output, ...] = get_args(Output)

# Fields of the results of different kinds, the preferred one first.
_FIELDS: dict[Output, tuple[str, ...]] = {
    "video": ("video_url",),
    "captioned": ("captioned_video_url",),
    "subtitles": ("subtitle_url", "srt_caption_url", "caption_url", "vtt_caption_url"),
    "thumbnail": ("thumbnail_url",),
    "gif": ("gif_url",),
    "audio": ("audio_url",),
}


def output_url(result: Any, what: Output | None) -> str:
    """Return the URL of a file of a result.

    Args:
        result: A ``Video``, a ``VideoTranslation`` or the like.
        what: The file; None for the video, or the audio of a translation of audio only.

    Raises:
        InvalidRequest: ``what`` is unknown, results of this kind do not have the file, or this
            result does not have it, or not yet.
    """
    if what is not None and what not in OUTPUTS:
        raise InvalidRequest(
            f"what: expected one of {', '.join(OUTPUTS)}, got {what!r}", param="what"
        )
    kind = type(result).__name__
    offered = [name for name in OUTPUTS if _has_field(result, name)]
    if what is not None and what not in offered:
        raise InvalidRequest(
            f"what: a {kind} has no file {what!r}, only {', '.join(offered)}", param="what"
        )
    url = find_output_url(result, what)
    if url is not None:
        return url
    if what is None:
        raise InvalidRequest(
            f"source: {result.id} is {result.status} and has no media URL yet", param="source"
        )
    there = [name for name in offered if any(getattr(result, f, None) for f in _FIELDS[name])]
    has = f"; it has {', '.join(there)}" if there else ""
    raise InvalidRequest(
        f"what: {kind} {result.id} is {result.status} and has no file {what!r}{has}", param="what"
    )


def find_output_url(result: Any, what: Output | None) -> str | None:
    """Return the URL of a file of a result, or None if it does not have the file.

    Args:
        result: A ``Video``, a ``VideoTranslation`` or the like.
        what: As in ``output_url``.
    """
    wanted: tuple[Output, ...] = ("video", "audio") if what is None else (what,)
    fields = (field for name in wanted for field in _FIELDS[name])
    return next(filter(None, (getattr(result, field, None) for field in fields)), None)


def _has_field(result: Any, what: Output) -> bool:
    return any(field in result.__struct_fields__ for field in _FIELDS[what])
