"""The recipe of the guide "Many machines", as a reader would paste it."""

from __future__ import annotations

from pathlib import Path

from tests.snippets import snippets

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "machines.md"
VARIANTS = [{"name": f"Person {number}"} for number in range(10)]
SHARDS = [VARIANTS[start : start + 4] for start in range(0, len(VARIANTS), 4)]


def recipe(engine: str, dsn: str, redis: str) -> tuple[str, str]:
    """Return the function of the recipe, and the code of one engine.

    Args:
        engine: Its name, as imported.
        dsn: The database.
        redis: The slots.
    """
    section = PAGE.read_text("utf-8").partition("## With another engine")[2]
    blocks = snippets(section)
    (function,) = [block.code for block in blocks if block.language == "python"]
    (code,) = [block.code for block in blocks if f"from {engine} import" in block.code]
    code = code.replace("200", "4")  # items in a shard
    for text, value in (("postgresql://localhost/videos", dsn), ("redis://localhost", redis)):
        function, code = function.replace(text, value), code.replace(text, value)
    return function, code
