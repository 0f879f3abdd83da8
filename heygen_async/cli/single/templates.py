"""``templates show``: the variables of a template, and a header to start a file of rows from."""

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
        template: Its id or name.
        display: Where they are shown.
        base_url: The API's address; None takes it from the environment.
        header: Print a CSV header with its variables instead.

    Raises:
        CommandError: There is no such template.
        HeyGenError: The API refuses to tell.
    """
    async with HeyGen(base_url=base_url) as heygen:
        identifier, variables = await named(heygen, template)
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
