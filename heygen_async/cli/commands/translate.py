"""``heygen-async translate``: videos dubbed into many languages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from heygen_async.batch import Batch, Run
from heygen_async.batch.submissions import check_language
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.row_files import read_rows
from heygen_async.cli.inputs.uploads import Uploads
from heygen_async.cli.inputs.video_lists import LISTS, NamedVideo, source_of, videos_of
from heygen_async.cli.options import RunOptions, Via
from heygen_async.cli.output_folder import OutputFolder
from heygen_async.cli.preview import preview
from heygen_async.client import HeyGen
from heygen_async.media.probes import probe_sources
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest

# Begins the id of an asset in a dry run, which uploads nothing.
_NOT_UPLOADED = "not uploaded:"


async def translate(
    video: str,
    languages: Sequence[str],
    *,
    display: Display,
    everything: bool,
    out: Path | None,
    concurrency: int | None,
    base_url: str | None,
    key: str | None = None,
    length: float | None = None,
    via: Via = Via.SINGLE,
    options: RunOptions | None = None,
) -> Exit:
    """Dub one video, or many, into several languages, one job each.

    Args:
        video: An http(s) URL, the path of a local file, which is uploaded first, or that of a
            ``.csv`` or ``.jsonl`` file of many videos.
        languages: Their names as HeyGen lists them; repeated ones count once.
        display: Where progress and outcomes are shown.
        everything: All languages that HeyGen offers, instead of ``languages``.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Jobs that may run at once at most.
        base_url: The API's address; None takes it from the environment.
        key: The column of the videos' keys; None for ``key``, where there is one.
        length: Length of each video in seconds, unless the list tells it.
        via: How the jobs are sent.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: There is no such file, or no language was asked for.
        HeyGenError: The API refuses to go on.
    """
    if everything == bool(languages):
        raise CommandError("say which languages: --to LANGUAGE, once or more, or --all")
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    videos = await asyncio.to_thread(_videos, video, key)
    existing = await asyncio.to_thread(options.existing_run)
    uploads = Uploads(options.journal)
    await uploads.open()
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        offered = await heygen.video_translations.languages()
        wanted = list(offered) if everything else _chosen(languages, offered)
        folder = None
        if not options.dry_run:
            folder = None if out is None else await asyncio.to_thread(OutputFolder, out)
            if existing is not None:
                display.warn(existing)
        lengths = await _lengths(videos, heygen, length, options)
        requests = await _requests(videos, uploads, heygen, display, options, existing)
        seconds_of = {
            request.video: seconds for request, seconds in zip(requests, lengths, strict=True)
        }
        if any(seconds_of[video] is None for video in _placeholders(requests)):
            options = msgspec.structs.replace(options, measure=False)

        def seconds(request: VideoTranslationRequest) -> float | None:
            return seconds_of[request.video]

        def start(batch: Batch) -> Run[VideoTranslation]:
            if len(videos) == 1 and not videos[0].key:
                return batch.translate(
                    requests[0], wanted, seconds=seconds, via=via.value, journal=options.journal
                )
            # Equal requests are told apart by what they are, not by what they say.
            keys = {id(request): one.key for request, one in zip(requests, videos, strict=True)}
            return batch.translate(
                requests,
                wanted,
                key=lambda one: keys[id(one)],
                seconds=seconds,
                via=via.value,
                journal=options.journal,
            )

        if options.dry_run:
            return await preview(
                heygen, display, lambda batch: start(batch).estimate(), options, existing
            )
        driver = RunDriver(heygen, display, folder, options=options)
        return await driver.run("Translating", len(videos) * len(wanted), start)


def _videos(video: str, key: str | None) -> list[NamedVideo]:
    """What is to be dubbed: one video without a key, or those of a list."""
    path = Path(video)
    if "://" not in video and path.suffix.lower() in LISTS:
        return videos_of(read_rows(path), key)
    if key is not None:
        raise CommandError("--key names a column, and this is one video and no list of them")
    return [NamedVideo("", source_of(video, Path()))]


async def _lengths(
    videos: Sequence[NamedVideo], heygen: HeyGen, length: float | None, options: RunOptions
) -> list[float | None]:
    """Return the length of each video as it was given, and that of local files as they tell it.

    Raises:
        InvalidSources: HeyGen cannot use some of the files.
    """
    given = [length if one.length is None else one.length for one in videos]
    if not options.measure:
        return given
    files = [
        one.source
        for one, seconds in zip(videos, given, strict=True)
        if seconds is None and isinstance(one.source, Path)
    ]
    found = await probe_sources(heygen, files)
    return [
        found[one.source].seconds if seconds is None and one.source in found else seconds
        for one, seconds in zip(videos, given, strict=True)
    ]


def _placeholders(requests: Sequence[VideoTranslationRequest]) -> list[AssetId]:
    """Return what stands for files that a dry run does not upload."""
    return [
        request.video
        for request in requests
        if isinstance(request.video, AssetId) and request.video.asset_id.startswith(_NOT_UPLOADED)
    ]


async def _requests(
    videos: Sequence[NamedVideo],
    uploads: Uploads,
    heygen: HeyGen,
    display: Display,
    options: RunOptions,
    existing: str | None,
) -> list[VideoTranslationRequest]:
    """A request for each video, whose languages are still to be filled in.

    Local files are uploaded, each once; but not for a look.
    """
    requests = []
    for one in videos:
        source: AssetUrl | AssetId | None
        if isinstance(one.source, str):
            source = AssetUrl(url=one.source)
        else:
            source = await uploads.known(one.source)
            if source is None and existing is not None and not one.key:
                raise CommandError(
                    f"{one.source}: the run in {options.journal} is about another video, or the "
                    f"list of its uploads, {options.journal}.uploads, is gone; give this one a "
                    "journal of its own"
                )
            if source is None and options.dry_run:
                source = AssetId(asset_id=f"{_NOT_UPLOADED} {one.source}")
            if source is None:
                display.note(f"Uploading {one.source}")
                source = await uploads.upload(heygen, one.source)
        requests.append(
            VideoTranslationRequest(
                video=source,
                output_languages=["English"],
                title=one.title,
                input_language=one.input_language,
            )
        )
    return requests


def _chosen(languages: Sequence[str], offered: Sequence[str]) -> list[str]:
    """Languages without repetition, checked before anything is uploaded.

    Raises:
        InvalidRequest: HeyGen does not offer one of them.
    """
    for language in languages:
        check_language(language, offered)
    return list(dict.fromkeys(languages))
