"""``templates show``: show a template's variables, or a header for a file of rows."""

from __future__ import annotations

import csv
import sys
from typing import Any

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.single.names import template as named
from heygen_async.cli.single.tables import plain, table
from heygen_async.client import HeyGen

_DEFAULTS = ("content", "asset", "character_id", "voice_id")


async def show(
    template: str, *, display: Display, base_url: str | None, header: bool = False
) -> Exit:
    """Show the variables of a template and their types.

    Args:
        template: Id or name of the template.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        header: Print a CSV header with its variables instead.

    Raises:
        CommandError: The template does not exist.
        HeyGenError: The API refuses the request.
    """
    async with HeyGen(base_url=base_url) as heygen:
        identifier, found = await named(heygen, template)
    variables = found.infos()
    if header:
        columns = ["key", *(name for name in variables if name != "key")]
        csv.writer(sys.stdout, lineterminator="\n").writerow(columns)
        return Exit.DONE
    record: dict[str, Any] = {
        "id": identifier,
        "variables": {name: plain(info) for name, info in variables.items()},
    }
    rows = []
    for name, info in variables.items():
        defaults = (record["variables"][name].get(field) for field in _DEFAULTS)
        rows.append(
            {"variable": name, "type": info.type, "default": next(filter(None, defaults), None)}
        )
    display.result(record, table(rows, ["variable", "type", "default"]))
    return Exit.DONE
