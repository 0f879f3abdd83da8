"""``heygen-async localize``: produce a prompt, a script or a video in many languages."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch
from heygen_async.batch.outcome import Ended
from heygen_async.batch.submissions import check_language
from heygen_async.captions import write_srt
from heygen_async.cli.app.dub_options import DubOptions
from heygen_async.cli.display import Display
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.editing import confirmed, edited, removed, temporary_file
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.dub_controls import (
    DUB_FILES,
    given_controls,
    proofread_fields,
    translation_fields,
    with_control_ids,
)
from heygen_async.cli.inputs.uploads import Uploads
from heygen_async.cli.inputs.video_lists import source_of
from heygen_async.cli.output_folder import destination, file_stem
from heygen_async.cli.preview import preview
from heygen_async.cli.results.item_rows import ItemRow, ItemRows
from heygen_async.cli.reviews.sampling import wanted_sample
from heygen_async.cli.rows.names import ids_of_controls
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single.names import look_id, voice_id
from heygen_async.client import HeyGen
from heygen_async.delivery.command import communicate
from heygen_async.media.probes import probe_sources
from heygen_async.models.proofreads import ProofreadGenerateRequest
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.videos import AvatarVideoRequest
from heygen_async.pipelines import Correct, estimate_localize
from heygen_async.pipelines import localize as chain_of
from heygen_async.pricing.estimates import RunEstimate

# Prefix of asset ids in a dry run, which uploads nothing.
_NOT_UPLOADED = "not uploaded:"
# Environment variable with the path of the source's subtitles, for programs that correct them.
_ORIGINAL = "HEYGEN_ORIGINAL_SRT"


class SourceVideo(msgspec.Struct, frozen=True, kw_only=True):
    """The source to localize: a video, a prompt, or a script with an avatar.

    Attributes:
        video: A URL, or the path of a local file, which is uploaded.
        prompt: Prompt for the Video Agent.
        script: Text that an avatar speaks.
        avatar: Look that speaks the script.
        voice: Voice of the avatar. Default: the look's own voice.
        title: Title in the account.
    """

    video: str | None = None
    prompt: str | None = None
    script: str | None = None
    avatar: str | None = None
    voice: str | None = None
    title: str | None = None

    def request(self) -> Request | None:
        """Return the request for the video, or None if there is a video already.

        Raises:
            CommandError: None or more than one of the three was given.
        """
        given = [one for one in (self.video, self.prompt, self.script) if one is not None]
        if len(given) != 1 or (self.script is None) != (self.avatar is None):
            raise CommandError("give VIDEO, or --prompt TEXT, or --script TEXT with --avatar ID")
        if self.prompt is not None:
            return VideoAgentRequest(prompt=self.prompt)
        if self.avatar is None:
            return None
        return AvatarVideoRequest(
            avatar_id=self.avatar, script=self.script, voice_id=self.voice, title=self.title
        )


async def localize(
    source: SourceVideo,
    languages: Sequence[str],
    *,
    display: Display,
    everything: bool = False,
    edit: bool = False,
    program: str | None = None,
    renew: bool = False,
    dub: DubOptions | None = None,
    out: str | Path | None = None,
    concurrency: int | None = None,
    base_url: str | None = None,
    options: RunOptions | None = None,
) -> Exit:
    """Make a video, unless one is given, and dub it into several languages.

    Args:
        source: The video, or the input for making it.
        languages: Their names as HeyGen lists them.
        display: The display of progress and outcomes.
        everything: All languages that HeyGen offers, instead of ``languages``.
        edit: Open the user's editor on the subtitles of each language before they are rendered.
        program: A program that corrects the subtitles: SRT in, SRT out, with the language as its
            last argument, and the path of the source's subtitles in ``HEYGEN_ORIGINAL_SRT``.
        renew: Create new proofreads for expired ones; with ``edit``, ask on a terminal.
        dub: Settings of the dubs.
        out: Folder to download the videos into; None downloads nothing.
        concurrency: Maximum number of concurrent jobs.
        base_url: Base URL of the API; None reads it from the environment.
        options: Journal and budget; neither by default.

    Raises:
        CommandError: The arguments are incompatible.
        HeyGenError: The API refuses a request.
    """
    if everything == bool(languages):
        raise CommandError("say which languages: --to LANGUAGE, once or more, or --all")
    if edit and program is not None:
        raise CommandError("--edit and --correct cannot be combined")
    if edit:
        write_srt([])  # reports a missing package before the first paid call
    request = source.request()
    options = msgspec.structs.replace(options or RunOptions(), concurrency=concurrency)
    stages = ["proofreads" if edit or program else "translations"]
    if request is not None:
        stages.insert(0, "source")
    existing = await asyncio.to_thread(options.existing_chain, *stages)
    editor = _Editor(display)
    correct: Correct | None = editor if edit else None
    if program is not None:
        correct = await asyncio.to_thread(_Program, program)
    async with HeyGen(base_url=base_url, jobs=concurrency) as heygen:
        offered = await heygen.video_translations.languages()
        wanted = list(offered) if everything else list(dict.fromkeys(languages))
        for language in wanted:
            check_language(language, offered)
        if isinstance(request, AvatarVideoRequest):
            look = await look_id(heygen, request.avatar_id)
            voice = None if source.voice is None else await voice_id(heygen, source.voice)
            request = msgspec.structs.replace(request, avatar_id=look, voice_id=voice)
        controls = given_controls(dub)
        if correct is not None:
            proofread_fields(controls)  # refuses what it does not take, before an upload
        controls = with_control_ids(controls, await ids_of_controls(heygen, None, controls))
        for name in DUB_FILES:
            if name in controls:
                file = await _source(heygen, controls[name], options, display)
                controls[name] = AssetUrl(url=file) if isinstance(file, str) else file
        fields, render = translation_fields(controls), None
        if correct is not None:
            fields, rendered = proofread_fields(controls)
            render = ProofreadGenerateRequest(**rendered)
        sample = await wanted_sample(options)
        fields |= {"correct": correct, "title": source.title, "render": render, "sample": sample}
        video: Any = request or await _source(heygen, source.video or "", options, display)
        if options.dry_run:
            return await _preview(heygen, display, source, video, wanted, fields, options, existing)
        if existing is not None:
            display.warn(existing)
        folder = None if out is None else await asyncio.to_thread(destination, out)
        items = ItemRows(
            ["language"],
            len(wanted),
            lambda: (ItemRow(language, {"language": language}) for language in wanted),
            names=True,
        )
        driver = RunDriver(heygen, display, folder, options=options, items=items)

        def start(batch: Batch) -> AsyncGenerator[Ended[Any]]:
            outcomes = chain_of(
                batch,
                video,
                wanted,
                corrections=1 if edit else 8,
                renew=_asked if edit and not renew and sys.stdin.isatty() else renew,
                progress=driver.stage,
                **fields,
            )
            return editor.watched(outcomes)

        return await driver.chain("Localizing", len(wanted), start, bar=not edit, sample=sample)


async def _preview(
    heygen: HeyGen,
    display: Display,
    source: SourceVideo,
    video: Any,
    languages: Sequence[str],
    fields: Mapping[str, Any],
    options: RunOptions,
    existing: str | None,
) -> Exit:
    """Show the cost of the chain; a local file is measured here but not uploaded."""
    seconds: float | None = None
    if isinstance(video, AssetId) and video.asset_id.startswith(_NOT_UPLOADED):
        path = Path(source.video or "")
        if options.measure:
            seconds = (await probe_sources(heygen, [path]))[path].seconds
        options = msgspec.structs.replace(options, measure=False)

    def estimate(batch: Batch) -> Coroutine[Any, Any, RunEstimate]:
        return estimate_localize(batch, video, languages, seconds=seconds, **fields)

    return await preview(heygen, display, estimate, options, existing, chain=True)


async def _source(
    heygen: HeyGen, video: str, options: RunOptions, display: Display
) -> str | AssetId:
    path = await asyncio.to_thread(source_of, video, Path())
    if isinstance(path, str):
        return path
    uploads = Uploads(options.journal)
    await uploads.open()
    known = await uploads.known(path)
    if known is None and options.dry_run:
        return AssetId(asset_id=f"{_NOT_UPLOADED} {path}")
    if known is None:
        display.note(f"Uploading {path}")
        known = await uploads.upload(heygen, path)
    return known


async def _asked(language: str) -> bool:
    """Ask whether to create a new proofread for a language."""
    return await confirmed(
        f"The proofread into {language} has expired, as they do after a day. Make it anew? It is "
        "charged when it is rendered, as others are."
    )


class _Editor:
    """The user's editor. Saved files are removed after they were rendered."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._files: dict[str, Path] = {}

    async def __call__(self, language: str, srt: str) -> str:
        """Return the text that the user saved."""
        path = await asyncio.to_thread(temporary_file, file_stem(language), srt)
        text = await edited(path)
        self._files[language] = path
        return text

    async def watched(self, outcomes: AsyncGenerator[Ended[Any]]) -> AsyncGenerator[Ended[Any]]:
        """Iterate over the outcomes; print the path of a saved text that was not rendered."""
        try:
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    if outcome.ok and (path := self._files.pop(outcome.key, None)):
                        await asyncio.to_thread(removed, path)
                    yield outcome
        finally:
            for language, path in self._files.items():
                self._display.warn(f"{language}: what you saved is in {path}")


class _Program:
    """A program of the user that corrects subtitles."""

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise CommandError(f"--correct: {error}") from None
        if not self._words:
            raise CommandError("--correct: expected a program")
        # Report this now rather than after the video was paid for.
        if shutil.which(self._words[0]) is None:
            raise CommandError(f"--correct: there is no program {self._words[0]}")

    async def __call__(self, language: str, srt: str, original: str | None) -> str:
        """Return the corrected subtitles from the program.

        Args:
            language: The language.
            srt: The subtitles.
            original: The subtitles in the language of the source, or None if there are none.

        Raises:
            CommandError: The program cannot be started, or it fails.
        """
        environment = {name: text for name, text in os.environ.items() if name != _ORIGINAL}
        path = None
        if original is not None:
            name = f"{file_stem(language)}-original"
            path = await asyncio.to_thread(temporary_file, name, original)
            environment[_ORIGINAL] = str(path)
        try:
            return await self._corrected(language, srt, environment)
        finally:
            if path is not None:
                await asyncio.to_thread(removed, path)

    async def _corrected(self, language: str, srt: str, environment: Mapping[str, str]) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                language,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
            )
        except OSError as error:
            raise CommandError(f"{self._words[0]}: {error.strerror or error}") from None
        try:
            made = await communicate(process, srt.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise CommandError(f"{self._words[0]} ended with {process.returncode}")
        return made.decode("utf-8-sig")
