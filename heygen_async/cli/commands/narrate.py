"""``heygen-async narrate``: turn texts into speech and avatar videos with captions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch
from heygen_async.batch.outcome import Ended
from heygen_async.batch.tables.values import text_of
from heygen_async.captions import write_srt
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit, unreadable
from heygen_async.cli.inputs.field_rows import FieldRows, MappedRows, RowChoices
from heygen_async.cli.inputs.row_files import Row, load_rows
from heygen_async.cli.output_folder import OutputFolder, destination
from heygen_async.cli.preview import preview
from heygen_async.cli.results.item_rows import ItemRow, ItemRows
from heygen_async.cli.reviews.sampling import wanted_sample, with_changes
from heygen_async.cli.rows.names import ids_in_rows
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import look_id, voice_id
from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest, TransferError
from heygen_async.models.videos import Video
from heygen_async.models.voices import SpeechRequest
from heygen_async.pipelines import Narration, estimate_narrate
from heygen_async.pipelines import narrate as chain_of

_FIELDS = ("text", "key", "voice")


async def narrate(
    source: str | Path,
    *,
    avatar: str,
    voice: str | None,
    display: Display,
    out: str | Path | None = None,
    concurrency: int | None = None,
    key: str | None = None,
    choices: RowChoices | None = None,
    base_url: str | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Turn texts into speech, and lip-sync an avatar to each speech.

    Args:
        source: A ``.txt`` file with one text, or rows (see ``load_rows``) with a column ``text``,
            and optionally ``key`` and ``voice``.
        avatar: Id or name of the look.
        voice: The voice for texts that name no voice.
        display: The display of progress and outcomes.
        out: Folder for the videos and their captions; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        key: The column of the rows' keys, which each row must have; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        base_url: Base URL of the API; None reads it from the environment.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The file has an invalid form.
        HeyGenError: The API refuses a request.
    """
    if out is not None:
        write_srt([])  # reports a missing package before the first paid call
    options = options or RunOptions()
    # Captions made from the speech replace HeyGen's subtitles.
    also = [what for what in options.also if what != "subtitles"]
    options = msgspec.structs.replace(options, concurrency=concurrency, also=also)
    sample = await wanted_sample(options)
    rows = None
    if Path(source).suffix.lower() != ".txt":
        read = await load_rows(source, base_url)
        choices = await with_changes(choices, options)
        rows = await asyncio.to_thread(FieldRows, read, _FIELDS, choices, key=key)
        if key is not None:
            await asyncio.to_thread(rows.require_keys)
    existing = await asyncio.to_thread(options.existing_chain, "speech", "videos")
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        find = partial(voice_id, engine="starfish")
        voices = await ids_in_rows(heygen, find, rows, "voice", [voice])
        texts = await asyncio.to_thread(_texts, Path(source), rows, voice, voices)
        avatar = await look_id(heygen, avatar)  # before the first paid speech
        if options.dry_run:
            return await preview(
                heygen,
                display,
                lambda batch: estimate_narrate(
                    batch,
                    texts,
                    avatar_id=avatar,
                    request=attrgetter("request"),
                    key=attrgetter("key"),
                    sample=sample,
                ),
                options,
                existing,
                chain=True,
                columns=None if rows is None else rows.explained(),
            )
        if existing is not None:
            display.warn(existing)
        folder = None if out is None else await asyncio.to_thread(_folder, out)
        items = ItemRows([], len(texts), lambda: (ItemRow(t.key, {}) for t in texts), names=False)
        if rows is not None:
            items = rows.items(lambda: map(attrgetter("key"), texts))
        driver = RunDriver(heygen, display, folder, options=options, items=items)

        def start(batch: Batch) -> AsyncGenerator[Ended[Any]]:
            narrations = chain_of(
                batch,
                texts,
                avatar_id=avatar,
                request=attrgetter("request"),
                key=attrgetter("key"),
                sample=sample,
                progress=driver.stage,
            )
            return _with_captions(narrations, folder)

        return await driver.chain("Narrating", len(texts), start, sample=sample)


def _folder(out: str | Path) -> OutputFolder:
    """Return the folder for videos and captions."""
    if not isinstance(folder := destination(out), OutputFolder):
        raise CommandError("--download: narrate writes captions, too, and needs a folder")
    return folder


@dataclass(frozen=True, slots=True)
class _Text:
    """A text to be spoken."""

    key: str
    request: SpeechRequest


def _texts(
    path: Path, rows: FieldRows | None, voice: str | None, voices: Mapping[str, str]
) -> Collection[_Text]:
    """Check and return all texts of a file.

    Args:
        path: The file.
        rows: Its rows, or None if it is one text.
        voice: The voice of texts that name none.
        voices: Ids of the voices, by the names that are given.

    Raises:
        CommandError: The file has an invalid form; the message names the line.
    """
    if rows is None:
        try:
            text = path.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {unreadable(error)}") from None
        return [_text(path, path.stem, text, voices.get(voice or ""))]
    rows.require("text", "is what is spoken")

    def text_of_row(_: int, row: Row) -> _Text:
        texts = {name: str(text_of(value)) for name, value in row.values.items()}
        if "text" not in texts:
            raise CommandError(f"{rows.path}, line {row.line}: there is no text")
        key = rows.key(row) or str(row.number)
        spoken_by = voices.get(texts.get("voice") or voice or "")
        return _text(rows.path, key, texts["text"], spoken_by, row.line)

    texts = MappedRows(rows, text_of_row)
    for _ in texts:
        pass  # each text is checked when it is created
    return texts


def _text(path: Path, key: str, text: str, voice: str | None, line: int | None = None) -> _Text:
    where = f"{path}: {key}" if line is None else f"{path}, line {line}"
    if voice is None:
        raise CommandError(f"{where}: no voice; name one with --voice, or in a column voice")
    try:
        return _Text(key, SpeechRequest(text=text, voice_id=voice))
    except InvalidRequest as error:
        raise CommandError(f"{where}: {error}") from None


async def _with_captions(
    narrations: AsyncGenerator[Ended[Narration]], folder: OutputFolder | None
) -> AsyncGenerator[Ended[Video]]:
    """Yield the videos after writing their captions, or with the error if this failed."""
    async with aclosing(narrations):
        async for outcome in narrations:
            narration, failure = outcome.result, outcome.download_error
            if folder is not None and narration is not None:
                path = Path(folder.pattern(".srt").path(outcome))
                text = write_srt(narration.cues)
                try:
                    await asyncio.to_thread(path.write_bytes, text.encode())
                except OSError as error:  # the other videos are paid for, too
                    failure = TransferError(f"{path}: {error.strerror or error}")
            video = None if narration is None else narration.video
            changed: Ended[Any] = outcome
            yield msgspec.structs.replace(changed, result=video, download_error=failure)
