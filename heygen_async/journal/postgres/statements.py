"""The statements of ``statements.sql``, by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def sections(package: str) -> dict[str, str]:
    """Return the sections of the file ``statements.sql`` of a package, by name. Blocks once."""
    text = (files(package) / "statements.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def sql(name: str) -> str:
    """Return the text of a section; placeholders are ``%(name)s``.

    Args:
        name: The name of the section.
    """
    return sections(__package__)[name]
