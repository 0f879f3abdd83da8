"""``heygen-async personalize``: render a variant of a template with speech for each row."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch
from heygen_async.batch.outcome import Ended
from heygen_async.batch.tables.values import text_of
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import FieldRows, MappedRows, RowChoices, with_ids
from heygen_async.cli.inputs.row_files import Row, load_rows
from heygen_async.cli.output_folder import destination
from heygen_async.cli.preview import preview
from heygen_async.cli.reviews.sampling import wanted_sample, with_changes
from heygen_async.cli.rows.names import ids_in_rows, ids_of_variables
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import template, voice_id
from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest
from heygen_async.models.voices import SpeechRequest
from heygen_async.pipelines import estimate_personalize
from heygen_async.pipelines import personalize as chain_of
from heygen_async.pipelines.personalization import content_keys


async def personalize(
    template_id: str,
    source: str | Path,
    *,
    speak: Sequence[str],
    voice: str | None,
    display: Display,
    out: str | Path | None = None,
    concurrency: int | None = None,
    key: str | None = None,
    choices: RowChoices | None = None,
    base_url: str | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Render a variant of a template for each row, after generating its speech.

    Args:
        template_id: The id of the template, or its name.
        source: The rows; see ``load_rows``. ``key``, ``title`` and ``voice`` are separate columns,
            unless the template has such variables.
        speak: Audio variables whose cells contain texts to be spoken.
        voice: The voice for rows that name no voice.
        display: The display of progress and outcomes.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        key: The column of the rows' keys, which each row must have; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        base_url: Base URL of the API; None reads it from the environment.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The rows do not match the template, or the template does not exist.
        HeyGenError: The API refuses a request.
    """
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    sample = await wanted_sample(options)
    choices = await with_changes(choices, options)
    read = await load_rows(source, base_url)
    existing = await asyncio.to_thread(options.existing_chain, "voices", "renders")
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        template_id, found = await template(heygen, template_id)
        variables = found.infos()
        for name in speak:
            if name not in variables or variables[name].type != "audio":
                raise CommandError(f"--speak {name}: the template has no such audio variable")
        own = {"key", "title", "voice"} - variables.keys()
        fields = [*variables, *sorted(own)]
        own_key = "key" in own
        rows = await asyncio.to_thread(FieldRows, read, fields, choices, key=key, own_key=own_key)
        if key is not None:
            await asyncio.to_thread(rows.require_keys)
        ids = await ids_of_variables(heygen, rows, variables)
        find = partial(voice_id, engine="starfish")
        speaking = rows if speak and "voice" in own else None
        voices = await ids_in_rows(heygen, find, speaking, "voice", [voice])

        def variant(_: int, row: Row) -> _Variant:
            values = with_ids(row.values, {**ids, "voice": voices} if "voice" in own else ids)
            spoken_by = voices.get(voice or "")
            return _Variant(replace(row, values=values), rows, own, speak, spoken_by)

        variants = MappedRows(rows, variant)
        await asyncio.to_thread(deque, variants, maxlen=0)  # checked on creation
        key_of = None
        if key is not None or (rows.key_column is not None and rows.counts["key"] == len(rows)):
            key_of = attrgetter("key")
        title = attrgetter("title")
        if options.dry_run:
            return await preview(
                heygen,
                display,
                lambda batch: estimate_personalize(
                    batch,
                    template_id,
                    variants,
                    key=key_of,
                    title=title,
                    template=found,
                    sample=sample,
                ),
                options,
                existing,
                chain=True,
                columns=rows.explained(),
            )
        if existing is not None:
            display.warn(existing)
        folder = None if out is None else await asyncio.to_thread(destination, out)

        def keys() -> Callable[[Any], str]:
            return content_keys(template_id) if key_of is None else key_of

        items = rows.items(lambda: map(keys(), variants))
        driver = RunDriver(heygen, display, folder, options=options, items=items)

        def start(batch: Batch) -> AsyncGenerator[Ended[Any]]:
            return chain_of(
                batch,
                template_id,
                variants,
                key=key_of,
                title=title,
                template=found,
                sample=sample,
                progress=driver.stage,
            )

        return await driver.chain("Personalizing", len(rows), start, sample=sample)


class _Variant(dict[str, Any]):
    """The variables of a row, with requests for the values to be spoken.

    Attributes:
        key: The row's key; empty if it has none.
        title: Title of its video, or None.
    """

    def __init__(
        self,
        row: Row,
        rows: FieldRows,
        own: Collection[str],
        speak: Sequence[str],
        voice: str | None,
    ) -> None:
        super().__init__({name: value for name, value in row.values.items() if name not in own})
        given = {name: row.values.get(name) for name in own}
        self.key = rows.key(row)
        self.title = None if given.get("title") is None else str(text_of(given["title"]))
        voice = given.get("voice") or voice
        for name in speak:
            if name in self:
                where = f"{rows.path}, line {row.line}"
                if voice is None:
                    raise CommandError(
                        f"{where}: no voice; name one with --voice, or in a column voice"
                    )
                try:
                    self[name] = SpeechRequest(text=str(text_of(self[name])), voice_id=str(voice))
                except InvalidRequest as error:
                    column = rows.field_columns.get(name, name)
                    raise CommandError(f"{where}, column {column!r}: {error}") from None
