"""Writes the snippets of the README and the site as modules, for type checkers to read.

``python -m tests.snippet_types FOLDER``: one module for each page, in which the snippets stand in
a coroutine function, one after the other, as a reader pastes them into a session.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

from tests.snippets import snippets

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_HEAD = """\
# From {page}.
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any

from heygen_async import *


async def page({names}) -> None:
"""
# Names that the start page promises, or that a page leaves to its reader.
_NAMES = {
    "heygen": "HeyGen",
    "avatar_id": "str",
    "voice_id": "str",
    "template_id": "str",
    "video_url": "str",
    "public_url": "str",
    "variants": "list[dict[str, str]]",
    "last_seen": "datetime",
    "my_app": "Callable[[HeyGen], Coroutine[Any, Any, None]]",
}


# Snippets define names again, and show expressions without using them.
_MYPY = """\
[mypy]
strict = true
allow_redefinition_new = true
local_partial_types = true
ignore_missing_imports = true
"""
_PYRIGHT = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.11",
    "reportMissingTypeStubs": False,
    "reportUnusedClass": False,
    "reportUnusedExpression": False,
    "reportUnusedFunction": False,
    "reportUnusedImport": False,
    "reportUnusedVariable": False,
    "reportWildcardImportFromLibrary": False,
}


def modules() -> dict[str, str]:
    """The modules by name."""
    names = ", ".join(f"{name}: {kind}" for name, kind in _NAMES.items())
    found = {}
    for path in PAGES:
        code = [one.code for one in snippets(path.read_text("utf-8")) if one.language == "python"]
        if code:
            page = path.relative_to(ROOT).as_posix()
            body = textwrap.indent("\n\n".join(code), "    ")
            name = re.sub(r"\W", "_", page.removesuffix(".md")).lower()
            found[f"{name}.py"] = _HEAD.format(page=page, names=names) + body
    return found


def write(folder: Path) -> None:
    """Write the modules and the settings of both type checkers into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mypy.ini").write_text(_MYPY, encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps(_PYRIGHT), encoding="utf-8")
    for name, code in modules().items():
        (folder / name).write_text(code, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
