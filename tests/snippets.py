"""Snippets of Markdown pages: finding them, and running them as they stand."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any, NamedTuple

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^>]+?) -->\n+)?```(?P<language>\w+)[^\n]*\n"
    r"(?P<code>.*?)^```$(?:\n+^```text[^\n]*\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


class Snippet(NamedTuple):
    """A block of code on a page.

    Attributes:
        language: Such as ``python`` or ``sh``.
        code: Its lines.
        output: What the page says that it prints, from the block of text that follows; or None.
        reason: Why it is not run, from the comment before it; or None.
        line: The line of the page that its code begins on, from 1.
    """

    language: str
    code: str
    output: str | None
    reason: str | None
    line: int


def snippets(page: str) -> list[Snippet]:
    """Return all blocks of a page that state their language."""
    return [
        Snippet(
            found["language"],
            found["code"],
            found["output"],
            found["reason"],
            page.count("\n", 0, found.start("code")) + 1,
        )
        for found in _FENCE.finditer(page)
    ]


async def run_in(space: dict[str, Any], snippet: str, *, source: str, line: int = 1) -> None:
    """Run a snippet with top-level ``await``; its names stay in ``space``."""
    # Empty lines in front give tracebacks the line numbers of the page.
    code = compile(
        "\n" * (line - 1) + snippet, source, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    pending = eval(code, space)
    if inspect.isawaitable(pending):
        await pending


def prints(said: str, printed: str) -> bool:
    """Return whether the output matches the page; ``…`` matches anything within a line."""
    pattern = ".*".join(re.escape(part) for part in said.rstrip().split("…"))
    return re.fullmatch(pattern, printed.rstrip()) is not None
