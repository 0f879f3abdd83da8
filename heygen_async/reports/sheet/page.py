"""The contact sheet as one HTML file: no external resources but the user's own pictures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import TypeAlias

import msgspec

from heygen_async.reports.sheet.warnings import KINDS

Picture: TypeAlias = tuple[str, int, str]
"""Where a file stands in an item, its position in ``Sheet.files``, and how it fits."""

_ROOM = files("heygen_async.reports")


class Item(msgspec.Struct, array_like=True, kw_only=True):
    """One item, in the order of fields that `sheet.js` reads.

    Attributes:
        key: Its key.
        values: Values of text variables by name.
        scripts: Spoken texts, or positions of the template's scenes, with their seconds.
        files: Its files.
        look: Position of its look in ``Sheet.looks``, or -1.
        voice: Its voices, as text.
        language: Language into which it is translated, or empty.
        shape: Aspect ratio of its picture.
        seconds: Estimated length in seconds, or None.
        cost: Estimated cost, as text.
        warnings: Positions of kinds in ``KINDS`` with details, worst first.
    """

    key: str
    values: dict[str, str]
    scripts: list[tuple[int | str, float]]
    files: list[Picture]
    look: int
    voice: str
    language: str
    shape: str
    seconds: float | None
    cost: str
    warnings: list[tuple[int, str]]


class Sheet(msgspec.Struct, kw_only=True):
    """What the page shows.

    Attributes:
        title: What the run makes, such as the name of a template.
        kind: Kind of the run.
        count: Number of all items of the run.
        cost: Estimated cost of the items on the page, as text.
        thumbnail: URL of a picture of the template, or empty.
        scenes: Scripts of the template's scenes, with placeholders.
        looks: Name and URL of a picture of each look.
        files: Name, URL (or empty) and MIME type of each file.
        items: The items.
    """

    title: str
    kind: str
    count: int
    cost: str = ""
    thumbnail: str = ""
    scenes: Sequence[str] = ()
    looks: list[tuple[str, str]] = msgspec.field(default_factory=list)
    files: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    items: list[Item] = msgspec.field(default_factory=list)


def sheet_page(sheet: Sheet) -> str:
    """Return the page as HTML."""
    script = (_ROOM / "sheet" / "sheet.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    styles = (_ROOM / "style.css", _ROOM / "sheet" / "sheet.css")
    content = msgspec.json.encode({"kinds": list(KINDS), **msgspec.to_builtins(sheet)}).decode()
    return Template((_ROOM / "sheet" / "page.html").read_text("utf-8")).substitute(
        title=escape(f"Preview of {sheet.title}"),
        digest=digest,
        style="".join(style.read_text("utf-8") for style in styles),
        heading=_heading(sheet),
        warnings=_warnings(sheet),
        # Inside a script element nothing is markup but the characters that end it.
        content=content.replace("<", "\\u003c"),
        script=script,
    )


def _heading(sheet: Sheet) -> str:
    shown = len(sheet.items)
    items = "1 item" if sheet.count == 1 else f"{sheet.count:,} items"
    which = "" if shown == sheet.count else f", the first {shown:,} of them shown and checked"
    seconds = sum(length for item in sheet.items for _, length in item.scripts)
    warned = sum(bool(item.warnings) for item in sheet.items)
    figures = (
        ("Cost", sheet.cost, "estimate"),
        ("Speech", f"{seconds / 60:,.1f} min", "estimate, of all scripts"),
        ("To look at", f"{warned:,}", "items with a warning"),
    )
    cells = "".join(
        f"<div><dt>{name}</dt><dd><b>{escape(value)}</b><small>{escape(note)}</small></dd></div>"
        for name, value, note in figures
    )
    return (
        f"<header><p>Preview ({escape(sheet.kind)}); nothing was submitted</p>"
        f"<h1>{escape(sheet.title)}</h1><p>{items}{which}</p></header>"
        f'<dl class="figures">{cells}</dl>'
    )


def _warnings(sheet: Sheet) -> str:
    counts = [0] * len(KINDS)
    for item in sheet.items:
        for kind in {kind for kind, _ in item.warnings}:
            counts[kind] += 1
    buttons = "".join(
        f'<li><button type="button" class="{name}" data-kind="{position}" aria-pressed="false">'
        f"{escape(heading)} <b>{counts[position]:,}</b></button></li>"
        for position, (name, heading) in enumerate(KINDS.items())
        if counts[position]
    )
    if not buttons:
        return '<p class="fine">Nothing to warn of.</p>'
    return f"<h2>To look at <small>worst first; choose to filter</small></h2><ul>{buttons}</ul>"
