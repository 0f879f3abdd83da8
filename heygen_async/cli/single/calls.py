"""``api``: send any call of the API."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from rich.console import Console
from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit, unreadable
from heygen_async.client import HeyGen, Method
from heygen_async.session.diagnostics.escaping import escaped


async def api(
    method: str,
    path: str,
    *,
    display: Display,
    base_url: str | None,
    data: bytes | None = None,
    query: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Exit:
    """Send a call, and show the whole answer.

    Args:
        method: HTTP method, in any case.
        path: Path on the API's host, optionally with a query.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        data: The body as JSON, or None.
        query: Parameters as ``name=value``.
        idempotency_key: The key under which a POST may be resent; without a key it is not resent.

    Raises:
        CommandError: The path leads to another host, or a parameter has no value.
        HeyGenError: The API refuses the call.
    """
    if "://" in path or path.startswith(("//", "\\")):
        raise CommandError("PATH: expected a path of the API such as /v3/videos, got an address")
    path, _, in_path = path.partition("?")
    parameters = dict[str, list[str]]()
    for name, value in [*parse_qsl(in_path, keep_blank_values=True), *map(_pair, query)]:
        parameters.setdefault(name, []).append(value)
    verb = method.upper()
    # Make only one attempt: a fresh key of the SDK would make retries safe, but the user would not
    # know the key.
    once = verb == "POST" and idempotency_key is None
    async with HeyGen(base_url=base_url, retry=1 if once else None) as heygen:
        answer = await heygen.request(
            cast("Method", verb),
            path if path.startswith("/") else f"/{path}",
            query=parameters,
            body=data,
            idempotency_key=idempotency_key,
        )
    display.result(answer, _shown(answer))
    return Exit.DONE


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"-q: expected NAME=VALUE, got {text!r}")
    return name, value


def _shown(answer: Any) -> Any:
    text = json.dumps(answer, indent=2, ensure_ascii=False)

    def show(console: Console) -> None:
        console.print(Text(escaped(text, lines=True)), soft_wrap=True)

    return show


def body_of(data: str | None) -> bytes | None:
    """Return the JSON that ``-d`` gives: itself, or that of ``@file`` or ``@-``. Blocks.

    Args:
        data: The value of the option, or None.

    Raises:
        CommandError: The value is not JSON, or the file cannot be read.
    """
    if data is None:
        return None
    try:
        if data == "@-":
            text = sys.stdin.read()
        else:
            text = Path(data[1:]).read_text("utf-8") if data.startswith("@") else data
        json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"-d {data}: {unreadable(error)}") from None
    except ValueError as error:
        raise CommandError(f"-d: not JSON: {error}") from None
    return text.encode()
