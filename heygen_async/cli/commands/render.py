"""``heygen-async render``: render one video for each row of a file."""

from __future__ import annotations

import asyncio
from operator import attrgetter
from pathlib import Path
from typing import Any

from heygen_async.batch import Batch, Outcome, Run
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.inputs.row_files import load_rows
from heygen_async.cli.inputs.variants import Variants
from heygen_async.cli.output_folder import destination
from heygen_async.cli.preview import preview
from heygen_async.cli.reviews.sampling import estimated, with_changes
from heygen_async.cli.rows.names import ids_of_variables
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import template
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.models.videos import Video


async def render(
    template_id: str,
    source: str | Path,
    *,
    display: Display,
    out: str | Path | None,
    concurrency: int | None,
    base_url: str | None,
    test: bool,
    key: str | None = None,
    choices: RowChoices | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Render one variant of a template for each row of a file.

    All rows are checked against the template before the first paid call.

    Args:
        template_id: The id of the template, or its name.
        source: The rows; see ``load_rows``.
        display: The display of progress and outcomes.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        base_url: Base URL of the API; None reads it from the environment.
        test: Render in lower quality, free of charge.
        key: The column of the rows' keys; None uses ``key`` if it exists.
        choices: The user's options for the rows.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The rows do not match the template, or the template does not exist.
        HeyGenError: The API refuses a request.
    """
    options = options or RunOptions()
    existing = await asyncio.to_thread(options.existing_run)
    choices = await with_changes(choices, options)
    rows = await load_rows(source, base_url)
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        version: Version = "v2" if test else "auto"
        template_id, found = await template(heygen, template_id, version=version)
        variables = found.infos()
        journaled = options.journal is not None
        variants = await asyncio.to_thread(
            Variants,
            rows,
            variables,
            key_column=key,
            choices=choices,
            all_or_none=journaled,
            all_texts=options.preview is None,
        )
        variants.ids = await ids_of_variables(heygen, variants.rows, variables)
        # If rows have no keys of their own, the journal names them by content.
        named = variants.own_keys or not journaled

        def start(batch: Batch) -> Run[Video]:
            return batch.render(
                template_id,
                variants,
                variant=attrgetter("request"),
                key=attrgetter("key") if named else None,
                test=test,
                template=found,
                journal=options.journal,
            )

        if options.dry_run:
            return await preview(
                heygen,
                display,
                lambda batch: estimated(start(batch), options),
                options,
                existing,
                columns=variants.rows.explained(),
                start=start,
            )
        name = None if named else _labelled
        folder = None if out is None else await asyncio.to_thread(destination, out, name)
        if existing is not None:
            display.warn(existing)
        items = variants.items(template_id, by_content=not named)
        driver = RunDriver(heygen, display, folder, options=options, items=items)
        return await driver.run("Rendering", len(variants), start)


def _labelled(outcome: Outcome[Any]) -> str:
    """Return a name that is readable, and as unique as the digest of a row's content."""
    return f"{outcome.item.label}-{outcome.key}"
