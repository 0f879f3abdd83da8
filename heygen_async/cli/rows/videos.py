"""``heygen-async videos ROWS``: make an avatar video for each row, without a template."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Run
from heygen_async.batch.tables.values import text_of
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import FieldRows, RowChoices
from heygen_async.cli.inputs.row_files import Row, load_rows
from heygen_async.cli.options import Via
from heygen_async.cli.output_folder import destination
from heygen_async.cli.preview import preview
from heygen_async.cli.reviews.sampling import estimated, with_changes
from heygen_async.cli.rows.names import ids_in_rows
from heygen_async.cli.rows.presenters import presenters_of
from heygen_async.cli.rows.requests import RowRequests, file_name
from heygen_async.cli.rows.texts import RowProblem, filled, new_fields, placeholders, text_option
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import look_id, voice_id
from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import Request
from heygen_async.models.video_parts import AvatarIIIEngine, AvatarIVEngine, AvatarVEngine
from heygen_async.models.videos import AvatarVideoRequest
from heygen_async.pricing.speech_length import speech_seconds

_FIELDS = ("key", "script", "avatar", "voice", "engine", "aspect_ratio", "title")
_ENGINES = {
    "avatar_iii": AvatarIIIEngine(),
    "avatar_iv": AvatarIVEngine(),
    "avatar_v": AvatarVEngine(),
}


class VideoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of all videos, unless a row overrides them. Texts may have placeholders.

    Attributes:
        script: Text to speak, or None.
        script_file: A file with the script, instead of ``script``.
        avatar: Id or name of the look, or None.
        presenters: Ids or names of looks that take turns, instead of ``avatar``.
        voice: Id or name of the voice; None uses the look's voice.
        engine: Name of the engine that animates the avatar, or None.
        aspect_ratio: Shape of the picture, or None.
        title: Title in the account, or None.
        max_seconds: Maximum estimated length of a script in seconds, or None.
    """

    script: str | None = None
    script_file: Path | None = None
    avatar: str | None = None
    presenters: Sequence[str] = ()
    voice: str | None = None
    engine: str | None = None
    aspect_ratio: str | None = None
    title: str | None = None
    max_seconds: float | None = None


async def videos(
    source: str | Path,
    settings: VideoSettings,
    *,
    display: Display,
    out: str | Path | None = None,
    concurrency: int | None = None,
    base_url: str | None = None,
    key: str | None = None,
    choices: RowChoices | None = None,
    via: Via = Via.SINGLE,
    options: RunOptions | None = None,
) -> Exit:
    """Make a video for each row. All rows are checked before the first paid call.

    Args:
        source: The rows; see ``load_rows``. Columns ``script``, ``avatar``, ``voice``, ``engine``,
            ``aspect_ratio`` and ``title`` override the settings.
        settings: Settings of all videos.
        display: The display of progress and outcomes.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        base_url: Base URL of the API; None reads it from the environment.
        key: The column of the rows' keys; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        via: How the jobs are sent.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The rows or the settings are invalid.
        HeyGenError: The API refuses a request.
    """
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    existing = await asyncio.to_thread(options.existing_run)
    script = await text_option("script", settings.script, settings.script_file)
    if settings.avatar is not None and settings.presenters:
        raise CommandError("--avatar and --presenters do not go together")
    used = placeholders(f"{script or ''}{settings.title or ''}")
    fields = [*_FIELDS, *new_fields(used, _FIELDS)]
    choices = await with_changes(choices, options)
    read = await load_rows(source, base_url)
    rows = await asyncio.to_thread(FieldRows, read, fields, choices, key=key)
    for name in new_fields(used, _FIELDS):
        rows.require(name, "the text needs")
    if script is None:
        rows.require("script", "is what is said, without --script-file")
    if settings.avatar is None and not settings.presenters:
        rows.require("avatar", "is the look, without --avatar")
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        shown = [settings.avatar, *settings.presenters]
        looks = await ids_in_rows(heygen, look_id, rows, "avatar", shown)
        voices = await ids_in_rows(heygen, voice_id, rows, "voice", [settings.voice])
        turns: dict[str, str] = {}

        def make(key: str, row: Row) -> Request:
            values = {name: str(text_of(value)) for name, value in row.values.items()}
            avatar = values.get("avatar") or settings.avatar
            voice = values.get("voice") or settings.voice
            text = filled(values.get("script") or script or "", row)
            title = values.get("title") or settings.title
            look = looks[avatar] if avatar else turns.get(key, next(iter(looks.values())))
            shape: Any = values.get("aspect_ratio") or settings.aspect_ratio or "16:9"
            _check_length(text, settings.max_seconds)
            return AvatarVideoRequest(
                avatar_id=look,
                script=text,
                voice_id=None if voice is None else voices[voice],
                engine=_engine(values.get("engine") or settings.engine),
                aspect_ratio=shape,
                title=None if title is None else filled(title, row),
            )

        requests = RowRequests(rows, make, keyed=key is not None)
        await asyncio.to_thread(requests.check)
        if settings.presenters:
            waiting = [name for name, row in requests.named_rows() if not row.values.get("avatar")]
            given = [looks[name] for name in settings.presenters]
            turns |= await asyncio.to_thread(presenters_of, waiting, given, options.journal)

        def start(batch: Batch) -> Run[Any]:
            return batch.run(
                requests,
                request=attrgetter("request"),
                key=attrgetter("key"),
                via=via.value,
                journal=options.journal,
            )

        return await run_requests(
            heygen, requests, start, "Making videos", display, out, options, existing
        )


async def run_requests(
    heygen: HeyGen,
    requests: RowRequests,
    start: Callable[[Batch], Run[Any]],
    title: str,
    display: Display,
    out: str | Path | None,
    options: RunOptions,
    existing: str | None,
) -> Exit:
    """Run checked requests to their end, or show their cost."""
    if options.dry_run:
        return await preview(
            heygen,
            display,
            lambda batch: estimated(start(batch), options),
            options,
            existing,
            columns=requests.rows.explained(),
            start=start,
        )
    if existing is not None:
        display.warn(existing)
    folder = None if out is None else await asyncio.to_thread(destination, out, file_name)
    driver = RunDriver(heygen, display, folder, options=options, items=requests.items())
    return await driver.run(title, len(requests), start)


def _check_length(text: str, most: float | None) -> None:
    if most is not None and (seconds := speech_seconds(text)) > most:
        raise RowProblem(
            f"column 'script': it takes about {seconds:.0f} s to say, and --max-seconds is {most:g}"
        )


def _engine(name: str | None) -> Any:
    if name is None:
        return None
    known = name.strip().lower().replace(" ", "_").replace("-", "_")
    if known not in _ENGINES:
        raise InvalidRequest(f"engine: expected one of {', '.join(_ENGINES)}, got {name!r}")
    return _ENGINES[known]
