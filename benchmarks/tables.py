"""Print the results of a benchmark: a table for people, or one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def report(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
    as_json: bool,
) -> None:
    """Print the results of a benchmark.

    Args:
        title: One line that says what was measured, and in which unit.
        rows: The details; the keys of the first row are the columns.
        figures: The numbers that a goal is set for, by name.
        as_json: Print ``{**figures, "title": title, "rows": rows}`` and nothing else.
    """
    if as_json:
        print(json.dumps({**figures, "title": title, "rows": list(rows)}))
        return
    print(f"\n{title}\n")
    columns = list(rows[0]) if rows else []
    table = [columns, *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for number, line in enumerate(table):
        first, *rest = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *rest]))
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print()
    for name, value in figures.items():
        print(f"{name} = {_cell(value)}")


def _cell(value: Any) -> str:
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and abs(value) < 100
        else (f"{value:,.0f}" if isinstance(value, int | float) else str(value))
    )
