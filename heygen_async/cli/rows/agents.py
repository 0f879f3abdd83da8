"""``heygen-async agents ROWS``: make a Video Agent video for each row."""

from __future__ import annotations

import asyncio
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Run
from heygen_async.batch.tables.values import text_of
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.inputs.field_rows import FieldRows, RowChoices
from heygen_async.cli.inputs.row_files import Row, load_rows
from heygen_async.cli.reviews.sampling import with_changes
from heygen_async.cli.rows.names import ids_in_rows
from heygen_async.cli.rows.requests import RowRequests
from heygen_async.cli.rows.texts import filled, new_fields, placeholders, text_option
from heygen_async.cli.rows.videos import run_requests
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import look_id, voice_id
from heygen_async.client import HeyGen
from heygen_async.models.structs import Request
from heygen_async.models.video_agents import VideoAgentRequest

_FIELDS = ("key", "prompt", "avatar", "voice", "orientation")


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of all videos, unless a row overrides them. The prompt may have placeholders.

    Attributes:
        prompt: The prompt, or None.
        prompt_file: A file with the prompt, instead of ``prompt``.
        avatar: Id or name of the look; None lets the agent choose.
        voice: Id or name of the voice; None lets the agent choose.
        orientation: Shape of the picture; None lets the agent choose.
    """

    prompt: str | None = None
    prompt_file: Path | None = None
    avatar: str | None = None
    voice: str | None = None
    orientation: str | None = None


async def agents(
    source: str | Path,
    settings: AgentSettings,
    *,
    display: Display,
    out: str | Path | None = None,
    concurrency: int | None = None,
    base_url: str | None = None,
    key: str | None = None,
    choices: RowChoices | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Make a Video Agent video for each row. All rows are checked first.

    Args:
        source: The rows; see ``load_rows``. Columns ``prompt``, ``avatar``, ``voice`` and
            ``orientation`` override the settings.
        settings: Settings of all videos.
        display: The display of progress and outcomes.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        base_url: Base URL of the API; None reads it from the environment.
        key: The column of the rows' keys; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The rows or the settings are invalid.
        HeyGenError: The API refuses a request.
    """
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    existing = await asyncio.to_thread(options.existing_run)
    prompt = await text_option("prompt", settings.prompt, settings.prompt_file)
    used = new_fields(placeholders(prompt or ""), _FIELDS)
    choices = await with_changes(choices, options)
    read = await load_rows(source, base_url)
    rows = await asyncio.to_thread(FieldRows, read, [*_FIELDS, *used], choices, key=key)
    for name in used:
        rows.require(name, "the prompt needs")
    if prompt is None:
        rows.require("prompt", "says what to make, without --prompt-file")
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        looks = await ids_in_rows(heygen, look_id, rows, "avatar", [settings.avatar])
        voices = await ids_in_rows(heygen, voice_id, rows, "voice", [settings.voice])

        def make(key: str, row: Row) -> Request:
            values = {name: str(text_of(value)) for name, value in row.values.items()}
            avatar = values.get("avatar") or settings.avatar
            voice = values.get("voice") or settings.voice
            orientation: Any = values.get("orientation") or settings.orientation
            return VideoAgentRequest(
                prompt=filled(values.get("prompt") or prompt or "", row),
                avatar_id=None if avatar is None else looks[avatar],
                voice_id=None if voice is None else voices[voice],
                orientation=orientation and orientation.strip().lower(),
            )

        requests = RowRequests(rows, make, keyed=key is not None)
        await asyncio.to_thread(requests.check)

        def start(batch: Batch) -> Run[Any]:
            return batch.run(
                requests,
                request=attrgetter("request"),
                key=attrgetter("key"),
                journal=options.journal,
            )

        return await run_requests(
            heygen, requests, start, "Letting the agent work", display, out, options, existing
        )
