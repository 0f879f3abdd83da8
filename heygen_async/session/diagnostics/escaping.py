"""Escape control characters in text from outside before a terminal or a log shows it."""

from __future__ import annotations

import logging
import traceback

# The loggers of the package.
_LOGGERS = (
    "batch",
    "delivery",
    "distributed",
    "dubs",
    "endpoints",
    "hooks",
    "jobs",
    "journal",
    "media",
    "pipelines",
    "reports",
    "session",
    "webhooks",
)

# C0 with line ends, DEL and C1; line and paragraph separators; and the marks that change the
# direction of the text after them, which can make a line read as something else.
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
    """Return text with its control characters escaped as in ``repr``.

    Args:
        text: Text from outside the program: a key, a name, a server's message.
        lines: Keep line feeds, for text of several lines whose parts are escaped already.
    """
    if text.isprintable() and "\ufeff" not in text:
        return text
    return text.translate(_ESCAPES_WITHIN_LINES if lines else _ESCAPES)


def escape_logs() -> None:
    """Escape control characters in all records of the package's loggers."""
    for name in _LOGGERS:
        logging.getLogger(f"heygen_async.{name}").addFilter(_FILTER)


class _Escaping(logging.Filter):
    """Escapes the arguments and the traceback of a record: a line feed could forge an entry."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_safe, record.args))
        if record.exc_info and not record.exc_text:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            shown = escaped(text, lines=True)
            if shown != text:  # otherwise the formatter shows it in its own way
                record.exc_text = shown
        return True


def _safe(argument: object) -> object:
    """Return the argument, or its escaped text if that has control characters."""
    if isinstance(argument, int | float | None):
        return argument
    text = str(argument)
    shown = escaped(text)
    return argument if shown == text else shown


_FILTER = _Escaping()
