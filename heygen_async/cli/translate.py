"""``heygen-async translate``: one video dubbed into many languages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import anyio

from heygen_async.batch.plans import check_language
from heygen_async.cli.bulk import Finisher, carry_out
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exits import CommandError, Exit
from heygen_async.cli.folder import OutputFolder
from heygen_async.cli.options import RunOptions
from heygen_async.cli.preview import preview
from heygen_async.client import HeyGen
from heygen_async.models.sources import AssetId, AssetUrl


async def translate(
    video: str,
    languages: Sequence[str],
    *,
    display: Lines | Terminal,
    everything: bool,
    out: Path | None,
    concurrency: int | None,
    base_url: str | None,
    options: RunOptions | None = None,
) -> Exit:
    """Dub one video into several languages, one job each.

    Args:
        video: An http(s) URL, or the path of a local file, which is uploaded first.
        languages: Their names as HeyGen lists them; repeated ones count once.
        display: Where progress and outcomes are shown.
        everything: All languages that HeyGen offers, instead of ``languages``.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Jobs that may run at once at most.
        base_url: The API's address; None takes it from the environment.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: There is no such file, or no language was asked for.
        HeyGenError: The API refuses to go on.
    """
    if everything == bool(languages):
        raise CommandError("say which languages: --to LANGUAGE, once or more, or --all")
    is_url = video.lower().startswith(("http://", "https://"))
    if not is_url and not await anyio.Path(video).is_file():
        raise CommandError(f"{video}: there is no such file; a URL begins with https://")
    options = options or RunOptions()
    existing = await asyncio.to_thread(options.existing_run)
    if options.journal is not None and not is_url:
        raise CommandError(
            "a journal needs a video that stays the same: each start uploads a local file anew, "
            "as another asset; upload it once and give its URL"
        )
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        offered = await heygen.video_translations.languages()
        wanted = offered if everything else _chosen(languages, offered)
        if options.dry_run:
            # A local file is not uploaded for a look.
            looked_at = AssetUrl(url=video) if is_url else AssetId(asset_id="not uploaded")
            return await preview(
                heygen, display, lambda batch: batch.translate(looked_at, wanted), options
            )
        folder = None if out is None else await asyncio.to_thread(OutputFolder, out)
        if existing is not None:
            display.warn(existing)
        source: AssetUrl | AssetId
        if is_url:
            source = AssetUrl(url=video)
        else:
            display.note(f"Uploading {video}")
            source = AssetId(asset_id=(await heygen.assets.upload(video)).asset_id)
        return await carry_out(
            Finisher(heygen, display, folder, options),
            display,
            "Translating",
            len(wanted),
            lambda batch: batch.translate(source, wanted, journal=options.journal),
            journaled=options.journal is not None,
        )


def _chosen(languages: Sequence[str], offered: Sequence[str]) -> list[str]:
    """Languages without repetition, checked before anything is uploaded.

    Raises:
        InvalidRequest: HeyGen does not offer one of them.
    """
    for language in languages:
        check_language(language, offered)
    return list(dict.fromkeys(languages))
