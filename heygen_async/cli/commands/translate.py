"""``heygen-async translate``: dub videos into many languages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Run
from heygen_async.batch.submissions import check_language
from heygen_async.cli.app.dub_options import DubOptions
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.dub_controls import (
    DUB_FILES,
    given_controls,
    translation_fields,
    with_control_ids,
)
from heygen_async.cli.inputs.field_rows import FieldRows, RowChoices
from heygen_async.cli.inputs.row_files import ROW_FILES, load_rows, reads_once
from heygen_async.cli.inputs.uploads import Uploads
from heygen_async.cli.inputs.video_lists import VIDEO_FIELDS, NamedVideo, source_of, videos_of
from heygen_async.cli.options import Via
from heygen_async.cli.output_folder import destination
from heygen_async.cli.preview import preview
from heygen_async.cli.results.item_rows import ItemRow, ItemRows, free_name
from heygen_async.cli.reviews.sampling import estimated
from heygen_async.cli.rows.names import ids_of_controls
from heygen_async.cli.run_options import RunOptions
from heygen_async.client import HeyGen
from heygen_async.journal import journal_store
from heygen_async.media.probes import probe_sources
from heygen_async.media.tables import is_table_url
from heygen_async.models.sources import AssetId, AssetUrl, MediaSource
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest

# Prefix of asset ids in a dry run, which uploads nothing.
_NOT_UPLOADED = "not uploaded:"


async def translate(
    video: str,
    languages: Sequence[str],
    *,
    display: Display,
    everything: bool,
    out: str | Path | None,
    concurrency: int | None,
    base_url: str | None,
    key: str | None = None,
    length: float | None = None,
    title: str | None = None,
    via: Via = Via.SINGLE,
    choices: RowChoices | None = None,
    dub: DubOptions | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Dub one video, or many, into several languages, one job each.

    Args:
        video: An http(s) URL, the path of a local file, which is uploaded first, or a list of
            many videos: a file of rows, or the URL of one.
        languages: Their names as HeyGen lists them; duplicates count once.
        display: The display of progress and outcomes.
        everything: All languages that HeyGen offers, instead of ``languages``.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        base_url: Base URL of the API; None reads it from the environment.
        key: The column of the videos' keys; None uses ``key`` if it exists.
        length: Length of each video in seconds, unless the list states it.
        title: Title of each video in the account, unless the list states it.
        via: How the jobs are sent.
        choices: The user's options for the rows of a list.
        dub: Settings of the dubs, unless the list states them.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The file does not exist, or no language was given.
        HeyGenError: The API refuses a request.
    """
    if everything == bool(languages):
        raise CommandError("say which languages: --to LANGUAGE, once or more, or --all")
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    rows = await _rows(video, key, choices, base_url)
    videos = await asyncio.to_thread(_videos, video, rows, keyed=key is not None)
    controls = await asyncio.to_thread(_with_files, given_controls(dub))
    existing = await asyncio.to_thread(options.existing_run)
    uploads = Uploads(options.journal)
    await uploads.open()
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        offered = await heygen.video_translations.languages()
        wanted = list(offered) if everything else _chosen(languages, offered)
        ids = await ids_of_controls(heygen, rows, controls)
        folder = None
        if not options.dry_run:
            folder = None if out is None else await asyncio.to_thread(destination, out)
            if existing is not None:
                display.warn(existing)
        files = _Files(uploads, display, options, existing, controls, ids, title)
        await files.prepare(videos, heygen, length)
        if files.unmeasured:
            options = msgspec.structs.replace(options, measure=False)

        def start(batch: Batch) -> Run[VideoTranslation]:
            one = next(iter(videos))
            if len(videos) == 1 and not one.key:
                seconds = files.seconds(one)
                video = files.request(one)
                return batch.translate(
                    video, wanted, seconds=seconds, via=via.value, journal=options.journal
                )
            return batch.translate(
                videos,
                wanted,
                request=files.request,
                key=attrgetter("key"),
                seconds=files.seconds,
                via=via.value,
                journal=options.journal,
            )

        if options.dry_run:
            return await preview(
                heygen,
                display,
                lambda batch: estimated(start(batch), options),
                options,
                existing,
                columns=None if rows is None else rows.explained(),
                start=start,
            )
        items = _items(videos, rows, wanted)
        driver = RunDriver(heygen, display, folder, options=options, items=items)
        return await driver.run("Translating", len(items), start)


async def _rows(
    video: str, key: str | None, choices: RowChoices | None, base_url: str | None
) -> FieldRows | None:
    """Return the rows of a list of videos, or None for a video."""
    is_url = "://" in video
    if not (is_table_url(video) if is_url else await asyncio.to_thread(_is_list, Path(video))):
        if key is not None or choices not in (None, RowChoices()):
            raise CommandError(
                "--key, --map, --default and --where are about the rows of a list, and this is "
                "one video"
            )
        return None
    rows = await load_rows(video, base_url)
    return await asyncio.to_thread(FieldRows, rows, VIDEO_FIELDS, choices, key=key)


def _with_files(controls: dict[str, Any]) -> dict[str, Any]:
    """Return controls with the files of options checked."""
    files = {name: source_of(controls[name], Path()) for name in DUB_FILES if name in controls}
    return controls | files


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in ROW_FILES or reads_once(path)


def _videos(video: str, rows: FieldRows | None, *, keyed: bool) -> Collection[NamedVideo]:
    """Return the videos to dub: one video without a key, or those of a list."""
    if rows is not None:
        return videos_of(rows, keyed=keyed)
    return [NamedVideo("", source_of(video, Path()))]


def _items(
    videos: Collection[NamedVideo], rows: FieldRows | None, languages: Sequence[str]
) -> ItemRows:
    """Return a row for each video in each language."""
    columns = [] if rows is None else rows.columns
    column = free_name("language", columns)

    def every() -> Iterator[ItemRow]:
        inputs = itertools.repeat({}) if rows is None else map(rows.input_row, rows)
        for video, row in zip(videos, inputs, strict=False):
            for language in languages:
                key = f"{video.key} {language}" if video.key else language
                yield ItemRow(key, {**row, column: language})

    names = rows is None or rows.key_column is not None
    return ItemRows([*columns, column], len(videos) * len(languages), every, names=names)


class _Files:
    """The local files among videos. Each is measured and uploaded once; a dry run uploads nothing.

    Attributes:
        unmeasured: Whether the length of a file that was not uploaded is unknown.
    """

    def __init__(
        self,
        uploads: Uploads,
        display: Display,
        options: RunOptions,
        existing: str | None,
        controls: Mapping[str, Any],
        ids: Mapping[str, Mapping[str, str]],
        title: str | None,
    ) -> None:
        self.unmeasured = False
        self._uploads = uploads
        self._display = display
        self._options = options
        self._existing = existing
        self._controls = controls
        self._ids = ids
        self._title = title
        self._length: float | None = None
        self._lengths: dict[Path, float | None] = {}
        self._assets: dict[Path, AssetId] = {}

    async def prepare(
        self, videos: Collection[NamedVideo], heygen: HeyGen, length: float | None
    ) -> None:
        """Measure and upload all files.

        Raises:
            InvalidSources: HeyGen cannot use some of the files.
        """
        self._length = length
        if self._options.measure:
            unknown = [
                one.source
                for one in videos
                if isinstance(one.source, Path) and self.seconds(one) is None
            ]
            found = await probe_sources(heygen, unknown)
            self._lengths = {path: found[path].seconds for path in unknown}
        for one in videos:
            for path in self._paths(one):
                self._assets[path] = await self._asset(one, path, heygen)
            if isinstance(one.source, Path) and self.seconds(one) is None:
                asset = self._assets[one.source]
                self.unmeasured |= asset.asset_id.startswith(_NOT_UPLOADED)

    def seconds(self, one: NamedVideo) -> float | None:
        """Return the length of a video in seconds, as given or as measured from a local file."""
        given = self._length if one.length is None else one.length
        if given is None and isinstance(one.source, Path):
            return self._lengths.get(one.source)
        return given

    def request(self, one: NamedVideo) -> VideoTranslationRequest:
        """Return the request for a video, without its languages."""
        controls = with_control_ids({**self._controls, **one.controls}, self._ids)
        files = {name: self._media(controls[name]) for name in DUB_FILES if name in controls}
        return VideoTranslationRequest(
            video=self._media(one.source),
            output_languages=["English"],
            title=one.title or self._title,
            **translation_fields(controls | files),
        )

    def _paths(self, one: NamedVideo) -> list[Path]:
        controls = {**self._controls, **one.controls}
        files = [one.source, *(controls.get(name) for name in DUB_FILES)]
        return [file for file in files if isinstance(file, Path)]

    def _media(self, source: str | Path) -> MediaSource:
        return AssetUrl(url=source) if isinstance(source, str) else self._assets[source]

    async def _asset(self, one: NamedVideo, path: Path, heygen: HeyGen) -> AssetId:
        if path in self._assets:
            return self._assets[path]
        known = await self._uploads.known(path)
        if known is not None:
            return known
        if self._existing is not None and not one.key:
            assert self._options.journal is not None
            journal = journal_store(self._options.journal).name
            raise CommandError(
                f"{path}: the run in {journal} is about another video, or the list of its uploads, "
                f"{journal}.uploads, is gone; give this one a journal of its own"
            )
        if self._options.dry_run:
            return AssetId(asset_id=f"{_NOT_UPLOADED} {path}")
        self._display.note(f"Uploading {path}")
        return await self._uploads.upload(heygen, path)


def _chosen(languages: Sequence[str], offered: Sequence[str]) -> list[str]:
    """Return the languages without duplicates, checked before anything is uploaded.

    Raises:
        InvalidRequest: HeyGen does not offer one of them.
    """
    for language in languages:
        check_language(language, offered)
    return list(dict.fromkeys(languages))
