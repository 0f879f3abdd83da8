"""``heygen-async personalize``: a variant of a template for each row, with voices from speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Outcome
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.row_files import Row, read_rows
from heygen_async.cli.options import RunOptions
from heygen_async.cli.output_folder import OutputFolder
from heygen_async.cli.preview import preview
from heygen_async.client import HeyGen
from heygen_async.errors import NotFound
from heygen_async.models.voices import SpeechRequest
from heygen_async.pipelines import estimate_personalize
from heygen_async.pipelines import personalize as chain_of


async def personalize(
    template_id: str,
    path: Path,
    *,
    speak: Sequence[str],
    voice: str | None,
    display: Display,
    out: Path | None = None,
    concurrency: int | None = None,
    base_url: str | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Render a variant of a template for each row; what is to be spoken is spoken first.

    Args:
        template_id: The template.
        path: The rows: ``.csv`` or ``.jsonl``. ``key``, ``title`` and ``voice`` are columns of
            their own, unless the template has such variables.
        speak: Audio variables whose cells are texts to be spoken.
        voice: The voice, for rows that name none.
        display: Where progress and outcomes are shown.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Jobs that may run at once at most.
        base_url: The API's address; None takes it from the environment.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The rows do not fit, or there is no such template.
        HeyGenError: The API refuses to go on.
    """
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    rows = await asyncio.to_thread(read_rows, path)
    existing = await asyncio.to_thread(options.existing_chain, "voices", "renders")
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        try:
            variables = await heygen.templates.variables(template_id)
        except NotFound:
            raise CommandError(f"there is no template {template_id!r} in this account") from None
        for name in speak:
            if name not in variables or variables[name].type != "audio":
                raise CommandError(f"--speak {name}: the template has no such audio variable")
        own = {"key", "title", "voice"} - variables.keys()
        values = [_values(path, row, own, speak, voice) for row in rows]
        # Equal rows are told apart by identity, not by content.
        names = {
            id(one): (row.values.get("key"), row.values.get("title"))
            for one, row in zip(values, rows, strict=True)
        }
        keyed = "key" in own and rows.counts["key"] == len(rows)
        key = (lambda one: str(names[id(one)][0])) if keyed else None

        def title_of(one: Any) -> str | None:
            title = names[id(one)][1] if "title" in own else None
            return None if title is None else str(title)

        if options.dry_run:
            return await preview(
                heygen,
                display,
                lambda batch: estimate_personalize(
                    batch, template_id, values, key=key, title=title_of
                ),
                options,
                existing,
                chain=True,
            )
        if existing is not None:
            display.warn(existing)
        folder = None if out is None else await asyncio.to_thread(OutputFolder, out)
        driver = RunDriver(heygen, display, folder, options=options)

        def start(batch: Batch) -> AsyncGenerator[Outcome[Any]]:
            return chain_of(
                batch,
                template_id,
                values,
                key=key,
                title=title_of,
                progress=driver.stage,
            )

        return await driver.chain("Personalizing", len(rows), start)


def _values(
    path: Path, row: Row, own: Collection[str], speak: Sequence[str], voice: str | None
) -> dict[str, Any]:
    """The variables of a row, with requests where something is to be spoken."""
    values = {name: value for name, value in row.values.items() if name not in own}
    if "voice" in own:
        voice = row.values.get("voice", voice)
    for name in speak:
        if name in values:
            if voice is None:
                raise CommandError(f"{path}, line {row.line}: no voice; name one with --voice ID")
            values[name] = SpeechRequest(text=values[name], voice_id=voice)
    return values
