"""Names in cells, where requests take ids: each is looked up once, before any paid call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from heygen_async.batch.tables.values import text_of
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.dub_controls import names_in
from heygen_async.cli.inputs.field_rows import FieldRows
from heygen_async.cli.inputs.row_files import Row
from heygen_async.cli.single.names import glossary_id, known_look_id, voice_id
from heygen_async.client import HeyGen
from heygen_async.models.templates import TemplateVariableInfo

Find: TypeAlias = Callable[[HeyGen, str], Awaitable[str]]
"""Returns the id for a name or an id."""

_OF_VARIABLES: Mapping[str, Find] = {"voice": voice_id, "character": known_look_id}


async def ids_in_rows(
    heygen: HeyGen,
    find: Find,
    rows: FieldRows | None,
    field: str,
    names: Sequence[str | None] = (),
    *,
    split: Callable[[str], Sequence[str]] = lambda cell: [cell],
) -> dict[str, str]:
    """Return the ids for the names in options and rows.

    Args:
        heygen: The client.
        find: Finds the id for a name or an id.
        rows: The rows, or None.
        field: The field with the name.
        names: The names in options, which are looked up first; None is skipped.
        split: Returns the names in a cell.

    Raises:
        CommandError: A name has no match, or more than one. For a cell, the message names the row
            and the column.
    """

    def named() -> dict[str, Row]:
        first: dict[str, Row] = {}
        for row in rows or ():
            cell = text_of(row.values.get(field))
            if isinstance(cell, str) and cell:
                for name in split(cell):
                    first.setdefault(name, row)
        return first

    ids: dict[str, str] = {}
    for name in names:
        if name and name not in ids:
            ids[name] = await find(heygen, name)
    if rows is None:
        return ids
    for name, row in (await asyncio.to_thread(named)).items():
        if name in ids:
            continue
        try:
            ids[name] = await find(heygen, name)
        except CommandError as error:
            place = f"line {row.line} (row {row.number})"
            column = rows.field_columns.get(field, field)
            raise CommandError(f"{rows.path}, {place}, column {column!r}: {error}") from None
    return ids


async def ids_of_controls(
    heygen: HeyGen, rows: FieldRows | None, controls: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Return the ids for the names among the controls of dubs, by control.

    Args:
        heygen: The client.
        rows: The rows with further controls, or None.
        controls: The controls that the options set.

    Raises:
        CommandError: A name has no match, or more than one.
    """
    glossaries = [controls.get("glossary")]
    voices = controls.get("stock_voice") or []
    return {
        "glossary": await ids_in_rows(heygen, glossary_id, rows, "glossary", glossaries),
        "stock_voice": await ids_in_rows(
            heygen, voice_id, rows, "stock_voice", voices, split=names_in
        ),
    }


async def ids_of_variables(
    heygen: HeyGen, rows: FieldRows, variables: Mapping[str, TemplateVariableInfo]
) -> dict[str, dict[str, str]]:
    """Return the ids for names in the columns of a template's voices and characters, by variable.

    A character that has no match is left to HeyGen, which may know more of them than it lists.

    Raises:
        CommandError: A voice has no match, or a name has more than one.
    """
    return {
        name: await ids_in_rows(heygen, _OF_VARIABLES[info.type], rows, name)
        for name, info in variables.items()
        if info.type in _OF_VARIABLES
    }
