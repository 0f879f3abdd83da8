"""The statements of ``statements.sql``, by name."""

from __future__ import annotations

from heygen_async.journal.postgres.statements import sections

# Read with the module; reading later would block the event loop.
_SECTIONS = sections(__package__)


def sql(name: str) -> str:
    """Return the text of a section; placeholders are ``%(name)s``.

    Args:
        name: The name of the section.
    """
    return _SECTIONS[name]
