"""Files of one-off commands: uploaded alone, or for a request that names them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from heygen_async.batch import Progress
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit, exit_for_failures, unreadable
from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.session.diagnostics.escaping import escaped


async def upload(files: Sequence[Path], *, display: Display, base_url: str | None) -> Exit:
    """Upload files, a few at a time.

    Args:
        files: The files.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.

    Raises:
        CommandError: A file does not exist.
    """
    for path in files:
        if not await asyncio.to_thread(path.is_file):
            raise CommandError(f"{path}: there is no such file")
    failures: list[HeyGenError] = []
    started, done = asyncio.get_running_loop().time(), 0
    async with HeyGen(base_url=base_url) as heygen:
        with display.bar("Uploading", len(files)) as show:
            async for outcome in heygen.upload_all(files):
                done += 1
                record: dict[str, Any] = {"file": str(outcome.source), "ok": outcome.ok}
                if outcome.result is not None:
                    asset = outcome.result
                    record |= {"asset_id": asset.asset_id, "url": asset.url}
                    record |= {"mime_type": asset.mime_type, "size_bytes": asset.size_bytes}
                if outcome.error is not None:
                    record["error"] = str(outcome.error)
                if isinstance(outcome.error, HeyGenError):
                    failures.append(outcome.error)
                display.record(record)
                display.people(partial(_show, record))
                show(
                    Progress(
                        total=len(files),
                        running=0,
                        completed=done - len(failures),
                        failed=len(failures),
                        elapsed=asyncio.get_running_loop().time() - started,
                        limit=1,
                    )
                )
    return exit_for_failures(failures)


def _show(record: dict[str, Any], console: Console) -> None:
    file = escaped(record["file"])
    if record["ok"]:
        console.print(Text.assemble((record["asset_id"], "bold"), "  ", file), soft_wrap=True)
    else:
        console.print(Text.assemble((file, "bold"), "  ", (escaped(record["error"]), "red")))


def is_url(text: str) -> bool:
    """Return whether a text is an address rather than a file."""
    return text.lower().startswith(("http://", "https://"))


def check_files(*names: str | None) -> None:
    """Check that files exist; URLs and None are accepted. Blocks.

    Raises:
        CommandError: A file does not exist.
    """
    for name in names:
        if name is not None and not is_url(name) and not Path(name).is_file():
            raise CommandError(f"{name}: there is no such file; a URL begins with https://")


async def source_of(heygen: HeyGen, display: Display, name: str) -> AssetUrl | AssetId:
    """Return a file in the form that requests use; upload a local file first.

    Args:
        heygen: The client.
        display: The display.
        name: A URL, or the path of a file.

    Raises:
        HeyGenError: The upload was refused.
    """
    if is_url(name):
        return AssetUrl(url=name)
    display.note(f"Uploading {name}")
    return AssetId(asset_id=(await heygen.upload(Path(name))).asset_id)


def text_of(value: str, option: str) -> str:
    """Return a text given directly, as ``@file``, or as ``-`` for standard input. Blocks.

    Args:
        value: The given value.
        option: The option, for the message.

    Raises:
        CommandError: The text cannot be read or is empty.
    """
    try:
        if value == "-":
            text = sys.stdin.read()
        else:
            text = Path(value[1:]).read_text("utf-8") if value.startswith("@") else value
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option} {value}: {unreadable(error)}") from None
    if not text.strip():
        raise CommandError(f"{option}: there is no text")
    return text.strip()
