"""``migrate``: convert payloads of HeyGen's v2 to requests of v3."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.json import JSON

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.v2_payloads import migrated
from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import encode
from heygen_async.session.tasks import in_thread


async def migrate(path: Path, *, display: Display) -> Exit:
    """Show the v3 request for a v2 payload, and the fields without a counterpart.

    Args:
        path: File with the payload; ``-`` is standard input.
        display: The display.

    Returns:
        ``Exit.SOME_FAILED`` if a requested feature has no counterpart.

    Raises:
        CommandError: The file cannot be read or is not a known payload.
    """
    payload = await in_thread(_read, path)
    try:
        found = migrated(payload)
    except InvalidRequest as error:
        raise CommandError(f"{path}: {error}") from None
    for note in found.notes:
        display.warn(note)
    display.note(f"The request is for {found.operation}.")
    text = encode(found.request).decode()
    display.result(json.loads(text), lambda console: console.print(JSON(text)))
    return Exit.SOME_FAILED if found.lost else Exit.DONE


def _read(path: Path) -> dict[str, Any]:
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        payload = json.loads(content)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise CommandError(f"{path}: not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise CommandError(f"{path}: expected a JSON object")
    return payload
