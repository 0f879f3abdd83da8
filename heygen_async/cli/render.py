"""``heygen-async render``: one video for each row of a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from heygen_async.cli.bulk import Finisher, carry_out
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exits import CommandError, Exit
from heygen_async.cli.folder import OutputFolder
from heygen_async.cli.rows import read_rows, variants_of
from heygen_async.client import HeyGen
from heygen_async.errors import NotFound


async def render(
    template_id: str,
    path: Path,
    *,
    display: Lines | Terminal,
    out: Path | None,
    concurrency: int | None,
    base_url: str | None,
    test: bool,
) -> Exit:
    """Render one variant of a template for each row of a file.

    All rows are checked against the template before the first paid call.

    Args:
        template_id: The template.
        path: The rows: ``.csv`` or ``.jsonl``.
        display: Where progress and outcomes are shown.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Jobs that may run at once at most.
        base_url: The API's address; None takes it from the environment.
        test: Render in lower quality, free of charge.

    Raises:
        CommandError: The rows do not fit, or there is no such template.
        HeyGenError: The API refuses to go on.
    """
    rows = await asyncio.to_thread(read_rows, path)
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        try:
            variables = await heygen.templates.variables(
                template_id, version="v2" if test else "auto"
            )
        except NotFound:
            raise CommandError(f"there is no template {template_id!r} in this account") from None
        variants = variants_of(path, rows, variables)
        folder = None if out is None else await asyncio.to_thread(OutputFolder, out)
        requests = [variant.request for variant in variants]
        return await carry_out(
            Finisher(heygen, display, folder),
            display,
            "Rendering",
            len(variants),
            lambda batch: batch.render(template_id, requests, test=test),
            name_of=lambda position: variants[int(position)].key,
        )
