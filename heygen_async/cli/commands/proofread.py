"""``heygen-async proofread``: show and edit the subtitles of a proofread."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from heygen_async.cli.display import Display
from heygen_async.cli.editing import edited, removed, report_problems, temporary_file
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.output_folder import file_stem
from heygen_async.client import HeyGen
from heygen_async.errors import NotFound
from heygen_async.session.diagnostics.escaping import escaped


async def show(
    proofread_id: str, *, display: Display, base_url: str | None, original: bool
) -> Exit:
    """Print the subtitles of a proofread, and their problems on standard error.

    Args:
        proofread_id: The proofread session.
        display: The display; as JSON lines, the subtitles are one object.
        base_url: Base URL of the API; None reads it from the environment.
        original: Print the subtitles in the source language instead.

    Raises:
        CommandError: The session does not exist.
        HeyGenError: The API refuses the request.
    """
    async with HeyGen(base_url=base_url) as heygen:
        text = await _srt(heygen, proofread_id, original=original)
    found = report_problems(text)
    display.result(
        {"srt": text, "problems": [message for message, _ in found]},
        # rich would wrap it.
        lambda _: print(_shown(text) if sys.stdout.isatty() else text),  # noqa: T201
    )
    return Exit.DONE


async def edit(
    proofread_id: str,
    *,
    display: Display,
    base_url: str | None,
    file: Path | None,
    anyway: bool,
) -> Exit:
    """Open the subtitles of a proofread in the user's editor, and upload the saved file.

    The saved file is removed only after HeyGen has received it, or if nothing was changed.

    Args:
        proofread_id: The proofread session.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        file: The file in which they are edited and kept; an existing file is continued. None edits
            a temporary file.
        anyway: Upload despite problems.

    Raises:
        CommandError: The session does not exist, the editor failed, or the saved file must not be
            uploaded.
        HeyGenError: HeyGen refuses the upload.
    """
    async with HeyGen(base_url=base_url) as heygen:
        before = await _srt(heygen, proofread_id)
        path = await asyncio.to_thread(_prepared, file, proofread_id, before)
        after = await edited(path, anyway=anyway)
        changed = after != before
        if changed:
            try:
                await heygen.proofreads.update_srt(proofread_id, after)
            except BaseException as error:
                display.warn(f"Not uploaded; what you saved is in {path}")
                if isinstance(error, NotFound):
                    raise _gone(proofread_id) from None
                raise
    if file is None:
        await asyncio.to_thread(removed, path)
    done = "Uploaded." if changed else "Nothing was changed, and nothing sent."
    display.result(
        {"proofread": proofread_id, "changed": changed}, lambda console: console.print(done)
    )
    return Exit.DONE


def _shown(srt: str) -> str:
    return escaped("\n".join(srt.splitlines()), lines=True)


async def _srt(heygen: HeyGen, proofread_id: str, *, original: bool = False) -> str:
    try:
        return await heygen.proofreads.srt_text(proofread_id, original=original)
    except NotFound:
        raise _gone(proofread_id) from None


def _gone(proofread_id: str) -> CommandError:
    return CommandError(
        f"there is no proofread {proofread_id!r} in this account; they last for about 24 h"
    )


def _prepared(file: Path | None, proofread_id: str, text: str) -> Path:
    if file is None:
        return temporary_file(file_stem(proofread_id), text)
    try:
        if not file.exists():
            file.write_bytes(text.encode())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from None
    return file
