"""Escape control characters in text from outside before a terminal or a log shows it."""

from __future__ import annotations

# C0 with line ends, DEL and C1; line and paragraph separators; and the marks that change the
# direction of what follows, which can make a line read as something else.
_CONTROL = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROL}
_ESCAPES |= {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}
_ESCAPES_WITHIN_LINES = {code: text for code, text in _ESCAPES.items() if code != 0x0A}


def escaped(text: str, *, lines: bool = False) -> str:
    """Return text with its control characters as escapes, as ``repr`` writes them.

    Args:
        text: Text that somebody else wrote: a key, a name, a server's message.
        lines: Keep line feeds, for text of several lines whose parts were escaped before.
    """
    if text.isprintable() and "\ufeff" not in text:
        return text
    return text.translate(_ESCAPES_WITHIN_LINES if lines else _ESCAPES)
